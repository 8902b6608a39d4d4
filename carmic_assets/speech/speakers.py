"""Joins voices with faces: who speaks when, and which track on the screen it is.

Which voice belongs to which face is learned from the whole video (where lips and voice go together), then the turns are
decoded step by step with both: where all voices sound alike the lips decide, where lips say nothing the voices do.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from carmic_assets.model.speech import Speakers, Transcript, Turn, Word
from carmic_assets.speech.evidence import STEP_S, Evidence, gather
from carmic_assets.speech.voices import best_path

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

# Weights were tuned on talks with known turns, lips blurred to several degrees: benchmarks/speakers.py
_LIPS = 0.35  # of one step's log likelihood ratio: neighbouring steps tell nearly the same
_VOICE = 0.25  # of one step's log probability that a voice is a person's
_UNSEEN = -0.3  # log likelihood ratio of one who is not in the picture
_NOBODY = -0.5  # ... of somebody who is never in the picture
_SWITCH = (9.0, 5.0, 3.0)  # cost of a change of speaker within a word, between two words, in a pause
_ROUNDS = 8
_UNIT_STEPS = 15  # longest piece that is taken as one person's while learning
_TRUST = 2.0  # seconds that the belief "anybody may have this voice" weighs
_CONFIRMED = 0.3  # mean log likelihood ratio of lips that confirms a second voice of one person
_OWNED = 0.6  # of a voice's seconds that make it a person's own
_SHARED = 0.25  # gain in log likelihood per second that shows a voice to be shared by people who sound alike ...
_STRIKING = 3.0  # ... or this much in a single second of it
_RARE_STEPS = 15  # somebody never seen who speaks less than this in all is a mistake
_FRAGMENT_S = 2.0  # seconds of speech that tell the voice of a track
_PROVEN_S = 1.5  # seconds in the picture, with lips that move, before a voice is taken for somebody's

_TAIL_S = 0.35  # a turn lasts until the breath after the last word ...
_LEAD_S = 0.15  # ... and begins with the one before the first
_BRIDGE_S = 1.2  # a pause up to this does not end a turn


def join(transcript: Transcript, matrix: pl.DataFrame, analysis: Any = None) -> Speakers:
    """Turns of all speech, in order, not overlapping, with letters by first appearance, and each speaker's tracks.

    `matrix` is the spatial matrix (columns `t`, `track`, `speaking`; may be empty: then voices alone decide). A turn's
    `track` is the speaker's that is seen during it, None where the speaker is off screen or has no face.
    """
    evidence = gather(transcript, matrix)
    if not evidence.speech.any():
        return Speakers((), {})
    people = _people(evidence)
    path = _decoded(evidence, people, _cast(evidence, people))
    return _speakers(evidence, people, path)


def assign(words: Iterable[Word], turns: Sequence[Turn]) -> tuple[Word, ...]:
    """The words with the speaker of the turn that each overlaps most, else of the nearest turn; both in time order."""
    named: list[Word] = []
    at = 0
    for word in words:
        while at < len(turns) and turns[at].end_s <= word.start_s:
            at += 1
        near = turns[max(at - 1, 0) : at + 3]
        if not near:
            named.append(word)
            continue
        best = max(near, key=lambda turn: min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s))
        named.append(Word(word.text, word.start_s, word.end_s, word.confidence, best.speaker))
    return tuple(named)


def _people(evidence: Evidence) -> list[tuple[int, ...]]:
    """Columns of `lips` that are one person each.

    Tracks are people already; but where a face was lost and found again, the tracks that have one voice of several, and
    are never in the picture together, are one person.
    """
    import numpy as np

    single: list[tuple[int, ...]] = [(column,) for column in range(len(evidence.tracks))]
    if len(evidence.voices) < 2 or len(single) < 2:
        return single
    heard = _learned(evidence, single).total[:, : len(single)]  # seconds, (voices, tracks)
    seen = ~np.isnan(evidence.lips)
    people: list[list[int]] = []
    for column in np.argsort(-heard.sum(axis=0), kind="stable").tolist():
        voice = int(heard[:, column].argmax())
        pure = heard[voice, column] >= max(_FRAGMENT_S, 0.8 * heard[:, column].sum())
        alike = [person for person in people if pure and int(heard[:, person[0]].argmax()) == voice]
        apart = [p for p in alike if (seen[:, p].any(axis=1) & seen[:, column]).sum() * STEP_S < 0.5]
        if apart and len(alike) == 1:
            apart[0].append(column)
        else:
            people.append([column])
    return [tuple(person) for person in sorted(people)]


def _lips(evidence: Evidence, people: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Log likelihood ratio by step for each person, then for somebody off screen in each voice: (n, P + C), finite."""
    import numpy as np

    steps = len(evidence.voice)
    columns: list[np.ndarray] = []
    for person in people:
        seen = evidence.lips[:, list(person)]
        best = np.where(np.isnan(seen), -9.0, seen).max(axis=1)
        columns.append(np.where(np.isnan(seen).all(axis=1), _UNSEEN, best))
    columns += [np.full(steps, _NOBODY)] * len(evidence.voices)
    return np.stack(columns, axis=1)


def _cast(evidence: Evidence, people: Sequence[tuple[int, ...]]) -> np.ndarray:
    """How likely each person is when a voice is heard: (C, P + C), rows sum to 1; see `_learned`.

    A voice is not that of somebody who is hardly seen while it is heard. And a person has one voice: where two that
    sound different fall to the same person, the second stays only if the lips confirm it (then it is that person in
    another place); else it goes to whom the lips say next, or off screen.
    """
    import numpy as np

    lips = _lips(evidence, people)
    allowed = np.ones((len(evidence.voices), len(people)), bool)
    while True:
        beliefs = _learned(evidence, people, allowed)
        owners = beliefs.share.argmax(axis=1)
        doubtful: list[tuple[float, int, int]] = []
        for person in range(len(people)):
            voices = np.flatnonzero(owners == person)
            support = [float(lips[evidence.voice == voice, person].mean()) for voice in voices]
            ranked = sorted(zip(support, voices.tolist(), strict=True), reverse=True)
            doubtful += [(mean, voice, person) for mean, voice in ranked[1:] if mean < _CONFIRMED]
            doubtful += [
                (mean, voice, person) for mean, voice in ranked[:1] if not _proven(evidence, people[person], voice)
            ]
        if not doubtful:
            return _sharpened(beliefs)
        _, voice, person = min(doubtful)
        allowed[voice, person] = False


def _proven(evidence: Evidence, person: Sequence[int], voice: int) -> bool:
    """Whether the person was seen while the voice was heard, with lips that do not speak against it."""
    import numpy as np

    lips = evidence.lips[evidence.voice == voice][:, list(person)]
    return bool((~np.isnan(lips)).sum() * STEP_S >= _PROVEN_S and np.nanmean(lips) > -1.0)


def _sharpened(beliefs: _Beliefs) -> np.ndarray:
    """The shares, where a voice is one person's made nearly all theirs: what the lips say elsewhere is noise then.

    A voice is shared by several (who sound alike) if that explains the lips better, on the whole or in some places.
    """
    import numpy as np

    share = beliefs.share.copy()
    for voice in np.unique(beliefs.heard):
        own = beliefs.heard == voice
        told, seconds = beliefs.told[own], beliefs.seconds[own]
        owner = int(share[voice].argmax())
        gain = np.logaddexp.reduce(told + np.log(np.maximum(share[voice], 1e-9)), axis=1) - told[:, owner]
        if gain.sum() < _SHARED * seconds.sum() and seconds[gain > _STRIKING * seconds].sum() < 1.0:
            share[voice] *= 0.1
            share[voice, owner] += 0.9
    return share


@dataclass(frozen=True)
class _Beliefs:
    """`share` (C, P + C): for each voice the probability of each person, then of somebody off screen; `total` the
    seconds behind it. By piece of speech: `heard`, the voice; `told` (pieces, P + C), what the lips say; `seconds`."""

    share: np.ndarray
    total: np.ndarray
    heard: np.ndarray
    told: np.ndarray
    seconds: np.ndarray


def _learned(
    evidence: Evidence, people: Sequence[tuple[int, ...]], allowed: np.ndarray | Literal[True] = True
) -> _Beliefs:
    """Expectation maximization over pieces of speech of one voice: a piece is a person's by its lips and by what is
    believed so far, and the beliefs are the shares of the seconds. `allowed` (C, P) says who may have which voice."""
    import numpy as np

    lips = _lips(evidence, people)
    voices, states = len(evidence.voices), lips.shape[1]
    pieces = _pieces(evidence)
    heard = np.array([evidence.voice[first] for first, _ in pieces])
    seconds = np.array([(last - first) * STEP_S for first, last in pieces])
    told = np.stack([lips[first:last].sum(axis=0) for first, last in pieces]) * _LIPS
    own = np.zeros((voices, states), bool)
    own[:, : len(people)] = allowed
    own[np.arange(voices), len(people) + np.arange(voices)] = True  # off screen, each voice is somebody of its own
    total = prior = own / own.sum(axis=1, keepdims=True) * _TRUST
    for _ in range(_ROUNDS):
        with np.errstate(divide="ignore"):
            belief = told + np.log(total / total.sum(axis=1, keepdims=True))[heard]
        belief = np.exp(belief - belief.max(axis=1, keepdims=True))
        total = prior.copy()
        np.add.at(total, heard, belief * (seconds / belief.sum(axis=1))[:, None])
    return _Beliefs(total / total.sum(axis=1, keepdims=True), total, heard, told, seconds)


def _pieces(evidence: Evidence) -> list[tuple[int, int]]:
    """Steps (first, end) of speech in one voice, cut at pauses and at `_UNIT_STEPS`."""
    found: list[tuple[int, int]] = []
    first = None
    voice, gap = evidence.voice.tolist(), evidence.gap.tolist()
    for i in range(len(voice) + 1):
        ends = i == len(voice) or first is None or voice[i] != voice[first] or i - first >= _UNIT_STEPS
        if first is not None and (ends or (gap[i] == 2 and gap[i - 1] != 2)):
            found.append((first, i))
            first = None
        if first is None and i < len(voice) and voice[i] >= 0:
            first = i
    return found


def _decoded(evidence: Evidence, people: Sequence[tuple[int, ...]], share: np.ndarray) -> np.ndarray:
    """The person (or P + voice, off screen) of each step: shape (n,), -1 where nobody speaks."""
    import numpy as np

    lips = _lips(evidence, people) * _LIPS
    known = np.log(np.maximum(share, 1e-3))[np.maximum(evidence.voice, 0)] * _VOICE
    trust = (0.2 + 0.8 * evidence.sure)[:, None]
    score = np.where(evidence.speech[:, None], lips + known * trust, 0.0)
    cost = np.array(_SWITCH)[np.where(evidence.speech, evidence.gap, 2)]
    path = best_path(score, cost)
    rare = [
        len(people) + c
        for c in range(len(evidence.voices))
        if 0 < ((path == len(people) + c) & evidence.speech).sum() < _RARE_STEPS
    ]
    if rare and len(people):  # somebody who says a word from nowhere is a mistake
        score[:, rare] = -np.inf
        path = best_path(score, cost)
    for voice, owner in enumerate(share.argmax(axis=1)):  # a person's voice from off screen is that person
        if owner < len(people) and share[voice, owner] >= _OWNED:
            path = np.where(path == len(people) + voice, owner, path)
    return np.where(evidence.speech, path, -1)


def _speakers(evidence: Evidence, people: Sequence[tuple[int, ...]], path: np.ndarray) -> Speakers:
    import numpy as np

    steps = np.flatnonzero(path >= 0)
    breaks = np.flatnonzero((np.diff(steps) > _BRIDGE_S / STEP_S) | (np.diff(path[steps]) != 0))
    runs = [(int(part[0]), int(part[-1]) + 1, int(path[part[0]])) for part in np.split(steps, breaks + 1)]
    letters: dict[int, str] = {}
    turns: list[Turn] = []
    for index, (first, last, who) in enumerate(runs):
        letter = letters.setdefault(who, _letter(len(letters)))
        start, end = first * STEP_S, last * STEP_S
        before = runs[index - 1][1] * STEP_S if index else 0.0
        after = runs[index + 1][0] * STEP_S if index + 1 < len(runs) else end + _TAIL_S
        start = max(start - _LEAD_S, (start + before) / 2 if index else 0.0, turns[-1].end_s if turns else 0.0)
        end = min(end + _TAIL_S, max(after - _LEAD_S, (end + after) / 2))
        track = _seen(evidence, people[who], first, last) if who < len(people) else None
        turns.append(
            Turn(round(start, 3), round(end, 3), letter, track, _confidence(evidence, people, who, first, last))
        )
    tracks = {
        letter: tuple(evidence.tracks[column] for column in people[who]) if who < len(people) else ()
        for who, letter in letters.items()
    }
    return Speakers(tuple(turns), tracks)


def _letter(index: int) -> str:
    """A .. Z, then AA, AB, ..."""
    letters = string.ascii_uppercase
    return letters[index] if index < 26 else _letter(index // 26 - 1) + letters[index % 26]


def _seen(evidence: Evidence, person: Sequence[int], first: int, last: int) -> int | None:
    """The track of the person that is in the picture for most of the steps; None where none is for a fifth of them."""
    import numpy as np

    seen = (~np.isnan(evidence.lips[first:last, list(person)])).mean(axis=0)
    best = int(seen.argmax())
    return evidence.tracks[person[best]] if seen[best] >= 0.2 else None


def _confidence(evidence: Evidence, people: Sequence[tuple[int, ...]], who: int, first: int, last: int) -> float:
    """0..1: the logistic of the lead over the next likely person, by lips; by voice where off screen."""
    import numpy as np

    if who >= len(people):
        return round(float(evidence.sure[first:last].mean()), 3)
    means = _lips(evidence, people)[first:last].mean(axis=0)
    lead = means[who] - np.delete(means, who).max(initial=_NOBODY)
    return round(float(1 / (1 + np.exp(-3 * lead))), 3)
