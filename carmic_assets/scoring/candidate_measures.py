"""Computes the measures of candidates, each 0..1, from which the sub-scores and the clip score are computed.

The constants (typical rates per minute, points of an opening's cues, saturation points) have no published source. They
were set on the training talks of the benchmark by cross-validation; see docs/scoring.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carmic_assets.scoring.arrays import Bools, Floats
from carmic_assets.scoring.brief import InstructionClause
from carmic_assets.scoring.candidates import Candidates
from carmic_assets.scoring.highlight_model import predict_filler, predict_substance, sigmoid
from carmic_assets.scoring.lexicon import tokenize
from carmic_assets.scoring.sentence_embeddings import embed_sentences
from carmic_assets.scoring.talk import Talk

# log-odds of substance; a sentence above it improves a clip
SUBSTANCE_THRESHOLD = -1.3
LENGTH_EXPONENT = 0.2  # substance is divided by length to this power: 0 prefers the longest clip, 1 gives the mean
_OPENING_S = 3.0  # length of a clip's opening: viewers decide in it whether to continue
_STEM_CHARS = 5  # words with the same first characters match


def measure_candidates(
    talk: Talk, candidates: Candidates, voice: dict[str, Floats], motion: Floats | None
) -> Candidates:
    """Return the same candidates with every measure filled in.

    `voice` holds per-sentence values relative to the talk (`audio_features.measure_voice`); `motion` is per sentence,
    0..1.
    """
    minutes = np.maximum(candidates.length_s, 5) / 60
    words = np.maximum(candidates.sum_over(talk.count_cue("words")), 1)

    def rate(cue: str, typical: float) -> Floats:
        """Return 1 - exp(-x / typical), where x is the number of occurrences per minute; `typical` gives 0.63."""
        occurrences = candidates.sum_over(np.minimum(talk.count_cue(cue), 2))
        return _saturate(occurrences / minutes, typical)

    seconds = talk.end_s - talk.start_s
    filler_ratio = candidates.sum_over(predict_filler(talk) * seconds) / np.maximum(candidates.sum_over(seconds), 0.1)
    filler_words = np.clip(1 - candidates.sum_over(talk.count_cue("filler")) / words * 12, 0, 1)
    begin, end = measure_completeness(talk)
    measures = {
        "substance": sigmoid(sum_substance(talk, candidates) * 1.2 - 1.5),
        "hook": _measure_hook(talk)[candidates.first],
        "question_answer": _measure_question_answer(talk, candidates),
        "contrast": rate("contrast", 6.0),
        "number": rate("number", 4.0),
        "second_person": rate("second_person", 12.0),
        "emotion": rate("emotion", 4.0),
        "story": rate("turn", 5.0) * 0.5 + rate("story_time", 14.0) * 0.5,
        "rarity": candidates.mean_over(_measure_rarity(talk)),
        "density": filler_words * _measure_content_share(talk, candidates),
        "pace": _measure_pace(talk, candidates),
        "exchange": _measure_exchange(talk, candidates),
        "completeness": begin[candidates.first] * 0.5 + end[candidates.stop] * 0.5,
        "plain": 1 - filler_ratio,
        "laughter": _saturate(candidates.sum_over(talk.count_cue("laughter")), 1.5),
        "applause": _saturate(candidates.sum_over(talk.count_cue("applause")), 1.5),
    }
    for name, values in voice.items():
        if name in ("laughter", "applause"):  # either detected in the audio or noted in the transcript
            measures[name] = np.maximum(measures[name], candidates.max_over(values))
        else:
            measures[name] = candidates.mean_over(values)
    if motion is not None:
        measures["motion"] = candidates.mean_over(motion)
    return candidates.with_measures(measures)


def _saturate(values: Floats, typical: float) -> Floats:
    saturated: Floats = 1 - np.exp(-values / typical)
    return saturated


def sum_substance(talk: Talk, candidates: Candidates) -> Floats:
    """Return the substance of each candidate, in units of half a minute: about -1 for plain talk, +3 for a highlight.

    It integrates the log-odds above `SUBSTANCE_THRESHOLD` over the seconds of the candidate. It is close to a sum, so
    that a candidate without a part of a story has less substance.
    """
    seconds = talk.end_s - talk.start_s
    above = candidates.sum_over(np.clip(predict_substance(talk) - SUBSTANCE_THRESHOLD, -4, 4) * seconds)
    length_s = np.maximum(candidates.length_s, 5)
    normalised: Floats = above / (30 ** (1 - LENGTH_EXPONENT) * length_s**LENGTH_EXPONENT)
    return normalised


def measure_completeness(talk: Talk) -> tuple[Floats, Floats]:
    """Return how well a clip can begin at each sentence, shape (n,), and end at each gap, shape (n + 1,): 0..1.

    Gap i lies before sentence i.
    """
    n = len(talk)
    depends = _depends_on_previous(talk)
    follows_question = (
        np.array([False] + [bool(x) for x in talk.count_cue("asks")[:-1] > 0]) if n else np.zeros(0, bool)
    )
    shift, silence = talk.topic_shift, np.clip(talk.pause_s / 1.2, 0, 1)
    begin = np.clip(0.45 * ~depends + 0.35 * shift[:n] + 0.2 * silence[:n] - 0.5 * follows_question, 0, 1)
    closes = np.array([not text.rstrip().endswith((",", "-", "–", "—", "…")) for text in talk.texts], bool)
    asks = talk.count_cue("asks") > 0
    end = np.zeros(n + 1)
    if n:
        next_depends = np.append(depends[1:], False)
        end[1:] = np.clip(0.3 * closes + 0.35 * shift[1:] + 0.2 * silence[1:] + 0.15 * ~next_depends - 0.6 * asks, 0, 1)
    return begin, end


def _depends_on_previous(talk: Talk) -> Bools:
    """Return which sentences need the one before, because they open with a pronoun or a connective: shape (n,)."""
    dangling = talk.lexicon.members["dangling"]
    return np.array([bool(tokens) and tokens[0] in dangling for tokens in talk.tokens], bool)


def _measure_hook(talk: Talk) -> Floats:
    """Return the strength of the first three seconds of each sentence as an opening: 0..1, shape (n,)."""
    points = np.zeros(len(talk))
    for i, tokens in enumerate(talk.tokens):
        opening_ratio = _OPENING_S / max(talk.end_s[i] - talk.start_s[i], 0.5)
        opening = tokens[: max(4, int(len(tokens) * opening_ratio) + 1)]
        points[i] = _score_opening(talk, opening, asks=bool(talk.count_cue("asks")[i]))
    hook: Floats = np.clip(points + 0.15 * ~_depends_on_previous(talk), 0, 1)
    return hook


def _score_opening(talk: Talk, opening: list[str], *, asks: bool) -> float:
    counts = talk.lexicon.count_categories(" ".join(opening), opening)
    has_digit = any(ch.isdigit() for word in opening for ch in word)
    points = 0.3 * asks + 0.2 * bool(counts.get("second_person"))
    points += 0.25 * bool(counts.get("number_words") or has_digit)
    points += (
        0.25 * bool(counts.get("contrast")) + 0.3 * bool(counts.get("turn")) + 0.15 * bool(counts.get("first_person"))
    )
    points += 0.2 * bool(counts.get("emotion"))
    points -= 0.5 * bool(counts.get("housekeeping") or counts.get("promo")) + 0.2 * bool(counts.get("hype"))
    return points


def _measure_question_answer(talk: Talk, candidates: Candidates) -> Floats:
    """Return 1 for candidates in which another speaker answers a question, 0.8 if the same speaker does, else 0.

    The question is in the first half of the candidate and at least two sentences of answer follow it.
    """
    measure = np.zeros(len(candidates))
    for question in np.flatnonzero(talk.count_cue("asks") > 0):
        in_first_half = question - candidates.first <= (candidates.stop - candidates.first) / 2
        has_answer = (candidates.first <= question) & (candidates.stop >= question + 3) & in_first_half
        speaker, answer = talk.speakers[question], question + 1
        other_speaker = speaker is not None and answer < len(talk) and talk.speakers[answer] != speaker
        measure[has_answer] = np.maximum(measure[has_answer], 1.0 if other_speaker else 0.8)
    return measure


def _measure_rarity(talk: Talk) -> Floats:
    """Return the cosine distance of each sentence from the mean of the talk, 0..1, shape (n,)."""
    if not len(talk):
        return np.zeros(0)
    mean = talk.vectors.mean(0)
    similarity = talk.vectors @ (mean / max(float(np.linalg.norm(mean)), 1e-6))
    rarity: Floats = np.clip(1 - similarity, 0, 1)
    return rarity


def _measure_content_share(talk: Talk, candidates: Candidates) -> Floats:
    """Return the fraction of words that are not stop words, scaled from 0.3..0.6 to 0..1."""
    stop_words = talk.lexicon.members["stop"]
    counts = np.array([sum(token in stop_words for token in tokens) for tokens in talk.tokens], float)
    words = np.maximum(candidates.sum_over(talk.count_cue("words")), 1)
    share: Floats = np.clip((1 - candidates.sum_over(counts) / words - 0.3) / 0.3, 0, 1)
    return share


def _measure_pace(talk: Talk, candidates: Candidates) -> Floats:
    """Return words per second relative to the median candidate: 0.5 is the median, 1 is 1.5 times the median."""
    words_per_s = candidates.sum_over(talk.count_cue("words")) / np.maximum(candidates.length_s, 1)
    median = float(np.median(words_per_s)) if len(words_per_s) else 1.0
    pace: Floats = np.clip(words_per_s / max(median, 0.1) - 0.5, 0, 1)
    return pace


def _measure_exchange(talk: Talk, candidates: Candidates) -> Floats:
    """Return a measure of speaker changes, which is 1 at three changes. With many changes a talk is hard to follow."""
    pairs = zip(talk.speakers, talk.speakers[1:], strict=False)
    is_change = np.array([0.0] + [float(a != b and a is not None) for a, b in pairs])
    changes = candidates.sum_over(is_change) - (is_change[candidates.first] if len(talk) else 0)
    return np.where(changes <= 3, changes / 3, np.maximum(0.3, 1 - (changes - 3) / 10))


def measure_instruction_match(talk: Talk, candidates: Candidates, clauses: Sequence[InstructionClause]) -> Floats:
    """Return how well each candidate matches the user's instructions: 1 fully, 0 not at all, -1 should be avoided.

    A clause matches by the measures it names, and by its topic.
    """
    match = np.zeros(len(candidates))
    for clause in clauses:
        clause_match = np.zeros(len(candidates))
        for name in clause.features:
            if name in candidates.measures:
                clause_match = np.maximum(clause_match, candidates.measures[name])
        if clause.topic:
            relevance = _measure_topic_relevance(talk, clause.topic)
            topic_match = 0.6 * candidates.max_over(relevance) + candidates.mean_over(relevance)
            clause_match = np.maximum(clause_match, np.clip(topic_match, 0, 1))
        match += clause.sign * clause_match
    return np.clip(match / max(1, len(clauses)), -1, 1)


def _measure_topic_relevance(talk: Talk, topic: str) -> Floats:
    """Return how relevant each sentence is to a topic, by embedding and by word stems, 0..1, shape (n,).

    Stems that are rare in the talk have a higher weight (inverse document frequency).
    """
    similarity = talk.topic_vectors @ talk.remove_common_component(embed_sentences([topic]))[0]
    topic_stems = sorted({word[:_STEM_CHARS] for word in tokenize(topic)})
    sentence_stems = [{word[:_STEM_CHARS] for word in tokens} for tokens in talk.tokens]
    has_stem = np.array([[stem in stems for stem in topic_stems] for stems in sentence_stems], float)
    frequency = has_stem.sum(0)
    weight = np.log((len(talk) + 1) / (frequency + 1)) * (frequency > 0)
    stem_match = has_stem @ weight / max(float(weight.sum()), 1e-6)
    relevance: Floats = np.minimum(np.clip((similarity - 0.2) / 0.3, 0, 1) * 0.6 + stem_match * 0.8, 1)
    return relevance
