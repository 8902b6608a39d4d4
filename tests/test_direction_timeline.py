"""What every timeline keeps to, whatever the scene: contiguous, broken at cuts, inside the frame, in shape."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from carmic_assets.direction.canvas import region_rects
from carmic_assets.direction.crop_sampling import crop_at
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.measures import measure
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.media import Rate
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Turn
from carmic_assets.model.template import LayoutConfig, TemplateConfig
from direction_scenes import ASPECTS, scene_of

RATES = (Rate(25, 1), Rate(30000, 1001), Rate(24000, 1001), Rate(60, 1))
SIZES = ((1920, 1080), (1080, 1920), (720, 720), (3840, 2160), (321, 241), (640, 480))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    seconds = draw(st.integers(2, 30))
    places = []
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(st.floats(0.05, 0.95)), draw(st.floats(0.2, 0.8))
        dx, swing = draw(st.floats(-0.05, 0.05)), draw(st.floats(0, 0.2))
        period = draw(st.floats(1, 12))
        enters, leaves = draw(st.floats(0, 10)), draw(st.floats(5, 40))

        def place(t, x=x, y=y, dx=dx, swing=swing, period=period, enters=enters, leaves=leaves):
            if not enters <= t <= leaves:
                return None
            return x + dx * t + swing * (abs((t / period) % 2 - 1) - 0.5), y

        places.append(place)
    turns, now = [], 0.0
    for gap, length, who in draw(
        st.lists(st.tuples(st.floats(0, 2), st.floats(0.2, 6), st.integers(0, 3)), max_size=12)
    ):
        now += gap
        turns.append(Turn(now, now + length, "ABCD"[who], who + 1 if who < len(places) else None))
        now += length
    cuts = sorted(set(draw(st.lists(st.integers(1, seconds * 25 - 1), max_size=6))))
    return scene_of(
        places,
        seconds,
        turns,
        [c / 25 for c in cuts],
        draw(st.sampled_from(SIZES)),
        draw(st.floats(0.03, 0.5)),
        draw(st.sampled_from(RATES)),
        draw(st.floats(0, 0.02)),
        draw(st.integers(0, 9)),
    )


configs = st.builds(
    LayoutConfig,
    layout_type=st.sampled_from(("face-track", "split", "fit")),
    aspect_ratio=st.sampled_from(ASPECTS),
    padding=st.sampled_from((0, 0, 24, 400)),
    split_top_speaker=st.sampled_from(("A", "B", "Z")),
    ai_speaker_switch=st.booleans(),
)


def check(shots: tuple[LayoutShot, ...], scene: Scene, start_s: float, length: float, layout: LayoutConfig) -> None:
    assert shots[0].start_time == 0 and abs(shots[-1].end_time - length) < 1e-5
    assert all(a.end_time == b.start_time for a, b in pairwise(shots)), "contiguous"
    assert all(shot.end_time > shot.start_time for shot in shots)
    frame = Fraction(scene.rate.den, scene.rate.num)
    starts = {round(shot.start_time / frame) for shot in shots}
    cuts = {round((cut - start_s) / frame) for cut in scene.cuts_s if frame < cut - start_s < length - frame}
    assert cuts <= starts, "broken at every hard cut"
    for shot in shots:
        assert shot.reason.endswith("."), "a reason in a sentence"
        rects = region_rects(shot.layout, layout.aspect_ratio, layout.padding)
        assert len(shot.regions) == {"face-track": 1, "split": 2, "fit": 0}[shot.layout]
        for region, rect in zip(shot.regions, rects, strict=False):
            times = [k.t for k in region.keyframes]
            assert times and times == sorted(set(times))
            assert shot.start_time - 1e-9 <= times[0] and times[-1] <= shot.end_time + 1e-9
            assert all(abs(t - round(t / frame) * frame) < 2e-6 or t == shot.end_time for t in times), "on frames"
            for k in region.keyframes:
                assert k.x >= 0 and k.y >= 0 and k.x + k.w <= 1 + 1e-9 and k.y + k.h <= 1 + 1e-9, "inside the frame"
                assert abs(k.w * scene.width / (k.h * scene.height) - rect.w / rect.h) < 1e-9, "the canvas' shape"
                assert (k.w, k.h) == (region.keyframes[0].w, region.keyframes[0].h), "no zoom within a shot"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(scenes(), configs, st.floats(0, 0.3), st.floats(0.6, 1))
def test_every_timeline_is_contiguous_inside_the_frame_and_in_shape(scene, layout, first, last):
    frame = scene.rate.den / scene.rate.num
    start_s = round(first * scene.end_s / frame) * frame
    end_s = max(last * scene.end_s, start_s + 1)
    shots = direct_clip(scene, start_s, end_s, TemplateConfig(layout=layout))
    check(shots, scene, start_s, end_s - start_s, layout)
    if layout.layout_type == "fit":
        assert {shot.layout for shot in shots} == {"fit"}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(scenes())
def test_the_whole_video_is_directed_for_every_aspect_and_twice_the_same(scene):
    for aspect in ASPECTS:
        shots = direct(scene, aspect)
        check(shots, scene, 0.0, scene.end_s, LayoutConfig(aspect_ratio=aspect))
        again = direct(msgspec.msgpack.decode(msgspec.msgpack.encode(scene), type=Scene), aspect)
        assert msgspec.json.encode(again) == msgspec.json.encode(shots)
        metrics = measure(shots, scene)
        assert 0 <= metrics.subject_in_frame <= 1 and 0 <= metrics.active_speaker_in_frame <= 1


@settings(max_examples=50, deadline=None, derandomize=True)
@given(scenes())
def test_nothing_moves_across_a_cut(scene):
    """Within a frame on either side of a shot's start the crop is the shot's own, and no keyframe spans it."""
    shots = direct(scene, "9:16")
    for before, shot in pairwise(shots):
        t = shot.start_time
        assert all(k.t <= t for region in before.regions for k in region.keyframes)
        assert all(k.t >= t for region in shot.regions for k in region.keyframes)
        assert crop_at(shots, t) == crop_at([shot], t)
        assert crop_at(shots, t - 1e-6) == crop_at([before], t - 1e-6)
