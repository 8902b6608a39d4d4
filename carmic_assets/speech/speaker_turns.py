"""Resolves speaker turns from voices and faces: who speaks when, and which track shows the speaker.

`speaker_assignment` learns from the whole video which person has which voice. This module decodes the speaker of each
step from lips and voices. Where voices sound alike, the lips decide; where no lips are visible, the voices decide.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from carmic_assets.model.speech import Speakers, Transcript, Turn
from carmic_assets.speech.diarisation import decode_viterbi
from carmic_assets.speech.speaker_assignment import LIP_WEIGHT, OFF_SCREEN_LLR, SpeakerAssignment, assign_voices
from carmic_assets.speech.speaker_features import IN_PAUSE, STEP_S, SpeakerFeatures, extract_speaker_features

if TYPE_CHECKING:
    import polars as pl

    from carmic_assets.model.media import AnalysisFacts

# Tuned on generated videos with known turns and with noise added to the lip scores: benchmarks/speakers.py
_VOICE_WEIGHT = 0.25  # factor of one step's log probability that the voice belongs to a candidate
_SWITCH_COSTS = (9.0, 5.0, 3.0)  # cost of a change of speaker: within a word, between two words, in a pause
_MIN_OWNED_RATIO = 0.6  # a person with at least this fraction of a voice owns it
_MIN_OFF_SCREEN_STEPS = 15  # an off-screen speaker with fewer steps in the whole video is a decoding error
_MIN_VISIBLE_RATIO = 0.2  # a track must be visible for this fraction of a turn to be the turn's track

_TAIL_S = 0.35  # a turn extends this far after its last word, over the speaker's breath
_LEAD_S = 0.15  # a turn extends this far before its first word
_MAX_PAUSE_S = 1.2  # a longer pause ends a turn


def resolve_speakers(transcript: Transcript, matrix: pl.DataFrame, analysis: AnalysisFacts | None = None) -> Speakers:
    """Return the turns of all speech and the tracks of each speaker.

    Turns are in order and do not overlap. Speakers have labels by first appearance. A turn's `track` is the speaker's
    track that is visible during the turn; None where the speaker is off screen or has no face.

    Args:
        transcript: words and voices.
        matrix: the spatial matrix, with the columns `t`, `track` and `speaking`; without rows the voices alone decide.
        analysis: facts of the video. No turn ends later than both the audio and the video.
    """
    features = extract_speaker_features(transcript, matrix)
    if not features.is_speech.any():
        return Speakers((), {})
    end_s = max(transcript.duration_s, analysis.start_s + analysis.duration_s if analysis else 0.0)
    assignment = assign_voices(features)
    return _build_turns(features, assignment, _decode_path(features, assignment), end_s)


def _decode_path(features: SpeakerFeatures, assignment: SpeakerAssignment) -> np.ndarray:
    """Return the candidate of each step: shape (n,), 0..P-1 a person, P + voice off screen, -1 where nobody speaks."""
    people, shares = assignment.people, assignment.voice_shares
    voice_llr = np.log(np.maximum(shares, 1e-3))[np.maximum(features.voice, 0)] * _VOICE_WEIGHT
    # Voices with confidence 0 keep a fifth of their weight.
    voice_trust = (0.2 + 0.8 * features.voice_confidence)[:, None]
    score = np.where(features.is_speech[:, None], assignment.lip_llr * LIP_WEIGHT + voice_llr * voice_trust, 0.0)
    switch_costs = np.array(_SWITCH_COSTS)[np.where(features.is_speech, features.word_position, IN_PAUSE)]
    path = decode_viterbi(score, switch_costs)
    off_screen = range(len(people), len(people) + len(features.voices))
    rare = [c for c in off_screen if 0 < ((path == c) & features.is_speech).sum() < _MIN_OFF_SCREEN_STEPS]
    if rare and len(people):
        score[:, rare] = -np.inf
        path = decode_viterbi(score, switch_costs)
    for voice, owner in enumerate(shares.argmax(axis=1)):  # an off-screen voice that a person owns is that person
        if owner < len(people) and shares[voice, owner] >= _MIN_OWNED_RATIO:
            path = np.where(path == len(people) + voice, owner, path)
    return np.where(features.is_speech, path, -1)


def _build_turns(features: SpeakerFeatures, assignment: SpeakerAssignment, path: np.ndarray, end_s: float) -> Speakers:
    """Return turns and tracks from the decoded path; lead and tail extend no turn past `end_s`."""
    people = assignment.people
    runs = _find_runs(path)
    labels: dict[int, str] = {}
    turns: list[Turn] = []
    for index, (first, last, candidate) in enumerate(runs):
        label = labels.setdefault(candidate, _format_label(len(labels)))
        start, end = first * STEP_S, last * STEP_S
        previous_end = runs[index - 1][1] * STEP_S if index else 0.0
        next_start = runs[index + 1][0] * STEP_S if index + 1 < len(runs) else end + _TAIL_S
        midpoint = (start + previous_end) / 2 if index else 0.0
        start = max(start - _LEAD_S, midpoint, turns[-1].end_s if turns else 0.0)
        end = min(end + _TAIL_S, max(next_start - _LEAD_S, (end + next_start) / 2), max(end_s, end))
        is_person = candidate < len(people)
        track = _find_visible_track(features, people[candidate], first, last) if is_person else None
        confidence = _compute_confidence(features, assignment, candidate, first, last)
        turns.append(Turn(round(start, 3), round(end, 3), label, track, confidence))
    tracks = {
        label: tuple(features.tracks[column] for column in people[candidate]) if candidate < len(people) else ()
        for candidate, label in labels.items()
    }
    return Speakers(tuple(turns), tracks)


def _find_runs(path: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (first step, one past the last, candidate) of each turn; pauses up to `_MAX_PAUSE_S` are bridged."""
    steps = np.flatnonzero(path >= 0)
    breaks = np.flatnonzero((np.diff(steps) > _MAX_PAUSE_S / STEP_S) | (np.diff(path[steps]) != 0))
    return [(int(run[0]), int(run[-1]) + 1, int(path[run[0]])) for run in np.split(steps, breaks + 1)]


def _format_label(index: int) -> str:
    """Return the label of a speaker: A .. Z, then AA, AB, ..."""
    alphabet = string.ascii_uppercase
    return alphabet[index] if index < 26 else _format_label(index // 26 - 1) + alphabet[index % 26]


def _find_visible_track(features: SpeakerFeatures, person: Sequence[int], first: int, last: int) -> int | None:
    """Return the person's most visible track in the steps; None if it is visible in less than `_MIN_VISIBLE_RATIO`."""
    visible_ratios = (~np.isnan(features.lip_llr[first:last, list(person)])).mean(axis=0)
    best = int(visible_ratios.argmax())
    return features.tracks[person[best]] if visible_ratios[best] >= _MIN_VISIBLE_RATIO else None


def _compute_confidence(
    features: SpeakerFeatures, assignment: SpeakerAssignment, candidate: int, first: int, last: int
) -> float:
    """Return a confidence in 0..1.

    For a person it is the logistic function of the lips' lead over the next likely candidate. For an off-screen speaker
    it is the mean confidence of the voice.
    """
    if candidate >= len(assignment.people):
        return round(float(features.voice_confidence[first:last].mean()), 3)
    means = assignment.lip_llr[first:last].mean(axis=0)
    lead = means[candidate] - np.delete(means, candidate).max(initial=OFF_SCREEN_LLR)
    return round(float(1 / (1 + np.exp(-3 * lead))), 3)
