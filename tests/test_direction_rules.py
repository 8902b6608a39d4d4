"""What the director promises of each scene: still where it can be, cut and not pan, nobody lost, fallbacks said."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import msgspec
from pytest import approx

from carmic_assets.direction.crop_sampling import crop_at, shot_at
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.measures import boxes_by_time, holds, measure
from carmic_assets.direction.scene_summary import clip_shots
from carmic_assets.model.direction import CANVAS, Box
from carmic_assets.model.template import LayoutConfig, TemplateConfig
from direction_scenes import ASPECTS, at, said, scene_of

PAIR = [at(0.28), at(0.71)]


def config(**layout) -> TemplateConfig:
    return TemplateConfig(layout=LayoutConfig(**layout))


def keyframe_counts(shots) -> list[int]:
    return [len(region.keyframes) for shot in shots for region in shot.regions]


def test_a_person_who_sits_is_a_still_picture():
    sways = [lambda t: (0.5 + 0.03 * math.sin(t), 0.4 + 0.02 * math.sin(1.3 * t))]
    for aspect in ASPECTS:
        shots = direct(scene_of(sways, 30, said((0, 30, "A"))), aspect)
        assert keyframe_counts(shots) == [1], aspect


def test_a_handheld_or_slowly_drifting_camera_moves_no_crop():
    shaken = [lambda t: (0.5 + 0.015 * math.sin(2.1 * t) + 0.008 * math.sin(5.3 * t) + 0.002 * t, 0.4)]
    assert keyframe_counts(direct(scene_of(shaken, 12), "9:16")) == [1]


def test_a_jump_of_the_detector_moves_no_crop():
    jumps = [lambda t: (0.9, 0.8) if t in (4.0, 4.2, 9.0) else (0.3, 0.4)]
    (shot,) = direct(scene_of(jumps, 12), "9:16")
    (region,) = shot.regions
    assert len(region.keyframes) == 1 and abs(region.keyframes[0].x + region.keyframes[0].w / 2 - 0.3) < 0.03


def test_a_person_who_walks_is_followed_in_one_sweep():
    scene = scene_of([lambda t: (0.15 + 0.07 * t, 0.4)], 10)
    shots = direct(scene, "9:16")
    metrics = measure(shots, scene)
    assert metrics.wall_frames == 0 and metrics.reversals_per_s == 0
    assert max(keyframe_counts(shots)) <= 10
    assert all(any(holds(c, f[1]) for c in crop_at(shots, t)) for t, f in boxes_by_time(scene, 0, 10))


def test_a_person_who_changes_seats_is_at_rest_before_and_after():
    scene = scene_of([lambda t: (0.2 + 0.5 * min(max((t - 8) / 2, 0), 1), 0.4)], 20)
    (shot,) = direct(scene, "9:16")
    frames = shot.regions[0].keyframes
    assert frames[0].t > 6.5 and frames[-1].t < 12, "still until the walk and after it"
    assert all(b.x >= a.x for a, b in pairwise(frames))


def test_pacing_to_and_fro_is_shown_whole_and_says_so():
    (shot,) = direct(scene_of([lambda t: (0.5 + 0.3 * math.sin(2 * t), 0.4)], 20), "9:16")
    assert shot.layout == "fit" and "to and fro" in shot.reason


def test_two_speakers_are_cut_between_not_panned_and_the_cut_comes_before_the_word():
    scene = scene_of(PAIR, 20, said((0.5, 5, "A"), (5.6, 11, "B"), (11.5, 20, "A")))
    shots = direct(scene, "9:16")
    assert [shot.regions[0].subject for shot in shots] == ["A", "B", "A"]
    assert set(keyframe_counts(shots)) == {1}
    for shot, word in zip(shots[1:], (5.6, 11.5), strict=True):
        assert word - 0.35 <= shot.start_time < word
    assert shots[0].regions[0].keyframes[0].x == shots[2].regions[0].keyframes[0].x, "back to the very same picture"
    assert measure(shots, scene).active_speaker_in_frame == 1


def test_a_short_word_between_is_not_worth_a_cut_and_the_reason_says_so():
    scene = scene_of(PAIR, 20, said((0.5, 8, "A"), (8.2, 8.6, "B"), (8.9, 20, "A")))
    (shot,) = direct(scene, "9:16")
    assert shot.speaker == "A" and "B" in shot.reason


def test_no_view_is_shorter_than_a_second_unless_the_source_cuts():
    quick = said(*((k * 0.7 + 0.1, k * 0.7 + 0.65, "AB"[k % 2]) for k in range(28)))
    for aspect in ASPECTS:
        assert all(s.end_time - s.start_time >= 1 - 1e-6 for s in direct(scene_of(PAIR, 20, quick), aspect))


def test_a_quick_exchange_is_split_and_neither_half_shows_the_other():
    quick = said(*((k * 1.2 + 0.1, k * 1.2 + 1.1, "AB"[k % 2]) for k in range(16)))
    scene = scene_of(PAIR, 20, quick)
    shots = direct(scene, "9:16")
    split = max(shots, key=lambda s: s.end_time - s.start_time)
    assert split.layout == "split" and split.end_time - split.start_time > 15 and "A and B" in split.reason
    top, bottom = (region.keyframes[0] for region in split.regions)
    assert top.x + top.w <= bottom.x + 1e-6, "A, on the left, is on top, and the crops do not overlap"
    assert measure(shots, scene).active_speaker_in_frame > 0.98


def test_no_split_for_one_who_never_speaks_or_for_small_or_near_faces():
    quick = said(*((k * 1.2 + 0.1, k * 1.2 + 1.1, "AB"[k % 2]) for k in range(16)))
    monologue = said((0.5, 20, "A"))
    for scene in (
        scene_of(PAIR, 20, monologue),
        scene_of(PAIR, 20, quick, face=0.04),
        scene_of([at(0.45), at(0.57)], 20, quick),
    ):
        assert "split" not in {shot.layout for shot in direct(scene, "9:16")}


def test_two_who_fit_into_one_frame_stay_together():
    scene = scene_of([at(0.44), at(0.56)], 20, said((0.5, 8, "A"), (9, 20, "B")), face=0.14)
    (shot,) = direct(scene, "9:16")
    assert shot.layout == "face-track" and "one frame" in shot.reason
    assert measure((shot,), scene).active_speaker_in_frame == 1


def test_the_eyes_are_near_the_upper_third_where_the_frame_allows_it():
    for y in (0.3, 0.5, 0.6):
        scene = scene_of([at(0.5, y)], 10, said((0, 10, "A")), size=(3840, 2160), face=0.12)
        crop = direct(scene, "9:16")[0].regions[0].keyframes[0]
        eyes = (y - 0.06 + 0.4 * 0.12 - crop.y) / crop.h
        assert 0.2 < eyes < 0.47, (y, eyes)


def test_no_zoom_blows_the_picture_up_beyond_its_limit():
    for size in ((1280, 720), (1920, 1080), (3840, 2160)):
        crop = direct(scene_of([at(0.5)], 10, face=0.05, size=size), "9:16")[0].regions[0].keyframes[0]
        assert crop.h > 0.999 or 1920 / (crop.h * size[1]) <= 2.5 + 1e-6


def test_speech_off_screen_stays_on_who_is_there_and_says_so():
    (shot,) = direct(scene_of([at(0.5)], 10, said((1, 9, "B"))), "9:16")
    assert shot.layout == "face-track" and shot.speaker == "B" and shot.regions[0].subject == "A"
    assert "off screen" in shot.reason


def test_nobody_at_all_is_the_whole_picture_not_a_wall():
    for cuts in ((), (3.0, 6.0)):
        shots = direct(scene_of([], 10, said((1, 9, "A")), cuts), "9:16")
        assert len(shots) == len(cuts) + 1
        assert all(s.layout == "fit" and not s.regions and "Nobody was found" in s.reason for s in shots)


def test_somebody_who_leaves_is_not_waited_for_in_front_of_a_wall():
    places = [lambda t: (0.25, 0.4) if t < 8 else None, lambda t: (0.75, 0.4) if t > 9 else None]
    scene = scene_of(places, 20, said((0.5, 20, "C")))
    for aspect in ASPECTS:
        assert measure(direct(scene, aspect), scene).wall_frames == 0, aspect


def test_two_who_cross_are_both_followed_by_name():
    scene = scene_of([lambda t: (0.2 + 0.06 * t, 0.4), lambda t: (0.8 - 0.06 * t, 0.4)], 10, said((0, 10, "B")))
    shots = direct(scene, "9:16")
    metrics = measure(shots, scene)
    assert metrics.active_speaker_in_frame >= 0.98 and metrics.wall_frames == 0 and metrics.reversals_per_s == 0


def test_three_in_a_row_each_get_their_picture():
    scene = scene_of([at(0.19), at(0.5), at(0.81)], 20, said((0.5, 6, "A"), (6.5, 13, "B"), (13.5, 20, "C")))
    shots = direct(scene, "9:16")
    assert [s.regions[0].subject for s in shots] == ["A", "B", "C"]


def test_a_clip_that_starts_just_before_a_cut_still_knows_who_is_there():
    """Regression: two frames before a cut hold no detection of their own, and flashed up as the whole picture."""
    scene = scene_of([at(0.5)], 20, said((0, 20, "A")), cuts=(10.0,))
    shots = direct_clip(scene, 9.92, 15.0, TemplateConfig())
    assert [s.layout for s in shots] == ["face-track", "face-track"] and shots[0].end_time == 0.08


def test_a_dissolve_breaks_the_crop_in_its_middle_like_a_cut_and_is_none_for_the_client():
    """The same person elsewhere in the next picture: the crop swept over, or stayed with the picture that was gone."""
    moves = [lambda t: (0.3, 0.4) if t < 5 else (0.7, 0.4)]
    scene = msgspec.structs.replace(scene_of(moves, 10, said((0, 10, "A"))), dissolves_s=(5.0,))
    first, second = direct(scene, "9:16")
    assert first.end_time == 5.0 and keyframe_counts((first, second)) == [1, 1]
    assert measure((first, second), scene).active_speaker_in_frame == 1
    assert [shot.end_time for shot in clip_shots(scene, 0.0, 10.0)] == [10.0]


def test_a_flash_between_two_shots_keeps_the_crop():
    hidden = [lambda t: (0.4, 0.4) if not 4.9 < t < 5.3 else None]
    shots = direct(scene_of(hidden, 10, cuts=(5.0, 5.2)), "9:16")
    assert [s.layout for s in shots] == ["face-track"] * 3 and "Too short" in shots[1].reason


def test_no_crop_shows_the_bars_of_a_letterboxed_source():
    letterbox, pillarbox = Box(0, 0.125, 1, 0.75), Box(0.342, 0, 0.3164, 1)
    talk = msgspec.structs.replace(scene_of(PAIR, 20, said((0, 8, "A"), (8.5, 20, "B"))), picture=letterbox)
    for aspect in ("9:16", "1:1", "4:5"):
        width, height = CANVAS[aspect]
        shots = direct(talk, aspect)
        assert [shot.layout for shot in shots] == ["face-track"] * 2
        for k in (k for shot in shots for region in shot.regions for k in region.keyframes):
            assert k.y >= 0.125 - 1e-9 and k.y + k.h <= 0.875 + 1e-9
            assert k.w * 1920 / (k.h * 1080) == approx(width / height, rel=0.005)
        assert measure(shots, talk).active_speaker_in_frame == 1
    phone = msgspec.structs.replace(scene_of([at(0.45)], 10, said((0, 10, "A"))), picture=pillarbox)
    (shot,) = direct(phone, "9:16")
    (crop,) = shot.regions[0].keyframes
    assert (crop.x, crop.w, crop.h) == approx((0.342, 0.3164, 1), abs=0.005), "the phone's own picture, whole"
    (shot,) = direct(talk, "16:9")
    assert shot.regions[0].keyframes[0].h == 1, "a source of the clip's own shape stays as it is"


def test_odd_sources():
    wide_talk = said((0, 10, "A"))
    for size in ((1080, 1920), (1000, 1000), (640, 480), (321, 241)):
        for aspect in ASPECTS:
            scene = scene_of([at(0.5)], 10, wide_talk, size=size, face=0.15)
            shots = direct(scene, aspect)
            assert measure(shots, scene).active_speaker_in_frame == 1, (size, aspect)
            assert [s.layout for s in shots] == ["face-track"], (size, aspect)
    scene = scene_of([at(0.5)], 10, wide_talk, size=(1080, 1920), face=0.4)
    (shot,) = direct(scene, "16:9")
    assert shot.layout == "fit" and "too large" in shot.reason, "a face that no such crop holds is shown whole"


def test_the_same_shape_is_shown_whole():
    (shot,) = direct(scene_of(PAIR, 10, said((0, 5, "A"), (5, 10, "B"))), "16:9")
    frame = shot.regions[0].keyframes[0]
    assert (frame.x, frame.y, frame.w, frame.h) == (0, 0, 1, 1)


def test_switching_off_stays_on_the_main_person_of_each_shot():
    scene = scene_of(PAIR, 30, said((0.5, 4, "A"), (4.5, 14, "B"), (15.5, 26, "A"), (26.5, 30, "B")), cuts=(15.0,))
    shots = direct_clip(scene, 0, 30, config(ai_speaker_switch=False))
    assert [s.regions[0].subject for s in shots] == ["B", "A"]
    assert all("off" in s.reason for s in shots)


def test_split_asked_for_is_given_wherever_two_are_there():
    left_then_both = [at(0.28), lambda t: (0.71, 0.4) if t >= 10 else None]
    scene = scene_of(left_then_both, 20, said((0, 20, "A")), cuts=(10.0,))
    one, two = direct_clip(scene, 0, 20, config(layout_type="split", split_top_speaker="B"))
    assert one.layout == "face-track" and "split was asked for" in one.reason
    assert two.layout == "split" and [r.subject for r in two.regions] == ["B", "A"]


def test_fit_asked_for_is_fit():
    shots = direct_clip(scene_of(PAIR, 10, cuts=(5.0,)), 0, 10, config(layout_type="fit"))
    assert [(s.layout, s.start_time) for s in shots] == [("fit", 0), ("fit", 5)]


def test_a_minute_is_directed_in_thirty_milliseconds_and_an_hour_in_three_seconds():
    turns = said(*((k * 3 + 0.3, k * 3 + 2.8, "AB"[(k // 2) % 2]) for k in range(1200)))
    scene = scene_of(PAIR, 3600, turns, cuts=[k * 7.0 for k in range(1, 500) if k % 4])
    direct_clip(scene, 0, 60, TemplateConfig())
    began = time.process_time()
    direct_clip(scene, 1800, 1860, TemplateConfig())
    minute = time.process_time() - began
    began = time.process_time()
    for aspect in ASPECTS:
        direct(scene, aspect)
    hour = time.process_time() - began
    assert minute < 0.06 and hour < 6, "twice the budget: machines differ"


def test_a_long_shot_without_cuts_is_directed_as_well():
    turns = said(*((k * 4 + 0.3, k * 4 + 3.8, "AB"[k % 2]) for k in range(150)))
    scene = scene_of(PAIR, 600, turns)
    shots = direct(scene, "9:16")
    assert measure(shots, scene).active_speaker_in_frame > 0.99
    assert shot_at(shots, 301).layout == "face-track"


def test_somebody_the_detector_loses_for_seconds_is_still_there():
    """Regression: a face lost for 2 s and found in the same place was thought gone, and the listener was shown."""
    scene = scene_of(
        [at(0.28), lambda t: (0.71, 0.4) if not 6 < t < 9 else None], 20, said((0.5, 5, "A"), (5.5, 20, "B"))
    )
    assert [s.regions[0].subject for s in direct(scene, "9:16")] == ["A", "B"]
