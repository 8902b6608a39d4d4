"""Tests of sentence boundaries."""

from __future__ import annotations

from itertools import pairwise

from carmic_assets.model.speech import Word
from carmic_assets.speech.sentences import MAX_SENTENCE_WORDS, split_sentences


def timed_words(text: str, *, pause_after: dict[str, float] | None = None) -> list[Word]:
    """Words 0.25 s long and 0.05 s apart, with a longer pause after the words in `pause_after`."""
    words, t = [], 0.0
    for token in text.split():
        words.append(Word(token, t, t + 0.25, 1.0))
        t += 0.3 + (pause_after or {}).get(token, 0.0)
    return words


def sentence_texts(words: list[Word]) -> list[str]:
    return [" ".join(word.text for word in words[first:end]) for first, end in split_sentences(words)]


def test_marks_end_sentences_and_abbreviations_do_not() -> None:
    text = 'Dr. Smith met J. R. Hall at 3. 5 of them left. "Really?" he asked. Yes, e.g. Tom. He said no. Then he left'
    assert sentence_texts(timed_words(text)) == [
        "Dr. Smith met J. R. Hall at 3. 5 of them left.",
        '"Really?" he asked.',
        "Yes, e.g. Tom.",
        "He said no.",
        "Then he left",
    ]


def test_marks_of_other_scripts_end_sentences() -> None:
    assert len(split_sentences(timed_words("你好。 我 很 好！ 你 呢？ 谢谢"))) == 4
    assert len(split_sentences(timed_words("यह अच्छा है। वह आया। ठीक"))) == 3
    assert len(split_sentences(timed_words("كيف حالك؟ أنا بخير. شكرا"))) == 3


def test_pauses_end_sentences_in_a_text_without_marks() -> None:
    text = "so we went there and nobody came then we left again and slept"
    assert sentence_texts(timed_words(text, pause_after={"came": 0.8, "again": 0.5})) == [
        "so we went there and nobody came",
        "then we left again",
        "and slept",
    ]


def test_a_long_pause_and_a_new_speaker_end_a_sentence() -> None:
    words = timed_words("I thought about it and then", pause_after={"about": 1.5})
    words[-1] = Word(words[-1].text, words[-1].start_s, words[-1].end_s, 1.0, "B")
    assert sentence_texts(words) == ["I thought about", "it and", "then"]


def test_sentences_partition_the_words_and_have_a_maximum_length() -> None:
    words = timed_words("on and on " * 120)
    ranges = split_sentences(words)
    assert ranges[0][0] == 0 and ranges[-1][1] == len(words)
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    assert max(end - first for first, end in ranges) <= MAX_SENTENCE_WORDS
    assert split_sentences([]) == ()
