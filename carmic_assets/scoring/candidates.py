"""Every stretch of whole sentences that could be a clip, and what can be measured of it. Ranks nothing.

All candidates are rows of arrays: an hour of talk has about 10,000 of them, each measure is a pass over prefix sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmic_assets.scoring.highlight_model import filler, substance
from carmic_assets.scoring.talk import Talk

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Windows:
    """Candidates: sentences `first` up to but not including `last`. `measures` hold one value per candidate."""

    first: np.ndarray
    last: np.ndarray
    length_s: np.ndarray
    measures: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.first)

    def only(self, rows: np.ndarray) -> Windows:
        """These candidates, with their measures."""
        measures = {name: values[rows] for name, values in self.measures.items()}
        return Windows(self.first[rows], self.last[rows], self.length_s[rows], measures)


def find_windows(talk: Talk, min_s: float, max_s: float) -> Windows:
    """All runs of whole sentences between the bounds. Where the talk has none of that length, the longest run below
    `max_s` from each start; a single sentence longer than `max_s` is no candidate unless there is nothing else."""
    import numpy as np

    starts = np.arange(len(talk))
    ends = np.maximum.accumulate(talk.end_s)
    least = np.maximum(np.searchsorted(ends, talk.start_s + min_s, "left") + 1, starts + 1)
    most = np.searchsorted(ends, talk.start_s + max_s, "right")
    counts = np.maximum(most - least + 1, 0)
    if counts.any():
        first = np.repeat(starts, counts)
        last = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(least, counts)
    else:
        first, last = starts, np.maximum(most, starts + 1)
        reach = talk.end_s[last - 1] - talk.start_s[first]
        long = reach >= 0.9 * reach.max(initial=0.0)
        first, last = first[long], last[long]
    return Windows(first, last, talk.end_s[last - 1] - talk.start_s[first], {})


def total(values: np.ndarray, windows: Windows) -> np.ndarray:
    """Sum of a per-sentence value over each candidate."""
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[windows.last] - sums[windows.first]


LINE = -1.3  # log-odds above which one more sentence adds to a clip
SHRINK = 0.2  # power of the length that evidence is divided by: 0 prefers the longest, 1 is the mean
EDGE = 1.0  # what the best possible beginning and end are worth against substance
COST = 2.6  # what one more clip must be worth: two short ones in place of a long one have to earn it twice
WANTED = 4.0  # what it is worth to a cut that it is all about what was asked for
DOUBT = -1.0  # log-odds above which the sentence beside a clip may still be part of it
SLACK = 0.1  # how much worse a beginning or end may be for that sentence's sake
SAME = 0.25  # shared part of the union above which two candidates are the same clip cut differently


def evidence(talk: Talk, windows: Windows) -> np.ndarray:
    """Substance above the line over the seconds of each candidate, in units of half a minute: about -1 for plain talk
    and +3 for a highlight. Nearly a sum, not a mean, so that a story cut short loses what it leaves out."""
    import numpy as np

    seconds = talk.end_s - talk.start_s
    above = total(np.clip(substance(talk) - LINE, -4, 4) * seconds, windows)
    return above / (30 ** (1 - SHRINK) * np.maximum(windows.length_s, 5) ** SHRINK)


def best_cuts(talk: Talk, windows: Windows, wanted: np.ndarray) -> np.ndarray:
    """Which candidates to keep: those that share out the talk best, so that a clip that swallows half of its neighbour
    gives way to the two; then, of the others that are mostly the same stretch, the one with the best bounds
    (non-maximum suppression). `wanted` is how much each is what the user asked for, -1..1."""
    import numpy as np

    begin, end = completeness(talk)
    quality = evidence(talk, windows) + EDGE * (begin[windows.first] + end[windows.last]) + WANTED * wanted
    left, right = talk.start_s[windows.first], talk.end_s[windows.last - 1]
    alive = np.ones(len(windows), bool)
    kept = []
    best = taken_in(talk, windows, shared_out(windows, quality - COST))
    for i in [*best, *np.argsort(-quality, kind="stable")]:
        if alive[i]:
            kept.append(int(i))
            shared = np.minimum(right, right[i]) - np.maximum(left, left[i])
            alive &= shared <= SAME * (np.maximum(right, right[i]) - np.minimum(left, left[i]))
    return np.array(sorted(kept), int)


def shared_out(windows: Windows, worth: np.ndarray) -> list[int]:
    """The candidates, none over another, whose `worth` adds up to the most (weighted interval scheduling by dynamic
    programming over the gaps between sentences). Those worth nothing are never among them."""
    import numpy as np

    gaps = int(windows.last.max(initial=0)) + 1
    order = np.argsort(windows.last, kind="stable")
    ending = np.searchsorted(windows.last[order], np.arange(gaps + 1))  # where in `order` those begin that end at a gap
    most, last = np.zeros(gaps), np.full(gaps, -1)
    for gap in range(1, gaps):
        most[gap] = most[gap - 1]
        rows = order[ending[gap] : ending[gap + 1]]
        if len(rows):
            sums = most[windows.first[rows]] + worth[rows]
            best = int(np.argmax(sums))
            if sums[best] > most[gap]:
                most[gap], last[gap] = sums[best], rows[best]
    chosen, gap = [], gaps - 1
    while gap > 0:
        if last[gap] < 0:
            gap -= 1
        else:
            chosen.append(int(last[gap]))
            gap = int(windows.first[last[gap]])
    return chosen


def taken_in(talk: Talk, windows: Windows, rows: list[int]) -> list[int]:
    """These candidates, none over another, each with the sentence before it and the one after it where they may still
    be part of it: a clip with a sentence too many can be understood, one that lacks its first or last cannot."""
    import numpy as np

    begin, end = completeness(talk)
    free = substance(talk) > DOUBT
    for i in rows:
        free[windows.first[i] : windows.last[i]] = False
    out = []
    for i in rows:
        first, last = int(windows.first[i]), int(windows.last[i])
        starts = [first - 1] if first and free[first - 1] and begin[first - 1] >= begin[first] - SLACK else []
        stops = [last + 1] if last < len(talk) and free[last] and end[last + 1] >= end[last] - SLACK else []
        wider = [(a, b) for a in [*starts, first] for b in [*stops, last]]
        found = (np.flatnonzero((windows.first == a) & (windows.last == b)) for a, b in wider)
        row = int(next(rows[0] for rows in found if len(rows)))
        free[windows.first[row] : windows.last[row]] = False
        out.append(row)
    return out


def measure(talk: Talk, windows: Windows, sound: dict[str, np.ndarray], motion: np.ndarray | None) -> Windows:
    """The same candidates with every named measure filled in, each 0..1. `sound` holds per-sentence values, already
    against the talk's own level; `motion` is per sentence, 0..1."""
    import numpy as np

    first, last = windows.first, windows.last
    minutes = np.maximum(windows.length_s, 5) / 60
    words = np.maximum(total(talk.mark("words"), windows), 1)

    def rate(name: str, typical: float) -> np.ndarray:
        """1 - exp(-x/typical): half the scale at 0.7 x typical occurrences a minute."""
        return 1 - np.exp(-total(np.minimum(talk.mark(name), 2), windows) / minutes / typical)

    seconds = talk.end_s - talk.start_s
    empty = total(filler(talk) * seconds, windows) / np.maximum(total(seconds, windows), 0.1)
    begin, end = completeness(talk)
    measures = {
        "substance": squash(evidence(talk, windows) * 1.2 - 1.5),
        "hook": hook(talk)[first],
        "question_answer": question_answer(talk, windows),
        "contrast": rate("contrast", 6.0),
        "number": rate("number", 4.0),
        "second_person": rate("second_person", 12.0),
        "emotion": rate("emotion", 4.0),
        "story": rate("turn", 5.0) * 0.5 + rate("story_time", 14.0) * 0.5,
        "rarity": _mean(rarity(talk), windows),
        "density": np.clip(1 - total(talk.mark("filler"), windows) / words * 12, 0, 1) * content_share(talk, windows),
        "pace": pace(talk, windows),
        "exchange": exchange(talk, windows),
        "completeness": begin[first] * 0.5 + end[last] * 0.5,
        "plain": 1 - empty,
    }
    said = 1 - np.exp(-total(talk.mark("laughter"), windows) / 1.5)
    clapped = 1 - np.exp(-total(talk.mark("applause"), windows) / 1.5)
    measures["laughter"], measures["applause"] = said, clapped
    for name, values in sound.items():
        if name in ("laughter", "applause"):
            measures[name] = np.maximum(measures[name], most(values, windows))
        else:
            measures[name] = _mean(values, windows)
    if motion is not None:
        measures["motion"] = _mean(motion, windows)
    return Windows(first, last, windows.length_s, measures)


def squash(values: np.ndarray) -> np.ndarray:
    """Log-odds to 0..1."""
    import numpy as np

    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))


def _mean(values: np.ndarray, windows: Windows) -> np.ndarray:
    import numpy as np

    return total(values, windows) / np.maximum(windows.last - windows.first, 1)


def most(values: np.ndarray, windows: Windows) -> np.ndarray:
    """The highest per-sentence value in each candidate."""
    import numpy as np

    pairs = np.stack([windows.first, windows.last], 1).ravel()
    return np.maximum.reduceat(np.append(values, -np.inf), pairs)[::2] if len(windows) else np.zeros(0)


def dangling(talk: Talk) -> np.ndarray:
    """True where a sentence leans on what came before: it opens with a pronoun or a connective, or it is a fragment."""
    import numpy as np

    lean = talk.lexicon.members["dangling"]
    return np.array([bool(words) and words[0] in lean for words in talk.tokens], bool)


def hook(talk: Talk) -> np.ndarray:
    """What the first three seconds of each sentence give a viewer: a question, a number, you, a contradiction."""
    import numpy as np

    out = np.zeros(len(talk))
    for i, words in enumerate(talk.tokens):
        share = 3.0 / max(talk.end_s[i] - talk.start_s[i], 0.5)
        opening = words[: max(4, int(len(words) * share) + 1)]
        count = talk.lexicon.count(" ".join(opening), opening)
        points = 0.3 * bool(talk.mark("asks")[i]) + 0.2 * bool(count.get("second_person"))
        points += 0.25 * bool(count.get("number_words") or any(ch.isdigit() for word in opening for ch in word))
        points += (
            0.25 * bool(count.get("contrast")) + 0.3 * bool(count.get("turn")) + 0.15 * bool(count.get("first_person"))
        )
        points += 0.2 * bool(count.get("emotion"))
        points -= 0.5 * bool(count.get("housekeeping") or count.get("promo")) + 0.2 * bool(count.get("hype"))
        out[i] = points
    return np.clip(out + 0.15 * ~dangling(talk), 0, 1)


def question_answer(talk: Talk, windows: Windows) -> np.ndarray:
    """1 where a question in the first half is followed by at least two sentences of answer, more so by someone else."""
    import numpy as np

    asks = np.flatnonzero(talk.mark("asks") > 0)
    out = np.zeros(len(windows))
    for q in asks:
        inside = (
            (windows.first <= q) & (windows.last >= q + 3) & (q - windows.first <= (windows.last - windows.first) / 2)
        )
        other = talk.speaker[q] is not None and q + 1 < len(talk) and talk.speaker[q + 1] != talk.speaker[q]
        out[inside] = np.maximum(out[inside], 1.0 if other else 0.8)
    return out


def rarity(talk: Talk) -> np.ndarray:
    """How far a sentence is from the talk's middle, 0..1."""
    import numpy as np

    if not len(talk):
        return np.zeros(0)
    middle = talk.vectors.mean(0)
    likeness = talk.vectors @ (middle / max(float(np.linalg.norm(middle)), 1e-6))
    return np.clip(1 - likeness, 0, 1)


def content_share(talk: Talk, windows: Windows) -> np.ndarray:
    """Share of words that are not stop words, stretched from 0.3..0.6 to 0..1."""
    import numpy as np

    stop = np.array([sum(word in talk.lexicon.members["stop"] for word in words) for words in talk.tokens], float)
    words = np.maximum(total(talk.mark("words"), windows), 1)
    return np.clip((1 - total(stop, windows) / words - 0.3) / 0.3, 0, 1)


def pace(talk: Talk, windows: Windows) -> np.ndarray:
    """Words a second against the talk's own median: 0.5 is as usual, 1 is half as fast again."""
    import numpy as np

    speed = total(talk.mark("words"), windows) / np.maximum(windows.length_s, 1)
    usual = float(np.median(speed)) if len(speed) else 1.0
    return np.clip(speed / max(usual, 0.1) - 0.5, 0, 1)


def exchange(talk: Talk, windows: Windows) -> np.ndarray:
    """Changes of speaker: two or three make an exchange, many make a squabble."""
    import numpy as np

    turned = np.array(
        [0.0] + [float(a != b and a is not None) for a, b in zip(talk.speaker, talk.speaker[1:], strict=False)]
    )
    changes = total(turned, windows) - (turned[windows.first] if len(talk) else 0)
    return np.where(changes <= 3, changes / 3, np.maximum(0.3, 1 - (changes - 3) / 10))


def completeness(talk: Talk) -> tuple[np.ndarray, np.ndarray]:
    """How well a clip may begin at each sentence (n,) and end at each gap (n + 1,), 0..1."""
    import numpy as np

    n = len(talk)
    lean = dangling(talk)
    answered = np.array([False] + [bool(x) for x in talk.mark("asks")[:-1] > 0]) if n else np.zeros(0, bool)
    shift, silent = talk.shift, np.clip(talk.pause / 1.2, 0, 1)
    begin = np.clip(0.45 * ~lean + 0.35 * shift[:n] + 0.2 * silent[:n] - 0.5 * answered, 0, 1)
    closes = np.array([not text.rstrip().endswith((",", "-", "–", "—", "…")) for text in talk.texts], bool)
    asks = talk.mark("asks") > 0
    end = np.zeros(n + 1)
    if n:
        following = np.append(lean[1:], False)
        end[1:] = np.clip(0.3 * closes + 0.35 * shift[1:] + 0.2 * silent[1:] + 0.15 * ~following - 0.6 * asks, 0, 1)
    return begin, end
