"""Properties of every timeline: contiguous, split at cuts, inside the frame, in the canvas' aspect ratio."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from carmic_assets.direction.canvas import place_regions
from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.direction.crop_sampling import sample_crops
from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.media import FrameRate
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Turn
from carmic_assets.model.template import LayoutConfig, TemplateConfig
from direction_scenes import ASPECTS, Place, make_scene

RATES = (FrameRate(25, 1), FrameRate(30000, 1001), FrameRate(24000, 1001), FrameRate(60, 1))
SIZES = ((1920, 1080), (1080, 1920), (720, 720), (3840, 2160), (321, 241), (640, 480))


def move(
    start: tuple[float, float], speed: float, swing: float, period_s: float, in_view: tuple[float, float]
) -> Place:
    """Return a place that drifts and swings from side to side, None outside the interval `in_view`."""

    def place(t: float) -> tuple[float, float] | None:
        if not in_view[0] <= t <= in_view[1]:
            return None
        return start[0] + speed * t + swing * (abs((t / period_s) % 2 - 1) - 0.5), start[1]

    return place


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    duration_s = draw(st.integers(2, 30))
    places = []
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(st.floats(0.05, 0.95)), draw(st.floats(0.2, 0.8))
        speed, swing = draw(st.floats(-0.05, 0.05)), draw(st.floats(0, 0.2))
        period_s = draw(st.floats(1, 12))
        places.append(move((x, y), speed, swing, period_s, (draw(st.floats(0, 10)), draw(st.floats(5, 40)))))
    turns, now_s = [], 0.0
    for gap_s, length_s, speaker in draw(
        st.lists(st.tuples(st.floats(0, 2), st.floats(0.2, 6), st.integers(0, 3)), max_size=12)
    ):
        now_s += gap_s
        track = speaker + 1 if speaker < len(places) else None
        turns.append(Turn(now_s, now_s + length_s, "ABCD"[speaker], track))
        now_s += length_s
    cuts = sorted(set(draw(st.lists(st.integers(1, duration_s * 25 - 1), max_size=6))))
    return make_scene(
        places,
        duration_s,
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


def assert_valid(
    shots: tuple[LayoutShot, ...], scene: Scene, start_s: float, duration_s: float, layout: LayoutConfig
) -> None:
    assert shots[0].start_time == 0 and abs(shots[-1].end_time - duration_s) < 1e-5
    assert all(a.end_time == b.start_time for a, b in pairwise(shots)), "contiguous"
    assert all(shot.end_time > shot.start_time for shot in shots)
    frame_s = Fraction(scene.rate.den, scene.rate.num)
    starts = {round(shot.start_time / frame_s) for shot in shots}
    cuts = {round((cut - start_s) / frame_s) for cut in scene.cuts_s if frame_s < cut - start_s < duration_s - frame_s}
    assert cuts <= starts, "split at every hard cut"
    for shot in shots:
        assert shot.reason.endswith("."), "a reason in a sentence"
        rects = place_regions(shot.layout, layout.aspect_ratio, layout.padding)
        assert len(shot.regions) == {"face-track": 1, "split": 2, "fit": 0}[shot.layout]
        for region, rect in zip(shot.regions, rects, strict=False):
            times = [k.t for k in region.keyframes]
            assert times and times == sorted(set(times))
            assert shot.start_time - 1e-9 <= times[0] and times[-1] <= shot.end_time + 1e-9
            assert all(abs(t - round(t / frame_s) * frame_s) < 2e-6 or t == shot.end_time for t in times), "on frames"
            for k in region.keyframes:
                assert k.x >= 0 and k.y >= 0 and k.x + k.w <= 1 + 1e-9 and k.y + k.h <= 1 + 1e-9, "inside the frame"
                assert abs(k.w * scene.width / (k.h * scene.height) - rect.w / rect.h) < 1e-9, (
                    "the canvas' aspect ratio"
                )
                assert (k.w, k.h) == (region.keyframes[0].w, region.keyframes[0].h), "no zoom within a shot"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(scenes(), configs, st.floats(0, 0.3), st.floats(0.6, 1))
def test_every_timeline_is_contiguous_and_inside_the_frame(
    scene: Scene, layout: LayoutConfig, first: float, last: float
) -> None:
    frame_s = scene.rate.den / scene.rate.num
    start_s = round(first * scene.end_s / frame_s) * frame_s
    end_s = max(last * scene.end_s, start_s + 1)
    shots = direct_clip(scene, start_s, end_s, TemplateConfig(layout=layout))
    assert_valid(shots, scene, start_s, end_s - start_s, layout)
    if layout.layout_type == "fit":
        assert {shot.layout for shot in shots} == {"fit"}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(scenes())
def test_a_video_is_directed_reproducibly_for_every_aspect(scene: Scene) -> None:
    for aspect in ASPECTS:
        shots = direct(scene, aspect)
        assert_valid(shots, scene, 0.0, scene.end_s, LayoutConfig(aspect_ratio=aspect))
        repeated = direct(msgspec.msgpack.decode(msgspec.msgpack.encode(scene), type=Scene), aspect)
        assert msgspec.json.encode(repeated) == msgspec.json.encode(shots)
        metrics = measure_crops(shots, scene)
        assert 0 <= metrics.subject_in_frame <= 1 and 0 <= metrics.active_speaker_in_frame <= 1


@settings(max_examples=50, deadline=None, derandomize=True)
@given(scenes())
def test_nothing_moves_across_a_cut(scene: Scene) -> None:
    """Crops on both sides of a cut come from their own shot, and no keyframe lies beyond it."""
    shots = direct(scene, "9:16")
    for before, shot in pairwise(shots):
        t = shot.start_time
        assert all(k.t <= t for region in before.regions for k in region.keyframes)
        assert all(k.t >= t for region in shot.regions for k in region.keyframes)
        assert sample_crops(shots, t) == sample_crops([shot], t)
        assert sample_crops(shots, t - 1e-6) == sample_crops([before], t - 1e-6)
