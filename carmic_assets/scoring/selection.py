"""From many overlapping candidates to the few that are offered: best first, none over another, none a repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.candidates import Windows, total

if TYPE_CHECKING:
    import numpy as np

    from carmic_assets.scoring.talk import Talk

# Likeness of a clip's sentences to those already chosen, at which a clip begins to lose and has lost all of its score.
# Measured: two clips of one talk are at 0.2 to 0.4, a passage that is said again at 0.9 and above.
FRESH, REPEATED = 0.5, 0.9
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
    """Greedy maximal marginal relevance (Carbonell and Goldstein 1998) over candidates that do not overlap: each counts
    with what it adds to those already chosen, for its place as well as for the line. Only the floor offers what adds
    little, and the least repetitive first. The chosen come best first; the lost are the best of the rest, each with its
    reason. `scores` are unrounded."""
    import numpy as np

    speech = float((talk.end_s - talk.start_s).sum()) if len(talk) else 0.0
    most = brief.max_clips if brief.max_clips is not None else ceiling_count(speech)
    least = 1 if brief.threshold is not None else min(most, floor_count(speech))
    line = brief.threshold if brief.threshold is not None else QUALITY
    alive = np.ones(len(windows), bool)
    said = np.zeros(len(talk))
    adds = scores
    chosen: list[int] = []
    while alive.any() and len(chosen) < most:
        best = int(np.argmax(np.where(alive, adds, -np.inf)))
        if adds[best] < line and len(chosen) >= least:
            break
        chosen.append(best)
        alive &= ~overlaps(windows, best)
        own = talk.apart[windows.first[best] : windows.last[best]]
        said = np.maximum(said, (talk.apart @ own.T).max(1))
        adds = scores * novelty(talk, windows, said)
    chosen.sort(key=lambda i: (-scores[i], windows.first[i]))
    return chosen, _lost(talk, windows, scores, adds, chosen, line, most, runners)


def novelty(talk: Talk, windows: Windows, said: np.ndarray) -> np.ndarray:
    """1 for a candidate that says something new, 0 for one that says again what was chosen. `said` is each sentence's
    likeness to the nearest chosen one (cosine); a candidate's is the mean over its seconds."""
    import numpy as np

    seconds = talk.end_s - talk.start_s
    likeness = total(said * seconds, windows) / np.maximum(total(seconds, windows), 0.1)
    return np.clip((REPEATED - likeness) / (REPEATED - FRESH), 0, 1)


def overlaps(windows: Windows, one: int) -> np.ndarray:
    """Which candidates share a sentence with this one."""
    return (windows.first < windows.last[one]) & (windows.last > windows.first[one])


def _lost(
    talk: Talk,
    windows: Windows,
    scores: np.ndarray,
    adds: np.ndarray,
    chosen: list[int],
    line: int,
    most: int,
    runners: int,
) -> list[Lost]:
    import numpy as np

    alive = np.ones(len(windows), bool)
    alive[chosen] = False
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
        elif adds[i] < line:
            best = max(chosen, key=lambda c: _likeness(talk, windows, int(i), c))
            reason = f"says much the same as the clip at {clock(talk.start_s[windows.first[best]])}"
        else:
            reason = f"the {most} places went to higher scores"
        lost.append(Lost(int(i), reason))
        alive &= ~overlaps(windows, int(i))
    return lost


def _likeness(talk: Talk, windows: Windows, one: int, other: int) -> float:
    """How much of what `one` says `other` says too: mean cosine of its sentences with the nearest of the other's."""
    a, b = (talk.apart[windows.first[i] : windows.last[i]] for i in (one, other))
    return float((a @ b.T).max(1).mean())


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
