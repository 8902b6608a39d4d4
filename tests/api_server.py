"""A real API process (uvicorn on a free port, with its own home) for tests, and helpers that fill its database."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from api.access import issue_access_token
from carmic_assets.cli.up import API_OPTIONS
from real_servers import find_free_port
from resources import accounts, mail, passwords, projects, sessions
from resources.database.engine import Database
from resources.platform import Platform, open_platform

PASSWORD = "Correct7horse"
_HASH = ""


class Server:
    """A running server. `platform` opens the same home, so that tests can read and write what the server sees."""

    def __init__(self, home: Path, port: int, process: subprocess.Popen[bytes], platform: Platform) -> None:
        self.home = home
        self.port = port
        self.process = process
        self.platform = platform
        self.base = f"http://127.0.0.1:{port}/api"
        self.log = home / "api.log"

    @property
    def database(self) -> Database:
        return self.platform.database

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers=headers, timeout=60)

    def create_member(self, tier: str = "FREE") -> Member:
        """Create a user with their own workspace, logged in without a login request (which is rate-limited)."""
        global _HASH
        _HASH = _HASH or passwords.hash_password(PASSWORD)
        email = f"{secrets.token_hex(6)}@example.com"
        with self.database.write() as connection:
            user, workspace_id = accounts.register(connection, email, _HASH)
            accounts.set_tier(connection, workspace_id, tier)
            session = sessions.start(connection, user.id)
        token = issue_access_token(self.platform.settings, user.id, session.id)
        return Member(self, user.id, email, workspace_id, token, session.refresh_token)

    def add_member(self, workspace_id: str, member: Member, role: str = "EDITOR") -> None:
        """Add the member to another workspace, and use that workspace in the member's requests."""
        with self.database.write() as connection:
            accounts.add_member(connection, workspace_id, member.user_id, role)
        member.workspace_id = workspace_id

    def read_mail(self, recipient: str) -> str:
        """Return the newest unsent message to the address."""
        with self.database.read() as connection:
            return next(m.body for m in reversed(mail.list_unsent(connection)) if m.recipient == recipient)

    def read_mail_token(self, recipient: str) -> str:
        """Return the token of the link in the newest unsent message to the address."""
        return self.read_mail(recipient).partition("token=")[2].split()[0]


class Member:
    """A logged-in user in a workspace."""

    def __init__(self, server: Server, user_id: str, email: str, workspace_id: str, token: str, refresh: str) -> None:
        self.server, self.user_id, self.email, self.workspace_id = server, user_id, email, workspace_id
        self.token, self.refresh = token, refresh

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-Workspace-ID": self.workspace_id}

    def call(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return httpx.request(method, self.server.base + path, headers=headers, timeout=60, **options)

    def create_project(self, **columns: object) -> projects.Project:
        """Insert a project into the database, then set `columns`."""
        new = projects.NewProject(title="A talk", filename="talk.mp4", content_type="video/mp4", duration_s=None)
        with self.server.database.write() as connection:
            project = projects.create(connection, self.workspace_id, self.user_id, new, ".mp4")
            if columns:
                projects.update_details(connection, project.id, **columns)
            updated = projects.get(connection, project.id)
        assert updated is not None
        return updated


@contextlib.contextmanager
def run_server(home: Path, **settings: str) -> Iterator[Server]:
    """Run a server with `settings` (CARMIC_... without the prefix) until the block ends."""
    port = find_free_port()
    overrides = {f"CARMIC_{name.upper()}": value for name, value in settings.items()}
    environ = {
        "CARMIC_HOME": str(home),
        "CARMIC_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CARMIC_CODE_SERVER": "127.0.0.1:1",  # no code server listens on this port, so runs stay queued
        "DAGSTER_HOME": str(home / "dagster"),
        **overrides,
    }
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    platform = open_platform(environ)
    command = [sys.executable, "-m", "uvicorn", "--factory", "api.app:create", "--port", str(port)]
    command += API_OPTIONS
    with (home / "api.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log)
    try:
        server = Server(home, port, process, platform)
        _wait_until_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        platform.database.close()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{server.base}/v1/health", timeout=5).status_code == 200:
                return
        if server.process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(server.log.read_text()[-4000:])
