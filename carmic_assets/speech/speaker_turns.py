"""Joins voices with faces: who speaks when, and which track on the screen it is.

`casting` learns from the whole video whose voice is whose; here turns are decoded step by step with lips and voices:
where all voices sound alike the lips decide, where lips say nothing the voices do.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

from carmic_assets.model.speech import Speakers, Transcript, Turn
from carmic_assets.speech.diarisation import best_path
from carmic_assets.speech.speaker_assignment import LIPS, NOBODY, Cast, cast
from carmic_assets.speech.speaker_features import STEP_S, Evidence, gather

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from carmic_assets.model.media import AnalysisFacts

# Weights were tuned on talks with known turns, lips blurred to several degrees: benchmarks/speakers.py
_VOICE = 0.25  # of one step's log probability that a voice is a person's
_SWITCH = (9.0, 5.0, 3.0)  # cost of a change of speaker within a word, between two words, in a pause
_OWNED = 0.6  # of a voice's seconds that make it a person's own
_RARE_STEPS = 15  # somebody never seen who speaks less than this in all is a mistake
_IN_VIEW = 0.2  # share of a turn that a track must be seen to be its speaker

_TAIL_S = 0.35  # a turn lasts until the breath after the last word ...
_LEAD_S = 0.15  # ... and begins with the one before the first
_BRIDGE_S = 1.2  # a pause up to this does not end a turn


def join(transcript: Transcript, matrix: pl.DataFrame, analysis: AnalysisFacts | None = None) -> Speakers:
    """Turns of all speech, in order, not overlapping, with letters by first appearance, and each speaker's tracks.

    `matrix` is the spatial matrix (columns `t`, `track`, `speaking`; may be empty: then voices alone decide). A turn's
    `track` is the speaker's that is seen during it, None where the speaker is off screen or has no face. `analysis`
    gives the end of the picture; no turn outlasts sound and picture.
    """
    evidence = gather(transcript, matrix)
    if not evidence.speech.any():
        return Speakers((), {})
    end_s = max(transcript.duration_s, analysis.start_s + analysis.duration_s if analysis else 0.0)
    made = cast(evidence)
    return _speakers(evidence, made, _decoded(evidence, made), end_s)


def _decoded(evidence: Evidence, cast: Cast) -> np.ndarray:
    """The person (or P + voice, off screen) of each step: shape (n,), -1 where nobody speaks."""
    import numpy as np

    people, share = cast.people, cast.share
    known = np.log(np.maximum(share, 1e-3))[np.maximum(evidence.voice, 0)] * _VOICE
    trust = (0.2 + 0.8 * evidence.sure)[:, None]
    score = np.where(evidence.speech[:, None], cast.lips * LIPS + known * trust, 0.0)
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


def _speakers(evidence: Evidence, cast: Cast, path: np.ndarray, end_s: float) -> Speakers:
    """Turns and tracks from the decoded path; no turn ends after `end_s`."""
    import numpy as np

    people = cast.people
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
        end = min(end + _TAIL_S, max(after - _LEAD_S, (end + after) / 2), max(end_s, end))
        track = _seen(evidence, people[who], first, last) if who < len(people) else None
        turns.append(Turn(round(start, 3), round(end, 3), letter, track, _confidence(evidence, cast, who, first, last)))
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
    return evidence.tracks[person[best]] if seen[best] >= _IN_VIEW else None


def _confidence(evidence: Evidence, cast: Cast, who: int, first: int, last: int) -> float:
    """0..1: the logistic of the lead over the next likely person, by lips; by voice where off screen."""
    import numpy as np

    if who >= len(cast.people):
        return round(float(evidence.sure[first:last].mean()), 3)
    means = cast.lips[first:last].mean(axis=0)
    lead = means[who] - np.delete(means, who).max(initial=NOBODY)
    return round(float(1 / (1 + np.exp(-3 * lead))), 3)
