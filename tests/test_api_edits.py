"""Saving a clip's edit: wrapped, merged, with unknown fields, with exact styles, and with moved bounds."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.clip_edits import merge_patch
from api_server import Member, Server
from api_talk import END_S, START_S, create_analysed_project
from resources import clips

LENGTH_S = END_S - START_S


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


@pytest.fixture
def clip(owner: Member) -> clips.Clip:
    return create_analysed_project(owner)[1]


def get(owner: Member, clip: clips.Clip) -> dict[str, Any]:
    return owner.call("GET", f"/v1/clips/{clip.id}").json()["data"]


def save(owner: Member, clip: clips.Clip, body: object, method: str = "PUT", **headers: str) -> httpx.Response:
    return owner.call(method, f"/v1/clips/{clip.id}", json=body, headers=headers)


def test_a_config_wrapped_in_its_own_name_is_saved(owner: Member, clip: clips.Clip) -> None:
    """If the wrapper counted as an unknown field, the request would reset the config."""
    save(owner, clip, {"caption_style": "IMPACT", "style": {"fontSize": 90}})
    payload = get(owner, clip)
    saved = save(owner, clip, {"template_config": payload["template_config"], "title": "Wrapped", "score": 3})
    assert saved.status_code == 200 and saved.json()["data"]["title"] == "Wrapped"
    assert get(owner, clip)["template_config"] == payload["template_config"]
    assert "template_config" not in payload["template_config"]
    assert saved.json()["data"]["warnings"] == [
        "`score` is ignored, because it is beside `template_config` and not in it."
    ]
    assert save(owner, clip, get(owner, clip)).status_code == 200  # the complete response of GET
    assert save(owner, clip, {"template_config": [1]}).status_code == 400
    invalid = save(owner, clip, {"template_config": {"layout": {"padding": -1}}})
    assert invalid.status_code == 400 and invalid.json()["error"].startswith("`layout.padding`")


def test_an_unknown_field_is_kept_and_named(owner: Member, clip: clips.Clip) -> None:
    body = {"style": {"fontsize": 40}, "b_roll": [], "future": {"a": [1]}, "shots": None}
    warnings = save(owner, clip, body).json()["data"]["warnings"]
    assert [warning.split("`")[1] for warning in warnings] == ["style.fontsize", "future"]
    assert warnings[0].endswith("Did you mean `fontSize`?")
    assert get(owner, clip)["template_config"]["style"]["fontsize"] == 40 and get(owner, clip)["warnings"] == warnings
    assert save(owner, clip, {"style": {"fontSize": 40}}).json()["data"]["warnings"] == []


def test_null_in_an_optional_field_counts_as_left_out(owner: Member, clip: clips.Clip) -> None:
    body = {"style": None, "layout": {"padding": None, "aspectRatio": "1:1"}, "title": None, "end_time": None}
    assert save(owner, clip, body).status_code == 200
    config = get(owner, clip)["template_config"]
    assert config["style"]["fontSize"] == 72 and config["layout"]["padding"] == 0
    assert config["layout"]["aspectRatio"] == "1:1"
    missing = save(owner, clip, {"b_roll": [{"videoUrl": None, "startTime": 1, "duration": 2}]})
    assert missing.status_code == 400 and "b_roll[0].videoUrl" in missing.json()["error"]
    template = {"name": "Nulls", "ratio": None, "template_config": {"layout": None, "style": {"fontSize": None}}}
    assert owner.call("POST", "/v1/templates", json=template).status_code == 201


def test_patch_merges(owner: Member, clip: clips.Clip) -> None:
    save(owner, clip, {"caption_style": "IMPACT", "style": {"fontSize": 90, "glow": 1}, "future": 1})
    patch = {"style": {"fontSize": None, "captionColor": "#ff0000"}, "future": None, "title": "Patched"}
    patched = save(owner, clip, patch, "PATCH", **{"Content-Type": "application/merge-patch+json", "If-Match": '"2"'})
    assert patched.status_code == 200, patched.text
    config = get(owner, clip)["template_config"]
    assert config["caption_style"] == "IMPACT" and "future" not in config
    assert (config["style"]["fontSize"], config["style"]["captionColor"], config["style"]["glow"]) == (72, "#ff0000", 1)
    assert get(owner, clip)["title"] == "Patched"
    assert save(owner, clip, {"title": "Late"}, "PATCH", **{"If-Match": '"2"'}).status_code == 412
    assert save(owner, clip, {"style": {"fontSize": 0}}, "PATCH").status_code == 400
    stranger = owner.server.create_member()
    assert save(stranger, clip, {"title": "Stolen"}, "PATCH").status_code == 404


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_follows_its_rfc(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result


def test_a_moved_start_moves_everything_on_the_clips_clock(owner: Member, clip: clips.Clip) -> None:
    """Words, shots, cutaways and reactions keep their time in the source video."""
    config = {
        "shots": [
            {"start_time": 0, "end_time": 12, "layout": "fit"},
            {"start_time": 12, "end_time": LENGTH_S, "crop": {"x": 0.2, "y": 0, "w": 0.3, "h": 1}},
        ],
        "transcript": {"words": [{"word": "Gone", "start": 1, "end": 2}, {"word": "Stays", "start": 10, "end": 11}]},
        "b_roll": [{"videoUrl": "https://127.0.0.1/a.mp4", "startTime": 4, "duration": 4}],
        "elements": {"emojis": [{"emoji": "🔥", "startTime": 14}]},
    }
    assert save(owner, clip, config).status_code == 200
    moved = save(owner, clip, {"start_time": START_S + 5, "end_time": END_S + 2}, "PATCH")
    assert moved.status_code == 200, moved.text
    config = moved.json()["data"]["template_config"]
    assert [(s["start_time"], s["end_time"]) for s in config["shots"]] == [(0, 7), (7, LENGTH_S - 3)]
    words = config["transcript"]["words"]
    assert (words[0]["word"], words[0]["start"], words[0]["end"]) == ("Stays", 5, 6)
    assert len(words) > 1 and all(word["start"] >= LENGTH_S - 5 for word in words[1:])  # added at the end
    assert config["b_roll"][0]["startTime"] == 0 and config["b_roll"][0]["duration"] == 3
    assert config["b_roll"][0]["sourceStart"] == 1
    assert config["elements"]["emojis"][0]["startTime"] == 9
    back = save(owner, clip, {**config, "start_time": START_S, "end_time": END_S})
    assert back.status_code == 200, back.text
    shots = back.json()["data"]["template_config"]["shots"]
    assert [(s["start_time"], s["end_time"]) for s in shots] == [(0, 12), (12, LENGTH_S)]


def test_an_exact_style_is_shown_as_it_is_written(owner: Member, clip: clips.Clip) -> None:
    """Without `exact`, HORMOZI with `fontSize: 72` is rendered at 96, because 72 is the default."""

    def read_size(style: dict[str, object]) -> float:
        body = {"caption_style": "HORMOZI", "style": style}
        preview = owner.call("POST", f"/v1/clips/{clip.id}/subtitle-dry-run", json=body)
        assert preview.status_code == 200, preview.text
        return preview.json()["data"]["captions"][0]["size"]

    assert read_size({"fontSize": 72, "exact": True}) < read_size({"fontSize": 72}) == read_size({})
    assert save(owner, clip, {"caption_style": "HORMOZI", "style": {"exact": True}}).status_code == 200
    assert get(owner, clip)["template_config"]["style"]["exact"] is True
