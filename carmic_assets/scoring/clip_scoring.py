"""A transcript and stored features in, chosen clips out. Deterministic: the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from threadpoolctl import threadpool_limits

from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.scoring import explanations
from carmic_assets.scoring.audio_features import voice_of
from carmic_assets.scoring.brief import Brief, Wish, wishes
from carmic_assets.scoring.candidates import Windows, best_cuts, find_windows, measure, most, squash, total
from carmic_assets.scoring.highlight_model import substance
from carmic_assets.scoring.lexicon import tokens
from carmic_assets.scoring.selection import select
from carmic_assets.scoring.sentence_embeddings import embed
from carmic_assets.scoring.talk import Talk, read_talk
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from carmic_assets.scoring.weights import BIAS, USUAL, for_video_type

if TYPE_CHECKING:
    import numpy as np

SCORER_VERSION = "4"
LEAD_S, TAIL_S = 0.18, 0.35  # breath before the first word and after the last, where the neighbours leave room
RUNNERS_UP = 12


@threadpool_limits.wrap(limits=1, user_api="blas")  # matrices this small gain nothing from a second thread
def score_clips(
    transcript: Transcript,
    speakers: Speakers | None = None,
    *,
    features: ScoringFeatures | None = None,
    motion: Sequence[float] = (),
    cuts: Sequence[float] = (),
    brief: Brief | None = None,
) -> ScoredClips:
    """Choose the clips of one talk.

    `features` is the stored artifact (worked out here when None); `motion` is 0..1 per second of video; `cuts` are hard
    cuts on the source clock. Times of the result are on the source clock. A transcript without words gives no clips;
    one with any gives at least one. Neither the number of threads nor the hash seed changes a byte of it.
    """
    import numpy as np

    brief = brief or Brief()
    features = features or extract_features(transcript)
    talk = read_talk(transcript, features, speakers, brief.language, brief.span)
    if not len(talk):
        return ScoredClips(SCORER_VERSION, (), (), ())
    windows = find_windows(talk, brief.min_s, brief.max_s)
    windows = measure(talk, windows, _sound(talk, features), _motion(talk, motion))
    wanted = wish(talk, windows, wishes(brief.custom_instructions))
    windows = windows.only(best_cuts(talk, windows, wanted))
    logit = np.full(len(windows), BIAS)
    for name, weight in for_video_type(brief.video_type).items():
        if name in windows.measures:
            logit += weight * (windows.measures[name] - USUAL.get(name, 0.0))
    exact = squash(logit) * 100
    scores = np.clip(np.rint(exact), 1, 99).astype(int)
    chosen, lost = select(talk, windows, exact, brief, RUNNERS_UP)
    worth = [float(x) for x in substance(talk)]
    usual = {name: float(np.mean(values)) for name, values in windows.measures.items()}
    told = [*((i, None) for i in chosen), *((item.index, item.reason) for item in lost)]
    named = explanations.titles(talk, [(int(windows.first[i]), int(windows.last[i])) for i, _ in told], worth)
    room = _room(transcript, brief)
    clips = [
        _clip(talk, windows, scores, i, title, worth, usual, reason, room)
        for (i, reason), title in zip(told, named, strict=True)
    ]
    return ScoredClips(
        SCORER_VERSION,
        tuple(clips[: len(chosen)]),
        tuple(clips[len(chosen) :]),
        _curve(talk, windows, scores),
    )


def wish(talk: Talk, windows: Windows, asked: Sequence[Wish]) -> np.ndarray:
    """How much each candidate is what was asked for, -1..1; also kept among the measures as `wish`, where 0.5 is not at
    all. A topic is looked for by meaning and by its words."""
    import numpy as np

    out = np.zeros(len(windows))
    for item in asked:
        match = np.zeros(len(windows))
        for name in item.features:
            if name in windows.measures:
                match = np.maximum(match, windows.measures[name])
        if item.topic:
            about = _about(talk, item.topic)
            share = total(about, windows) / np.maximum(windows.last - windows.first, 1)
            match = np.maximum(match, np.clip(0.6 * most(about, windows) + share, 0, 1))
        out += item.sign * match
    out = np.clip(out / max(1, len(asked)), -1, 1)
    if asked:
        windows.measures["wish"] = 0.5 + out / 2
    return out


def _about(talk: Talk, topic: str) -> np.ndarray:
    """How much each sentence is about a topic, 0..1: by meaning and by its words; the talk's rarer words count more."""
    import numpy as np

    near = talk.apart @ talk.told_apart(embed([topic]))[0]
    stems = {word[:5] for word in tokens(topic)}
    said = np.array([[stem in {word[:5] for word in words} for stem in sorted(stems)] for words in talk.tokens], float)
    weight = np.log((len(talk) + 1) / (said.sum(0) + 1)) * (said.sum(0) > 0)
    named = said @ weight / max(float(weight.sum()), 1e-6)
    return np.minimum(np.clip((near - 0.2) / 0.3, 0, 1) * 0.6 + named * 0.8, 1)


def _sound(talk: Talk, features: ScoringFeatures) -> dict[str, np.ndarray]:
    """Per sentence with the pause behind it, up to three seconds of it: that is where a room laughs."""
    import numpy as np

    if features.sound is None:
        return {}
    until = np.append(np.minimum(talk.start_s[1:], talk.end_s[:-1] + 3), talk.end_s[-1] + 3)
    return voice_of(features.sound, talk.words, talk.start_s, until)


def _motion(talk: Talk, motion: Sequence[float]) -> np.ndarray | None:
    import numpy as np

    if not len(motion):
        return None
    values = np.asarray(motion, float)
    values = np.clip(0.5 + (values - np.median(values)) / max(3 * float(values.std()), 1e-3), 0, 1)
    middle = np.clip(((talk.start_s + talk.end_s) / 2).astype(int), 0, len(values) - 1)
    return values[middle]


def _clip(
    talk: Talk,
    windows: Windows,
    scores: np.ndarray,
    i: int,
    title: str,
    worth: list[float],
    usual: dict[str, float],
    lost_to: str | None,
    room: Room,
) -> ScoredClip:
    first, last = int(windows.first[i]), int(windows.last[i])
    start, end = bounds(talk, first, last, room)
    breakdown = {name: round(100 * float(values[i])) for name, values in windows.measures.items()}
    strengths = sorted(breakdown, key=lambda name: usual[name] * 100 - breakdown[name])
    return ScoredClip(
        start, end, title, int(scores[i]), breakdown,
        explanations.reasoning(talk, first, last, worth, [s for s in strengths if breakdown[s] >= 30], end - start),
        explanations.hashtags(talk, first, last), explanations.broll(talk, first, last, start), lost_to,
    )  # fmt: skip


class Room(msgspec.Struct, frozen=True):
    """What no clip goes beyond, unless by a word: from and to on the source clock, and its length, seconds."""

    start_s: float
    end_s: float
    most_s: float


def _room(transcript: Transcript, brief: Brief) -> Room:
    start, end = brief.span or (0.0, transcript.duration_s)
    return Room(max(start, 0.0), min(end, transcript.duration_s), brief.max_s)


def bounds(talk: Talk, first: int, last: int, room: Room) -> tuple[float, float]:
    """Source clock, on whole milliseconds: a short lead before the first word and tail after the last, never into the
    word before or after, and no longer than there is `room` for."""
    a, b = talk.spans[first][0], talk.spans[last - 1][1]
    spoken_from, spoken_to = talk.words[a].start_s, talk.words[b - 1].end_s
    before = max(talk.words[a - 1].end_s if a else 0.0, room.start_s)
    after = min(talk.words[b].start_s if b < len(talk.words) else spoken_to + TAIL_S, room.end_s)
    lead, tail = min(spoken_from - before, LEAD_S), min(after - spoken_to, TAIL_S)
    lead, tail = max(lead, 0.0), max(tail, 0.0)
    share = min(1.0, max(room.most_s - (spoken_to - spoken_from), 0.0) / max(lead + tail, 1e-9))
    return round(spoken_from - share * lead, 3), round(spoken_to + share * tail, 3)


def _curve(talk: Talk, windows: Windows, scores: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The best score of any candidate that covers each sentence, at the sentence's middle."""
    import numpy as np

    best = np.zeros(len(talk))
    for i in range(len(windows)):
        part = best[windows.first[i] : windows.last[i]]
        np.maximum(part, scores[i], out=part)
    return tuple((round(float(a + b) / 2, 2), float(s)) for a, b, s in zip(talk.start_s, talk.end_s, best, strict=True))
