"""A run of `render_clips` as Dagster makes it: what a client is told and given back where a clip cannot be rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from api_server import Member, Server
from api_talk import analysed
from carmic_assets.captions.fonts import face
from carmic_assets.definitions import defs
from resources import media_library, renders, run_intents
from resources.renders import Render
from resources.run_submission import VIDEOS
from test_api_library import png, put_in, sound


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.member("PROFESSIONAL")


def run(member: Member, queued: Render, monkeypatch: pytest.MonkeyPatch) -> dg.ExecuteInProcessResult:
    """The queued render's run, in this process."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._opened", lambda: member.server.platform)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(VIDEOS, [queued.project_id])
        return defs.resolve_job_def("render_clips").execute_in_process(
            instance=instance,
            run_id=queued.run_id,
            partition_key=queued.project_id,
            tags={run_intents.SUBJECT_TAG: queued.id},
            raise_on_error=False,
        )


@pytest.mark.parametrize(
    ("name", "kind", "config", "says"),
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
def test_media_deleted_after_saving_fail_the_render_and_the_minutes_come_back(
    owner: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: str,
    config: Any,
    says: str,
) -> None:
    made = {
        "audio/wav": sound,
        "image/png": png,
        "font/ttf": lambda: Path(face("Anton", 400, tmp_path).path).read_bytes(),
    }
    media = put_in(owner, made[kind](), name, kind).json()["data"]
    clip = analysed(owner)[1]
    saved = owner.call("PUT", f"/v1/clips/{clip.id}", json=config(media))
    assert saved.status_code == 200, saved.text
    before = owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    asked = owner.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] < before
    with owner.server.database.write() as connection:
        media_library.remove(connection, owner.workspace_id, media["id"])
        queued = renders.get(connection, asked["render_job_id"])
    owner.server.platform.store.delete(media["object_key"])
    assert queued is not None and not run(owner, queued, monkeypatch).success
    told = owner.call("GET", f"/v1/clips/{clip.id}/render-progress").json()["data"]
    assert told["status"] == "FAILED_RENDER" and says in told["error_message"], told
    assert owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == pytest.approx(before)
    assert owner.call("POST", f"/v1/clips/{clip.id}/retry-render").status_code == 202
    assert httpx.get(media["url"]).status_code == 404
