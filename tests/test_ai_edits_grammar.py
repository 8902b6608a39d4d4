"""Prompts in many registers, with the expected operations (joined by `+`, in order) or refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from carmic_assets.ai_edits.edit_plan import EditPlan, Refusal
from carmic_assets.ai_edits.grammar import check_box, parse_prompt
from carmic_assets.ai_edits.operations import BY_NAME, OPERATIONS

PROMPTS = Path(__file__).parent / "prompts"  # possible.txt: `prompt | operations`; impossible.txt: prompts


def read_lines(name: str) -> list[str]:
    return (PROMPTS / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", read_lines("possible.txt"))
def test_a_possible_prompt_becomes_its_operations(line: str) -> None:
    prompt, _, expected = line.rpartition(" | ")
    result = parse_prompt(prompt)
    assert isinstance(result, EditPlan), result
    assert "+".join(result.operations) == expected


@pytest.mark.parametrize("prompt", read_lines("impossible.txt"))
def test_an_impossible_prompt_is_refused_with_three_suggestions(prompt: str) -> None:
    result = parse_prompt(prompt)
    assert isinstance(result, Refusal), result
    assert len(result.nearest) == 3
    assert set(result.nearest) <= BY_NAME.keys()
    assert result.sentence.endswith(".")


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("slow it down 4x", "factor", 4.0),
        ("play at 25% speed", "factor", 4.0),
        ("double the speed", "factor", 2.0),
        ("halve the volume", "factor", 2.0),
        ("slightly brighter", "strength", 0.5),
        ("much brighter", "strength", 1.5),
        ("increase brightness by 15%", "strength", 0.5),
        ("zoom in 2x on the top left", "place", "top left"),
        ("slowly zoom in", "gradual", True),
        ("zoom in on his face", "place", "face"),
        ('put the title "Hello, World!" at the bottom', "text", "Hello, World!"),
        ("fade to white over 2.5 seconds", "duration_s", 2.5),
        ("fade to white over 2.5 seconds", "colour", "white"),
        ("freeze the frame at 2 seconds for 3 seconds", "at_s", 2.0),
        ("freeze the frame at 2 seconds for 3 seconds", "duration_s", 3.0),
        ("paint the fence purple", "colour", "purple"),
        ("blur the licence plate", "target", "the plate"),
        ("pixelate all faces", "style", "pixelate"),
        ("crop in on the left side", "place", "left"),
        ("zoom 2x into the top right corner", "place", "top right"),
        ("freeze the last frame for 3 secs", "duration_s", 3.0),
        ("hold on the first frame 1.5s", "duration_s", 1.5),
        ("hold on the first frame 1.5s", "at_s", 0.0),
        ("freeze frame at 2s", "at_s", 2.0),
        ('put "Chapter One" up top', "text", "Chapter One"),
        ('put "Chapter One" up top', "place", "top"),
        ('title "BREAKING"', "text", "BREAKING"),
        ('lower third saying "Dr. Jane Roe, Oncologist"', "text", "Dr. Jane Roe, Oncologist"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "text", "meanwhile in Ohio"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "place", "bottom"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "duration_s", 2.0),
        ("text 'subscribe!' centre", "text", "subscribe!"),
        ("text 'subscribe!' centre", "place", "centre"),
        ("make it vertical", "aspect", "9:16"),
        ("crop to 9:16 for tiktok", "aspect", "9:16"),
        ("square for insta", "aspect", "1:1"),
        ("make it 4:5", "aspect", "4:5"),
        ("fade up from black over 1 second", "duration_s", 1.0),
        ("half-second fade out", "duration_s", 0.5),
    ],
)
def test_parameters_are_read_from_the_prompt(prompt: str, field: str, value: object) -> None:
    plan = parse_prompt(prompt)
    assert isinstance(plan, EditPlan)
    assert getattr(plan.steps[0], field) == value


@pytest.mark.parametrize(
    ("prompt", "has_box", "kind"),
    [
        ("remove it", False, "needs_box"),
        ("blur the sign", False, "needs_box"),
        ("brighten the sky", False, "needs_box"),
        ("make the car red", False, "needs_box"),
        ("slow motion", True, "not_in_box"),
        ("blur it", False, None),
        ("remove it", True, None),
        ("make it brighter", True, None),
        ("blur the sign and slow it down", True, None),
    ],
)
def test_a_plan_says_whether_it_goes_with_a_box(prompt: str, has_box: bool, kind: str | None) -> None:
    plan = parse_prompt(prompt)
    assert isinstance(plan, EditPlan)
    refusal = check_box(plan, has_box)
    assert (refusal.kind if refusal else None) == kind
    assert refusal is None or "`bounding_box`" in refusal.sentence


def test_an_empty_and_an_endless_prompt_are_refused_by_name() -> None:
    for prompt in ("", "   ", "brighter " * 300):
        refusal = parse_prompt(prompt)
        assert isinstance(refusal, Refusal)
        assert refusal.sentence.startswith("`prompt`")


def test_every_operation_is_described_and_its_own_examples_ask_for_it() -> None:
    for operation in OPERATIONS:
        assert operation.does.endswith(".") and operation.limit.endswith(".")
        for example in operation.examples:
            plan = parse_prompt(example)
            assert isinstance(plan, EditPlan), example
            assert operation.name in plan.operations, example
