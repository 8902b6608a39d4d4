"""The client's own shots: invalid ones are refused with a sentence, valid ones are followed exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carmic_assets.direction.canvas import fit_crop_shape, place_regions, reshape_crop
from carmic_assets.direction.crop_sampling import sample_crops
from carmic_assets.direction.director import direct_clip
from carmic_assets.direction.override import find_shots_problem
from carmic_assets.model.direction import Aspect, Box
from carmic_assets.model.template import LayoutConfig, ShotOverride, TemplateConfig
from direction_scenes import ASPECTS, make_scene, make_turns, sit_at

TALK = make_scene(
    [sit_at(0.28), sit_at(0.71)], 40, make_turns((0.5, 12, "A"), (12.5, 24, "B"), (24.5, 40, "A")), cuts=(16.0, 28.0)
)


Document = list[dict[str, Any]]


def parse_shots(document: Document) -> tuple[ShotOverride, ...]:
    return msgspec.convert(document, tuple[ShotOverride, ...])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([{"start_time": 0, "end_time": 5}, {"start_time": 5.5, "end_time": 10}], "gap"),
        ([{"start_time": 0, "end_time": 5}, {"start_time": 4.5, "end_time": 10}], "overlap"),
        ([{"start_time": 1, "end_time": 10}], "start at 0"),
        ([{"start_time": 0, "end_time": 9}], "end with the clip"),
        ([{"start_time": 0, "end_time": 11}], "end with the clip"),
        ([{"start_time": 0, "end_time": 0}, {"start_time": 0, "end_time": 10}], "not after its start"),
        ([{"start_time": 0, "end_time": 10, "crop": {"x": 0, "y": 0, "w": 0, "h": 1}}], "fractions"),
        ([{"start_time": 0, "end_time": 10, "crop": {"x": 300, "y": 0, "w": 400, "h": 700}}], "fractions"),
        (
            [{"start_time": 0, "end_time": 10, "layout": "split", "regions": [
                {"keyframes": [{"t": 0, "x": 0, "y": 0, "w": 0.5, "h": 0.5}]}]}],
            "2 region(s)",
        ),
        (
            [{"start_time": 0, "end_time": 10, "regions": [{"keyframes": [
                {"t": 2, "x": 0, "y": 0, "w": 0.5, "h": 0.5}, {"t": 1, "x": 0, "y": 0, "w": 0.5, "h": 0.5}]}]}],
            "increase",
        ),
    ],
)  # fmt: skip
def test_invalid_shots_are_refused_with_a_sentence(document: Document, words: str) -> None:
    sentence = find_shots_problem(parse_shots(document), 10.0)
    assert sentence is not None and words in sentence and sentence.endswith(".")


@pytest.mark.parametrize(
    "document",
    [
        [],
        [{"start_time": 0, "end_time": 10}],
        [{"start_time": 0, "end_time": 3.333}, {"start_time": 3.3333, "end_time": 9.98, "crop": None}],
        [{"start_time": 0, "end_time": 10, "layout": "fit", "regions": []}],
    ],
)
def test_valid_shots_pass(document: Document) -> None:
    assert find_shots_problem(parse_shots(document), 10.0) is None


def test_shots_with_neither_layout_nor_crop_follow_the_director() -> None:
    plain = TemplateConfig(shots=parse_shots([{"start_time": 0, "end_time": 30}]))
    assert direct_clip(TALK, 5, 35, plain) == direct_clip(TALK, 5, 35, TemplateConfig())


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_timeline_sent_back_as_shots_is_the_same_timeline(aspect: Aspect) -> None:
    """An editor may load `ai_suggested_layout_timeline` and save it as `shots`."""
    layout = LayoutConfig(aspect_ratio=aspect)
    shots = direct_clip(TALK, 5, 35, TemplateConfig(layout=layout))
    document = msgspec.json.decode(msgspec.json.encode(shots))
    overrides = parse_shots(document)
    assert find_shots_problem(overrides, 30.0) is None
    redirected = direct_clip(TALK, 5, 35, TemplateConfig(layout=layout, shots=overrides))
    assert [(s.start_time, s.end_time, s.layout) for s in redirected] == [
        (s.start_time, s.end_time, s.layout) for s in shots
    ]
    for t in (0.0, 4.2, 7.48, 7.52, 11.0, 29.9):
        for a, b in zip(sample_crops(redirected, t), sample_crops(shots, t), strict=True):
            assert max(abs(a.x - b.x), abs(a.y - b.y), abs(a.w - b.w), abs(a.h - b.h)) < 1e-9


def test_the_crop_of_one_shot_is_overridden_and_the_others_stay() -> None:
    crop = Box(0.6, 0.0, 0.31640625, 1.0)
    overrides = (ShotOverride(0, 10), ShotOverride(10, 20, crop=crop), ShotOverride(20, 30))
    shots = direct_clip(TALK, 5, 35, TemplateConfig(shots=overrides))
    directed = direct_clip(TALK, 5, 35, TemplateConfig())
    assert sample_crops(shots, 5) == sample_crops(directed, 5) and sample_crops(shots, 25) == sample_crops(directed, 25)
    assert all(sample_crops(shots, t) == (crop,) for t in (10.0, 15.0, 19.9))
    assert {s.start_time for s in shots} >= {0, 10, 11.0, 20, 23.0}, "still split at the cuts of the source"
    assert shots[0].start_time == 0 and shots[-1].end_time == 30
    assert all(a.end_time == b.start_time for a, b in pairwise(shots))


def test_a_shot_with_a_layout_is_directed_in_that_layout() -> None:
    overrides = (ShotOverride(0, 10, layout="fit"), ShotOverride(10, 20, layout="split"), ShotOverride(20, 30))
    shots = direct_clip(TALK, 5, 35, TemplateConfig(shots=overrides))
    assert {s.layout for s in shots if s.end_time <= 10} == {"fit"}
    assert {s.layout for s in shots if 10 <= s.start_time < 20} == {"split"}
    assert {s.layout for s in shots if s.start_time >= 20} == {"face-track"}


def test_edges_of_shots_move_to_the_nearest_frame() -> None:
    overrides = parse_shots(
        [{"start_time": 0, "end_time": 3.333, "layout": "fit"}, {"start_time": 3.333, "end_time": 30}]
    )
    shots = direct_clip(TALK, 5, 35, TemplateConfig(shots=overrides))
    assert shots[0].end_time == shots[1].start_time == 3.32


@settings(derandomize=True)
@given(
    st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from(ASPECTS),
    st.sampled_from(((1920, 1080), (1080, 1920), (640, 480), (321, 241))), st.sampled_from((0, 50, 400)),
)  # fmt: skip
def test_a_crop_is_reshaped_around_its_centre_inside_the_frame(
    x: float, y: float, w: float, h: float, aspect: str, size: tuple[int, int], padding: int
) -> None:
    (rect,) = place_regions("face-track", aspect, padding)
    shape = fit_crop_shape(rect, *size, 2.5)
    box = reshape_crop(Box(x, y, w, h), shape)
    assert box.x >= 0 and box.y >= 0 and box.x + box.w <= 1 + 1e-9 and box.y + box.h <= 1 + 1e-9
    assert abs(box.w * size[0] / (box.h * size[1]) - rect.w / rect.h) < 1e-9
    repeated = reshape_crop(box, shape)
    assert max(abs(repeated.x - box.x), abs(repeated.y - box.y), abs(repeated.w - box.w)) < 1e-9, "idempotent"
