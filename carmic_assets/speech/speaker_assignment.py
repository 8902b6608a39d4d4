"""Who has which voice, learned from a whole video: where lips and voice go together. It does not say who speaks when.

Tracks are columns of `Evidence.lips`; a person is one or more of them. Beside the people there is, for each voice, one
who is never in the picture. P people and C voices make P + C candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carmic_assets.speech.speaker_features import STEP_S, Evidence

if TYPE_CHECKING:
    import numpy as np

# Weights were tuned on talks with known turns, lips blurred to several degrees: benchmarks/speakers.py
LIPS = 0.35  # weight of one step's log likelihood ratio: neighbouring steps tell nearly the same
NOBODY = -0.5  # log likelihood ratio of somebody who is never in the picture
_UNSEEN = -0.3  # ... of one who is not in the picture now
_ROUNDS = 8
_PIECE_STEPS = 15  # longest piece that is taken as one person's while learning
_TRUST_S = 2.0  # seconds that the belief "anybody may have this voice" weighs
_CONFIRMED = 0.3  # mean log likelihood ratio of lips that confirms a second voice of one person
_SHARED = 0.25  # gain in log likelihood per second that shows a voice to be shared by people who sound alike ...
_STRIKING = 3.0  # ... or this much in a single second of it
_FRAGMENT_S = 2.0  # seconds of speech that tell the voice of a track
_PROVEN_S = 1.5  # seconds in the picture before a voice is taken for somebody's ...
_SILENT = -1.0  # ... whose lips are not as still as this


@dataclass(frozen=True)
class Cast:
    """`people`: the columns of each; `lips` (n, P + C): log likelihood ratio of speaking by step, finite; `share`
    (C, P + C): how likely each candidate is when a voice is heard, rows sum to 1."""

    people: tuple[tuple[int, ...], ...]
    lips: np.ndarray
    share: np.ndarray


def cast(evidence: Evidence) -> Cast:
    """Who of the people in the picture, or off screen, has which voice.

    A voice is not that of somebody who is hardly seen while it is heard. And a person has one voice: where two that
    sound different fall to the same person, the second stays only if the lips confirm it (then it is that person in
    another place); else it goes to whom the lips say next, or off screen.
    """
    import numpy as np

    people = _people(evidence)
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
            return Cast(tuple(people), lips, _sharpened(beliefs))
        _, voice, person = min(doubtful)
        allowed[voice, person] = False


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
    columns += [np.full(steps, NOBODY)] * len(evidence.voices)
    return np.stack(columns, axis=1)


def _proven(evidence: Evidence, person: Sequence[int], voice: int) -> bool:
    """Whether the person was seen while the voice was heard, with lips that do not speak against it."""
    import numpy as np

    lips = evidence.lips[evidence.voice == voice][:, list(person)]
    return bool((~np.isnan(lips)).sum() * STEP_S >= _PROVEN_S and np.nanmean(lips) > _SILENT)


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
    told = np.stack([lips[first:last].sum(axis=0) for first, last in pieces]) * LIPS
    own = np.zeros((voices, states), bool)
    own[:, : len(people)] = allowed
    own[np.arange(voices), len(people) + np.arange(voices)] = True  # off screen, each voice is somebody of its own
    total = prior = own / own.sum(axis=1, keepdims=True) * _TRUST_S
    for _ in range(_ROUNDS):
        with np.errstate(divide="ignore"):
            belief = told + np.log(total / total.sum(axis=1, keepdims=True))[heard]
        belief = np.exp(belief - belief.max(axis=1, keepdims=True))
        total = prior.copy()
        np.add.at(total, heard, belief * (seconds / belief.sum(axis=1))[:, None])
    return _Beliefs(total / total.sum(axis=1, keepdims=True), total, heard, told, seconds)


def _pieces(evidence: Evidence) -> list[tuple[int, int]]:
    """Steps (first, end) of speech in one voice, cut at pauses and at `_PIECE_STEPS`."""
    found: list[tuple[int, int]] = []
    first = None
    voice, gap = evidence.voice.tolist(), evidence.gap.tolist()
    for i in range(len(voice) + 1):
        ends = i == len(voice) or first is None or voice[i] != voice[first] or i - first >= _PIECE_STEPS
        if first is not None and (ends or (gap[i] == 2 and gap[i - 1] != 2)):
            found.append((first, i))
            first = None
        if first is None and i < len(voice) and voice[i] >= 0:
            first = i
    return found
