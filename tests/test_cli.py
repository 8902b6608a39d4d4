"""The `carmic` command: what it refuses, and with which sentence; what an interrupted one leaves behind."""

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
from media_files import counted
from resources import projects, run_intents
from resources.database.engine import Database
from resources.platform import open_platform


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets variables of its process; they end with the test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What a command that must be refused says."""
    try:
        assert cli.main(list(argv)) != 0
    except SystemExit as refused:  # argparse's way
        assert refused.code == 2
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["clip", "{at}/video.mp4", "--out", "{at}/file"], "File exists"),
        (["clip", "{at}/video.mp4", "--out", "{at}/out", "--style", "loud"], "The styles are HORMOZI"),
        (["clip", "{at}/video.mp4", "--out", "{at}/out", "--max-clips", "-1"], "whole number of at least 1"),
        (["clip", "{at}/folder.mp4", "--out", "{at}/out"], "There is no file"),
        (
            ["clip", "{at}/video.mp4", "--out", "{at}/out", "--home", "{at}/file/home"],
            "cannot be made (Not a directory)",
        ),
        (["doctor", "--home", "{at}/home?"], "holds a `%` or `?`"),
        (["admin", "grant-minutes", "W", "nan"], "is no number of minutes"),
        (["admin", "grant-minutes", "W", "1e300"], "is no number of minutes"),
        (["up", "--port", "99999"], "is no port"),
        (["up", "--port", "3000", "--dagster-port", "3000", "--home", "{at}/home"], "cannot both have port 3000"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    for name in ("video.mp4", "file"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()
    assert sentence in said(capsys, *(word.format(at=tmp_path) for word in argv))


def test_a_wrong_number_of_runs_and_a_silent_database_are_told_as_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CARMIC_MAX_RUNS", "many")
    assert "CARMIC_MAX_RUNS must be" in said(capsys, "up", "--home", str(tmp_path), "--port", "0")
    monkeypatch.setitem(os.environ, "CARMIC_MAX_RUNS", "2")
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", "postgresql+psycopg://u:secret@127.0.0.1:1/x")
    told = said(capsys, "admin", "outbox", "--home", str(tmp_path))
    assert "The database of CARMIC_DATABASE_URL cannot be used" in told and "secret" not in told


def test_the_doctor_names_what_is_missing_and_changes_no_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/elsewhere/carmic.db")
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", database.url)
    monkeypatch.setitem(os.environ, "CARMIC_YOLO_WEIGHTS", "/nowhere/yolo.pt")
    cli.main(["doctor", "--json", "--home", str(tmp_path / "home")])
    found = {each["what"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["database"]["state"] == found["object store"]["state"] == "ok"
    assert found["person detector"]["state"] == "missing" and "/nowhere/yolo.pt" in found["person detector"]["detail"]
    assert inspect(database.engine).get_table_names() == []
    monkeypatch.setitem(os.environ, "CARMIC_DATABASE_URL", "postgresql+psycopg://u:secret@127.0.0.1:1/x")
    assert cli.main(["doctor", "--home", str(tmp_path / "home")]) == 1
    told = capsys.readouterr().out
    assert "MISSING  database " in told and "ok       object store" in told and "secret" not in told


def test_a_model_runtime_tells_nobody_and_writes_nothing_outside_the_home(tmp_path: Path) -> None:
    """ONNX Runtime keeps a device id and a queue of reports in the user's home, unless it is told not to."""
    (tmp_path / "user").mkdir()
    environment = {**homes.environment(tmp_path / "home"), "HOME": str(tmp_path / "user")}
    environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=environment, check=True, timeout=60)
    assert not list((tmp_path / "user").rglob("*"))


def test_an_empty_executor_setting_is_the_default() -> None:
    program = "import carmic_assets.definitions"
    environment = {**os.environ, "CARMIC_EXECUTOR": ""}  # as an environment file has it whose value was taken out
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_the_store_keeps_a_copy_of_the_users_file(tmp_path: Path) -> None:
    """A hard link would change with the user's file, and one to a symbolic link led nowhere."""
    platform = open_platform({"CARMIC_HOME": str(tmp_path / "home")})
    (tmp_path / "real.mp4").write_bytes(b"the talk")
    link = tmp_path / "my talk 😀.mp4"
    link.symlink_to("real.mp4")
    asked = argparse.Namespace(video=link, language=None)
    project = command._project(platform, *command._workspace(platform), asked, "video/mp4")
    (tmp_path / "real.mp4").write_bytes(b"something else")
    assert platform.store.get_bytes(project.object_key) == b"the talk"
    assert not list(platform.settings.scratch_dir.iterdir())


def test_a_full_log_moves_aside_under_the_service_that_writes_it(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    up.rotate(log)  # not there yet
    with log.open("ab") as service:
        service.write(b"first\n" * 10)
        service.flush()
        up.rotate(log, most_bytes=60)
        assert log.stat().st_size == 60
        up.rotate(log, most_bytes=59)
        service.write(b"second\n")
    assert log.read_bytes() == b"second\n"
    assert (tmp_path / "api.log.1").read_bytes() == b"first\n" * 10


def test_ctrl_c_ends_the_video_that_is_being_cut(tmp_path: Path) -> None:
    home = tmp_path / "home"
    platform = open_platform({"CARMIC_HOME": str(home)})
    video = counted(tmp_path / "talk.mp4", seconds=10)
    argv = [sys.executable, "-m", "carmic_assets.cli.main", "clip", str(video), "--out", str(tmp_path / "out")]
    with (tmp_path / "said").open("wb") as log:
        child = subprocess.Popen([*argv, "--home", str(home)], stdout=log, stderr=log)
    project = None
    end = time.monotonic() + 60
    while time.monotonic() < end and child.poll() is None and (project is None or project.status != "TRANSCRIBING"):
        time.sleep(0.05)
        with platform.database.read() as connection:
            project = next(iter(projects.listing(connection, command._workspace(platform)[0])[0]), None)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == cli.INTERRUPTED
    said = (tmp_path / "said").read_text()
    assert said.rstrip().endswith("Interrupted.") and "Traceback" not in said
    assert project is not None
    with platform.database.read() as connection:
        ended = projects.get(connection, project.id)
        assert ended is not None and ended.status == "CANCELLED"
        assert run_intents.open_of_project(connection, project.id) == []
    assert not list(platform.settings.scratch_dir.iterdir())
