"""Re-scoring preserves protected clips and lists the changes; plots and tables show the selection."""

from __future__ import annotations

import msgspec

from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.scoring.rescoring import StoredClip, reconcile_clips
from carmic_assets.scoring.score_plots import format_candidates, plot_score_curve


def scored_clip(
    start_s: float, end_s: float, score: int, title: str = "t", rejection_reason: str | None = None
) -> ScoredClip:
    return ScoredClip(
        start_s, end_s, title, score, {"substance": score}, "It does: “t”.", rejection_reason=rejection_reason
    )


def stored_clip(clip_id: str, clip: ScoredClip, is_protected: bool = False) -> StoredClip:
    return StoredClip(clip_id, clip.start_s, clip.end_s, clip.title, clip.score, is_protected)


def scored_clips(*clips: ScoredClip, runners_up: tuple[ScoredClip, ...] = ()) -> ScoredClips:
    return ScoredClips("2", clips, runners_up, ((10.0, 40.0), (20.0, 70.0), (60.0, 20.0)))


def test_the_same_selection_changes_nothing() -> None:
    clips = (scored_clip(0, 30, 80), scored_clip(50, 80, 60))
    changes = reconcile_clips([stored_clip("a", clips[0], True), stored_clip("b", clips[1])], scored_clips(*clips))
    assert (changes.added, changes.changed, changes.retired) == ((), (), ())
    assert set(changes.unchanged) == {"a", "b"}


def test_a_protected_clip_keeps_its_bounds_and_takes_the_new_score() -> None:
    old = scored_clip(10, 40, 70, "mine")
    changes = reconcile_clips(
        [stored_clip("a", old, True)], scored_clips(scored_clip(12, 45, 90, "theirs"), scored_clip(100, 130, 50))
    )
    (change,) = changes.changed
    assert (change.id, change.old_score, change.clip.score) == ("a", 70, 90)
    assert (change.clip.start_s, change.clip.end_s, change.clip.title) == (10, 40, "mine")
    assert [clip.start_s for clip in changes.added] == [100]
    assert changes.retired == ()


def test_a_protected_clip_without_a_match_stays() -> None:
    changes = reconcile_clips(
        [stored_clip("a", scored_clip(10, 40, 70), True)], scored_clips(scored_clip(100, 130, 50))
    )
    assert changes.unchanged == ("a",)
    assert changes.retired == ()


def test_a_runner_up_gives_a_protected_clip_its_new_score() -> None:
    runner_up = scored_clip(10, 40, 30, rejection_reason="below the threshold")
    changes = reconcile_clips([stored_clip("a", scored_clip(10, 40, 70), True)], scored_clips(runners_up=(runner_up,)))
    assert changes.changed[0].clip.score == 30
    assert changes.changed[0].clip.rejection_reason is None


def test_other_clips_are_updated_or_retired() -> None:
    old = [
        stored_clip("a", scored_clip(0, 30, 80)),
        stored_clip("b", scored_clip(50, 80, 60)),
        stored_clip("c", scored_clip(200, 230, 40)),
    ]
    changes = reconcile_clips(old, scored_clips(scored_clip(2, 33, 85), scored_clip(300, 330, 70)))
    assert [c.id for c in changes.changed] == ["a"]
    assert (changes.changed[0].clip.start_s, changes.changed[0].clip.end_s) == (2, 33)
    assert changes.retired == ("b", "c")
    assert [clip.start_s for clip in changes.added] == [300]


def test_reconciliation_is_idempotent() -> None:
    new = scored_clips(scored_clip(2, 33, 85), scored_clip(48, 79, 70), scored_clip(300, 330, 70))
    old = [
        stored_clip("a", scored_clip(0, 30, 80), True),
        stored_clip("b", scored_clip(50, 80, 60)),
        stored_clip("c", scored_clip(200, 230, 40)),
    ]
    changes = reconcile_clips(old, new)
    after = {clip.id: clip for clip in old if clip.id not in changes.retired}
    for change in changes.changed:
        after[change.id] = stored_clip(change.id, change.clip, after[change.id].is_protected)
    after |= {f"new{i}": stored_clip(f"new{i}", clip) for i, clip in enumerate(changes.added)}
    second = reconcile_clips(list(after.values()), new)
    assert (second.added, second.changed, second.retired) == ((), (), ())


def test_a_new_clip_that_overlaps_a_protected_one_is_left_out() -> None:
    changes = reconcile_clips([stored_clip("a", scored_clip(0, 30, 80), True)], scored_clips(scored_clip(20, 55, 90)))
    assert changes.added == ()


def test_plot_and_table() -> None:
    selection = scored_clips(
        scored_clip(10, 30, 70, "A | title"),
        runners_up=(scored_clip(50, 65, 20, "b", "scores 20, below the threshold of 45"),),
    )
    assert plot_score_curve(selection).startswith(b"\x89PNG")
    assert plot_score_curve(selection) == plot_score_curve(selection)
    table = format_candidates(selection).splitlines()
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "below the threshold" in table[-1]
    assert plot_score_curve(msgspec.structs.replace(selection, clips=(), runners_up=(), curve=())).startswith(
        b"\x89PNG"
    )
