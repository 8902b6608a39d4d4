"""New bounds of a clip: all times in its config keep their position in the source video and lie within the bounds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from carmic_assets.direction.override import find_shots_problem
from carmic_assets.model.clip_rebase import Bounds, rebase
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

DURATION_S = 30.0
OLD = Bounds(100.0, 100.0 + DURATION_S)
TOLERANCE_S = 1e-5

times = st.floats(0, DURATION_S, allow_nan=False).map(lambda t: round(t, 3))
new_bounds = st.tuples(st.floats(60, 135), st.floats(0.5, 60)).map(
    lambda b: Bounds(round(b[0], 3), round(b[0] + b[1], 3))
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document of a clip with the OLD bounds, with fields that this version does not know."""
    inner = sorted({time for time in draw(st.lists(times, max_size=6)) if 0.1 < time < DURATION_S - 0.1})
    edges = [0.0, *(a for a, b in pairwise([*inner, DURATION_S]) if b - a > 0.01), DURATION_S]
    shots = [
        {
            "start_time": a,
            "end_time": b,
            "regions": [{"subject": "A", "keyframes": [{"t": a, "x": 0.1, "y": 0, "w": 0.5, "h": 1}]}],
            "mood": "calm",
        }
        for a, b in pairwise(edges)
    ]
    spans = draw(st.lists(st.tuples(times, st.floats(0.05, 8)).map(lambda s: (s[0], round(s[1], 3))), max_size=5))
    inside = [(a, min(length, DURATION_S - a)) for a, length in spans if a < DURATION_S - 0.1]
    return {
        "shots": shots,
        "transcript": {"words": [{"word": f"w{k}", "start": a, "end": a + n} for k, (a, n) in enumerate(inside)]},
        "b_roll": [{"videoUrl": f"v{k}", "startTime": a, "duration": n} for k, (a, n) in enumerate(inside)],
        "elements": {"emojis": [{"emoji": f"e{k}", "startTime": a, "duration": n} for k, (a, n) in enumerate(inside)]},
        "cuts": [{"start": a, "end": a + n} for a, n in inside],
        "style": {"fontSize": 80},
        "future": {"start": 1},
    }


def source_spans(document: dict[str, Any], bounds: Bounds) -> dict[str, tuple[float, float]]:
    """The words, cutaways and emojis by name, as spans of the source."""
    spans = {word["word"]: (word["start"], word["end"]) for word in document["transcript"]["words"]}
    spans |= {c["videoUrl"]: (c["startTime"], c["startTime"] + c["duration"]) for c in document["b_roll"]}
    spans |= {e["emoji"]: (e["startTime"], e["startTime"] + e["duration"]) for e in document["elements"]["emojis"]}
    return {name: (a + bounds.start_s, b + bounds.start_s) for name, (a, b) in spans.items()}


@given(documents(), new_bounds)
def test_what_stays_keeps_its_place_in_the_talk(document: dict[str, Any], new: Bounds) -> None:
    before, after = source_spans(document, OLD), source_spans(rebase(document, OLD, new), new)
    for name, (start_s, end_s) in before.items():
        visible_s = min(end_s, new.end_s) - max(start_s, new.start_s)
        if name not in after:
            limit_s = (end_s - start_s) / 2 if name.startswith("w") else 0.003
            assert visible_s <= limit_s + TOLERANCE_S, f"{name} is dropped although it lies in the clip"
            continue
        assert abs(after[name][0] - max(start_s, new.start_s)) < TOLERANCE_S
        expected_end_s = end_s if name.startswith("e") else min(end_s, new.end_s)  # an emoji may outlast its clip
        assert abs(after[name][1] - expected_end_s) < TOLERANCE_S


@given(documents(), new_bounds)
def test_the_result_is_valid_for_the_new_bounds(document: dict[str, Any], new: Bounds) -> None:
    moved = rebase(document, OLD, new)
    config = msgspec.convert(moved, TemplateConfig)
    if config.shots:
        assert find_shots_problem(config.shots, new.duration_s) is None
    else:
        assert new.end_s <= OLD.start_s or new.start_s >= OLD.end_s
    assert all(0 <= w.start <= w.end <= new.duration_s + TOLERANCE_S for w in config.transcript.words)
    assert all(b.start_time + b.duration <= new.duration_s + TOLERANCE_S for b in config.b_roll)
    assert all(e.start_time < new.duration_s for e in config.elements.emojis)
    assert all(0 <= cut["start"] < cut["end"] <= new.duration_s + TOLERANCE_S for cut in moved["cuts"])
    assert moved["future"] == {"start": 1} and moved["style"] == {"fontSize": 80}
    assert all(shot["mood"] == "calm" for shot in moved["shots"] or [])


@given(documents(), st.floats(0, 40), st.floats(0, 40))
def test_growing_and_shrinking_back_changes_nothing(document: dict[str, Any], before_s: float, after_s: float) -> None:
    wider = Bounds(OLD.start_s - before_s, OLD.end_s + after_s)
    there = rebase(document, OLD, wider)
    back = rebase(there, wider, OLD)
    assert source_spans(back, OLD).keys() == source_spans(document, OLD).keys()
    for name, span in source_spans(document, OLD).items():
        assert all(abs(a - b) < TOLERANCE_S for a, b in zip(source_spans(back, OLD)[name], span, strict=True))
    assert len(back["shots"]) == len(document["shots"])
    for shot, original in zip(back["shots"], document["shots"], strict=True):
        assert abs(shot["start_time"] - original["start_time"]) < 0.06
        assert abs(shot["regions"][0]["keyframes"][0]["t"] - original["regions"][0]["keyframes"][0]["t"]) < TOLERANCE_S


def test_a_cutaway_that_loses_its_beginning_starts_later_in_its_file() -> None:
    cutaway = {"videoUrl": "v", "startTime": 2, "duration": 6, "sourceStart": 10, "sourceDuration": 5}
    gone = {"videoUrl": "x", "startTime": 0, "duration": 6, "sourceDuration": 2}
    moved = rebase({"b_roll": [cutaway, gone]}, OLD, Bounds(105.0, OLD.end_s))
    assert moved["b_roll"] == [{"videoUrl": "v", "startTime": 0, "duration": 3, "sourceStart": 13, "sourceDuration": 2}]


def test_a_clip_that_grows_hears_new_words_and_keeps_the_edited_ones() -> None:
    talk = [Word(f"said{n}", float(n), n + 0.8, 0.9, "B") for n in range(95, 105)]
    document = {"transcript": {"words": [{"word": "Corrected!", "start": 0.0, "end": 0.8}]}}
    words = rebase(document, OLD, Bounds(98.0, OLD.end_s), talk)["transcript"]["words"]
    assert [word["word"] for word in words] == ["said98", "said99", "Corrected!"]
    assert [word["start"] for word in words] == [0.0, 1.0, 2.0] and words[0]["speaker"] == "B"
