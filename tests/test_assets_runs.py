"""Runs that come late, twice or after a kill: what the assets write, whatever came between."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import func, select

from carmic_assets.assets import deliverables, ingest, referenced_media
from carmic_assets.assets.video_step import Stage
from carmic_assets.model.errors import RenderFailed
from resources import accounts, clips, exports, ledger, projects, renders, run_intents, video_download
from resources.database.tables import events
from resources.platform import Platform, open_platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    yield open_platform({"CARMIC_HOME": str(tmp_path / "home"), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"})


def project(platform: Platform, **columns: Any) -> projects.Project:
    with platform.database.write() as connection:
        user, workspace = accounts.register(connection, "a@example.com", "hash")
        ledger.grant_month(connection, workspace)
        new = projects.NewProject(title="talk.mp4", filename="talk.mp4", content_type="video/mp4")
        made = projects.create(connection, workspace, user.id, new, ".mp4")
        projects.amend(connection, made.id, **columns)
        found = projects.get(connection, made.id)
    assert found is not None
    return found


def described(start_s: float, title: str = "A clip") -> clips.NewClip:
    return clips.NewClip(title, start_s, start_s + 30, 80, {}, "", [], [])


def clip(platform: Platform, of: projects.Project) -> clips.Clip:
    with platform.database.write() as connection:
        (made,) = clips.add(connection, of.id, of.workspace_id, [described(10)])
        found = clips.get(connection, made)
    assert found is not None
    return found


def chosen(platform: Platform, of: projects.Project, run_id: str, tags: dict[str, str]) -> tuple[list[str], list[str]]:
    """Which renders and which exports a run would make."""
    at: Any = SimpleNamespace(platform=platform, project=of)
    context: Any = SimpleNamespace(run=SimpleNamespace(run_id=run_id, tags=tags))
    return tuple(  # type: ignore[return-value]
        [row.id for row in choose(at, context, deliverables.Again())]
        for choose in (deliverables._renders, deliverables._exports)
    )


def test_a_re_execution_makes_again_what_the_run_made_that_it_repeats(platform: Platform) -> None:
    """It has that run's tags, the subject's among them, and a run id that no row names."""
    of = project(platform, status="CLIPS_READY")
    first = clip(platform, of)
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        render = renders.queue(connection, first, run_id)
        run_intents.promise(connection, run_id, "render_clips", of.workspace_id, of.id, render.id)
    assert chosen(platform, of, run_id, {run_intents.SUBJECT_TAG: render.id})[0] == [render.id]
    with pytest.raises(dg.Failure, match="no finished file"):
        chosen(platform, of, run_intents.new_run_id(), {run_intents.SUBJECT_TAG: render.id})
    with platform.database.write() as connection:
        assert renders.finish(connection, render.id, "key", {}, None)
        (package, _), (other, _) = (exports.request(connection, first, to, False, "x") for to in ("premiere", "fcpx"))
        for each in (package, other):
            exports.finish(connection, each.id, "key", 1)
    again: Any = SimpleNamespace(
        run=SimpleNamespace(run_id=run_intents.new_run_id(), tags={run_intents.SUBJECT_TAG: package.id})
    )
    at: Any = SimpleNamespace(platform=platform, project=of)
    assert [row.id for row in deliverables._exports(at, again, deliverables.Again())] == [package.id]
    made, packaged = chosen(platform, of, run_intents.new_run_id(), {})
    assert made == [render.id] and set(packaged) == {package.id, other.id}


def test_a_download_keeps_its_title_and_size_when_it_is_killed_as_it_is_stored(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = project(platform, source_url="https://example.com/talk")
    (tmp_path / "fetched").write_bytes(b"the talk")
    monkeypatch.setattr(
        video_download, "download", lambda *_, **__: video_download.Downloaded(tmp_path / "fetched", "How it works")
    )
    put = platform.store.put_file

    def killed(*given: Any) -> int:
        put(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(platform.store, "put_file", killed)
    at = Stage(platform, of, "run", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        ingest._fetch(at)
    ingest._fetch(at)
    with platform.database.read() as connection:
        now = projects.get(connection, of.id)
    assert now is not None and (now.title, now.filesize) == ("How it works", 8)


def test_a_clip_that_is_touched_while_it_is_scored_again_keeps_its_cut(platform: Platform) -> None:
    """On PostgreSQL a client's edit may come between a re-scoring's look and its word."""
    of = project(platform, status="CLIPS_READY")
    first = clip(platform, of)
    with platform.database.write() as connection:
        assert clips.describe(connection, first.id, described(12, "Another"))
        clips.edit(connection, first.id, {}, title="Mine", start_s=11.0)
        assert not clips.describe(connection, first.id, described(50, "Theirs"))
        clips.retire(connection, [first.id])
        kept = clips.get(connection, first.id)
    assert kept is not None and (kept.title, kept.start_s) == ("Mine", 11.0)


@pytest.mark.parametrize(("status", "told"), [("COMPLETED", 1), ("FAILED", 0), ("CANCELLED", 0), ("TRANSCRIBING", 0)])
def test_only_a_project_that_is_ready_tells_of_a_new_list_of_clips(platform: Platform, status: str, told: int) -> None:
    of = project(platform, status=status)
    with platform.database.write() as connection:
        projects.relist(connection, of.id)
        ready = select(func.count()).where(events.c.event == "project.clips_ready")
        assert connection.scalar(ready) == told


class Nowhere(http.server.BaseHTTPRequestHandler):
    """Answers with a redirect to nowhere."""

    def do_GET(self) -> None:
        self.send_response(300)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_media_behind_a_redirect_to_nowhere_fail_with_a_sentence(platform: Platform, tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Nowhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RenderFailed, match="could not be fetched"):
            referenced_media._fetch(platform, f"http://127.0.0.1:{server.server_address[1]}/b.mp4", tmp_path)
        server.shutdown()
