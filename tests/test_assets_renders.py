"""Runs of the job `render_clips` that fail: the error that the client sees, and the refund."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from api_server import Member, Server
from api_talk import create_analysed_project
from carmic_assets.assets import deliverable_building
from carmic_assets.assets.checks import RenderedFile, has_wrong_length
from carmic_assets.captions.fonts import build_face
from carmic_assets.definitions import defs
from carmic_assets.media.probe import probe
from media_files import write_numbered_video
from resources import media_library, renders, run_intents
from resources.renders import Render
from resources.run_intents import VIDEO_PARTITIONS
from test_api_library import build_png, build_wav, upload_and_confirm


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


def run_render_job(member: Member, queued: Render, monkeypatch: pytest.MonkeyPatch) -> dg.ExecuteInProcessResult:
    """Execute the queued render's run in this process."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: member.server.platform)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(VIDEO_PARTITIONS, [queued.project_id])
        return defs.resolve_job_def("render_clips").execute_in_process(
            instance=instance,
            run_id=queued.run_id,
            partition_key=queued.project_id,
            tags={run_intents.SUBJECT_TAG: queued.id},
            raise_on_error=False,
        )


@pytest.mark.parametrize(
    ("name", "content_type", "make_config", "expected_words"),
    [
        ("song.wav", "audio/wav", lambda m: {"audio": {"musicTrack": m["id"]}}, "`audio.musicTrack`"),
        ("song.wav", "audio/wav", lambda m: {"audio": {"activeTrack": {"url": m["url"]}}}, "`audio.activeTrack.url`"),
        (
            "logo.png",
            "image/png",
            lambda m: {"elements": {"watermark": {"enabled": True, "imageUrl": m["object_key"]}}},
            "`elements.watermark.imageUrl`",
        ),
        (
            "logo.png",
            "image/png",
            lambda m: {"b_roll": [{"videoUrl": m["id"], "startTime": 1, "duration": 2}]},
            "`b_roll[0].videoUrl`",
        ),
        ("anton.ttf", "font/ttf", lambda m: {"style": {"captionFont": "anton.ttf"}}, "anton.ttf"),
    ],
    ids=["music", "track", "watermark", "b-roll", "font"],
)
def test_media_deleted_after_saving_fail_the_render_and_refund_the_minutes(
    owner: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content_type: str,
    make_config: Callable[[dict[str, Any]], dict[str, Any]],
    expected_words: str,
) -> None:
    make_by_type = {
        "audio/wav": build_wav,
        "image/png": build_png,
        "font/ttf": lambda: Path(build_face("Anton", 400, tmp_path).path).read_bytes(),
    }
    media = upload_and_confirm(owner, make_by_type[content_type](), name, content_type).json()["data"]
    clip = create_analysed_project(owner)[1]
    saved = owner.call("PUT", f"/v1/clips/{clip.id}", json=make_config(media))
    assert saved.status_code == 200, saved.text
    balance = owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    order = owner.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] < balance
    with owner.server.database.write() as connection:
        media_library.remove(connection, owner.workspace_id, media["id"])
        queued = renders.get(connection, order["render_job_id"])
    owner.server.platform.store.delete(media["object_key"])
    assert queued is not None and not run_render_job(owner, queued, monkeypatch).success
    progress = owner.call("GET", f"/v1/clips/{clip.id}/render-progress").json()["data"]
    assert progress["status"] == "FAILED_RENDER" and expected_words in progress["error_message"], progress
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == pytest.approx(balance)
    assert owner.call("POST", f"/v1/clips/{clip.id}/retry-render").status_code == 202
    assert httpx.get(media["url"]).status_code == 404


def test_a_file_of_the_wrong_length_is_not_delivered_and_fails_its_check(
    owner: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = create_analysed_project(owner)[1]
    balance = owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    order = owner.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]
    with owner.server.database.write() as connection:
        queued = renders.get(connection, order["render_job_id"])
    file = RenderedFile("Talk", probe(write_numbered_video(tmp_path / "short.mp4", seconds=1)), duration_s=30)
    broken = deliverable_building.BuiltRender({}, None, file, deliverable_building.INCOMPLETE_RENDER)
    assert has_wrong_length(file) and queued is not None
    monkeypatch.setattr(deliverable_building, "build_render", lambda *_: broken)
    result = run_render_job(owner, queued, monkeypatch)
    evaluations = {check.check_name: check for check in result.get_asset_check_evaluations()}
    failed = evaluations["as_long_as_the_cut"]
    assert not result.success and not failed.passed and failed.severity == dg.AssetCheckSeverity.ERROR
    progress = owner.call("GET", f"/v1/clips/{clip.id}/render-progress").json()["data"]
    assert progress["status"] == "FAILED_RENDER" and "not as long as the clip" in progress["error_message"]
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == pytest.approx(balance)
    assert owner.call("GET", f"/v1/clips/{clip.id}/video").status_code == 404
