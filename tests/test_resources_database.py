"""The database keeps its promises on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select

from real_servers import postgres
from resources import accounts, clips, exports, ledger, outbox, projects, renders, run_intents
from resources.database.engine import Database
from resources.database.migrate import downgrade, upgrade
from resources.database.tables import ledger as ledger_table
from resources.database.tables import metadata

MINUTE = ledger.MINUTE_MS
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/carmic.db"
    else:
        with postgres(folder) as address:
            yield address


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    made = Database(url)
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def workspace(database: Database, request: pytest.FixtureRequest) -> str:
    name = f"{abs(hash(request.node.nodeid))}@example.com"
    with database.write() as connection:
        return accounts.register(connection, name, "hash")[1]


def new_project(database: Database, workspace: str, duration_s: float | None = 90.0) -> projects.Project:
    new = projects.NewProject("Talk", "talk.mp4", "video/mp4", duration_s=duration_s)
    with database.write() as connection:
        return projects.create(connection, workspace, None, new, ".mp4")


def new_clip(database: Database, project: projects.Project) -> clips.Clip:
    found = clips.NewClip("Title", 1.0, 31.5, 70, {"hook": 70}, "Because.", [], [])
    with database.write() as connection:
        (identity,) = clips.add(connection, project.id, project.workspace_id, [found])
        clip = clips.get(connection, identity)
    assert clip is not None
    return clip


def balance(database: Database, workspace: str) -> int:
    with database.read() as connection:
        return ledger.balance_ms(connection, workspace)


def test_migrations_go_up_down_and_up_and_end_at_the_tables(url: str, database: Database) -> None:
    downgrade(database, "base")
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    program = "from resources.platform import open_platform; open_platform()"
    environ = {**os.environ, "CARMIC_HOME": str(tmp_path)}
    started = [subprocess.Popen([sys.executable, "-c", program], env=environ, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]


def test_a_project_is_charged_once_settled_by_its_probed_length_and_given_back(
    database: Database, workspace: str
) -> None:
    project = new_project(database, workspace, 90.0)
    assert balance(database, workspace) == 58 * MINUTE
    for _ in range(3):  # a step that crashed and ran again
        with database.write() as connection:
            ledger.settle_project(connection, workspace, project.id, 170.0)
    assert balance(database, workspace) == 57 * MINUTE
    with database.write() as connection:
        assert projects.end(connection, project.id, "FAILED", "It broke.")
        assert not projects.end(connection, project.id, "CANCELLED", None)
    assert balance(database, workspace) == 60 * MINUTE


def test_a_tier_that_rises_within_the_month_brings_the_difference_once(database: Database, workspace: str) -> None:
    """It brought nothing where the lower tier's grant had been booked, and all of it where nobody had looked yet."""
    for tier, minutes in (("FREE", 60), ("STANDARD", 300), ("FREE", 300), ("STANDARD", 300), ("PROFESSIONAL", 1200)):
        with database.write() as connection:
            accounts.set_tier(connection, workspace, tier)
            ledger.grant_month(connection, workspace)
            ledger.grant_month(connection, workspace)
        assert balance(database, workspace) == minutes * MINUTE


def test_the_last_minutes_go_to_exactly_as_many_as_the_pool_pays_for(database: Database, workspace: str) -> None:
    with database.write() as connection:
        ledger.grant_month(connection, workspace)
        ledger.move(connection, workspace, f"spend:{workspace}", "render", -57 * MINUTE)
    start = threading.Barrier(12)

    def create(_: int) -> bool:
        start.wait()
        try:
            new_project(database, workspace, 55.0)
        except ledger.InsufficientMinutes:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(create, range(12))) == 3
    assert balance(database, workspace) == 0
    with database.read() as connection:
        _, total = projects.listing(connection, workspace)
    assert total == 3  # a refused project leaves no row


def test_a_search_ignores_case_in_every_script_and_follows_a_new_title(database: Database, workspace: str) -> None:
    project = new_project(database, workspace)
    with database.write() as connection:
        long = projects.NewProject("\U0001f3ac" * 500, "\u4e2d" * 500, "video/mp4")  # no index refuses it
        projects.create(connection, workspace, None, long, ".mp4")
        projects.amend(connection, project.id, title="Über ΣΊΣΥΦΟΣ 100%")
        for words in ("über", "ÜBER Σ", "σίσυφος", "100%", "TALK.mp4"):
            found, total = projects.listing(connection, workspace, search=words)
            assert [p.id for p in found] == [project.id] and total == 1, words
        assert projects.listing(connection, workspace, search="1_0%") == ([], 0)
        assert projects.listing(connection, workspace, search="\u4e2d\u4e2d", status="PENDING_UPLOAD")[1] == 1
        assert projects.listing(connection, workspace, search="\u4e2d", status="COMPLETED") == ([], 0)


def test_projects_made_before_searches_had_their_own_text_are_found(database: Database, workspace: str) -> None:
    new_project(database, workspace)
    downgrade(database, "0002")
    upgrade(database)
    with database.read() as connection:
        assert projects.listing(connection, workspace, search="talk.MP4")[1] == 1


def test_a_status_never_goes_back_and_every_change_is_told_in_order(database: Database, workspace: str) -> None:
    project = new_project(database, workspace)
    with database.write() as connection:
        assert projects.claim(connection, project.id, run_intents.new_run_id())
        assert projects.claim(connection, project.id, run_intents.new_run_id()) is None
        assert projects.advance(connection, project.id, "TRANSCRIBING", 20, "Transcribing")
        assert not projects.advance(connection, project.id, "DOWNLOADING", 30, "late")
        assert not projects.advance(connection, project.id, "TRANSCRIBING", 10, "late")
        assert projects.advance(connection, project.id, "CLIPS_READY", 100, "Clips ready")
        assert not projects.end(connection, project.id, "FAILED", "too late")
        assert projects.complete(connection, project.id)
        told = outbox.of_subject(connection, f"project:{project.id}")
    assert [e.data["status"] for e in told] == ["UPLOADING", "TRANSCRIBING", "CLIPS_READY", "COMPLETED"]
    assert [e.id for e in told] == sorted(e.id for e in told)


def test_one_render_at_a_time_charged_once_and_refunded_when_it_fails(database: Database, workspace: str) -> None:
    project = new_project(database, workspace, None)
    clip = new_clip(database, project)
    start = threading.Barrier(6)

    def queue(_: int) -> str | None:
        start.wait()
        try:
            with database.write() as connection:
                return renders.queue(connection, clip, run_intents.new_run_id()).id
        except renders.AlreadyRendering:
            return None

    with ThreadPoolExecutor(6) as pool:
        (render_id,) = [made for made in pool.map(queue, range(6)) if made]
    assert balance(database, workspace) == 60 * MINUTE - 30_500
    with database.write() as connection:
        assert renders.advance(connection, render_id, 40)
        assert renders.fail(connection, render_id, "No.")
        assert not renders.fail(connection, render_id, "No.")
        assert not renders.finish(connection, render_id, "key", {})
    assert balance(database, workspace) == 60 * MINUTE
    with database.read() as connection:
        found = clips.get(connection, clip.id)
    assert found is not None and found.status == "FAILED_RENDER" and found.error_message == "No."


def test_what_a_backfill_makes_again_is_told_and_what_never_was_finished_is_not(
    database: Database, workspace: str
) -> None:
    project = new_project(database, workspace, None)
    clip = new_clip(database, project)
    with database.write() as connection:
        render = renders.queue(connection, clip, run_intents.new_run_id())
        export, _ = exports.request(connection, clip, "fcpx", False, run_intents.new_run_id())
        assert not renders.remade(connection, render.id, {}) and not exports.remade(connection, export.id, 1)
        renders.finish(connection, render.id, "clip.mp4", {"fps": 25})
        exports.finish(connection, export.id, "package.zip", 10)
        assert renders.remade(connection, render.id, {"fps": 30}) and exports.remade(connection, export.id, 20)
        again = [
            event.data for event in outbox.of_subject(connection, f"clip:{clip.id}") if event.event == "clip.rendered"
        ]
        sizes = [event.data["file_size"] for event in outbox.of_subject(connection, f"export:{export.id}")]
        found = renders.get(connection, render.id)
    assert [told["object_key"] for told in again] == ["clip.mp4", "clip.mp4"] and sizes[-2:] == [10, 20]
    assert found is not None and found.facts == {"fps": 30}


def test_the_same_content_is_the_same_export(database: Database, workspace: str) -> None:
    project = new_project(database, workspace, None)
    clip = new_clip(database, project)
    with database.write() as connection:
        first, new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        again, not_new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        with_proxy, _ = exports.request(connection, clip, "premiere", True, run_intents.new_run_id())
        assert (new, not_new) == (True, False)
        assert first.id == again.id != with_proxy.id
        edited = clips.edit(connection, clip.id, {"caption_style": "MINIMAL"})
        assert edited is not None
        other, _ = exports.request(connection, edited, "premiere", False, run_intents.new_run_id())
        assert other.id != first.id
        exports.fail(connection, first.id, "No.")
        retried, new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        assert new and retried.id != first.id


def test_a_run_is_resumed_until_it_was_lost_too_often_without_getting_on(database: Database, workspace: str) -> None:
    project = new_project(database, workspace)

    def lose(connection: Connection, loss: int) -> bool:
        found = projects.get(connection, project.id)
        intent = found and run_intents.get(connection, found.run_id or "")
        assert intent is not None
        run_id = run_intents.again(connection, intent, loss)
        if run_id is None:
            return False
        resumed = run_intents.get(connection, run_id)
        found = projects.get(connection, project.id)
        assert found is not None and found.run_id == run_id
        assert resumed is not None and resumed.resumes == intent.run_id
        return True

    with database.write() as connection:
        first = run_intents.new_run_id()
        projects.claim(connection, project.id, first)
        run_intents.promise(connection, first, "ingest_video", workspace, project.id, project.id)
        assert [lose(connection, run_intents.ALONE) for _ in range(2)] == [True, True]
        found = projects.get(connection, project.id)
        assert found is not None
        run_intents.got_on(connection, found.run_id or "")
        assert [lose(connection, run_intents.ALONE) for _ in range(2)] == [True, True]
        assert [lose(connection, run_intents.TOGETHER) for _ in range(5)] == [True] * 4 + [False]


def test_concurrent_writers_lose_nothing(database: Database, workspace: str) -> None:
    def add(number: int) -> None:
        with database.write() as connection:
            ledger.move(connection, workspace, f"add:{workspace}:{number}", "grant", 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    with database.read() as connection:
        of = ledger_table.c.workspace_id == workspace
        assert connection.scalar(select(func.count()).select_from(ledger_table).where(of)) == 60
    assert balance(database, workspace) == 60
