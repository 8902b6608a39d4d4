"""Runs that are late, repeated or killed: what the assets write in each case."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import func, select

from carmic_assets.assets import deliverables, ingest, referenced_media, transient_errors
from carmic_assets.assets.video_step import VideoStep, open_video_step, video_partitions
from carmic_assets.model.errors import RenderError
from resources import accounts, clips, exports, ledger, projects, renders, run_intents, video_download
from resources.database.tables import events
from resources.platform import Platform, open_platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    yield open_platform({"CARMIC_HOME": str(tmp_path / "home"), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"})


def create_project(platform: Platform, **columns: object) -> projects.Project:
    with platform.database.write() as connection:
        user, workspace = accounts.register(connection, "a@example.com", "hash")
        ledger.grant_month(connection, workspace)
        new = projects.NewProject(title="talk.mp4", filename="talk.mp4", content_type="video/mp4")
        project = projects.create(connection, workspace, user.id, new, ".mp4")
        projects.update_details(connection, project.id, **columns)
        updated = projects.get(connection, project.id)
    assert updated is not None
    return updated


def new_clip(start_s: float, title: str = "A clip") -> clips.NewClip:
    return clips.NewClip(title, start_s, start_s + 30, 80, {}, "", [], [])


def add_clip(platform: Platform, project: projects.Project) -> clips.Clip:
    with platform.database.write() as connection:
        (clip_id,) = clips.add(connection, project.id, project.workspace_id, [new_clip(10)])
        clip = clips.get(connection, clip_id)
    assert clip is not None
    return clip


def select_rows(
    platform: Platform, project: projects.Project, run_id: str, tags: dict[str, str]
) -> tuple[list[str], list[str]]:
    """Return the ids of the renders and of the exports that a run would build."""
    step: Any = SimpleNamespace(platform=platform, project=project)
    context: Any = SimpleNamespace(run=SimpleNamespace(run_id=run_id, tags=tags))
    return tuple(  # type: ignore[return-value]
        [row.id for row in select(step, context, deliverables.RebuildConfig())]
        for select in (deliverables._select_renders, deliverables._select_exports)
    )


def test_a_re_execution_rebuilds_what_the_repeated_run_built(platform: Platform) -> None:
    """A re-execution has the tags of the repeated run, with the subject, and a run id that no row refers to."""
    project = create_project(platform, status="CLIPS_READY")
    first = add_clip(platform, project)
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        render = renders.queue(connection, first, run_id)
        run_intents.enqueue(connection, run_id, "render_clips", project.workspace_id, project.id, render.id)
    assert select_rows(platform, project, run_id, {run_intents.SUBJECT_TAG: render.id})[0] == [render.id]
    with pytest.raises(dg.Failure, match="no finished file"):
        select_rows(platform, project, run_intents.new_run_id(), {run_intents.SUBJECT_TAG: render.id})
    with platform.database.write() as connection:
        assert renders.finish(connection, render.id, "key", {}, None)
        (package, _), (other, _) = (
            exports.request(connection, first, target, False, "x") for target in ("premiere", "fcpx")
        )
        for export in (package, other):
            exports.finish(connection, export.id, "key", 1)
    context: Any = SimpleNamespace(
        run=SimpleNamespace(run_id=run_intents.new_run_id(), tags={run_intents.SUBJECT_TAG: package.id})
    )
    step: Any = SimpleNamespace(platform=platform, project=project)
    assert [row.id for row in deliverables._select_exports(step, context, deliverables.RebuildConfig())] == [package.id]
    render_ids, export_ids = select_rows(platform, project, run_intents.new_run_id(), {})
    assert render_ids == [render.id] and set(export_ids) == {package.id, other.id}


def test_a_download_killed_while_it_is_stored_keeps_its_title_and_size(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = create_project(platform, source_url="https://example.com/talk")
    (tmp_path / "fetched").write_bytes(b"the talk")
    monkeypatch.setattr(
        video_download,
        "download_video",
        lambda *_, **__: video_download.DownloadedVideo(tmp_path / "fetched", "How it works"),
    )
    put_file = platform.store.put_file

    def put_and_die(key: str, path: Path, content_type: str) -> int:
        put_file(key, path, content_type)
        raise KeyboardInterrupt

    monkeypatch.setattr(platform.store, "put_file", put_and_die)
    step = VideoStep(platform, project, "run", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        ingest._download_source(step)
    ingest._download_source(step)
    with platform.database.read() as connection:
        updated = projects.get(connection, project.id)
    assert updated is not None and (updated.title, updated.filesize) == ("How it works", 8)


def test_a_clip_edited_while_it_is_rescored_keeps_its_bounds(platform: Platform) -> None:
    """On PostgreSQL a client's edit may come between the re-scoring's read and its write."""
    project = create_project(platform, status="CLIPS_READY")
    first = add_clip(platform, project)
    with platform.database.write() as connection:
        assert clips.redefine(connection, first.id, new_clip(12, "Another"))
        clips.edit(connection, first.id, {}, title="Mine", start_s=11.0)
        assert not clips.redefine(connection, first.id, new_clip(50, "Theirs"))
        clips.retire(connection, [first.id])
        current = clips.get(connection, first.id)
    assert current is not None and (current.title, current.start_s) == ("Mine", 11.0)


@pytest.mark.parametrize(
    ("status", "event_count"), [("COMPLETED", 1), ("FAILED", 0), ("CANCELLED", 0), ("TRANSCRIBING", 0)]
)
def test_only_a_ready_project_publishes_a_new_list_of_clips(platform: Platform, status: str, event_count: int) -> None:
    project = create_project(platform, status=status)
    with platform.database.write() as connection:
        projects.refresh_listing(connection, project.id)
        ready = select(func.count()).where(events.c.event == "project.clips_ready")
        assert connection.scalar(ready) == event_count


@pytest.mark.parametrize(("failures", "status"), [(2, "TRANSCRIBING"), (4, "FAILED")])
def test_an_unavailable_store_fails_the_project_at_the_last_attempt_only(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, failures: int, status: str
) -> None:
    project = create_project(platform, status="UPLOADING", run_id="run")
    outage = iter(range(failures))

    @dg.asset(partitions_def=video_partitions)
    def probed(context) -> None:  # noqa: ANN001 - Dagster cannot resolve the annotation in a test's function
        with open_video_step(context, platform) as step:
            if next(outage, None) is not None:
                reply = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
                raise ClientError(reply, "PutObject")  # type: ignore[arg-type]
            step.advance("TRANSCRIBING", 3, "Reading the video")

    monkeypatch.setattr(transient_errors, "RETRY_PAUSES_S", (0, 0, 0))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(run_intents.VIDEO_PARTITIONS, [project.id])
        result = dg.materialize([probed], instance=instance, partition_key=project.id, raise_on_error=False)
    with platform.database.read() as connection:
        ended = projects.get(connection, project.id)
    assert ended is not None and ended.status == status
    assert result.success == (status != "FAILED")


class RedirectWithoutLocation(http.server.BaseHTTPRequestHandler):
    """Responds with a redirect status and without a Location header."""

    def do_GET(self) -> None:
        self.send_response(300)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_a_redirect_without_a_location_fails_the_render(platform: Platform, tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), RedirectWithoutLocation) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RenderError, match="could not be downloaded"):
            referenced_media.download_reference(
                platform,
                f"http://127.0.0.1:{server.server_address[1]}/b.mp4",
                tmp_path,
                referenced_media.DownloadBudget(1000, 60),
            )
        server.shutdown()
