"""`carmic up` as a user starts it, for tests of the whole: a short spoken video, a client, ways to kill its parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil

from carmic_assets.cli import sample_talk
from real_servers import free_port
from resources.database.engine import Database

EMAIL, PASSWORD = "tester@example.com", "Correct7horse"


def short_talk(folder: Path, lines: int = 3) -> Path:
    """A spoken video of some seconds for each line."""
    path = folder / "talk.mp4"
    if not path.exists():
        sample_talk.compose(path, folder, sample_talk.TALK[2 : 2 + lines])
    return path


class System:
    """One home and its `carmic up`, which may be killed and started again."""

    def __init__(self, home: Path):
        self.home = home
        self.port, self.dagster_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}/api"
        self.process: subprocess.Popen[bytes] | None = None
        self.headers: dict[str, str] = {}

    def start(self) -> None:
        command = [sys.executable, "-m", "carmic_assets.cli.main", "up", "--home", str(self.home)]
        command += ["--port", str(self.port), "--dagster-port", str(self.dagster_port)]
        environment = {**os.environ, "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"}  # where the tests' receivers are
        with (self.home / "up.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.until(self.answers, 120, "the server answers")

    @cached_property
    def database(self) -> Database:
        return Database(f"sqlite:///{self.home}/carmic.db")

    def answers(self) -> bool:
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
    def until(condition: Callable[[], Any], within_s: float, what: str) -> None:
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, f"not in time: {what}"
            time.sleep(0.2)

    # --- as a client

    def call(self, method: str, path: str, **how: Any) -> Any:
        answer = httpx.request(method, f"{self.base}/v1/{path}", headers=self.headers, timeout=60, **how)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]

    def register(self, email: str = EMAIL) -> str:
        session = self.call("POST", "auth/register", json={"email": email, "password": PASSWORD})
        self.headers = {"Authorization": f"Bearer {session['access']}"}
        workspace = self.call("GET", "me")["workspaces"][0]["id"]
        self.headers["X-Workspace-ID"] = workspace
        return workspace

    def login(self, email: str = EMAIL) -> None:
        session = self.call("POST", "auth/login", json={"email": email, "password": PASSWORD})
        self.headers["Authorization"] = f"Bearer {session['access']}"

    def admin(self, *action: str) -> None:
        command = [sys.executable, "-m", "carmic_assets.cli.main", "admin", *action, "--home", str(self.home)]
        subprocess.run(command, check=True, capture_output=True)

    def upload(self, video: Path, **more: Any) -> str:
        """A created project with its video in place."""
        body = {"filename": video.name, "filesize": video.stat().st_size, "content_type": "video/mp4", **more}
        made = self.call("POST", "projects/create", json=body)
        with video.open("rb") as file:
            httpx.put(made["upload_url"], content=file.read(), headers={"Content-Type": "video/mp4"}).raise_for_status()
        return made["project_id"]

    def process_video(self, project: str) -> None:
        self.call("POST", f"projects/{project}/process")

    def status(self, project: str) -> dict[str, Any]:
        return self.call("GET", f"projects/{project}/status")

    # --- as fate

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes of this home whose command line holds all the words."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            line = " ".join(process.info["cmdline"] or ())
            home = (process.info["environ"] or {}).get("CARMIC_HOME")
            if home == str(self.home) and all(word in line for word in words):
                found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """Run workers: the code server's spawned children, which hold no port."""
        return [p for p in self.processes("multiprocessing") if "resource_tracker" not in " ".join(p.cmdline())]

    def left_over(self) -> list[str]:
        return [" ".join(p.cmdline()) for p in self.processes() if p.pid != os.getpid()]


@contextmanager
def running(home: Path) -> Iterator[System]:
    system = System(home)
    system.start()
    try:
        yield system
    finally:
        if system.process is not None and system.process.poll() is None:
            system.stop()
