"""Sentences end where a reader would end them."""

from __future__ import annotations

from itertools import pairwise

from carmic_assets.model.speech import Word
from carmic_assets.speech.sentences import LONGEST_WORDS, sentences


def said(text: str, *, pause_after: dict[str, float] | None = None) -> list[Word]:
    """Words a quarter of a second long, 0.05 s apart, longer after those named."""
    words, t = [], 0.0
    for token in text.split():
        words.append(Word(token, t, t + 0.25, 1.0))
        t += 0.3 + (pause_after or {}).get(token, 0.0)
    return words


def split(words: list[Word]) -> list[str]:
    return [" ".join(word.text for word in words[a:b]) for a, b in sentences(words)]


def test_marks_end_sentences_and_abbreviations_do_not():
    text = 'Dr. Smith met J. R. Hall at 3. 5 of them left. "Really?" he asked. Yes, e.g. Tom. He said no. Then he left'
    assert split(said(text)) == [
        "Dr. Smith met J. R. Hall at 3. 5 of them left.",
        '"Really?" he asked.',
        "Yes, e.g. Tom.",
        "He said no.",
        "Then he left",
    ]


def test_other_scripts_have_their_own_marks():
    assert len(sentences(said("你好。 我 很 好！ 你 呢？ 谢谢"))) == 4
    assert len(sentences(said("यह अच्छा है। वह आया। ठीक"))) == 3
    assert len(sentences(said("كيف حالك؟ أنا بخير. شكرا"))) == 3


def test_without_marks_pauses_decide():
    text = "so we went there and nobody came then we left again and slept"
    assert split(said(text, pause_after={"came": 0.8, "again": 0.5})) == [
        "so we went there and nobody came",
        "then we left again",
        "and slept",
    ]


def test_a_long_pause_and_a_new_speaker_end_a_sentence():
    words = said("I thought about it and then", pause_after={"about": 1.5})
    words[-1] = Word(words[-1].text, words[-1].start_s, words[-1].end_s, 1.0, "B")
    assert split(words) == ["I thought about", "it and", "then"]


def test_every_word_is_in_exactly_one_sentence_and_none_is_endless():
    words = said("on and on " * 120)
    spans = sentences(words)
    assert spans[0][0] == 0 and spans[-1][1] == len(words)
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert max(b - a for a, b in spans) <= LONGEST_WORDS
    assert sentences([]) == ()
