"""`carmic up`: code server, daemon, Dagster UI and API of one home, started and stopped together.

A service that dies is started again; what it was doing is taken up where it stood (see docs/architecture.md). One that
dies again and again waits longer each time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import msgspec

from carmic_assets.cli import home as homes
from carmic_assets.media.ffmpeg import die_with_parent
from resources.platform import open_platform

STOP_AFTER_S = 15.0
MOST_LOG_BYTES = 50_000_000  # of a log; what was there before is kept once more beside it
ROTATE_EVERY_S = 60.0
SHORT_LIFE_S = 60.0  # a service that dies sooner than this after its last start waits before the next one...
MOST_WAIT_S = 15.0  # ... twice as long each time, from half a second up to this
API_OPTIONS = [  # of uvicorn
    "--no-access-log", "--timeout-graceful-shutdown", "3", "--no-server-header",
    "--timeout-keep-alive", "75",  # its 5 s hang up on clients that ask every 5 s, now and then in mid-request
    "--no-proxy-headers",  # whose X-Forwarded-For is believed is CARMIC_TRUSTED_PROXIES' to say
]  # fmt: skip


class Service(msgspec.Struct):
    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    child: subprocess.Popen[bytes]
    started: float
    wait_s: float = 0.0
    due: float | None = None  # when it is to be started again

    @property
    def dead(self) -> bool:
        return self.child.poll() is not None


def up(home: Path, host: str, port: int, dagster_host: str, dagster_port: int, say: Callable[[str], None]) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit status. `host` is where the API listens."""
    home = home.expanduser().absolute()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"Another `carmic up` serves {home}. Stop it first, or choose another --home.")
            return 1
        if port == dagster_port != 0:
            say(f"The API and the Dagster UI cannot both have port {port}: choose another with --dagster-port.")
            return 1
        free = {}
        for name, wanted in (("--port", port), ("--dagster-port", dagster_port)):
            try:
                free[name] = homes.free_port(wanted)
            except OSError as error:
                say(f"Port {wanted} cannot be had ({error.strerror}): choose another with {name}.")
                return 1
        return _serve(home, host, free["--port"], dagster_host, free["--dagster-port"], say)


def _serve(home: Path, host: str, port: int, dagster_host: str, dagster_port: int, say: Callable[[str], None]) -> int:
    shown = _shown(host)
    extra = {} if os.environ.get("CARMIC_PUBLIC_URL") else {"CARMIC_PUBLIC_URL": f"http://{shown}:{port}"}
    code_port = homes.free_port()
    environment = homes.environment(home, code_port=code_port, extra=extra)
    open_platform(environment).database.close()  # settings errors and migrations before anything starts
    homes.prepare(home)
    workspace = str(homes.REPOSITORY / "workspace.yaml")
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    python = [sys.executable, "-m"]
    commands = {
        "code server": [
            *python, "dagster", "api", "grpc", "-m", "carmic_assets.definitions", "-h", "127.0.0.1",
            "-p", str(code_port), "--location-name", "carmic",
        ],
        "daemon": [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", workspace],
        "dagster ui": [*python, "dagster_webserver", "-h", dagster_host, "-p", str(dagster_port), "-w", workspace],
        "api": [
            *python, "uvicorn", "--factory", "api.app:create", "--host", host, "--port", str(port),
            *API_OPTIONS,
        ],
    }  # fmt: skip
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    services: list[Service] = []
    try:
        for name, command in commands.items():
            if name == "daemon" and not _wait(lambda: _accepts(code_port), services, stopping, 60):
                return _report(services, stopping, say)
            log = logs / f"{name.replace(' ', '-')}.log"
            child = _start(command, environment, log)
            services.append(Service(name, command, environment, log, child, time.monotonic()))
        ready = _wait(lambda: _answers(f"http://{shown}:{port}/api/v1/health"), services, stopping, 60)
        if not ready:
            return _report(services, stopping, say)
        say(f"API         http://{shown}:{port}/api        reference at http://{shown}:{port}/api/docs")
        say(f"Dagster UI  http://{_shown(dagster_host)}:{dagster_port}")
        say(f"Home        {home}        logs in {logs}")
        say("Ctrl-C stops everything.")
        looked = time.monotonic()
        while not stopping:
            for service in services:
                if service.dead:
                    _revive(service, say)
            if time.monotonic() - looked > ROTATE_EVERY_S:
                looked = time.monotonic()
                for service in services:
                    rotate(service.log)
            time.sleep(0.2)
        return _report(services, stopping, say)
    finally:
        _stop(services)


def _shown(host: str) -> str:
    """How an address names a host that is listened on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def _start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=homes.REPOSITORY,
            start_new_session=True,  # Ctrl-C comes to us; we stop them in order
            preexec_fn=die_with_parent,  # killed, we cannot: no service may outlive us and hold its port
        )


def _revive(service: Service, say: Callable[[str], None]) -> None:
    """Start a dead service again when its time has come."""
    moment = time.monotonic()
    if service.due is None:
        _signal(service, signal.SIGKILL)  # what it had started: nobody could stop a run of a dead code server
        short = moment - service.started < SHORT_LIFE_S
        service.wait_s = min(MOST_WAIT_S, 2 * service.wait_s or 0.5) if short else 0.0
        service.due = moment + service.wait_s
        say(f"The {service.name} died (status {service.child.returncode}) and is started again; see {service.log}")
    if moment >= service.due:
        service.child = _start(service.command, service.environment, service.log)
        service.started, service.due = moment, None


def rotate(log: Path, most_bytes: int = MOST_LOG_BYTES) -> None:
    """Move what a full log holds to `<log>.1`. The service goes on writing to the end of the same file, now empty; what
    it writes in between is lost."""
    with contextlib.suppress(OSError):  # a full disk: another time
        if log.stat().st_size > most_bytes:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _wait(ready: Callable[[], bool], services: list[Service], stopping: list[int], most_s: float) -> bool:
    end = time.monotonic() + most_s
    while time.monotonic() < end and not stopping and not any(service.dead for service in services):
        if ready():
            return True
        time.sleep(0.1)
    return False


def _accepts(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True  # it speaks; a degraded part shows in its answer
    except OSError:
        return False


def _report(services: list[Service], stopping: list[int], say: Callable[[str], None]) -> int:
    if stopping:
        say("Stopping.")
        return 0
    dead = next((service for service in services if service.dead), services[-1])
    say(f"The {dead.name} did not start. The end of {dead.log}:")
    say("\n".join(dead.log.read_text(errors="replace").splitlines()[-15:]))
    return 1


def _stop(services: list[Service]) -> None:
    """API first, so that no new work comes in; then the rest. Runs are children of the code server and end with it."""
    for service in reversed(services):
        _signal(service, signal.SIGTERM)
    end = time.monotonic() + STOP_AFTER_S
    for service in reversed(services):
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.child.wait(max(0.1, end - time.monotonic()))
    for service in services:
        _signal(service, signal.SIGKILL)
        service.child.wait()
    end = time.monotonic() + 2.0  # a signal has been sent when `killpg` returns, not obeyed
    while time.monotonic() < end and any(_signal(service, 0) for service in services):
        time.sleep(0.02)


def _signal(service: Service, number: int) -> bool:
    """To the whole process group: a service's own children must not outlive it. False when nobody is left there."""
    try:
        os.killpg(service.child.pid, number)
    except ProcessLookupError:
        return False
    return True
