"""State transitions, the ledger and the outbox behave the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Float,
    Integer,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
)

from real_servers import run_postgres
from resources import accounts, clips, exports, ledger, outbox, projects, renders, run_intents
from resources.database.engine import Database
from resources.database.migrate import downgrade, upgrade
from resources.database.tables import ledger as ledger_table
from resources.database.tables import metadata

MINUTE_MS = ledger.MINUTE_MS
PREVIOUS_RELEASE = "0003"
TEXT_VALUES = {"email": "ada@example.com", "role": "OWNER", "tier": "FREE", "status": "FAILED", "state": "DONE"}
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/carmic.db"
    else:
        with run_postgres(folder) as postgres_url:
            yield postgres_url


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def workspace(database: Database, request: pytest.FixtureRequest) -> str:
    email = f"{abs(hash(request.node.nodeid))}@example.com"
    with database.write() as connection:
        return accounts.register(connection, email, "hash")[1]


def create_project(database: Database, workspace: str, duration_s: float | None = 90.0) -> projects.Project:
    new = projects.NewProject("Talk", "talk.mp4", "video/mp4", duration_s=duration_s)
    with database.write() as connection:
        return projects.create(connection, workspace, None, new, ".mp4")


def create_clip(database: Database, project: projects.Project) -> clips.Clip:
    new = clips.NewClip("Title", 1.0, 31.5, 70, {"hook": 70}, "Because.", [], [])
    with database.write() as connection:
        (identity,) = clips.add(connection, project.id, project.workspace_id, [new])
        clip = clips.get(connection, identity)
    assert clip is not None
    return clip


def get_balance_ms(database: Database, workspace: str) -> int:
    with database.read() as connection:
        return ledger.get_balance_ms(connection, workspace)


def test_migrations_go_up_and_down_and_match_the_tables(url: str, database: Database) -> None:
    downgrade(database, "base")
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_keep_the_rows_of_the_previous_release(url: str, database: Database) -> None:
    """A migration that works on an empty database may fail on a full one: NOT NULL, UNIQUE, foreign keys."""
    downgrade(database, "base")
    upgrade(database, PREVIOUS_RELEASE)
    previous = MetaData()
    previous.reflect(database.engine)
    tables = [table for table in previous.sorted_tables if table.name != "alembic_version"]
    identity = str(uuid.uuid4())
    with database.write() as connection:
        for table in tables:
            connection.execute(insert(table), fill_row(table, identity))
    before = {table.name: read_rows(database, table) for table in tables}
    assert all(len(rows) == 1 for rows in before.values()) and len(before) > 15
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        for table in metadata.sorted_tables:  # readable by this release
            connection.execute(select(table)).all()
    for table in tables:
        kept = [c.name for c in table.columns if c.name in metadata.tables[table.name].columns]
        assert read_rows(database, table, kept) == pick(before[table.name], kept), table.name
    downgrade(database, PREVIOUS_RELEASE)
    for table in tables:
        assert read_rows(database, table) == before[table.name], table.name
    upgrade(database)
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


def fill_row(table: Table, identity: str) -> dict[str, object]:
    """A row with a value in every column; all rows share one ID, so that foreign keys hold."""
    row: dict[str, object] = {}
    for column in table.columns:
        kind = column.type
        if column.foreign_keys:
            row[column.name] = identity
        elif isinstance(kind, DateTime):
            row[column.name] = datetime(2026, 3, 1, 12, 30, 15)
        elif isinstance(kind, Boolean):
            row[column.name] = True
        elif isinstance(kind, JSON):
            row[column.name] = []
        elif isinstance(kind, Integer | Float):
            row[column.name] = 2 if column.name.startswith("end_") else 1
        else:
            length = getattr(kind, "length", None)
            row[column.name] = TEXT_VALUES.get(column.name, identity)[:length]
    return row


def read_rows(database: Database, table: Table, names: Sequence[str] = ()) -> list[dict[str, object]]:
    columns = [table.c[name] for name in names or table.columns.keys()]
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(*columns))]


def pick(rows: list[dict[str, object]], names: Sequence[str]) -> list[dict[str, object]]:
    return [{name: row[name] for name in names} for row in rows]


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    program = "from resources.platform import open_platform; open_platform()"
    environ = {**os.environ, "CARMIC_HOME": str(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environ, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]


def test_a_project_is_charged_once_then_settled_by_its_probed_length_and_refunded(
    database: Database, workspace: str
) -> None:
    project = create_project(database, workspace, 90.0)
    assert get_balance_ms(database, workspace) == 58 * MINUTE_MS
    for _ in range(3):  # the step crashed and was retried
        with database.write() as connection:
            ledger.settle_project(connection, workspace, project.id, 170.0)
    assert get_balance_ms(database, workspace) == 57 * MINUTE_MS
    with database.write() as connection:
        assert projects.end(connection, project.id, "FAILED", "It broke.")
        assert not projects.end(connection, project.id, "CANCELLED", None)
    assert get_balance_ms(database, workspace) == 60 * MINUTE_MS


def test_a_tier_that_rises_within_the_month_grants_the_difference_once(database: Database, workspace: str) -> None:
    for tier, minutes in (("FREE", 60), ("STANDARD", 300), ("FREE", 300), ("STANDARD", 300), ("PROFESSIONAL", 1200)):
        with database.write() as connection:
            accounts.set_tier(connection, workspace, tier)
            ledger.grant_month(connection, workspace)
            ledger.grant_month(connection, workspace)
        assert get_balance_ms(database, workspace) == minutes * MINUTE_MS


def test_concurrent_projects_never_spend_more_than_the_balance(database: Database, workspace: str) -> None:
    with database.write() as connection:
        ledger.grant_month(connection, workspace)
        ledger.post_entry(connection, workspace, ledger.NewEntry(f"spend:{workspace}", "render", -57 * MINUTE_MS))
    start = threading.Barrier(12)

    def create(_: int) -> bool:
        start.wait()
        try:
            create_project(database, workspace, 55.0)
        except ledger.InsufficientMinutesError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(create, range(12))) == 3
    assert get_balance_ms(database, workspace) == 0
    with database.read() as connection:
        _, total = projects.list_page(connection, workspace)
    assert total == 3, "a refused project leaves no row"


def test_a_search_ignores_case_in_every_script_and_follows_a_new_title(database: Database, workspace: str) -> None:
    project = create_project(database, workspace)
    with database.write() as connection:
        long_names = projects.NewProject("\U0001f3ac" * 500, "\u4e2d" * 500, "video/mp4")  # must fit into the index
        projects.create(connection, workspace, None, long_names, ".mp4")
        projects.update_details(connection, project.id, title="Über ΣΊΣΥΦΟΣ 100%")
        for text in ("über", "ÜBER Σ", "σίσυφος", "100%", "TALK.mp4"):
            page, total = projects.list_page(connection, workspace, search=text)
            assert [p.id for p in page] == [project.id] and total == 1, text
        assert projects.list_page(connection, workspace, search="1_0%") == ([], 0)
        assert projects.list_page(connection, workspace, search="\u4e2d\u4e2d", status="PENDING_UPLOAD")[1] == 1
        assert projects.list_page(connection, workspace, search="\u4e2d", status="COMPLETED") == ([], 0)


def test_projects_from_before_the_search_text_migration_are_found(database: Database, workspace: str) -> None:
    create_project(database, workspace)
    downgrade(database, "0002")
    upgrade(database)
    with database.read() as connection:
        assert projects.list_page(connection, workspace, search="talk.MP4")[1] == 1


def test_a_status_never_goes_back_and_every_change_is_published_in_order(database: Database, workspace: str) -> None:
    project = create_project(database, workspace)
    with database.write() as connection:
        assert projects.assign_run(connection, project.id, run_intents.new_run_id())
        assert projects.assign_run(connection, project.id, run_intents.new_run_id()) is None
        assert projects.advance(connection, project.id, "TRANSCRIBING", 20, "Transcribing")
        assert not projects.advance(connection, project.id, "DOWNLOADING", 30, "late")
        assert not projects.advance(connection, project.id, "TRANSCRIBING", 10, "late")
        assert projects.advance(connection, project.id, "CLIPS_READY", 100, "Clips ready")
        assert not projects.end(connection, project.id, "FAILED", "too late")
        assert projects.complete(connection, project.id)
        published = outbox.list_for_subject(connection, f"project:{project.id}")
    assert [event.data["status"] for event in published] == ["UPLOADING", "TRANSCRIBING", "CLIPS_READY", "COMPLETED"]
    assert [event.id for event in published] == sorted(event.id for event in published)


def test_a_clip_has_one_active_render_charged_once_and_refunded_when_it_fails(
    database: Database, workspace: str
) -> None:
    project = create_project(database, workspace, None)
    clip = create_clip(database, project)
    start = threading.Barrier(6)

    def queue(_: int) -> str | None:
        start.wait()
        try:
            with database.write() as connection:
                return renders.queue(connection, clip, run_intents.new_run_id()).id
        except renders.AlreadyRenderingError:
            return None

    with ThreadPoolExecutor(6) as pool:
        (render_id,) = [queued for queued in pool.map(queue, range(6)) if queued]
    assert get_balance_ms(database, workspace) == 60 * MINUTE_MS - 30_500
    with database.write() as connection:
        assert renders.advance(connection, render_id, 40)
        assert renders.fail(connection, render_id, "No.")
        assert not renders.fail(connection, render_id, "No.")
        assert not renders.finish(connection, render_id, "key", {})
    assert get_balance_ms(database, workspace) == 60 * MINUTE_MS
    with database.read() as connection:
        failed = clips.get(connection, clip.id)
    assert failed is not None and failed.status == "FAILED_RENDER" and failed.error_message == "No."


def test_a_rebuild_is_published_only_for_finished_renders_and_exports(database: Database, workspace: str) -> None:
    project = create_project(database, workspace, None)
    clip = create_clip(database, project)
    with database.write() as connection:
        render = renders.queue(connection, clip, run_intents.new_run_id())
        export, _ = exports.request(connection, clip, "fcpx", False, run_intents.new_run_id())
        assert not renders.mark_rebuilt(connection, render.id, {})
        assert not exports.mark_rebuilt(connection, export.id, 1)
        renders.finish(connection, render.id, "clip.mp4", {"fps": 25})
        exports.finish(connection, export.id, "package.zip", 10)
        assert renders.mark_rebuilt(connection, render.id, {"fps": 30})
        assert exports.mark_rebuilt(connection, export.id, 20)
        clip_events = outbox.list_for_subject(connection, f"clip:{clip.id}")
        export_events = outbox.list_for_subject(connection, f"export:{export.id}")
        rebuilt = renders.get(connection, render.id)
    rendered = [event.data["object_key"] for event in clip_events if event.event == "clip.rendered"]
    assert rendered == ["clip.mp4", "clip.mp4"]
    assert [event.data["file_size"] for event in export_events][-2:] == [10, 20]
    assert rebuilt is not None and rebuilt.facts == {"fps": 30}


def test_equal_requests_share_one_export_until_it_fails(database: Database, workspace: str) -> None:
    project = create_project(database, workspace, None)
    clip = create_clip(database, project)
    with database.write() as connection:
        first, is_first_new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        second, is_second_new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        with_proxy, _ = exports.request(connection, clip, "premiere", True, run_intents.new_run_id())
        assert (is_first_new, is_second_new) == (True, False)
        assert first.id == second.id != with_proxy.id
        edited = clips.edit(connection, clip.id, {"caption_style": "MINIMAL"})
        assert edited is not None
        other, _ = exports.request(connection, edited, "premiere", False, run_intents.new_run_id())
        assert other.id != first.id
        exports.fail(connection, first.id, "No.")
        third, is_third_new = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        assert is_third_new and third.id != first.id


def test_a_crashed_run_is_resumed_up_to_the_attempt_limit_since_its_last_progress(
    database: Database, workspace: str
) -> None:
    project = create_project(database, workspace)

    def requeue(connection: Connection, loss: int) -> bool:
        run_id = get_run_id(connection)
        intent = run_intents.get(connection, run_id)
        assert intent is not None
        new_run_id = run_intents.requeue(connection, intent, loss)
        if new_run_id is None:
            return False
        resumed = run_intents.get(connection, new_run_id)
        assert resumed is not None and resumed.resumes == run_id
        assert get_run_id(connection) == new_run_id
        return True

    def get_run_id(connection: Connection) -> str:
        current = projects.get(connection, project.id)
        assert current is not None and current.run_id is not None
        return current.run_id

    with database.write() as connection:
        first_run_id = run_intents.new_run_id()
        projects.assign_run(connection, project.id, first_run_id)
        run_intents.enqueue(connection, first_run_id, "ingest_video", workspace, project.id, project.id)
        assert [requeue(connection, run_intents.ISOLATED_LOSS) for _ in range(2)] == [True, True]
        run_intents.reset_attempts(connection, get_run_id(connection))
        assert [requeue(connection, run_intents.ISOLATED_LOSS) for _ in range(2)] == [True, True]
        assert [requeue(connection, run_intents.CORRELATED_LOSS) for _ in range(5)] == [True] * 4 + [False]


def test_no_entry_of_concurrent_writers_is_lost(database: Database, workspace: str) -> None:
    def add(number: int) -> None:
        with database.write() as connection:
            ledger.post_entry(connection, workspace, ledger.NewEntry(f"add:{workspace}:{number}", "grant", 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    with database.read() as connection:
        count = select(func.count()).select_from(ledger_table).where(ledger_table.c.workspace_id == workspace)
        assert connection.scalar(count) == 60
    assert get_balance_ms(database, workspace) == 60
