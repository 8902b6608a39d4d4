"""Explains each shot in a sentence for the person who edits the clip. The sentence names every fallback."""

from __future__ import annotations

from carmic_assets.direction.framing import fits_crop
from carmic_assets.direction.scene_context import NEARLY_ALL_RATIO, SAME_SHAPE_RATIO, DirectionOptions, SceneContext
from carmic_assets.direction.subjects import SourceSpan, Subject
from carmic_assets.direction.view_planning import View
from carmic_assets.direction.views import collect_subjects

# Why a shot does not have the layout that was requested, by that layout.
MISSING_PANELS = {
    "screen": "Layout screen was requested, but this shot shows no person beside or over a screen.",
    "three": "Layout three was requested, but this shot does not show three people at once.",
    "four": "Layout four was requested, but this shot does not show four people at once.",
}
MENTION_S = 0.3  # a speaker with less speech in a shot is not mentioned


def explain_shot(
    span: SourceSpan, view: View, speech_s: dict[str, float], options: DirectionOptions, context: SceneContext
) -> str:
    """Return one sentence, or two if the requested layout is not possible.

    `speech_s` holds the seconds of speech in the shot by speaker.
    """
    members = [span.subjects[k] for k in view.members]
    if view.kind == "full":
        text = _explain_full(span, options, context)
    elif view.kind == "split":
        text = _explain_split(members, options)
    elif view.kind == "group":
        text = f"{list_names(members)} fit into one crop."
    else:
        text = _explain_single(span, members[0], speech_s, options)
    if options.layout == "split" and view.kind != "split":
        return f"{_explain_missing_split(span)} {text}"
    if options.layout in MISSING_PANELS:
        return f"{MISSING_PANELS[options.layout]} {text}"
    return text


def _explain_missing_split(span: SourceSpan) -> str:
    if not span.subjects:
        return "A split was requested, but nobody is in this shot."
    if len(span.subjects) == 1:
        return "A split was requested, but only one person is in this shot."
    return "A split was requested, but no two people are large enough, far enough apart and in view together."


def _explain_full(span: SourceSpan, options: DirectionOptions, context: SceneContext) -> str:
    if options.layout == "fit":
        return "Layout fit: the full picture is shown."
    if context.kept_ratio >= SAME_SHAPE_RATIO:
        return "The source has the aspect ratio of the clip: the full picture is shown."
    if context.kept_ratio >= NEARLY_ALL_RATIO:
        return "Nobody was detected, and the crop keeps nearly the full picture."
    result = "the full picture is shown on a blurred background."
    if not span.subjects:
        return f"Nobody was detected in this shot: {result}"
    subject_sets = [collect_subjects(span, (k,)) for k in range(len(span.subjects))]
    if any(subject_set is not None and fits_crop(subject_set, context.single) for subject_set in subject_sets):
        return f"A crop would have to move back and forth all the time: {result}"
    return f"The face is too large for a crop of this aspect ratio: {result}"


def _explain_split(members: list[Subject], options: DirectionOptions) -> str:
    if options.layout == "split":
        return f"Layout split: {list_names(members)}."
    return f"{list_names(members)} alternate too quickly in this shot to cut between them: both are shown."


def _explain_single(span: SourceSpan, subject: Subject, speech_s: dict[str, float], options: DirectionOptions) -> str:
    name = _get_name(subject)
    is_alone = len(span.subjects) == 1
    role = "only" if is_alone else "main"
    if not options.follow_speaker and not is_alone:
        return f"Speaker switching is off: the crop stays on {name}, the main person in this shot."
    if not speech_s:
        return f"Nobody speaks: the crop is on {subject.speaker or 'a person'}, the {role} person in this shot."
    if subject.speaker in speech_s and speech_s[subject.speaker] >= 0.5 * sum(speech_s.values()):
        return _explain_speaker(span, subject.speaker, speech_s)
    main_speaker = max(speech_s, key=lambda speaker: speech_s[speaker])
    if main_speaker not in {s.speaker for s in span.subjects}:
        return f"{main_speaker} speaks off screen: the crop stays on {name}, the {role} person in view."
    return f"{main_speaker} speaks too briefly for a cut: the crop stays on {name}."


def _explain_speaker(span: SourceSpan, speaker: str, speech_s: dict[str, float]) -> str:
    others = [name for name, duration_s in speech_s.items() if name != speaker and duration_s >= MENTION_S]
    if not others:
        return f"{speaker} speaks."
    in_view = {s.speaker for s in span.subjects}
    brief = [name for name in others if name in in_view]
    if brief:
        return (
            f"{speaker} speaks; {_join_names(brief)} {'speak' if len(brief) > 1 else 'speaks'} too briefly for a cut."
        )
    return f"{speaker} speaks; {_join_names(others)} {'are' if len(others) > 1 else 'is'} heard off screen."


def _get_name(subject: Subject) -> str:
    return subject.speaker or "a person who does not speak"


def list_names(members: list[Subject]) -> str:
    """Return the speakers' labels, and how many people have none."""
    names = sorted(s.speaker for s in members if s.speaker)
    unnamed = len(members) - len(names)
    if unnamed and not names:
        return "a person" if unnamed == 1 else f"{unnamed} people"
    if unnamed:
        names.append("one more person" if unnamed == 1 else f"{unnamed} more people")
    return _join_names(names)


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
