"""Defines the weight of each measure in the clip score: the log-odds that it adds at its full value of 1.

The weights were set on the training talks of the benchmark.
"""

from __future__ import annotations

BIAS = -6.4  # log-odds of a clip whose measures are all neutral
WEIGHTS = {
    "substance": 3.5,
    "plain": 4.0,
    "completeness": 1.2,
    "hook": 0.8,
    "story": 0.5,
    "question_answer": 0.4,
    "number": 0.4,
    "emotion": 0.4,
    "rarity": 0.4,
    "density": 0.4,
    "contrast": 0.3,
    "pace": 0.3,
    "exchange": 0.2,
    "second_person": 0.1,
    "energy": 0.6,
    "pitch": 0.5,
    "laughter": 0.6,
    "applause": 0.5,
    "motion": 0.3,
    "wish": 11.0,
}
# Values of measures that leave the score unchanged; a lower value reduces it. Other measures are neutral at 0.
NEUTRAL_VALUES = {"pace": 0.5, "energy": 0.5, "pitch": 0.5, "motion": 0.5, "wish": 0.65}

# Factors on the weights above, for the measures that matter most to viewers of a type of video.
_VIDEO_TYPE_FACTORS: dict[str, dict[str, float]] = {
    "podcast": {"exchange": 3.0, "story": 1.5, "question_answer": 1.5, "laughter": 1.3},
    "interview": {"question_answer": 3.0, "exchange": 2.0, "story": 1.3},
    "tutorial": {"second_person": 6.0, "completeness": 1.3, "number": 1.5, "emotion": 0.5, "exchange": 0.5},
    "lecture": {"contrast": 1.8, "number": 1.5, "density": 1.5, "energy": 0.6},
    "webinar": {"number": 1.8, "second_person": 3.0, "question_answer": 1.5},
    "vlog": {"emotion": 1.8, "story": 1.8, "motion": 3.0, "energy": 1.5},
    "gaming": {"energy": 3.0, "pitch": 3.0, "laughter": 2.0, "motion": 4.0, "exchange": 2.0},
    "news": {"number": 2.5, "density": 1.8, "second_person": 0.3, "emotion": 0.7},
    "sports": {"energy": 3.0, "pitch": 2.5, "applause": 3.0, "motion": 4.0, "number": 1.5},
}


def choose_weights(video_type: str) -> dict[str, float]:
    """Return the weights for one of the API's video types. `auto` and `other` use `WEIGHTS` unchanged."""
    factors = _VIDEO_TYPE_FACTORS.get(video_type, {})
    return {name: weight * factors.get(name, 1.0) for name, weight in WEIGHTS.items()}
