"""Written talks whose sentences are graded one by one: `graded/<author>/<talk>.txt` with `<talk>.grades` beside it.

The text has the format of `talks.py`; its passages are what the author intended. The grades come from a second person
who read only the sentences. A line of a grades file is one of:

    3-9 0           sentences 3 to 9 have grade 0; the first sentence is 1
    10 3 a hook     sentence 10 has grade 3, belongs to highlight `a` and is part of its hook
    14 3 a payoff   ... and is part of its payoff
    lean 11 12 14   these sentences cannot be understood without the one before

A grade is 3 for the core of a highlight, 2 for its support, 1 for a fair passage, 0 for filler and -1 for a trap:
a passage that sounds like a highlight and says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec

from benchmarks.clip_selection.metrics import Interval
from benchmarks.clip_selection.talks import WrittenTalk, read_talk

FOLDER = Path(__file__).parent / "graded"
GRADES = (-1, 0, 1, 2, 3)
TRAP = -1


class GradedHighlight(msgspec.Struct, frozen=True):
    """The sentences of one highlight, as 0-based indices; `hook` and `payoff` are subsets of `sentences`."""

    sentences: tuple[int, ...]
    hook: tuple[int, ...]
    payoff: tuple[int, ...]


class GradedTalk(msgspec.Struct, frozen=True):
    """A talk with the grade of each sentence. `leaning` holds the sentences that need the one before."""

    author: str
    talk: WrittenTalk
    grades: tuple[int, ...]
    highlights: tuple[GradedHighlight, ...]
    leaning: frozenset[int]

    @property
    def sentences(self) -> tuple[Interval, ...]:
        """Start and end of each sentence on the source clock."""
        return self.talk.sentences


class GradesError(ValueError):
    """A grades file that does not match its talk."""


def list_authors() -> list[str]:
    """Return the names of all authors, sorted."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def load_graded_talks(author: str) -> list[GradedTalk]:
    """Read all talks of one author, sorted by name."""
    return [read_graded_talk(file) for file in sorted((FOLDER / author).glob("*.txt"))]


def read_graded_talk(file: Path) -> GradedTalk:
    """Read a talk and its grades.

    Raises:
        GradesError: A sentence has no grade or two, or a line cannot be parsed.
    """
    talk = read_talk(file, "graded")
    lines = file.with_suffix(".grades").read_text(encoding="utf-8").splitlines()
    grades: dict[int, int] = {}
    members: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    leaning: set[int] = set()
    for number, line in enumerate(lines, 1):
        fields = line.split()
        try:
            if not fields or fields[0].startswith("#"):
                continue
            if fields[0] == "lean":
                leaning.update(int(field) - 1 for field in fields[1:])
                continue
            span, grade = _parse_span(fields[0]), GRADES[GRADES.index(int(fields[1]))]
        except (ValueError, IndexError) as error:
            raise GradesError(f"{file.stem}.grades, line {number}: `{line}` is not a grade: {error}.") from error
        for sentence in span:
            if sentence in grades:
                raise GradesError(f"{file.stem}.grades, line {number}: sentence {sentence + 1} is graded twice.")
            grades[sentence] = grade
        if len(fields) > 2:
            for role in ("sentences", *fields[3:]):
                members[fields[2]][role].extend(span)
    _check_complete(file.stem, grades, leaning, len(talk.sentences))
    highlights = tuple(
        GradedHighlight(tuple(sorted(roles["sentences"])), tuple(sorted(roles["hook"])), tuple(sorted(roles["payoff"])))
        for _, roles in sorted(members.items())
    )
    return GradedTalk(
        author=file.parent.name,
        talk=talk,
        grades=tuple(grades[sentence] for sentence in range(len(grades))),
        highlights=highlights,
        leaning=frozenset(leaning),
    )


def _parse_span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first) - 1, int(last or first))


def _check_complete(name: str, grades: dict[int, int], leaning: set[int], count: int) -> None:
    ungraded = [sentence + 1 for sentence in range(count) if sentence not in grades]
    unknown = [sentence + 1 for sentence in sorted(set(grades) | leaning) if not 0 <= sentence < count]
    if ungraded or unknown:
        raise GradesError(
            f"{name}.grades: the talk has {count} sentences; without a grade: {ungraded}; beyond the end: {unknown}."
        )
