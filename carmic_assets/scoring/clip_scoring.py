"""Scores the candidates of one talk and selects its clips. The same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.scoring import explanations
from carmic_assets.scoring.arrays import Floats, Ints
from carmic_assets.scoring.audio_features import measure_voice
from carmic_assets.scoring.brief import Brief, parse_instructions
from carmic_assets.scoring.candidate_measures import measure_candidates, measure_instruction_match
from carmic_assets.scoring.candidate_pruning import prune_candidates
from carmic_assets.scoring.candidates import Candidates, enumerate_candidates
from carmic_assets.scoring.highlight_model import predict_substance, sigmoid
from carmic_assets.scoring.selection import select_clips
from carmic_assets.scoring.talk import Talk, build_talk
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from carmic_assets.scoring.weights import BIAS, NEUTRAL_VALUES, choose_weights

SCORER_VERSION = "5"  # changes whenever the same input gives another selection
LEAD_S, TAIL_S = 0.18, 0.35  # added before the first word and after the last, if the neighbouring words leave room
# Up to this much of the pause after a sentence counts as part of it, because audiences laugh in the pause
_MAX_VOICE_PAUSE_S = 3.0
_MIN_STRENGTH = 30  # sub-score (0..100) from which a measure is named as a reason


@dataclass(frozen=True)
class ClipBounds:
    """The limits of every clip: earliest start and latest end on the source clock, and greatest length."""

    start_s: float
    end_s: float
    max_length_s: float


@dataclass(frozen=True)
class _Scoring:
    """The scored talk, as `_describe_clip` needs it."""

    talk: Talk
    candidates: Candidates
    scores: Ints  # score, 1..99 per candidate
    substance: list[float]  # log-odds per sentence
    mean_measures: dict[str, float]  # over all candidates
    bounds: ClipBounds


def score_clips(
    transcript: Transcript,
    speakers: Speakers | None = None,
    *,
    features: ScoringFeatures | None = None,
    motion: Sequence[float] = (),
    brief: Brief | None = None,
) -> ScoredClips:
    """Return the clips of one talk, best first.

    A transcript without words gives no clips, and any other at least one. The result depends neither on the number of
    threads nor on the hash seed.

    Args:
        transcript: Words on the source clock.
        speakers: Turns; None takes the speakers of the words.
        features: The stored artifact; None extracts it from the transcript.
        motion: Motion of each second of the video, 0..1.
        brief: The user's request; None takes the defaults.

    Returns:
        Clips with times on the source clock.
    """
    with threadpool_limits(1, "blas"):  # the matrices are too small to gain from a second thread
        brief = brief or Brief()
        features = features or extract_features(transcript)
        talk = build_talk(transcript, features, speakers, brief.language, brief.span)
        if not len(talk):
            return ScoredClips(SCORER_VERSION, (), (), ())
        return _select_clips(
            talk, _list_candidates(talk, features, motion, brief), _build_clip_bounds(transcript, brief), brief
        )


def _list_candidates(talk: Talk, features: ScoringFeatures, motion: Sequence[float], brief: Brief) -> Candidates:
    """Return the candidates worth scoring, with their measures."""
    candidates = enumerate_candidates(talk, brief.min_s, brief.max_s)
    candidates = measure_candidates(
        talk, candidates, _measure_sentence_voice(talk, features), _measure_sentence_motion(talk, motion)
    )
    clauses = parse_instructions(brief.custom_instructions)
    match = measure_instruction_match(talk, candidates, clauses)
    if clauses:
        candidates = candidates.with_measures({"wish": 0.5 + match / 2})
    return candidates.take(prune_candidates(talk, candidates, match))


def _select_clips(talk: Talk, candidates: Candidates, bounds: ClipBounds, brief: Brief) -> ScoredClips:
    exact_scores = _score_candidates(candidates, brief.video_type)
    scores = np.clip(np.rint(exact_scores), 1, 99).astype(int)
    selected, runners_up = select_clips(talk, candidates, exact_scores, brief)
    substance = [float(x) for x in predict_substance(talk)]
    mean_measures = {name: float(np.mean(values)) for name, values in candidates.measures.items()}
    scoring = _Scoring(talk, candidates, scores, substance, mean_measures, bounds)
    rows = [*selected, *(runner_up.row for runner_up in runners_up)]
    reasons = [*(None for _ in selected), *(runner_up.rejection_reason for runner_up in runners_up)]
    sentence_spans = [(int(candidates.first[row]), int(candidates.stop[row])) for row in rows]
    titles = explanations.choose_titles(talk, sentence_spans, substance)
    clips = [
        _describe_clip(scoring, row, title, reason) for row, title, reason in zip(rows, titles, reasons, strict=True)
    ]
    return ScoredClips(
        SCORER_VERSION,
        tuple(clips[: len(selected)]),
        tuple(clips[len(selected) :]),
        _build_score_curve(talk, candidates, scores),
    )


def _score_candidates(candidates: Candidates, video_type: str) -> Floats:
    """Return the score of each candidate: 100 times the logistic function of the weighted sum of its measures."""
    log_odds = np.full(len(candidates), BIAS)
    for name, weight in choose_weights(video_type).items():
        if name in candidates.measures:
            log_odds += weight * (candidates.measures[name] - NEUTRAL_VALUES.get(name, 0.0))
    return sigmoid(log_odds) * 100


def _measure_sentence_voice(talk: Talk, features: ScoringFeatures) -> dict[str, Floats]:
    """Return the audio measures of each sentence together with the pause after it."""
    if features.sound is None:
        return {}
    before_next_s = np.minimum(talk.start_s[1:], talk.end_s[:-1] + _MAX_VOICE_PAUSE_S)
    end_s = np.append(before_next_s, talk.end_s[-1] + _MAX_VOICE_PAUSE_S)
    return measure_voice(features.sound, talk.words, talk.start_s, end_s)


def _measure_sentence_motion(talk: Talk, motion: Sequence[float]) -> Floats | None:
    """Return the motion in the middle of each sentence, 0..1; the median of the video is 0.5."""
    if not len(motion):
        return None
    values = np.asarray(motion, float)
    values = np.clip(0.5 + (values - np.median(values)) / max(3 * float(values.std()), 1e-3), 0, 1)
    middle = np.clip(((talk.start_s + talk.end_s) / 2).astype(int), 0, len(values) - 1)
    sentence_motion: Floats = values[middle]
    return sentence_motion


def _describe_clip(scoring: _Scoring, row: int, title: str, rejection_reason: str | None) -> ScoredClip:
    talk, measures = scoring.talk, scoring.candidates.measures
    first, stop = int(scoring.candidates.first[row]), int(scoring.candidates.stop[row])
    start_s, end_s = _pad_clip(talk, first, stop, scoring.bounds)
    breakdown = {name: round(100 * float(values[row])) for name, values in measures.items()}
    by_strength = sorted(breakdown, key=lambda name: scoring.mean_measures[name] * 100 - breakdown[name])
    strengths = [name for name in by_strength if breakdown[name] >= _MIN_STRENGTH]
    return ScoredClip(
        start_s=start_s,
        end_s=end_s,
        title=title,
        score=int(scoring.scores[row]),
        breakdown=breakdown,
        reasoning=explanations.explain_clip(talk, first, stop, scoring.substance, strengths, end_s - start_s),
        hashtags=explanations.choose_hashtags(talk, first, stop),
        broll=explanations.suggest_broll(talk, first, stop, start_s),
        rejection_reason=rejection_reason,
    )


def _build_clip_bounds(transcript: Transcript, brief: Brief) -> ClipBounds:
    start_s, end_s = brief.span or (0.0, transcript.duration_s)
    return ClipBounds(max(start_s, 0.0), min(end_s, transcript.duration_s), brief.max_s)


def _pad_clip(talk: Talk, first: int, stop: int, bounds: ClipBounds) -> tuple[float, float]:
    """Return start and end of a clip on the source clock, rounded to milliseconds.

    The clip has a short lead before its first word and a tail after its last one. They never reach into a neighbouring
    word and never make the clip exceed `bounds`.
    """
    first_word, stop_word = talk.word_spans[first][0], talk.word_spans[stop - 1][1]
    speech_start_s, speech_end_s = talk.words[first_word].start_s, talk.words[stop_word - 1].end_s
    previous_end_s = max(talk.words[first_word - 1].end_s if first_word else 0.0, bounds.start_s)
    next_start_s = talk.words[stop_word].start_s if stop_word < len(talk.words) else speech_end_s + TAIL_S
    lead_s = max(min(speech_start_s - previous_end_s, LEAD_S), 0.0)
    tail_s = max(min(min(next_start_s, bounds.end_s) - speech_end_s, TAIL_S), 0.0)
    free_s = max(bounds.max_length_s - (speech_end_s - speech_start_s), 0.0)
    scale = min(1.0, free_s / max(lead_s + tail_s, 1e-9))
    return round(speech_start_s - scale * lead_s, 3), round(speech_end_s + scale * tail_s, 3)


def _build_score_curve(talk: Talk, candidates: Candidates, scores: Ints) -> tuple[tuple[float, float], ...]:
    """Return, for each sentence, its middle (s) and the highest score of any candidate that contains it."""
    best = np.zeros(len(talk))
    for row in range(len(candidates)):
        part = best[candidates.first[row] : candidates.stop[row]]
        np.maximum(part, scores[row], out=part)
    return tuple((round(float(a + b) / 2, 2), float(s)) for a, b, s in zip(talk.start_s, talk.end_s, best, strict=True))
