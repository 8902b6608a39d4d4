"""The editor over HTTP: a clip's payload, validation of edits, rendering, previews, exports."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from api_server import Member, Server
from api_talk import END_S, START_S, add_proxy, create_analysed_project, shows_proxy
from carmic_assets.captions.fonts import build_face
from carmic_assets.model.direction import CANVAS_SIZES
from resources import clips, exports, ledger, outbox, renders, run_intents

LENGTH_S = END_S - START_S

# Section 3.5.1 of the reference, verbatim
REFERENCE: dict[str, Any] = {
    "layout": {
        "layoutType": "face-track", "padding": 0, "backgroundBlur": 20, "splitTopSpeaker": "A",
        "safeZoneOverlay": False, "aiSpeakerSwitch": True,
    },
    "audio": {
        "autoSfxEnabled": False, "musicTrack": "none", "activeTrack": None, "musicVolume": 30, "voiceVolume": 100,
        "removePauses": False,
    },
    "elements": {
        "progressBar": {"enabled": False, "color": "#8b5cf6", "position": "bottom"},
        "watermark": {"enabled": False, "imageUrl": "", "opacity": 70},
        "hookTitle": {"enabled": False, "text": "", "durationSec": 3.0},
    },
    "style": {
        "captionFont": "Inter", "fontSize": 72, "lineHeight": 1.2, "strokeThickness": 3, "captionColor": "#ffffff",
        "highlightColor": "#FFD700", "dropShadow": True, "shadowIntensity": 50, "uppercase": True,
        "captionPosition": "bottom", "yAxisCustomPct": 75, "linesPerScreen": 2, "animationStyle": "pop",
        "animationIntensity": 50, "captionBg": "rgba(0,0,0,0)",
    },
    "b_roll": [],
    "caption_style": "HORMOZI",
}  # fmt: skip


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


@pytest.fixture
def clip(owner: Member) -> clips.Clip:
    return create_analysed_project(owner)[1]


def get(owner: Member, clip: clips.Clip) -> dict[str, Any]:
    return owner.call("GET", f"/v1/clips/{clip.id}").json()["data"]


def put(owner: Member, clip: clips.Clip, body: object, **headers: str) -> httpx.Response:
    return owner.call("PUT", f"/v1/clips/{clip.id}", json=body, headers=headers)


def test_clip_payload_for_the_editor(owner: Member, clip: clips.Clip) -> None:
    response = owner.call("GET", f"/v1/clips/{clip.id}")
    assert response.headers["etag"] == '"1"'
    payload = response.json()["data"]
    words = payload["transcript"]["words"]
    assert words[0] == {"word": "word40", "start": 0.0, "end": 0.4, "confidence": 0.9, "speaker": "A"}
    assert words[-1]["end"] <= LENGTH_S and len(words) == 60
    timeline = payload["ai_suggested_layout_timeline"]
    assert timeline[0]["start_time"] == 0 and timeline[-1]["end_time"] == pytest.approx(LENGTH_S)
    for shot, next_shot in pairwise(timeline):
        assert shot["end_time"] == next_shot["start_time"]
    assert 15.0 in [shot["start_time"] for shot in timeline]  # the source's cut
    assert {region["subject"] for shot in timeline for region in shot["regions"]} == {"A"}
    assert payload["shots"] == [
        {"start_time": 0.0, "end_time": 15.0, "kind": "start"},
        {"start_time": 15.0, "end_time": 30.0, "kind": "cut"},
    ]
    matrix = payload["advanced_spatial_matrix"]
    assert matrix["fps"] == 5.0 and {track["speaker"] for track in matrix["tracks"]} == {"A", "B"}
    assert 0 <= matrix["tracks"][0]["boxes"][0]["t"] < LENGTH_S
    assert payload["crop_metrics"]["active_speaker_in_frame"] == 1.0
    assert payload["virality_score"] == 87 and payload["score_breakdown"] == {"hook": 80, "pace": 90}
    assert payload["template_config"]["layout"]["aspectRatio"] == "9:16"
    assert payload["video_url"] is None and payload["error_message"] is None


def test_clips_are_listed_with_their_project(owner: Member, clip: clips.Clip) -> None:
    project = owner.call("GET", f"/v1/projects/{clip.project_id}").json()["data"]
    assert project["clip_count"] == 1 and project["clips"][0]["id"] == clip.id
    assert project["clips"][0]["start_time"] == START_S and project["clips"][0]["broll_suggestions"]
    assert httpx.get(project["clips"][0]["proxy_url"]).content == b"the source itself"  # no proxy yet
    hidden = create_analysed_project(owner)[0]
    with owner.server.database.write() as connection:
        from resources import projects

        projects.update_details(connection, hidden.id, visual_pipeline_ready=False)
    assert owner.call("GET", f"/v1/projects/{hidden.id}").json()["data"]["clips"] == []


def test_the_references_config_is_saved_with_unknown_fields(owner: Member, clip: clips.Clip) -> None:
    newer = {**REFERENCE, "future": {"a": [1]}, "style": {**REFERENCE["style"], "glow": 3}}
    saved = put(owner, clip, newer)
    assert saved.status_code == 200, saved.text
    config = get(owner, clip)["template_config"]
    assert config["future"] == {"a": [1]} and config["style"]["glow"] == 3
    assert config["caption_style"] == "HORMOZI"
    assert put(owner, clip, config).status_code == 200  # a config that was read can be saved
    assert put(owner, clip, {}).status_code == 200  # PUT replaces the config: an omitted field has its default
    assert get(owner, clip)["template_config"]["caption_style"] == "DEFAULT"
    assert "future" not in get(owner, clip)["template_config"]
    assert (
        put(owner, clip, {"future": "\\u0000 in a manual"}).status_code == 200
    )  # not a NUL: an escaped backslash before a u


def test_an_unknown_number_outside_the_range_of_a_double_is_rejected(owner: Member, clip: clips.Clip) -> None:
    """The known fields are valid, but JSON cannot represent infinity."""
    sent: dict[str, Any] = {"content": b'{"future": [1e999]}', "headers": {"Content-Type": "application/json"}}
    assert owner.call("PUT", f"/v1/clips/{clip.id}", **sent).status_code == 400
    sent["content"] = b'{"name": "Far", "template_config": {"future": {"a": -1e999}}}'
    assert owner.call("POST", "/v1/templates", **sent).status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"b_roll": [{"videoUrl": "https://example.com/a.mp4", "startTime": 28, "duration": 4}]}, "`b_roll[0]`"),
        ({"elements": {"emojis": [{"emoji": "🔥", "startTime": 99}]}}, "`elements.emojis[0]`"),
        ({"shots": [{"start_time": 0.0, "end_time": 0.0}, {"start_time": 0.0, "end_time": 30.0}]}, "`shots`"),
        ({"transcript": {"words": [{"word": "Hi", "start": 1, "end": 0.5}]}}, "`transcript.words[0]`"),
        ({"start_time": 40, "end_time": 30}, "`end_time`"),
    ],
)
def test_an_inconsistent_field_is_named(owner: Member, clip: clips.Clip, body: object, field: str) -> None:
    refused = put(owner, clip, body)
    assert refused.status_code == 422 and refused.json()["error"].startswith(field)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"layout": {"layoutType": "round"}}, 400),
        ({"layout": {"aspectRatio": "2:1"}}, 400),
        ({"layout": {"padding": -1}}, 400),
        ({"layout": {"backgroundBlur": 101}}, 400),
        ({"audio": {"musicVolume": "30"}}, 400),
        ({"style": {"fontSize": 0}}, 400),
        ({"style": {"linesPerScreen": 2.5}}, 400),
        ({"style": {"linesPerScreen": "auto"}}, 200),
        ({"style": {"captionColor": "not a colour"}}, 400),
        ({"style": {"captionBg": "rgba(0, 0, 0, 0.5)"}}, 200),
        ({"style": None}, 200),  # counts as omitted
        ({"caption_style": "NOBODYS"}, 400),
        ({"elements": {"progressBar": {"position": "left"}}}, 400),
        ({"elements": {"emojis": [{"emoji": "🔥", "start_time": 99}]}}, 400),
        ({"elements": {"emojis": [{"emoji": "🔥", "startTime": 99}]}}, 422),
        ({"b_roll": [{"videoUrl": "https://example.com/a.mp4", "startTime": 28, "duration": 4}]}, 422),
        ({"b_roll": [{"videoUrl": "https://example.com/a.mp4", "startTime": 12.5, "duration": 4.0}]}, 200),
        ({"b_roll": [{"videoUrl": "https://127.0.0.1/a.mp4", "startTime": 1, "duration": 4.0}]}, 200),
        ({"b_roll": [{"videoUrl": "https://10.0.0.1/a.mp4", "startTime": 1, "duration": 4.0}]}, 400),
        ({"b_roll": [{"videoUrl": "workspaces/another/media/a.mp4", "startTime": 1, "duration": 4.0}]}, 422),
        ({"b_roll": [{"startTime": 1, "duration": 4.0}]}, 400),
        ({"shots": [{"start_time": 0.0, "end_time": 5.0}, {"start_time": 5.0, "end_time": 30.0}]}, 200),
        ({"shots": [{"start_time": 0.0, "end_time": 5.0}, {"start_time": 5.5, "end_time": 30.0}]}, 422),
        ({"shots": [{"start_time": 0.0, "end_time": 6.0}, {"start_time": 5.0, "end_time": 30.0}]}, 422),
        ({"shots": [{"start_time": 1.0, "end_time": 30.0}]}, 422),
        ({"shots": [{"start_time": 0.0, "end_time": 20.0}]}, 422),
        ({"shots": [{"start_time": 0.0}]}, 400),
        ({"future": "a\0b"}, 400),
        ({"shots": [{"start_time": 0, "end_time": 30, "layout": "fit"}]}, 200),
        ({"shots": [{"start_time": 0, "end_time": 30, "crop": {"x": 0.5, "y": 0, "w": 0, "h": 1}}]}, 422),
        ({"title": "Another title", "start_time": 21, "end_time": 40.5}, 200),
        ({"start_time": 40, "end_time": 30}, 422),
        ({"start_time": 30, "end_time": 30}, 422),
        ({"end_time": 500}, 422),
        ({"start_time": -1}, 400),
        ({"title": ""}, 400),
        ({"transcript": {"words": [{"word": "Hi", "start": 1, "end": 0.5}]}}, 422),
        ({"transcript": {"words": [{"word": "Hi", "start": 1, "end": 1.5}]}}, 200),
    ],
)
def test_saving_accepts_and_rejects(owner: Member, clip: clips.Clip, body: object, status: int) -> None:
    response = put(owner, clip, body)
    assert response.status_code == status, response.text[:300]
    version = get(owner, clip)["version"]
    assert version == (2 if status == 200 else 1)  # an error changes nothing


def test_if_match_prevents_lost_updates(owner: Member, clip: clips.Clip) -> None:
    first = put(owner, clip, {"title": "First"}, **{"If-Match": '"1"'})
    assert first.status_code == 200 and first.headers["etag"] == '"2"'
    second = put(owner, clip, {"title": "Second"}, **{"If-Match": '"1"'})
    assert second.status_code == 412 and get(owner, clip)["title"] == "First"
    assert put(owner, clip, {"title": "Third"}).status_code == 200


def test_new_bounds_move_words_and_layout(owner: Member, clip: clips.Clip) -> None:
    put(owner, clip, {"start_time": 30.0, "end_time": 40.0})
    payload = get(owner, clip)
    assert payload["duration"] == 10.0 and payload["transcript"]["words"][0]["word"] == "money!"
    assert payload["ai_suggested_layout_timeline"][-1]["end_time"] == pytest.approx(10.0)
    assert payload["shots"][1]["start_time"] == 5.0


def test_suggested_cutaways_follow_new_bounds(owner: Member, clip: clips.Clip) -> None:
    """Their times count from the clip's start, so a new start shifts them."""

    def list_suggested() -> list[tuple[float, float]]:
        listed = owner.call("GET", f"/v1/clips/{clip.id}/broll").json()["data"]
        in_payload = get(owner, clip)["broll_suggestions"]
        assert [s["start_time"] for s in listed] == [s["start_time"] for s in in_payload]
        return [(s["start_time"], s["duration"]) for s in in_payload]

    assert list_suggested() == [(10.0, 3.0)]
    put(owner, clip, {"start_time": START_S + 4, "end_time": START_S + 12})
    assert list_suggested() == [(6.0, 2.0)]
    put(owner, clip, {"end_time": START_S + 10})
    assert list_suggested() == []
    put(owner, clip, {"start_time": START_S, "end_time": START_S + LENGTH_S})
    assert list_suggested() == [(10.0, 3.0)]  # the original bounds restore them


def test_a_render_is_queued_once_and_charged(owner: Member, clip: clips.Clip) -> None:
    path = f"/v1/clips/{clip.id}"
    assert owner.call("GET", f"{path}/render-progress").json()["data"]["status"] == "DETECTED"
    assert owner.call("GET", f"{path}/video").status_code == 404
    assert owner.call("POST", f"{path}/retry-render").status_code == 409
    before = owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    queued = owner.call("POST", f"{path}/render")
    assert queued.status_code == 202
    render_id = queued.json()["data"]["render_job_id"]
    assert queued.json()["data"] == {"render_job_id": render_id, "status": "QUEUED", "clip_id": clip.id}
    assert owner.call("POST", f"{path}/render").status_code == 409
    after = owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    assert before - after == pytest.approx(0.5)
    progress = owner.call("GET", f"{path}/render-progress").json()["data"]
    assert progress["status"] == "QUEUED" and progress["render_job_id"] == render_id
    with owner.server.database.write() as connection:
        assert [i.job_name for i in run_intents.list_open(connection, clip.project_id)] == ["render_clips"]
        renders.fail(connection, render_id, "The disk is full. Try again.")
    failed = owner.call("GET", f"{path}/render-progress").json()["data"]
    assert failed["status"] == "FAILED_RENDER" and failed["error_message"] == "The disk is full. Try again."
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == pytest.approx(before)
    assert owner.call("POST", f"{path}/retry-render").status_code == 202


def test_a_render_without_enough_minutes_is_402(owner: Member, server: Server) -> None:
    poor = server.create_member()
    clip = create_analysed_project(poor)[1]
    with server.database.write() as connection:
        ledger.grant_month(connection, poor.workspace_id)
        entry = ledger.NewEntry(f"test:{clip.id}", "render", -60 * ledger.MINUTE_MS)
        ledger.post_entry(connection, poor.workspace_id, entry)
    refused = poor.call("POST", f"/v1/clips/{clip.id}/render")
    assert refused.status_code == 402 and "minutes" in refused.json()["error"]


def test_a_finished_render_is_served_by_range(owner: Member, clip: clips.Clip) -> None:
    render_id = owner.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]["render_job_id"]
    key = f"workspaces/{owner.workspace_id}/projects/{clip.project_id}/renders/{render_id}/clip.mp4"
    owner.server.platform.store.put_bytes(key, b"an mp4 of sorts")
    with owner.server.database.write() as connection:
        renders.finish(connection, render_id, key, {"notes": ["B-roll 1 is 1.0 s shorter than asked."]})
    progress = owner.call("GET", f"/v1/clips/{clip.id}/render-progress").json()["data"]
    assert progress["status"] == "RENDERED" and progress["notes"] == ["B-roll 1 is 1.0 s shorter than asked."]
    redirect = owner.call("GET", f"/v1/clips/{clip.id}/video")
    assert redirect.status_code == 302 and redirect.content == b""
    partial = httpx.get(redirect.headers["location"], headers={"Range": "bytes=3-5"})
    assert partial.status_code == 206 and partial.content == b"mp4" and partial.headers["content-type"] == "video/mp4"
    assert owner.call("GET", f"/v1/projects/{clip.project_id}").json()["data"]["status"] == "COMPLETED"
    assert httpx.get(get(owner, clip)["video_url"]).content == b"an mp4 of sorts"
    with owner.server.database.read() as connection:
        (job,) = outbox.list_for_subject(connection, f"job:{render_id}")
    facts = job.data["metadata"]
    assert job.event == "job.completed" and job.data["type"] == "clip"
    assert (facts["clipCount"], facts["viralScores"], facts["durationSeconds"]) == (1, [8.7], 30.0)
    assert facts["durationMs"] > 0


def test_the_source_video_is_public_only_with_its_token(owner: Member, clip: clips.Clip, server: Server) -> None:
    url = get(owner, clip)["source_video_url"]
    assert "/source-video?token=" in url
    assert httpx.get(url, follow_redirects=True).content == b"the source itself"
    bare = url.partition("?")[0]
    assert httpx.get(bare).status_code == 401
    assert httpx.get(f"{bare}?token=forged").status_code == 401
    other = create_analysed_project(owner)[1]
    assert httpx.get(url.replace(clip.id, other.id)).status_code == 401
    assert httpx.get(bare, headers=owner.headers).status_code == 302
    assert httpx.get(bare, headers=server.create_member().headers).status_code == 404


def test_an_unedited_clip_uses_the_default_template_everywhere(server: Server) -> None:
    """Previews, packages and actions that save a part of the config use the template too."""
    member = server.create_member("PROFESSIONAL")
    clip, reactions_clip, rebuilt_clip = (create_analysed_project(member)[1] for _ in range(3))
    assert {shot["layout"] for shot in get(member, clip)["ai_suggested_layout_timeline"]} == {"face-track"}
    config = {"layout": {"layoutType": "fit"}, "caption_style": "IMPACT"}
    template = member.call("POST", "/v1/templates", json={"name": "Ours", "template_config": config}).json()["data"]
    assert member.call("PUT", "/v1/templates/defaults/9_16", json={"template_id": template["id"]}).status_code == 200
    payload = get(member, clip)
    assert payload["template_config"]["caption_style"] == "IMPACT" and payload["version"] == 1
    assert {shot["layout"] for shot in payload["ai_suggested_layout_timeline"]} == {"fit"}  # not the cached timeline
    path = f"/v1/clips/{clip.id}/subtitle-dry-run"
    preview = member.call("POST", path, json=payload["template_config"]).json()["data"]
    assert member.call("POST", path).json()["data"]["captions"] == preview["captions"]
    export = member.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "premiere"}).json()["data"]
    with server.database.read() as connection:
        row = exports.get(connection, export["export_id"])
    assert row is not None and row.template_config == template["template_config"]
    assert member.call("POST", f"/v1/clips/{reactions_clip.id}/emoji-fill").status_code == 200
    assert get(member, reactions_clip)["template_config"]["caption_style"] == "IMPACT"
    assert member.call("POST", f"/v1/clips/{rebuilt_clip.id}/rebuild-layout").status_code == 200
    assert get(member, rebuilt_clip)["template_config"]["caption_style"] == "IMPACT"
    assert member.call("POST", f"/v1/clips/{clip.id}/render").status_code == 202
    assert member.call("DELETE", "/v1/templates/defaults/9_16").status_code == 200
    assert get(member, clip)["template_config"]["caption_style"] == "IMPACT"  # the config of the render


def test_rebuild_layout_drops_saved_shots(owner: Member, clip: clips.Clip) -> None:
    put(owner, clip, {"shots": [{"start_time": 0, "end_time": 30, "layout": "fit"}], "future": 1})
    assert {shot["layout"] for shot in get(owner, clip)["ai_suggested_layout_timeline"]} == {"fit"}
    rebuilt = owner.call("POST", f"/v1/clips/{clip.id}/rebuild-layout")
    assert rebuilt.status_code == 200, rebuilt.text
    payload = get(owner, clip)
    assert payload["ai_suggested_layout_timeline"] == rebuilt.json()["data"]["ai_suggested_layout_timeline"]
    assert {shot["layout"] for shot in payload["ai_suggested_layout_timeline"]} != {"fit"}
    assert payload["template_config"]["future"] == 1
    project = owner.create_project(visual_pipeline_ready=True)
    with owner.server.database.write() as connection:
        new = clips.NewClip("Bare", 0.0, 5.0, 1, {}, "", [], [])
        (clip_without_analysis,) = clips.add(connection, project.id, owner.workspace_id, [new])
    assert owner.call("POST", f"/v1/clips/{clip_without_analysis}/rebuild-layout").status_code == 409


def test_reactions_are_placed_and_saved(owner: Member, clip: clips.Clip) -> None:
    placed = owner.call("POST", f"/v1/clips/{clip.id}/emoji-fill")
    assert placed.status_code == 200, placed.text
    emojis = placed.json()["data"]["emojis"]
    assert emojis and emojis[0]["startTime"] == pytest.approx(10.0)
    assert get(owner, clip)["template_config"]["elements"]["emojis"] == emojis


def test_subtitle_preview_saves_nothing(owner: Member, clip: clips.Clip) -> None:
    path = f"/v1/clips/{clip.id}/subtitle-dry-run"
    response = owner.call("POST", path, json={"layout": {"aspectRatio": "1:1"}, "caption_style": "MINIMAL"})
    assert response.status_code == 200, response.text
    preview = response.json()["data"]
    assert (preview["width"], preview["height"]) == CANVAS_SIZES["1:1"]
    assert preview["captions"] and preview["srt"].startswith("1\n00:00:00,0") and preview["vtt"].startswith("WEBVTT")
    assert get(owner, clip)["version"] == 1
    assert owner.call("POST", path).status_code == 200
    assert owner.call("POST", path, json={"caption_style": "NOBODYS"}).status_code == 400
    assert owner.call("POST", path, json={"style": {"captionFont": "No Such Font"}}).status_code == 400


def upload_font(owner: Member, letters: str, folder: Path) -> str:
    """Upload the glyphs of a shipped family as `House Grotesk`, and return the id of the file."""
    from fontTools.ttLib import TTFont

    font = TTFont(build_face(letters, 400, folder).path)
    for record in font["name"].names:
        record.string = "House Grotesk"
    font.save(folder / "house.ttf")
    data = (folder / "house.ttf").read_bytes()
    sent = owner.call("POST", "/v1/workspaces/media", files={"file": ("house.ttf", data, "font/ttf")})
    assert sent.status_code == 201, sent.text
    return sent.json()["data"]["id"]


def test_a_workspace_style_can_use_a_workspace_font(owner: Member, tmp_path: Path) -> None:
    """Workspace fonts are loaded even if only the template names one, not the clip's own config."""
    older_id = upload_font(owner, "Oswald", tmp_path)
    body = {"name": "Ours", "template_config": {"style": {"captionFont": "House Grotesk"}, "caption_style": "BUBBLE"}}
    created = owner.call("POST", "/v1/templates", json=body)
    assert created.status_code == 201, created.text
    drawn = owner.call("POST", f"/v1/templates/{created.json()['data']['id']}/regenerate-previews")
    assert drawn.status_code == 200 and drawn.json()["data"]["preview_urls"], drawn.text
    images = [httpx.get(drawn.json()["data"]["preview_urls"][0]).content]
    newer_id = upload_font(owner, "Anton", tmp_path)  # of two fonts with one name the newer is used
    drawn = owner.call("POST", f"/v1/templates/{created.json()['data']['id']}/regenerate-previews")
    images.append(httpx.get(drawn.json()["data"]["preview_urls"][0]).content)
    assert images[0] != images[1]
    clip = create_analysed_project(owner)[1]
    saved = put(owner, clip, {"caption_style": "Ours"})
    assert saved.status_code == 200, saved.text
    assert owner.call("POST", f"/v1/clips/{clip.id}/subtitle-dry-run").status_code == 200
    assert put(owner, clip, {"style": {"captionFont": "House Serif"}}).status_code == 400
    assert owner.call("DELETE", f"/v1/media/{older_id}").status_code == 200  # the newer one has the same family
    refused = owner.call("DELETE", f"/v1/media/{newer_id}")
    assert refused.status_code == 409 and "the template “Ours”" in refused.json()["error"]
    owner.call("DELETE", f"/v1/templates/{created.json()['data']['id']}")
    assert owner.call("DELETE", f"/v1/media/{newer_id}").status_code == 200


def test_subtitle_preview_draws_a_frame_of_the_proxy(owner: Member, tmp_path: Path) -> None:
    project, clip = create_analysed_project(owner)
    path = f"/v1/clips/{clip.id}/subtitle-dry-run"
    assert owner.call("POST", path).json()["data"]["still_url"] is None  # this source is not a video
    add_proxy(owner, project, tmp_path)
    preview = owner.call("POST", path, json={"layout": {"aspectRatio": "1:1"}}).json()["data"]
    assert shows_proxy(preview["still_url"], CANVAS_SIZES["1:1"])
    repeated = owner.call("POST", path, json={"layout": {"aspectRatio": "1:1"}}).json()["data"]
    assert repeated["still_url"].partition("?")[0] == preview["still_url"].partition("?")[0]


def test_cutaways_are_suggested_without_a_stock_provider(owner: Member, clip: clips.Clip) -> None:
    generated = owner.call("POST", f"/v1/clips/{clip.id}/generate-broll")
    assert generated.status_code == 200
    assert generated.json()["data"][0]["keyword"] == "money"
    assert owner.call("GET", f"/v1/clips/{clip.id}/broll").json() == generated.json()


def test_an_export_of_unchanged_content_is_reused(owner: Member, clip: clips.Clip) -> None:
    path = f"/v1/clips/{clip.id}/exports"
    assert owner.call("POST", path, json={"target_format": "logic_pro"}).status_code == 400
    first = owner.call("POST", path, json={"target_format": "premiere"})
    assert first.status_code == 202 and first.json()["data"]["status"] == "PENDING"
    export_id = first.json()["data"]["export_id"]
    for _ in range(3):
        assert owner.call("POST", path, json={"target_format": "premiere"}).json() == first.json()
    proxy_export = owner.call("POST", path, json={"target_format": "premiere", "include_proxy": True}).json()["data"]
    assert proxy_export["export_id"] != export_id
    put(owner, clip, {"title": "Changed"})
    assert owner.call("POST", path, json={"target_format": "premiere"}).json()["data"]["export_id"] != export_id
    assert len(owner.call("GET", path).json()["data"]) == 3
    key = f"workspaces/{owner.workspace_id}/projects/{clip.project_id}/exports/{export_id}.zip"
    owner.server.platform.store.put_bytes(key, b"PK")
    with owner.server.database.write() as connection:
        exports.finish(connection, export_id, key, 2)
    done = owner.call("GET", f"/v1/exports/{export_id}").json()["data"]
    assert done["status"] == "COMPLETED" and done["file_size"] == 2 and done["error_message"] is None
    assert httpx.get(done["download_url"]).content == b"PK"


def test_exports_need_a_paid_tier_and_are_limited(server: Server) -> None:
    free = server.create_member()
    clip = create_analysed_project(free)[1]
    assert free.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "fcpx"}).status_code == 402
    paying = server.create_member("STANDARD")
    clip = create_analysed_project(paying)[1]
    statuses = []
    for n in range(6):
        put(paying, clip, {"title": f"Title {n}"})
        response = paying.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "fcpx"})
        statuses.append(response.status_code)
    assert statuses == [202] * 5 + [429]
