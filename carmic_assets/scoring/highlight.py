"""How much each sentence looks like part of a highlight, in log-odds: substance, not loudness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmic_assets.scoring.talk import Talk

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = {
    "cause": 0.6, "contrast": 0.4, "turn": 0.6, "story_time": 0.25, "emotion": 0.3, "first_person": 0.15, "number": 0.35,
    "asks": 0.1, "hype": -0.9, "promo": -1.6, "housekeeping": -1.2, "filler": -0.3, "exclaims": -0.4,
}  # fmt: skip


def substance(talk: Talk) -> np.ndarray:
    """Log-odds per sentence, shape (n,)."""
    import numpy as np

    value = np.full(len(talk), -0.8)
    for name, weight in WEIGHTS.items():
        value += weight * np.minimum(talk.mark(name), 3)
    return value
