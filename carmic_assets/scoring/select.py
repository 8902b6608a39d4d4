"""From many overlapping candidates to the few that are offered: best first, none over another, none a repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.windows import Windows

if TYPE_CHECKING:
    import numpy as np

    from carmic_assets.scoring.talk import Talk

REPETITION = 18.0  # points that a clip loses for saying what a better one says, at full likeness
QUALITY = 45  # the line above which clips are offered without being needed for the floor


class Lost(msgspec.Struct, frozen=True):
    """A candidate that was not chosen, and why, in words for a person."""

    index: int
    reason: str


def floor_count(speech_s: float) -> int:
    """Clips offered even where few are good: one for a minute and a half each up to five, then for every six."""
    early = min(5, int(speech_s // 90))
    return min(ceiling_count(speech_s), max(1, early + max(0, int((speech_s - 600) // 360))))


def ceiling_count(speech_s: float) -> int:
    """Clips offered at most unless the user says so: one a minute up to ten, then one for three minutes, up to 40."""
    return int(min(40, max(3, speech_s // 60 if speech_s < 600 else 10 + (speech_s - 600) // 180)))


def select(
    talk: Talk, windows: Windows, scores: np.ndarray, brief: Brief, runners: int
) -> tuple[list[int], list[Lost]]:
    """Greedy maximal marginal relevance (Carbonell and Goldstein 1998) over candidates that do not overlap. The chosen
    come best first; the lost are the best of the rest, each with its reason. `scores` are unrounded."""
    import numpy as np

    speech = float((talk.end_s - talk.start_s).sum()) if len(talk) else 0.0
    most = brief.max_clips if brief.max_clips is not None else ceiling_count(speech)
    least = 1 if brief.threshold is not None else min(most, floor_count(speech))
    line = brief.threshold if brief.threshold is not None else QUALITY
    means = _mean_vectors(talk, windows)
    alive = np.ones(len(windows), bool)
    nearest = np.zeros(len(windows))
    chosen: list[int] = []
    while alive.any() and len(chosen) < most:
        rank = np.where(alive, scores - REPETITION * np.clip(nearest - 0.5, 0, 0.5) * 2, -np.inf)
        best = int(np.argmax(rank))
        if scores[best] < line and len(chosen) >= least:
            break
        chosen.append(best)
        alive &= ~overlaps(windows, best)
        nearest = np.maximum(nearest, means @ means[best])
    chosen.sort(key=lambda i: (-scores[i], windows.first[i]))
    return chosen, _lost(talk, windows, scores, chosen, line, most, runners)


def overlaps(windows: Windows, one: int) -> np.ndarray:
    """Which candidates share a sentence with this one."""
    return (windows.first < windows.last[one]) & (windows.last > windows.first[one])


def _mean_vectors(talk: Talk, windows: Windows) -> np.ndarray:
    import numpy as np

    sums = np.concatenate([np.zeros((1, talk.vectors.shape[1]), np.float32), np.cumsum(talk.vectors, 0)])
    means = sums[windows.last] - sums[windows.first]
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)


def _lost(
    talk: Talk, windows: Windows, scores: np.ndarray, chosen: list[int], line: int, most: int, runners: int
) -> list[Lost]:
    import numpy as np

    alive = np.ones(len(windows), bool)
    alive[chosen] = False
    means = _mean_vectors(talk, windows)
    lost: list[Lost] = []
    for i in np.lexsort((windows.first, -scores)):
        if len(lost) >= runners:
            break
        if not alive[i]:
            continue
        over = [c for c in chosen if windows.first[c] < windows.last[i] and windows.last[c] > windows.first[i]]
        shared = max((_shared(windows, i, c) for c in over), default=0.0)
        if shared > 0.6:
            continue  # the same clip cut slightly differently is no runner-up
        if over:
            best = max(over, key=lambda c: scores[c])
            reason = f"overlaps the clip at {clock(talk.start_s[windows.first[best]])}, which scores {scores[best]:.0f}"
        elif scores[i] < line:
            reason = f"scores {scores[i]:.0f}, below the line of {line}"
        elif len(chosen) >= most:
            reason = f"the {most} places went to higher scores"
        else:
            best = max(chosen, key=lambda c: float(means[i] @ means[c]))
            reason = f"says much the same as the clip at {clock(talk.start_s[windows.first[best]])}"
        lost.append(Lost(int(i), reason))
        alive &= ~overlaps(windows, int(i))
    return lost


def _shared(windows: Windows, a: int, b: int) -> float:
    both = min(windows.last[a], windows.last[b]) - max(windows.first[a], windows.first[b])
    return float(both / max(1, min(windows.last[a] - windows.first[a], windows.last[b] - windows.first[b])))


def clock(seconds: float) -> str:
    """1:02:03, or 2:03 within the first hour."""
    whole = round(float(seconds))
    return (
        f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02}"
    )
