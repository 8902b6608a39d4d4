"""The talks of the benchmark, written for it, with annotated highlights and distractors.

A talk is a text file. A blank line separates blocks. A block that starts with `@H 2` or `@H 3` is a highlight of that
grade; one that starts with `@D kind` is a distractor; other blocks are neither. `A:` starts a speaker turn.
"""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

import msgspec

from carmic_assets.model.speech import Speakers, Transcript, Turn, Word

FOLDER = Path(__file__).parent / "talks"
SPLITS = ("train", "held_out", "quiet", "fresh")
WRITTEN_MODEL = "written"  # the model name in transcripts that come from the text, not from speech recognition

_FIRST_WORD_S = 0.6
_WORD_GAP_S = 0.03
_CLOSING_QUOTES = "\"'”’)"


class Passage(msgspec.Struct, frozen=True):
    """A highlight (`grade` 2 or 3) or a distractor (`grade` 0) on the source clock, from first word to last word."""

    start_s: float
    end_s: float
    grade: int
    kind: str


class WrittenTalk(msgspec.Struct, frozen=True):
    """A talk with its ground truth. `sentences` are (start, end) on the source clock."""

    name: str
    split: str
    transcript: Transcript
    speakers: Speakers
    passages: tuple[Passage, ...]
    sentences: tuple[tuple[float, float], ...]

    @property
    def highlights(self) -> tuple[Passage, ...]:
        """The passages that should become clips."""
        return tuple(passage for passage in self.passages if passage.grade)

    @property
    def distractors(self) -> tuple[Passage, ...]:
        """The passages that should not become clips: hype, sponsor messages, greetings, banter."""
        return tuple(passage for passage in self.passages if not passage.grade)


def load_talks(split: str) -> list[WrittenTalk]:
    """Read all talks of one split, sorted by name."""
    return [read_talk(file, split) for file in sorted((FOLDER / split).glob("*.txt"))]


def read_talk(file: Path, split: str) -> WrittenTalk:
    """Read a talk and derive word times from its text.

    Long words take longer and punctuation adds a pause. The pause at the end of a block is no longer than that of any
    sentence, so the times do not reveal where a highlight ends.
    """
    text = file.read_text(encoding="utf-8")
    reader = _TalkReader(file.stem)
    passages: list[Passage] = []
    for block in re.split(r"\n\s*\n", re.sub(r"^#.*\n", "", text, flags=re.M).strip()):
        header = re.match(r"@([HD]) (\w+)\n", block)
        first = len(reader.words)
        for line in (block[header.end() :] if header else block).split("\n"):
            reader.add_line(line)
        if header:
            grade = int(header[2]) if header[1] == "H" else 0
            start_s, end_s = reader.words[first].start_s, reader.words[-1].end_s
            passages.append(Passage(start_s, end_s, grade, "highlight" if grade else header[2]))
    turns = tuple(reader.turns)
    speech = tuple((turn.start_s, turn.end_s) for turn in turns)
    transcript = Transcript(
        language="en",
        language_probability=1.0,
        model=WRITTEN_MODEL,
        duration_s=round(reader.clock_s, 3),
        speech_s=round(sum(end_s - start_s for start_s, end_s in speech), 3),
        words=tuple(reader.words),
        voices=turns,
        speech=speech,
    )
    return WrittenTalk(file.stem, split, transcript, Speakers(turns, {}), tuple(passages), tuple(reader.sentences))


class _TalkReader:
    """Lays out lines of text on the source clock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clock_s = _FIRST_WORD_S
        self.words: list[Word] = []
        self.sentences: list[tuple[float, float]] = []
        self.turns: list[Turn] = []

    def add_line(self, line: str) -> None:
        """Append a line, which is one turn. A line without `A:` belongs to speaker A."""
        speaker_label = re.match(r"([A-Z]): ", line)
        speaker = speaker_label[1] if speaker_label else "A"
        turn_start_s = self.clock_s
        sentence_start_s: float | None = None
        for token in (line[speaker_label.end() :] if speaker_label else line).split():
            jitter = crc32(f"{self.name} {len(self.words)}".encode()) % 1000 / 1000
            length_s = 0.11 + 0.045 * len(token.strip(".,?!"))
            word = Word(token, round(self.clock_s, 3), round(self.clock_s + length_s, 3), 0.95, speaker)
            self.words.append(word)
            sentence_start_s = self.clock_s if sentence_start_s is None else sentence_start_s
            self.clock_s += length_s + _WORD_GAP_S
            ending = token.rstrip(_CLOSING_QUOTES)[-1:]
            if ending and ending in ",;:":
                self.clock_s += 0.12 + 0.15 * jitter
            elif ending and ending in ".?!":
                self.sentences.append((round(sentence_start_s, 3), word.end_s))
                sentence_start_s = None
                self.clock_s += 0.3 + 0.5 * jitter
        self.turns.append(Turn(round(turn_start_s, 3), self.words[-1].end_s, speaker))
