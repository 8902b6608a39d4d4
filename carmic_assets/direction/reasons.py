"""Why a shot is as it is, in a sentence for the person who edits the clip. Every fallback says so."""

from __future__ import annotations

from carmic_assets.direction.framing import fits
from carmic_assets.direction.scene_context import KEEPS_ALL, SAME, Manner, Stage
from carmic_assets.direction.subjects import SourceSpan, Subject
from carmic_assets.direction.view_planning import Stretch
from carmic_assets.direction.views import cast_in

MENTIONED_S = 0.3  # somebody who says less in a shot goes unmentioned


def reason(span: SourceSpan, stretch: Stretch, heard: dict[str, float], manner: Manner, stage: Stage) -> str:
    """One sentence, two where a wish could not be met."""
    view = stretch.view
    members = [span.subjects[k] for k in view.members]
    unmet = _unmet(span, manner.layout, view.kind)
    if view.kind == "whole":
        text = _whole(span, manner, stage)
    elif view.kind == "split":
        text = _split(members, manner.layout)
    elif view.kind == "group":
        text = f"{_names(members)} fit into one frame."
    else:
        text = _one(span, members[0], heard, manner.follow_speaker)
    return f"{unmet}{text}"


def _unmet(span: SourceSpan, wanted: str, kind: str) -> str:
    if wanted != "split" or kind == "split":
        return ""
    if len(span.subjects) < 2:
        seen = "one person is" if span.subjects else "nobody is"
        return f"A split was asked for, but only {seen} in this shot. ".replace("only nobody", "nobody")
    return "A split was asked for, but the two are too close together, too small or not there at the same time. "


def _whole(span: SourceSpan, manner: Manner, stage: Stage) -> str:
    if manner.layout == "fit":
        return "Fit was asked for: the whole picture is shown."
    if stage.kept >= SAME:
        return "The source has the shape of the clip: all of it is shown."
    if stage.kept >= KEEPS_ALL:
        return "Nobody was found, and the crop keeps nearly the whole picture."
    on = "the whole picture is shown on a blurred background."
    if not span.subjects:
        return f"Nobody was found in this shot: {on}"
    casts = [cast_in(span, (k,)) for k in range(len(span.subjects))]
    if any(cast is not None and fits(cast, stage.single) for cast in casts):
        return f"A crop would have to turn to and fro all the time here: {on}"
    return f"The face is too large for a crop of this shape: {on}"


def _split(members: list[Subject], wanted: str) -> str:
    if wanted == "split":
        return f"A split was asked for: {_names(members)}."
    return f"{_names(members)} both speak in this shot, too quickly in turn to cut between them: both are shown."


def _one(span: SourceSpan, subject: Subject, heard: dict[str, float], follow: bool) -> str:
    name = _name(subject)
    alone = len(span.subjects) == 1
    others = {letter: s for letter, s in heard.items() if letter != subject.speaker and s >= MENTIONED_S}
    spoken = sum(heard.values())
    if not follow and not alone:
        return f"Speaker switching is off: staying on {name}, the main person of this shot."
    if not heard:
        return f"Nobody speaks: on {subject.speaker or 'somebody'}, the {'only' if alone else 'main'} person here."
    if subject.speaker in heard and heard[subject.speaker] >= 0.5 * spoken:
        if not others:
            return f"{name} speaks."
        visible = {s.speaker for s in span.subjects}
        short = [letter for letter in others if letter in visible]
        if short:
            return f"{name} speaks; {_listed(short)} {'say' if len(short) > 1 else 'says'} too little for a cut."
        return f"{name} speaks; {_listed(list(others))} {'are' if len(others) > 1 else 'is'} heard off screen."
    loudest = max(heard, key=lambda letter: heard[letter])
    if loudest not in {s.speaker for s in span.subjects}:
        return f"{loudest} speaks off screen: staying on {name}, the {'only' if alone else 'main'} person in view."
    return f"{loudest} speaks too briefly for a cut: staying on {name}."


def _name(subject: Subject) -> str:
    return subject.speaker or "a person who does not speak"


def _names(members: list[Subject]) -> str:
    names = sorted(s.speaker for s in members if s.speaker)
    unnamed = len(members) - len(names)
    if unnamed and not names:
        return f"{unnamed} persons"
    if unnamed:
        names.append("one more person" if unnamed == 1 else f"{unnamed} more persons")
    return _listed(names)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
