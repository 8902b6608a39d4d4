"""The event stream of a timeline: revisions, jobs and exports, live and after a reconnect."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import media_files
from api_server import Server
from timeline_client import TimelineClient, read_messages


@pytest.mark.usefixtures("run_in_process")
def test_a_stream_names_every_change_once(server: Server, tmp_path: Path) -> None:
    client = TimelineClient(server.create_member())
    project = client.create_project(media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1))
    segment_id = project["segments"][0]["id"]
    with httpx.stream("GET", client.stream_url(project["id"]), timeout=60) as response:
        messages = read_messages(response)
        first_id, current = next(messages)
        assert current == {
            "event": "timeline.changed",
            "project_id": project["id"],
            "revision": project["revision"],
            "op": "upload",
            "segments": 1,
        }
        client.edit(segment_id, "split", split_ts=0.4)
        _, changed = next(messages)
        assert (changed["event"], changed["op"], changed["segments"]) == ("timeline.changed", "split", 2)
        conflict = client.request("POST", f"/segment/{segment_id}/split", {"split_ts": 0.2})
        assert conflict.status_code == 409 and f"at revision {changed['revision']}" in conflict.json()["error"]
        assert conflict.headers["etag"] == f'"{changed["revision"]}"'
        export, _ = client.export(project["id"], tmp_path, format="edl")
        finished = next(data for _, data in messages if data["event"] == "timeline_export.completed")
        assert finished["id"] == export["export_job_id"] and "object_key" not in finished
        assert httpx.get(finished["download_url"]).text.startswith("TITLE: Cut")
    headers = {"Last-Event-ID": str(first_id)}
    with httpx.stream("GET", client.stream_url(project["id"]), headers=headers, timeout=60) as response:
        events = []
        for _, data in read_messages(response):
            events.append(data["event"])
            if data["event"] == "timeline_export.completed":
                break
    assert events[0] == "timeline.changed" and events.count("timeline_export.completed") == 1
    stranger = TimelineClient(server.create_member())
    assert httpx.get(stranger.stream_url(project["id"])).status_code == 404


@pytest.fixture
def run_in_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that the test executes itself use the server's home."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)
