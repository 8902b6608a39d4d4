"""The benchmark's talks: written for it, with planted highlights and distractors whose bounds are known to the word.

A talk is a text file. Blocks are separated by a blank line; a block that opens with `@H 2` or `@H 3` is a highlight of
that grade, one that opens with `@D kind` is a distractor, the others are the rest of the talk. `A:` starts a turn.
"""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

import msgspec

from carmic_assets.model.speech import Speakers, Transcript, Turn, Word

FOLDER = Path(__file__).parent / "talks"
PARTS = ("tune", "held", "quiet", "fresh")


class Passage(msgspec.Struct, frozen=True):
    """A highlight (`grade` 2 or 3) or a distractor (0), source clock, first word to last word."""

    start_s: float
    end_s: float
    grade: int
    kind: str


class Written(msgspec.Struct, frozen=True):
    """A talk with everything true about it. `sentences` are (start, end) of each, source clock."""

    name: str
    part: str
    style: str
    transcript: Transcript
    speakers: Speakers
    passages: tuple[Passage, ...]
    sentences: tuple[tuple[float, float], ...]

    @property
    def highlights(self) -> tuple[Passage, ...]:
        return tuple(p for p in self.passages if p.grade)

    @property
    def distractors(self) -> tuple[Passage, ...]:
        return tuple(p for p in self.passages if not p.grade)


def load(part: str) -> list[Written]:
    """All talks of one part, by name."""
    return [read(file, part) for file in sorted((FOLDER / part).glob("*.txt"))]


def read(file: Path, part: str) -> Written:
    """Word times are made up from the text alone: longer words take longer, punctuation pauses, and a block's end
    pauses no longer than any sentence's, so that nothing but the words tells where a highlight ends."""
    text = file.read_text(encoding="utf-8")
    style = re.search(r"^# style: (\w+)", text, re.M)
    words: list[Word] = []
    passages: list[Passage] = []
    sentences: list[tuple[float, float]] = []
    turns: list[Turn] = []
    clock = 0.6
    for block in re.split(r"\n\s*\n", re.sub(r"^#.*\n", "", text, flags=re.M).strip()):
        mark = re.match(r"@([HD]) (\w+)\n", block)
        first = len(words)
        for line in (block[mark.end() :] if mark else block).split("\n"):
            spoken = re.match(r"([A-Z]): ", line)
            speaker = spoken[1] if spoken else "A"
            sentence_start, turn_start = None, clock
            for token in (line[spoken.end() :] if spoken else line).split():
                chance = crc32(f"{file.stem} {len(words)}".encode()) % 1000 / 1000
                length = 0.11 + 0.045 * len(token.strip(".,?!"))
                words.append(Word(token, round(clock, 3), round(clock + length, 3), 0.95, speaker))
                sentence_start = clock if sentence_start is None else sentence_start
                clock += length + 0.03
                if token[-1] in ",;:":
                    clock += 0.12 + 0.15 * chance
                elif token[-1] in ".?!":
                    sentences.append((round(sentence_start, 3), words[-1].end_s))
                    sentence_start = None
                    clock += 0.3 + 0.5 * chance
            turns.append(Turn(round(turn_start, 3), words[-1].end_s, speaker))
        if mark:
            grade = int(mark[2]) if mark[1] == "H" else 0
            kind = "highlight" if grade else mark[2]
            passages.append(Passage(words[first].start_s, words[-1].end_s, grade, kind))
    speech = tuple((turn.start_s, turn.end_s) for turn in turns)
    transcript = Transcript(
        "en",
        1.0,
        "written",
        round(clock, 3),
        round(sum(b - a for a, b in speech), 3),
        tuple(words),
        tuple(turns),
        speech,
    )
    return Written(
        file.stem, part, style[1] if style else "other", transcript, Speakers(tuple(turns), {}),
        tuple(passages), tuple(sentences),
    )  # fmt: skip
