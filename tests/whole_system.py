"""Starts `carmic up` like a user, for end-to-end tests: with a short spoken video, an API client and its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil

from carmic_assets.cli import sample_talk
from real_servers import find_free_port
from resources.database.engine import Database

EMAIL, PASSWORD = "tester@example.com", "Correct7horse"


def compose_short_talk(folder: Path, lines: int = 3) -> Path:
    """Compose a talk of `lines` lines, a few seconds each; an existing one is reused."""
    path = folder / "talk.mp4"
    if not path.exists():
        sample_talk.compose_talk(path, folder, sample_talk.TALK[2 : 2 + lines])
    return path


class RunningSystem:
    """One home and its `carmic up`, which a test may kill and restart. `settings` are environment variables."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self.settings = settings
        self.port, self.dagster_port = find_free_port(), find_free_port()
        self.base = f"http://127.0.0.1:{self.port}/api"
        self.process: subprocess.Popen[bytes] | None = None
        self.headers: dict[str, str] = {}

    def start(self) -> None:
        command = [sys.executable, "-m", "carmic_assets.cli.main", "up", "--home", str(self.home)]
        command += ["--port", str(self.port), "--dagster-port", str(self.dagster_port)]
        allowed = {"CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"}  # the tests' webhook receivers
        environment = {**os.environ, **allowed, **self.settings}
        with (self.home / "up.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.wait_until(self.is_healthy, 120, "the server is healthy")

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.get("CARMIC_DATABASE_URL", f"sqlite:///{self.home}/carmic.db"))

    def is_healthy(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.home / "up.log").read_text()[-3000:]
        try:
            return httpx.get(f"{self.base}/v1/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    @staticmethod
    def wait_until(condition: Callable[[], Any], timeout_s: float, what: str) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
            time.sleep(0.2)

    # --- API client

    def call(self, method: str, path: str, json: object = None) -> Any:  # noqa: ANN401 - any JSON value
        """Call the API and return the `data` of its envelope; an error status fails the test."""
        response = httpx.request(method, f"{self.base}/v1/{path}", headers=self.headers, timeout=60, json=json)
        assert response.status_code < 400, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()["data"]

    def register(self, email: str = EMAIL) -> str:
        session = self.call("POST", "auth/register", json={"email": email, "password": PASSWORD})
        self.headers = {"Authorization": f"Bearer {session['access']}"}
        workspace_id: str = self.call("GET", "me")["workspaces"][0]["id"]
        self.headers["X-Workspace-ID"] = workspace_id
        return workspace_id

    def login(self, email: str = EMAIL) -> None:
        session = self.call("POST", "auth/login", json={"email": email, "password": PASSWORD})
        self.headers["Authorization"] = f"Bearer {session['access']}"

    def admin(self, *action: str) -> None:
        command = [sys.executable, "-m", "carmic_assets.cli.main", "admin", *action, "--home", str(self.home)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **self.settings})

    def upload(self, video: Path, **fields: object) -> str:
        """Create a project and upload its video; returns the project's id."""
        body = {"filename": video.name, "filesize": video.stat().st_size, "content_type": "video/mp4", **fields}
        created = self.call("POST", "projects/create", json=body)
        with video.open("rb") as file:
            httpx.put(
                created["upload_url"], content=file.read(), headers={"Content-Type": "video/mp4"}
            ).raise_for_status()
        project_id: str = created["project_id"]
        return project_id

    def process_video(self, project_id: str) -> None:
        self.call("POST", f"projects/{project_id}/process")

    def get_status(self, project_id: str) -> dict[str, Any]:
        status: dict[str, Any] = self.call("GET", f"projects/{project_id}/status")
        return status

    # --- processes

    def find_processes(self, *words: str) -> list[psutil.Process]:
        """Return this home's running processes whose command line contains all the words."""
        matches = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            line = " ".join(process.info["cmdline"] or ())
            home = (process.info["environ"] or {}).get("CARMIC_HOME")
            if home == str(self.home) and all(word in line for word in words):
                matches.append(process)
        return matches

    def find_workers(self) -> list[psutil.Process]:
        """Return the run workers: the processes that the code server has spawned."""
        return [p for p in self.find_processes("multiprocessing") if "resource_tracker" not in " ".join(p.cmdline())]

    def list_commands(self) -> list[str]:
        """Return the command lines of this home's running processes."""
        return [" ".join(p.cmdline()) for p in self.find_processes() if p.pid != os.getpid()]


@contextmanager
def run_system(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningSystem]:
    system = RunningSystem(home, settings or {})
    system.start()
    try:
        yield system
    finally:
        if system.process is not None and system.process.poll() is None:
            system.stop()
