"""Re-scoring leaves people's clips alone and says what changed; pictures and tables show the choice."""

from __future__ import annotations

import msgspec

from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.scoring.rescoring import StoredClip, reconcile
from carmic_assets.scoring.score_plots import candidates_table, score_curve


def scored(start: float, end: float, score: int, title: str = "t", lost_to: str | None = None) -> ScoredClip:
    return ScoredClip(start, end, title, score, {"substance": score}, "It does: “t”.", lost_to=lost_to)


def stored(name: str, clip: ScoredClip, kept: bool = False) -> StoredClip:
    return StoredClip(name, clip.start_s, clip.end_s, clip.title, clip.score, kept)


def choice(*clips: ScoredClip, runners: tuple[ScoredClip, ...] = ()) -> ScoredClips:
    return ScoredClips("2", clips, runners, ((10.0, 40.0), (20.0, 70.0), (60.0, 20.0)))


def test_the_same_choice_changes_nothing():
    clips = (scored(0, 30, 80), scored(50, 80, 60))
    changes = reconcile([stored("a", clips[0], True), stored("b", clips[1])], choice(*clips))
    assert (changes.added, changes.changed, changes.retired) == ((), (), ())
    assert set(changes.same) == {"a", "b"}


def test_a_rendered_clip_keeps_its_bounds_and_takes_the_new_score():
    old = scored(10, 40, 70, "mine")
    changes = reconcile([stored("a", old, True)], choice(scored(12, 45, 90, "theirs"), scored(100, 130, 50)))
    (change,) = changes.changed
    assert (change.id, change.old_score, change.clip.score) == ("a", 70, 90)
    assert (change.clip.start_s, change.clip.end_s, change.clip.title) == (10, 40, "mine")
    assert [clip.start_s for clip in changes.added] == [100]
    assert changes.retired == ()


def test_an_edited_clip_that_nothing_matches_stays():
    changes = reconcile([stored("a", scored(10, 40, 70), True)], choice(scored(100, 130, 50)))
    assert changes.same == ("a",)
    assert changes.retired == ()


def test_a_runner_up_gives_a_kept_clip_its_new_score():
    loser = scored(10, 40, 30, lost_to="below the line")
    changes = reconcile([stored("a", scored(10, 40, 70), True)], choice(runners=(loser,)))
    assert changes.changed[0].clip.score == 30
    assert changes.changed[0].clip.lost_to is None


def test_others_move_or_go():
    old = [stored("a", scored(0, 30, 80)), stored("b", scored(50, 80, 60)), stored("c", scored(200, 230, 40))]
    changes = reconcile(old, choice(scored(2, 33, 85), scored(300, 330, 70)))
    assert [c.id for c in changes.changed] == ["a"]
    assert (changes.changed[0].clip.start_s, changes.changed[0].clip.end_s) == (2, 33)
    assert changes.retired == ("b", "c")
    assert [clip.start_s for clip in changes.added] == [300]


def test_applied_once_there_is_nothing_left_to_do():
    new = choice(scored(2, 33, 85), scored(48, 79, 70), scored(300, 330, 70))
    old = [stored("a", scored(0, 30, 80), True), stored("b", scored(50, 80, 60)), stored("c", scored(200, 230, 40))]
    changes = reconcile(old, new)
    after = {clip.id: clip for clip in old if clip.id not in changes.retired}
    for change in changes.changed:
        after[change.id] = stored(change.id, change.clip, after[change.id].kept)
    after |= {f"new{i}": stored(f"new{i}", clip) for i, clip in enumerate(changes.added)}
    again = reconcile(list(after.values()), new)
    assert (again.added, again.changed, again.retired) == ((), (), ())


def test_a_kept_clip_is_not_offered_twice():
    changes = reconcile([stored("a", scored(0, 30, 80), True)], choice(scored(20, 55, 90)))
    assert changes.added == ()


def test_pictures_and_tables():
    one = choice(scored(10, 30, 70, "A | title"), runners=(scored(50, 65, 20, "b", "scores 20, below the line of 45"),))
    assert score_curve(one).startswith(b"\x89PNG")
    assert score_curve(one) == score_curve(one)
    table = candidates_table(one).splitlines()
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "below the line" in table[-1]
    assert score_curve(msgspec.structs.replace(one, clips=(), runners_up=(), curve=())).startswith(b"\x89PNG")
