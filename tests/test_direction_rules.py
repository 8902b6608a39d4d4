"""The director's rules: still crops if possible, cuts instead of pans, speakers in frame, reasons for fallbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
from pytest import approx

from carmic_assets.direction.crop_metrics import contains_face, group_boxes_by_time, measure_crops
from carmic_assets.direction.crop_sampling import find_shot, sample_crops
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.scene_summary import build_clip_shots
from carmic_assets.model.direction import CANVAS_SIZES, Box, LayoutShot
from carmic_assets.model.template import LayoutConfig, TemplateConfig
from direction_scenes import ASPECTS, make_scene, make_turns, sit_at

PAIR = [sit_at(0.28), sit_at(0.71)]


def make_config(**layout: Any) -> TemplateConfig:  # noqa: ANN401 - any field of LayoutConfig
    return TemplateConfig(layout=LayoutConfig(**layout))


def count_keyframes(shots: Iterable[LayoutShot]) -> list[int]:
    return [len(region.keyframes) for shot in shots for region in shot.regions]


def test_the_crop_of_a_seated_person_is_still() -> None:
    swaying = [lambda t: (0.5 + 0.03 * math.sin(t), 0.4 + 0.02 * math.sin(1.3 * t))]
    for aspect in ASPECTS:
        shots = direct(make_scene(swaying, 30, make_turns((0, 30, "A"))), aspect)
        assert count_keyframes(shots) == [1], aspect


def test_a_handheld_or_drifting_camera_does_not_move_the_crop() -> None:
    shaking = [lambda t: (0.5 + 0.015 * math.sin(2.1 * t) + 0.008 * math.sin(5.3 * t) + 0.002 * t, 0.4)]
    assert count_keyframes(direct(make_scene(shaking, 12), "9:16")) == [1]


def test_a_jump_of_the_detector_does_not_move_the_crop() -> None:
    jumping = [lambda t: (0.9, 0.8) if t in (4.0, 4.2, 9.0) else (0.3, 0.4)]
    (shot,) = direct(make_scene(jumping, 12), "9:16")
    (region,) = shot.regions
    assert len(region.keyframes) == 1 and abs(region.keyframes[0].x + region.keyframes[0].w / 2 - 0.3) < 0.03


def test_a_walking_person_is_followed_in_one_move() -> None:
    scene = make_scene([lambda t: (0.15 + 0.07 * t, 0.4)], 10)
    shots = direct(scene, "9:16")
    metrics = measure_crops(shots, scene)
    assert metrics.wall_frames == 0 and metrics.reversals_per_s == 0
    assert max(count_keyframes(shots)) <= 10
    assert all(
        any(contains_face(crop, boxes[1]) for crop in sample_crops(shots, t))
        for t, boxes in group_boxes_by_time(scene, 0, 10)
    )


def test_the_crop_rests_before_and_after_a_change_of_seats() -> None:
    scene = make_scene([lambda t: (0.2 + 0.5 * min(max((t - 8) / 2, 0), 1), 0.4)], 20)
    (shot,) = direct(scene, "9:16")
    keyframes = shot.regions[0].keyframes
    assert keyframes[0].t > 6.5 and keyframes[-1].t < 12, "still until the move and after it"
    assert all(b.x >= a.x for a, b in pairwise(keyframes))


def test_pacing_back_and_forth_is_shown_in_full_and_the_reason_tells() -> None:
    (shot,) = direct(make_scene([lambda t: (0.5 + 0.3 * math.sin(2 * t), 0.4)], 20), "9:16")
    assert shot.layout == "fit" and "back and forth" in shot.reason


def test_two_speakers_are_cut_not_panned_and_the_cut_precedes_the_first_word() -> None:
    scene = make_scene(PAIR, 20, make_turns((0.5, 5, "A"), (5.6, 11, "B"), (11.5, 20, "A")))
    shots = direct(scene, "9:16")
    assert [shot.regions[0].subject for shot in shots] == ["A", "B", "A"]
    assert set(count_keyframes(shots)) == {1}
    for shot, word_start_s in zip(shots[1:], (5.6, 11.5), strict=True):
        assert word_start_s - 0.35 <= shot.start_time < word_start_s
    assert shots[0].regions[0].keyframes[0].x == shots[2].regions[0].keyframes[0].x, "the same crop as before"
    assert measure_crops(shots, scene).active_speaker_in_frame == 1


def test_a_brief_interjection_causes_no_cut_and_the_reason_tells() -> None:
    scene = make_scene(PAIR, 20, make_turns((0.5, 8, "A"), (8.2, 8.6, "B"), (8.9, 20, "A")))
    (shot,) = direct(scene, "9:16")
    assert shot.speaker == "A" and "B" in shot.reason


def test_every_view_lasts_a_second_unless_the_source_cuts() -> None:
    quick = make_turns(*((k * 0.7 + 0.1, k * 0.7 + 0.65, "AB"[k % 2]) for k in range(28)))
    for aspect in ASPECTS:
        assert all(s.end_time - s.start_time >= 1 - 1e-6 for s in direct(make_scene(PAIR, 20, quick), aspect))


def test_a_quick_exchange_is_split_and_neither_half_shows_the_other_person() -> None:
    quick = make_turns(*((k * 1.2 + 0.1, k * 1.2 + 1.1, "AB"[k % 2]) for k in range(16)))
    scene = make_scene(PAIR, 20, quick)
    shots = direct(scene, "9:16")
    split = max(shots, key=lambda shot: shot.end_time - shot.start_time)
    assert split.layout == "split" and split.end_time - split.start_time > 15 and "A and B" in split.reason
    top, bottom = (region.keyframes[0] for region in split.regions)
    assert top.x + top.w <= bottom.x + 1e-6, "A, on the left, is on top, and the crops do not overlap"
    assert measure_crops(shots, scene).active_speaker_in_frame > 0.98


def test_no_split_with_a_silent_person_or_with_small_or_close_faces() -> None:
    quick = make_turns(*((k * 1.2 + 0.1, k * 1.2 + 1.1, "AB"[k % 2]) for k in range(16)))
    monologue = make_turns((0.5, 20, "A"))
    for scene in (
        make_scene(PAIR, 20, monologue),
        make_scene(PAIR, 20, quick, face=0.04),
        make_scene([sit_at(0.45), sit_at(0.57)], 20, quick),
    ):
        assert "split" not in {shot.layout for shot in direct(scene, "9:16")}


def test_two_people_who_fit_into_one_crop_stay_together() -> None:
    scene = make_scene([sit_at(0.44), sit_at(0.56)], 20, make_turns((0.5, 8, "A"), (9, 20, "B")), face=0.14)
    (shot,) = direct(scene, "9:16")
    assert shot.layout == "face-track" and "one crop" in shot.reason
    assert measure_crops((shot,), scene).active_speaker_in_frame == 1


def test_the_eyes_are_near_the_upper_third_where_the_frame_allows_it() -> None:
    for y in (0.3, 0.5, 0.6):
        scene = make_scene([sit_at(0.5, y)], 10, make_turns((0, 10, "A")), size=(3840, 2160), face=0.12)
        crop = direct(scene, "9:16")[0].regions[0].keyframes[0]
        eyes = (y - 0.06 + 0.4 * 0.12 - crop.y) / crop.h
        assert 0.2 < eyes < 0.47, (y, eyes)


def test_zoom_stays_within_the_upscale_limit() -> None:
    for size in ((1280, 720), (1920, 1080), (3840, 2160)):
        crop = direct(make_scene([sit_at(0.5)], 10, face=0.05, size=size), "9:16")[0].regions[0].keyframes[0]
        assert crop.h > 0.999 or 1920 / (crop.h * size[1]) <= 2.5 + 1e-6


def test_off_screen_speech_keeps_the_crop_and_the_reason_tells() -> None:
    (shot,) = direct(make_scene([sit_at(0.5)], 10, make_turns((1, 9, "B"))), "9:16")
    assert shot.layout == "face-track" and shot.speaker == "B" and shot.regions[0].subject == "A"
    assert "off screen" in shot.reason


def test_a_scene_without_people_is_shown_in_full() -> None:
    for cuts in ((), (3.0, 6.0)):
        shots = direct(make_scene([], 10, make_turns((1, 9, "A")), cuts), "9:16")
        assert len(shots) == len(cuts) + 1
        assert all(s.layout == "fit" and not s.regions and "Nobody was detected" in s.reason for s in shots)


def test_the_crop_does_not_wait_for_somebody_who_left() -> None:
    places = [lambda t: (0.25, 0.4) if t < 8 else None, lambda t: (0.75, 0.4) if t > 9 else None]
    scene = make_scene(places, 20, make_turns((0.5, 20, "C")))
    for aspect in ASPECTS:
        assert measure_crops(direct(scene, aspect), scene).wall_frames == 0, aspect


def test_the_speaker_is_followed_while_two_people_cross() -> None:
    scene = make_scene([lambda t: (0.2 + 0.06 * t, 0.4), lambda t: (0.8 - 0.06 * t, 0.4)], 10, make_turns((0, 10, "B")))
    shots = direct(scene, "9:16")
    metrics = measure_crops(shots, scene)
    assert metrics.active_speaker_in_frame >= 0.98 and metrics.wall_frames == 0 and metrics.reversals_per_s == 0


def test_each_of_three_people_gets_a_crop() -> None:
    turns = make_turns((0.5, 6, "A"), (6.5, 13, "B"), (13.5, 20, "C"))
    scene = make_scene([sit_at(0.19), sit_at(0.5), sit_at(0.81)], 20, turns)
    shots = direct(scene, "9:16")
    assert [s.regions[0].subject for s in shots] == ["A", "B", "C"]


def test_a_clip_that_starts_just_before_a_cut_uses_detections_before_it() -> None:
    """The two frames before the cut have no detection, so detections before the clip are needed."""
    scene = make_scene([sit_at(0.5)], 20, make_turns((0, 20, "A")), cuts=(10.0,))
    shots = direct_clip(scene, 9.92, 15.0, TemplateConfig())
    assert [s.layout for s in shots] == ["face-track", "face-track"] and shots[0].end_time == 0.08


def test_a_dissolve_starts_a_new_crop_and_is_no_cut_in_the_api() -> None:
    """The crop neither moves across the dissolve nor stays at the position of the person in the old shot."""
    displaced = [lambda t: (0.3, 0.4) if t < 5 else (0.7, 0.4)]
    scene = msgspec.structs.replace(make_scene(displaced, 10, make_turns((0, 10, "A"))), dissolves_s=(5.0,))
    first, second = direct(scene, "9:16")
    assert first.end_time == 5.0 and count_keyframes((first, second)) == [1, 1]
    assert measure_crops((first, second), scene).active_speaker_in_frame == 1
    assert [shot.end_time for shot in build_clip_shots(scene, 0.0, 10.0)] == [10.0]


def test_a_very_short_shot_without_people_keeps_the_crop() -> None:
    partly_hidden = [lambda t: (0.4, 0.4) if not 4.9 < t < 5.3 else None]
    shots = direct(make_scene(partly_hidden, 10, cuts=(5.0, 5.2)), "9:16")
    assert [s.layout for s in shots] == ["face-track"] * 3 and "Too short" in shots[1].reason


def test_crops_exclude_the_bars_of_a_letterboxed_source() -> None:
    letterbox, pillarbox = Box(0, 0.125, 1, 0.75), Box(0.342, 0, 0.3164, 1)
    talk = msgspec.structs.replace(make_scene(PAIR, 20, make_turns((0, 8, "A"), (8.5, 20, "B"))), picture=letterbox)
    for aspect in ("9:16", "1:1", "4:5"):
        width, height = CANVAS_SIZES[aspect]
        shots = direct(talk, aspect)
        assert [shot.layout for shot in shots] == ["face-track"] * 2
        for k in (k for shot in shots for region in shot.regions for k in region.keyframes):
            assert k.y >= 0.125 - 1e-9 and k.y + k.h <= 0.875 + 1e-9
            assert k.w * 1920 / (k.h * 1080) == approx(width / height, rel=0.005)
        assert measure_crops(shots, talk).active_speaker_in_frame == 1
    phone = msgspec.structs.replace(make_scene([sit_at(0.45)], 10, make_turns((0, 10, "A"))), picture=pillarbox)
    (shot,) = direct(phone, "9:16")
    (crop,) = shot.regions[0].keyframes
    assert (crop.x, crop.w, crop.h) == approx((0.342, 0.3164, 1), abs=0.005), "all of the active picture"
    (shot,) = direct(talk, "16:9")
    assert shot.regions[0].keyframes[0].h == 1, "a source with the aspect ratio of the clip stays as it is"


def test_unusual_source_sizes() -> None:
    turns = make_turns((0, 10, "A"))
    for size in ((1080, 1920), (1000, 1000), (640, 480), (321, 241)):
        for aspect in ASPECTS:
            scene = make_scene([sit_at(0.5)], 10, turns, size=size, face=0.15)
            shots = direct(scene, aspect)
            assert measure_crops(shots, scene).active_speaker_in_frame == 1, (size, aspect)
            assert [s.layout for s in shots] == ["face-track"], (size, aspect)
    scene = make_scene([sit_at(0.5)], 10, turns, size=(1080, 1920), face=0.4)
    (shot,) = direct(scene, "16:9")
    assert shot.layout == "fit" and "too large" in shot.reason, "a face larger than the crop is shown in full"


def test_a_source_with_the_aspect_ratio_of_the_clip_is_shown_in_full() -> None:
    (shot,) = direct(make_scene(PAIR, 10, make_turns((0, 5, "A"), (5, 10, "B"))), "16:9")
    crop = shot.regions[0].keyframes[0]
    assert (crop.x, crop.y, crop.w, crop.h) == (0, 0, 1, 1)


def test_without_speaker_switching_the_crop_stays_on_the_main_person_of_each_shot() -> None:
    turns = make_turns((0.5, 4, "A"), (4.5, 14, "B"), (15.5, 26, "A"), (26.5, 30, "B"))
    scene = make_scene(PAIR, 30, turns, cuts=(15.0,))
    shots = direct_clip(scene, 0, 30, make_config(ai_speaker_switch=False))
    assert [s.regions[0].subject for s in shots] == ["B", "A"]
    assert all("off" in s.reason for s in shots)


def test_layout_split_splits_wherever_two_people_are_in_view() -> None:
    left_then_both = [sit_at(0.28), lambda t: (0.71, 0.4) if t >= 10 else None]
    scene = make_scene(left_then_both, 20, make_turns((0, 20, "A")), cuts=(10.0,))
    single, split = direct_clip(scene, 0, 20, make_config(layout_type="split", split_top_speaker="B"))
    assert single.layout == "face-track" and "split was requested" in single.reason
    assert split.layout == "split" and [r.subject for r in split.regions] == ["B", "A"]


def test_layout_fit_shows_every_shot_in_full() -> None:
    shots = direct_clip(make_scene(PAIR, 10, cuts=(5.0,)), 0, 10, make_config(layout_type="fit"))
    assert [(s.layout, s.start_time) for s in shots] == [("fit", 0), ("fit", 5)]


def test_a_minute_takes_thirty_milliseconds_and_an_hour_three_seconds() -> None:
    turns = make_turns(*((k * 3 + 0.3, k * 3 + 2.8, "AB"[(k // 2) % 2]) for k in range(1200)))
    scene = make_scene(PAIR, 3600, turns, cuts=[k * 7.0 for k in range(1, 500) if k % 4])
    direct_clip(scene, 0, 60, TemplateConfig())
    started_s = time.process_time()
    direct_clip(scene, 1800, 1860, TemplateConfig())
    minute_s = time.process_time() - started_s
    started_s = time.process_time()
    for aspect in ASPECTS:
        direct(scene, aspect)
    hour_s = time.process_time() - started_s
    assert minute_s < 0.06 and hour_s < 6, "twice the budget, because machines differ"


def test_a_long_shot_without_cuts() -> None:
    turns = make_turns(*((k * 4 + 0.3, k * 4 + 3.8, "AB"[k % 2]) for k in range(150)))
    scene = make_scene(PAIR, 600, turns)
    shots = direct(scene, "9:16")
    assert measure_crops(shots, scene).active_speaker_in_frame > 0.99
    assert find_shot(shots, 301).layout == "face-track"


def test_a_person_lost_for_seconds_and_found_in_the_same_place_stays_in_view() -> None:
    """A gap in the detections of the speaker must not switch the crop to the listener."""
    scene = make_scene(
        [sit_at(0.28), lambda t: (0.71, 0.4) if not 6 < t < 9 else None], 20, make_turns((0.5, 5, "A"), (5.5, 20, "B"))
    )
    assert [s.regions[0].subject for s in direct(scene, "9:16")] == ["A", "B"]
