"""The graded measure of clip selection rewards what a viewer would, and the graded talks can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.clip_selection import graded_metrics
from benchmarks.clip_selection.graded_talks import (
    GradedTalk,
    GradesError,
    list_authors,
    load_graded_talks,
    read_graded_talk,
)

SENTENCE = "The harbour master counted every single boat before breakfast and wrote the number on a slate."
GRADES = "1-6 0\n7 3 a hook\n8-9 3 a\n10 3 a payoff\n11-14 1\n15-18 -1\n19-20 0\nlean 8 9 10\n"


def write_talk(folder: Path, grades: str) -> GradedTalk:
    (folder / "talk.txt").write_text("\n".join([SENTENCE] * 20))
    (folder / "talk.grades").write_text(grades)
    return read_graded_talk(folder / "talk.txt")


@pytest.fixture
def talk(tmp_path: Path) -> GradedTalk:
    return write_talk(tmp_path, GRADES)


def clip_of(talk: GradedTalk, first: int, last: int) -> tuple[float, float]:
    """Return the clip of these sentences, counted from 1."""
    return talk.sentences[first - 1][0], talk.sentences[last - 1][1]


def test_a_clip_gains_the_mean_grade_of_what_it_shows(talk: GradedTalk) -> None:
    assert graded_metrics.measure_gains(talk, [clip_of(talk, 7, 10)]) == [pytest.approx(3.0)]
    assert graded_metrics.measure_gains(talk, [clip_of(talk, 7, 14)]) == [pytest.approx(2.0, abs=0.01)]


def test_a_missing_hook_and_a_missing_payoff_cost(talk: GradedTalk) -> None:
    without_hook, without_payoff = clip_of(talk, 8, 10), clip_of(talk, 7, 9)
    assert graded_metrics.measure_gains(talk, [without_hook]) == [pytest.approx(2.5)]
    assert graded_metrics.measure_gains(talk, [without_payoff]) == [pytest.approx(2.0)]


def test_what_a_better_placed_clip_showed_gains_nothing(talk: GradedTalk) -> None:
    highlight = clip_of(talk, 7, 10)
    assert graded_metrics.measure_gains(talk, [highlight, highlight])[1] == pytest.approx(0.0)


def test_a_clip_outside_the_limits_gains_half(talk: GradedTalk) -> None:
    (gain,) = graded_metrics.measure_gains(talk, [clip_of(talk, 7, 7)])
    assert gain == pytest.approx((3 - graded_metrics.PAYOFF_COST) / 2)


def test_the_best_clips_have_an_ndcg_of_one(talk: GradedTalk) -> None:
    best, second = clip_of(talk, 7, 10), clip_of(talk, 11, 14)
    assert graded_metrics.ndcg(talk, [best, second]) == pytest.approx(1.0, abs=0.01)
    assert graded_metrics.ndcg(talk, [second, best]) < 0.8
    assert graded_metrics.ndcg(talk, [clip_of(talk, 15, 18)]) < 0


def test_recall_traps_and_standalone(talk: GradedTalk) -> None:
    metrics = graded_metrics.evaluate_graded(talk, [clip_of(talk, 7, 10), clip_of(talk, 15, 18), clip_of(talk, 8, 11)])
    assert metrics.recall5 == 1.0 and metrics.boundary_clean == 1.0
    assert metrics.traps5 == pytest.approx(1 / 3)
    assert metrics.standalone == pytest.approx(2 / 3)
    assert graded_metrics.recall(talk, [clip_of(talk, 9, 14)]) == 0.0


@pytest.mark.parametrize(
    ("grades", "message"),
    [
        ("1-19 0\n", r"without a grade: \[20\]"),
        ("1-20 0\n3 1\n", "sentence 3 is graded twice"),
        ("1-20 7\n", "is not a grade"),
        ("1-21 0\n", r"beyond the end: \[21\]"),
    ],
)
def test_incomplete_grades_are_refused(tmp_path: Path, grades: str, message: str) -> None:
    with pytest.raises(GradesError, match=message):
        write_talk(tmp_path, grades)


def test_every_graded_talk_can_be_read() -> None:
    talks = [talk for author in list_authors() for talk in load_graded_talks(author)]
    assert len(talks) >= 80 and len({talk.author for talk in talks}) >= 8
    for talk in talks:
        assert all(highlight.hook and highlight.payoff for highlight in talk.highlights), talk.talk.name
