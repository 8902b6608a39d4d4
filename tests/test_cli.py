"""The `carmic` command: its error messages, what it imports, and what an interrupted command leaves behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import inspect

from carmic_assets.cli import clip as command
from carmic_assets.cli import home as homes
from carmic_assets.cli import main as cli
from carmic_assets.cli import up
from carmic_assets.cli.commands import EXIT_INTERRUPTED
from media_files import write_numbered_video
from resources import accounts, projects, run_intents
from resources.database.engine import Database
from resources.platform import open_platform


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the environment, which the command changes, after each test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def run_refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run a command that must fail; returns what it prints."""
    try:
        assert cli.main(list(argv)) != 0
    except SystemExit as exit:  # raised by argparse
        assert exit.code == 2
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["clip", "{tmp}/video.mp4", "--out", "{tmp}/file"], "File exists"),
        (
            ["clip", "{tmp}/video.mp4", "--out", "{tmp}/out", "--style", "loud"],
            "not a caption style: use one of HORMOZI",
        ),
        (["clip", "{tmp}/video.mp4", "--out", "{tmp}/out", "--max-clips", "-1"], "not a whole number of at least 1"),
        (["clip", "{tmp}/folder.mp4", "--out", "{tmp}/out"], "does not exist"),
        (
            ["clip", "{tmp}/video.mp4", "--out", "{tmp}/out", "--home", "{tmp}/file/home"],
            "cannot be created at",
        ),
        (["doctor", "--home", "{tmp}/home?"], "must not contain `%` or `?`"),
        (["admin", "grant-minutes", "W", "nan"], "is not a number of minutes"),
        (["admin", "grant-minutes", "W", "1e300"], "is not a number of minutes"),
        (["admin", "videos", "--status", "LOST", "--home", "{tmp}/home"], "LOST is not a status"),
        (["import", "{tmp}", "--workspace", "W", "--home", "{tmp}/home"], "Workspace W does not exist"),
        (["import", "{tmp}/file", "--workspace", "W"], "does not exist"),
        (["admin", "grant-credits", "W", "1.5"], "is not a whole number of credits"),
        (["up", "--port", "99999"], "is not a port"),
        (["up", "--port", "3000", "--dagster-port", "3000", "--home", "{tmp}/home"], "cannot both have port 3000"),
    ],
)
def test_invalid_requests_are_refused_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    for name in ("video.mp4", "file"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()
    assert sentence in run_refused(capsys, *(word.format(tmp=tmp_path) for word in argv))


@pytest.mark.parametrize(
    ("argv", "status"), [(["--help"], 0), (["clip", "--help"], 0), (["clip", "missing.mp4", "--out", "."], 2)]
)
def test_help_and_argument_errors_import_no_database_and_no_dagster(argv: list[str], status: int) -> None:
    program = (
        "import sys\n"
        "from carmic_assets.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as exit:\n"
        "    heavy = {'sqlalchemy', 'dagster', 'alembic', 'av', 'numpy'} & set(sys.modules)\n"
        "    sys.exit(f'imports {heavy}' if heavy else exit.code)"
    )
    child = subprocess.run([sys.executable, "-c", program, *argv], capture_output=True, text=True, timeout=60)
    assert child.returncode == status, child.stderr


def test_an_invalid_run_limit_and_an_unreachable_database_are_reported_as_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CARMIC_MAX_RUNS", "many")
    assert "CARMIC_MAX_RUNS must be" in run_refused(capsys, "up", "--home", str(tmp_path), "--port", "0")
    monkeypatch.setitem(os.environ, "CARMIC_MAX_RUNS", "2")
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", "postgresql+psycopg://u:hunter2@127.0.0.1:1/x")
    message = run_refused(capsys, "admin", "outbox", "--home", str(tmp_path))
    assert "The database of CARMIC_DATABASE_URL cannot be used" in message and "hunter2" not in message


def test_the_doctor_names_what_is_missing_and_leaves_the_database_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/elsewhere/carmic.db")
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", database.url)
    monkeypatch.setitem(os.environ, "CARMIC_YOLO_WEIGHTS", "/nowhere/yolo.pt")
    cli.main(["doctor", "--json", "--home", str(tmp_path / "home")])
    findings = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["database"]["state"] == findings["object store"]["state"] == "ok"
    assert (
        findings["person detector"]["state"] == "missing"
        and "/nowhere/yolo.pt" in findings["person detector"]["detail"]
    )
    assert inspect(database.engine).get_table_names() == []
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", "postgresql+psycopg://u:hunter2@127.0.0.1:1/x")
    assert cli.main(["doctor", "--home", str(tmp_path / "home")]) == 1
    report = capsys.readouterr().out
    assert "MISSING  database " in report and "ok       object store" in report and "hunter2" not in report


def test_the_doctor_opens_dagsters_storage_and_checks_the_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diagnose() -> dict[str, dict[str, str]]:
        cli.main(["doctor", "--json", "--home", str(tmp_path)])
        return {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}

    assert diagnose()["Dagster storage"]["state"] == "optional", "the home has never been served"
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    homes.prepare_home(tmp_path)
    monkeypatch.setitem(os.environ, "DAGSTER_HOME", str(tmp_path / "dagster"))
    stopped = diagnose()
    assert stopped["Dagster storage"]["state"] == "ok" and stopped["Dagster daemon"]["state"] == "optional"
    with platform.database.write() as connection:
        user, workspace_id = accounts.register(connection, "a@example.com", "hash")
        run_intents.enqueue(connection, run_intents.new_run_id(), "ingest_video", workspace_id, user.id, user.id)
    waiting = diagnose()["Dagster daemon"]
    assert waiting["state"] == "missing" and "1 runs wait" in waiting["detail"]
    monkeypatch.setitem(os.environ, "CARMIC_DAGSTER_POSTGRES_URL", "postgresql+psycopg2://u:hunter2@127.0.0.1:1/x")
    unreachable = diagnose()["Dagster storage"]
    assert unreachable["state"] == "missing" and "hunter2" not in unreachable["detail"]


def test_an_import_queues_each_video_once_behind_other_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    (library / "2024").mkdir(parents=True)
    for name in ("a.mp4", "2024/b.MOV", "notes.txt"):
        (library / name).write_bytes(name.encode())
    platform = open_platform({"CARMIC_HOME": str(tmp_path / "home")})
    with platform.database.write() as connection:
        workspace_id = accounts.register(connection, "a@example.com", "hash")[1]
    command = ["import", str(library), "--workspace", workspace_id, "--home", str(tmp_path / "home")]

    def list_projects() -> dict[str, projects.Project]:
        with platform.database.read() as connection:
            return {project.filename: project for project in projects.list_page(connection, workspace_id)[0]}

    assert cli.main([*command, "--dry-run"]) == 0
    assert "2 videos" in capsys.readouterr().out and list_projects() == {}
    with monkeypatch.context() as killed:  # after the project of a.mp4 was created, and before its file was stored
        killed.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert cli.main(command) == EXIT_INTERRUPTED
    assert len(list_projects()) == 1
    assert cli.main(command) == 0 and cli.main(command) == 0
    assert "0 videos (0.00 GB) to import, 2 imported already" in capsys.readouterr().out
    imported = list_projects()
    assert set(imported) == {"a.mp4", "b.MOV"}
    assert platform.store.get_bytes(imported["b.MOV"].object_key) == b"2024/b.MOV"
    with platform.database.read() as connection:
        intents = [run_intents.get(connection, project.run_id or "") for project in imported.values()]
    assert [intent and (intent.state, intent.lane) for intent in intents] == [("WAITING", "backfill")] * 2
    assert not list(platform.settings.scratch_dir.iterdir())


def test_an_operator_finds_videos_of_all_workspaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    created = []
    with platform.database.write() as connection:
        for name in ("Épisode 12 50%", "Keynote"):
            user, workspace_id = accounts.register(connection, f"{len(name)}@example.com", "hash")
            new = projects.NewProject(title=name, filename="talk.mp4", content_type="video/mp4")
            created.append(projects.create(connection, workspace_id, user.id, new, ".mp4"))
    episode, keynote = created

    def find(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert cli.main(["admin", "videos", *arguments, "--home", str(tmp_path)]) == 0
        return [video["project_id"] for video in json.loads(capsys.readouterr().out)["videos"]]

    assert set(find()) == {episode.id, keynote.id} and len(find("--limit", "1")) == 1
    assert find("épisode 12 50%") == [episode.id] and find("%e%") == []
    assert find(keynote.id[:8]) == [keynote.id]
    assert find("--workspace", keynote.workspace_id, "--status", "pending_upload") == [keynote.id]
    assert find("talk", "--status", "FAILED") == []


def test_onnx_runtime_sends_no_telemetry_and_writes_only_to_the_home(tmp_path: Path) -> None:
    """By default ONNX Runtime keeps a device id and a queue of reports in the user's home directory."""
    (tmp_path / "user").mkdir()
    environment = {**homes.process_environment(tmp_path / "home"), "HOME": str(tmp_path / "user")}
    environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=environment, check=True, timeout=60)
    assert not list((tmp_path / "user").rglob("*"))


def test_an_empty_executor_setting_is_the_default() -> None:
    program = "from carmic_assets.definitions import defs; print(type(defs).__name__)"
    environment = {**os.environ, "CARMIC_EXECUTOR": ""}  # as in an environment file with an empty value
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert loaded.stdout.strip() == "Definitions", loaded.stderr


def test_the_store_holds_a_copy_of_the_users_file(tmp_path: Path) -> None:
    """A hard link would change with the user's file, and a hard link to a relative symbolic link would dangle."""
    platform = open_platform({"CARMIC_HOME": str(tmp_path / "home")})
    (tmp_path / "real.mp4").write_bytes(b"the talk")
    link = tmp_path / "my talk 😀.mp4"
    link.symlink_to("real.mp4")
    args = argparse.Namespace(video=link, language=None)
    project = command._create_project(platform, *command._open_local_workspace(platform), args)
    (tmp_path / "real.mp4").write_bytes(b"something else")
    assert platform.store.get_bytes(project.object_key) == b"the talk"
    assert not list(platform.settings.scratch_dir.iterdir())


def test_a_full_log_is_rotated_while_its_service_writes_to_it(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    up.rotate_log(log)  # the file does not exist yet
    with log.open("ab") as service:
        service.write(b"first\n" * 10)
        service.flush()
        up.rotate_log(log, max_bytes=60)
        assert log.stat().st_size == 60
        up.rotate_log(log, max_bytes=59)
        service.write(b"second\n")
    assert log.read_bytes() == b"second\n"
    assert (tmp_path / "api.log.1").read_bytes() == b"first\n" * 10


def test_ctrl_c_cancels_the_project_and_removes_its_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    platform = open_platform({"CARMIC_HOME": str(home)})
    video = write_numbered_video(tmp_path / "talk.mp4", seconds=10)
    argv = [sys.executable, "-m", "carmic_assets.cli.main", "clip", str(video), "--out", str(tmp_path / "out")]
    with (tmp_path / "output").open("wb") as log:
        child = subprocess.Popen([*argv, "--home", str(home)], stdout=log, stderr=log)
    project = None
    end = time.monotonic() + 60
    while time.monotonic() < end and child.poll() is None and (project is None or project.status != "TRANSCRIBING"):
        time.sleep(0.05)
        with platform.database.read() as connection:
            project = next(iter(projects.list_page(connection, command._open_local_workspace(platform)[0])[0]), None)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == EXIT_INTERRUPTED
    output = (tmp_path / "output").read_text()
    assert output.rstrip().endswith("Interrupted.") and "Traceback" not in output
    assert project is not None
    with platform.database.read() as connection:
        ended = projects.get(connection, project.id)
        assert ended is not None and ended.status == "CANCELLED"
        assert run_intents.list_open(connection, project.id) == []
    assert not list(platform.settings.scratch_dir.iterdir())
