"""Assigns diarised voices to people: learns from a complete video whose lips move while a voice speaks.

A person is one or more tracks, given as columns of `SpeakerFeatures.lip_llr`. Each of the C voices may instead belong
to somebody who is never on screen. There are therefore P + C candidates: P people and C off-screen speakers.
`speaker_turns` then decides who speaks at which time. LLR stands for log likelihood ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carmic_assets.speech.speaker_features import IN_PAUSE, STEP_S, SpeakerFeatures

# Tuned on generated videos with known turns and with noise added to the lip scores: benchmarks/speakers.py
LIP_WEIGHT = 0.35  # factor of one step's LLR: neighbouring steps are nearly the same observation
OFF_SCREEN_LLR = -0.5  # LLR of an off-screen candidate at every step
_NOT_VISIBLE_LLR = -0.3  # LLR of a person at a step in which no track of theirs is visible
_EM_ROUNDS = 8  # iterations of the expectation maximisation
_MAX_SEGMENT_STEPS = 15  # longest segment that is attributed to one candidate during learning: 1.5 s
_PRIOR_S = 2.0  # weight of the uniform prior over a voice's candidates, in seconds of speech
_CONFIRMED_LLR = 0.3  # mean LLR of the lips from which one person may have a second voice
_SHARED_GAIN_PER_S = 0.25  # gain in log likelihood per second, over the whole voice, that shows it to be shared
_SHARED_GAIN_IN_SECOND = 3.0  # gain per second within single segments that also shows it, from 1 s of such segments on
_FRAGMENT_S = 2.0  # minimum speech of a track, in seconds, from which its voice is determined
_MIN_VISIBLE_S = 1.5  # a person visible for less time while a voice speaks cannot have that voice
_MIN_VISIBLE_LLR = -1.0  # a person whose lips have a lower mean LLR while a voice speaks cannot have it either


@dataclass(frozen=True)
class SpeakerAssignment:
    """Result of the assignment of voices to candidates.

    Attributes:
        people: for each person, the columns of `SpeakerFeatures.lip_llr`.
        lip_llr: (n, P + C) log likelihood ratio of speaking for each step and candidate, finite.
        voice_shares: (C, P + C) probability of each candidate while a voice speaks; rows sum to 1.
    """

    people: tuple[tuple[int, ...], ...]
    lip_llr: np.ndarray
    voice_shares: np.ndarray


def assign_voices(features: SpeakerFeatures) -> SpeakerAssignment:
    """Return the assignment of the voices to people on screen or off screen.

    A voice is never assigned to a person who is hardly visible while it speaks. A person normally has one voice. A
    second voice stays with the person only if the lips confirm it: the same person may sound different in another
    place. Otherwise the second voice goes to its next likely candidate.
    """
    people = _merge_tracks(features)
    lip_llr = _compute_candidate_llr(features, people)
    allowed = np.ones((len(features.voices), len(people)), bool)
    while True:
        learned = _learn_shares(features, people, allowed)
        owners = learned.shares.argmax(axis=1)
        implausible: list[tuple[float, int, int]] = []  # mean log likelihood ratio, voice, person
        for person, columns in enumerate(people):
            owned_voices = np.flatnonzero(owners == person)
            support = [float(lip_llr[features.voice == voice, person].mean()) for voice in owned_voices]
            voices_by_support = sorted(zip(support, owned_voices.tolist(), strict=True), reverse=True)
            implausible += [(mean, voice, person) for mean, voice in voices_by_support[1:] if mean < _CONFIRMED_LLR]
            implausible += [
                (mean, voice, person)
                for mean, voice in voices_by_support[:1]
                if not _is_plausible(features, columns, voice)
            ]
        if not implausible:
            return SpeakerAssignment(tuple(people), lip_llr, _sharpen_shares(learned))
        _, voice, person = min(implausible)
        allowed[voice, person] = False


def _merge_tracks(features: SpeakerFeatures) -> list[tuple[int, ...]]:
    """Return the columns of `lip_llr` of each person.

    Usually a track is a person. Tracks that have the same voice and are never visible together are one person, whose
    face the tracker lost and found again. With a single voice no tracks are merged.
    """
    single_tracks: list[tuple[int, ...]] = [(column,) for column in range(len(features.tracks))]
    if len(features.voices) < 2 or len(single_tracks) < 2:
        return single_tracks
    speech_s = _learn_shares(features, single_tracks).seconds[:, : len(single_tracks)]  # (voices, tracks)
    is_visible = ~np.isnan(features.lip_llr)
    people: list[list[int]] = []
    for column in np.argsort(-speech_s.sum(axis=0), kind="stable").tolist():
        voice = int(speech_s[:, column].argmax())
        # At least 80 % of a track's speech must have the voice.
        has_one_voice = speech_s[voice, column] >= max(_FRAGMENT_S, 0.8 * speech_s[:, column].sum())
        same_voice = [person for person in people if has_one_voice and int(speech_s[:, person[0]].argmax()) == voice]
        never_together = [
            person
            for person in same_voice
            if (is_visible[:, person].any(axis=1) & is_visible[:, column]).sum() * STEP_S < 0.5
        ]
        if never_together and len(same_voice) == 1:
            never_together[0].append(column)
        else:
            people.append([column])
    return [tuple(person) for person in sorted(people)]


def _compute_candidate_llr(features: SpeakerFeatures, people: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return the log likelihood ratio of each person, then of the off-screen candidates: (n, P + C), finite."""
    columns: list[np.ndarray] = []
    for person in people:
        llr = features.lip_llr[:, list(person)]
        best = np.where(np.isnan(llr), -9.0, llr).max(axis=1)
        columns.append(np.where(np.isnan(llr).all(axis=1), _NOT_VISIBLE_LLR, best))
    columns += [np.full(len(features.voice), OFF_SCREEN_LLR)] * len(features.voices)
    return np.stack(columns, axis=1)


def _is_plausible(features: SpeakerFeatures, person: Sequence[int], voice: int) -> bool:
    """Return whether the person is visible long enough while the voice speaks, and their lips do not contradict it."""
    llr = features.lip_llr[features.voice == voice][:, list(person)]
    return bool((~np.isnan(llr)).sum() * STEP_S >= _MIN_VISIBLE_S and np.nanmean(llr) > _MIN_VISIBLE_LLR)


@dataclass(frozen=True)
class _LearnedShares:
    """Result of the expectation maximisation.

    Attributes:
        shares: (C, P + C) probability of each candidate for each voice.
        seconds: (C, P + C) seconds of speech of each voice attributed to each candidate, including the prior.
        segment_voice: (segments,) index of the voice.
        segment_llr: (segments, P + C) weighted log likelihood ratio of the lips.
        segment_s: (segments,) length in seconds.
    """

    shares: np.ndarray
    seconds: np.ndarray
    segment_voice: np.ndarray
    segment_llr: np.ndarray
    segment_s: np.ndarray


def _sharpen_shares(learned: _LearnedShares) -> np.ndarray:
    """Return the shares, with at least 90 % of a voice given to its owner unless several people share the voice.

    People who sound alike share a voice. The lips show it if several candidates explain them better than the owner
    alone, over the whole voice or in single segments. Without that, lip movement of others is noise.
    """
    shares = learned.shares.copy()
    for voice in np.unique(learned.segment_voice):
        is_voice = learned.segment_voice == voice
        llr, seconds = learned.segment_llr[is_voice], learned.segment_s[is_voice]
        owner = int(shares[voice].argmax())
        gain = np.logaddexp.reduce(llr + np.log(np.maximum(shares[voice], 1e-9)), axis=1) - llr[:, owner]
        gains_overall = gain.sum() >= _SHARED_GAIN_PER_S * seconds.sum()
        gains_in_places = seconds[gain > _SHARED_GAIN_IN_SECOND * seconds].sum() >= 1.0
        if not (gains_overall or gains_in_places):
            shares[voice] *= 0.1
            shares[voice, owner] += 0.9
    return shares


def _learn_shares(
    features: SpeakerFeatures, people: Sequence[tuple[int, ...]], allowed: np.ndarray | None = None
) -> _LearnedShares:
    """Learn the shares by expectation maximisation over segments of one voice.

    The E step attributes each segment to the candidates by lips and current shares. The M step sets the shares to the
    attributed seconds. `allowed` (C, P) is False where a person cannot have a voice; None allows all.
    """
    lip_llr = _compute_candidate_llr(features, people)
    voices, candidates = len(features.voices), lip_llr.shape[1]
    segments = _split_segments(features)
    segment_voice = np.array([features.voice[first] for first, _ in segments])
    segment_s = np.array([(last - first) * STEP_S for first, last in segments])
    segment_llr = np.stack([lip_llr[first:last].sum(axis=0) for first, last in segments]) * LIP_WEIGHT
    is_candidate = np.zeros((voices, candidates), bool)
    is_candidate[:, : len(people)] = True if allowed is None else allowed
    is_candidate[np.arange(voices), len(people) + np.arange(voices)] = True  # one off-screen candidate for each voice
    seconds = prior = is_candidate / is_candidate.sum(axis=1, keepdims=True) * _PRIOR_S
    for _ in range(_EM_ROUNDS):
        with np.errstate(divide="ignore"):
            log_posterior = segment_llr + np.log(seconds / seconds.sum(axis=1, keepdims=True))[segment_voice]
        posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
        seconds = prior.copy()
        np.add.at(seconds, segment_voice, posterior * (segment_s / posterior.sum(axis=1))[:, None])
    shares = seconds / seconds.sum(axis=1, keepdims=True)
    return _LearnedShares(shares, seconds, segment_voice, segment_llr, segment_s)


def _split_segments(features: SpeakerFeatures) -> list[tuple[int, int]]:
    """Return (first step, one past the last) of segments of one voice, split at pauses and at `_MAX_SEGMENT_STEPS`."""
    segments: list[tuple[int, int]] = []
    first: int | None = None
    voice, word_position = features.voice.tolist(), features.word_position.tolist()
    for i in range(len(voice) + 1):
        is_end = i == len(voice)
        if first is not None:
            is_full = is_end or voice[i] != voice[first] or i - first >= _MAX_SEGMENT_STEPS
            if is_full or (word_position[i] == IN_PAUSE and word_position[i - 1] != IN_PAUSE):
                segments.append((first, i))
                first = None
        if first is None and not is_end and voice[i] >= 0:
            first = i
    return segments
