"""Implements `carmic up`: starts and stops the code server, daemon, Dagster UI and API of one home together.

A service that exits is restarted, and its work is resumed (see docs/architecture.md). If it exits repeatedly, the delay
before each restart grows.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import msgspec

from carmic_assets.cli import home as homes
from carmic_assets.cli.ui_access import create_link
from carmic_assets.media.ffmpeg import die_with_parent
from resources.platform import open_platform

# Waiting times after the first and the second SIGTERM. Two are sent, because a run ignores a signal that arrives during
# a weakref callback, whose exceptions Python discards.
STOP_TIMEOUTS_S = (6.0, 9.0)
START_TIMEOUT_S = 60.0  # for the start of each service
MAX_LOG_BYTES = 50_000_000  # a larger log is rotated
ROTATE_INTERVAL_S = 60.0  # between two checks of the log sizes
STABLE_AFTER_S = 60.0  # a service that exits earlier is restarted after a delay
# The delay doubles with each early exit, from the minimum to the maximum.
MIN_BACKOFF_S, MAX_BACKOFF_S = 0.5, 15.0
LOG_TAIL_LINES = 15  # lines of a log that are printed if a service does not start
API_OPTIONS = [  # command-line options of uvicorn
    "--no-access-log", "--timeout-graceful-shutdown", "3", "--no-server-header",
    "--timeout-keep-alive", "75",  # the default of 5 s sometimes closes a connection on which a client polls every 5 s
    "--no-proxy-headers",  # the API itself evaluates X-Forwarded-For, by CARMIC_TRUSTED_PROXIES
]  # fmt: skip


class Service(msgspec.Struct):
    """A child process that is restarted when it exits, with the arguments of its start."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    started_s: float  # monotonic
    backoff_s: float = 0.0
    restart_due_s: float | None = None  # monotonic; None while it runs

    @property
    def is_dead(self) -> bool:
        """True if the process has exited."""
        return self.process.poll() is not None


def serve_home(
    home: Path, host: str, port: int, dagster_host: str, dagster_port: int, print_line: Callable[[str], None]
) -> int:
    """Serve the home until Ctrl-C or SIGTERM. Returns the exit status. The API listens on `host`:`port`."""
    home = home.expanduser().absolute()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print_line(f"Another `carmic up` is serving {home}. Stop it first, or choose another --home.")
            return 1
        if port == dagster_port != 0:
            print_line(f"The API and the Dagster UI cannot both have port {port}: choose another with --dagster-port.")
            return 1
        ports = {}
        for option, requested_port in (("--port", port), ("--dagster-port", dagster_port)):
            try:
                ports[option] = homes.find_free_port(requested_port)
            except OSError as error:
                print_line(f"Port {requested_port} is not available ({error.strerror}): choose another with {option}.")
                return 1
        return _serve_locked(home, host, ports["--port"], dagster_host, ports["--dagster-port"], print_line)


def _serve_locked(
    home: Path, host: str, port: int, dagster_host: str, dagster_port: int, print_line: Callable[[str], None]
) -> int:
    api_url = f"http://{_format_url_host(host)}:{port}"
    extra = {} if os.environ.get("CARMIC_PUBLIC_URL") else {"CARMIC_PUBLIC_URL": api_url}
    code_port = homes.find_free_port()
    environment = homes.process_environment(home, code_port=code_port, extra=extra)
    open_platform(environment).database.close()  # reports invalid settings and migrates before any service starts
    homes.prepare_home(home)
    workspace = str(homes.write_workspace(home, code_port))
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    python = [sys.executable, "-m"]
    commands = {
        "code server": [
            *python, "dagster", "api", "grpc", "-m", "carmic_assets.definitions", "-h", "127.0.0.1",
            "-p", str(code_port), "--location-name", "carmic",
        ],
        "daemon": [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", workspace],
        "dagster ui": [
            *python, "carmic_assets.cli.dagster_ui", "--host", dagster_host, "--port", str(dagster_port),
        ],
        "api": [
            *python, "uvicorn", "--factory", "api.app:create", "--host", host, "--port", str(port),
            *API_OPTIONS,
        ],
    }  # fmt: skip
    received_signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: received_signals.append(received))
    services: list[Service] = []
    try:
        for name, command in commands.items():
            if name == "daemon" and not _wait_until(lambda: _is_listening(code_port), services, received_signals):
                return _report_end(services, received_signals, print_line)
            log = logs / f"{name.replace(' ', '-')}.log"
            process = _start(command, environment, log)
            services.append(Service(name, command, environment, log, process, time.monotonic()))
        if not _wait_until(lambda: _is_responding(f"{api_url}/api/v1/health"), services, received_signals):
            return _report_end(services, received_signals, print_line)
        print_line(f"API         {api_url}/api        reference at {api_url}/api/docs")
        print_line(f"Dagster UI  {create_link(home, f'http://{_format_url_host(dagster_host)}:{dagster_port}')}")
        print_line("            This link works once, within an hour. Another: carmic admin ui-link")
        print_line(f"Home        {home}        logs in {logs}")
        print_line("Ctrl-C stops everything.")
        _supervise(services, received_signals, print_line)
        return _report_end(services, received_signals, print_line)
    finally:
        _stop(services)


def _supervise(services: list[Service], received_signals: list[int], print_line: Callable[[str], None]) -> None:
    """Restart services that exited, and rotate logs, until a signal arrives."""
    last_rotation_s = time.monotonic()
    while not received_signals:
        for service in services:
            if service.is_dead:
                _restart_when_due(service, print_line)
        if time.monotonic() - last_rotation_s > ROTATE_INTERVAL_S:
            last_rotation_s = time.monotonic()
            for service in services:
                rotate_log(service.log)
        time.sleep(0.2)


def _format_url_host(host: str) -> str:
    """Return the host for a URL of a server that listens on `host`."""
    wildcards = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read here, not bound
    return wildcards.get(host, f"[{host}]" if ":" in host else host)


def _start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=homes.REPOSITORY,
            start_new_session=True,  # Ctrl-C then reaches this process only, which stops the services in order
            preexec_fn=die_with_parent,  # a service must not outlive a killed `carmic up` and keep its port
        )


def _restart_when_due(service: Service, print_line: Callable[[str], None]) -> None:
    """Schedule the restart of a service that exited, or restart it if its backoff has passed."""
    now_s = time.monotonic()
    if service.restart_due_s is None:
        # End its children too, because without a code server nothing could stop a run
        _signal_group(service, signal.SIGKILL)
        exited_early = now_s - service.started_s < STABLE_AFTER_S
        service.backoff_s = min(MAX_BACKOFF_S, 2 * service.backoff_s or MIN_BACKOFF_S) if exited_early else 0.0
        service.restart_due_s = now_s + service.backoff_s
        print_line(
            f"The {service.name} exited with status {service.process.returncode} and is restarted; see {service.log}"
        )
    if now_s >= service.restart_due_s:
        service.process = _start(service.command, service.environment, service.log)
        service.started_s, service.restart_due_s = now_s, None


def rotate_log(log: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Copy a log larger than `max_bytes` to `<log>.1` and truncate it in place, because its service keeps it open.

    Lines that are written between the copy and the truncation are lost.
    """
    with contextlib.suppress(OSError):  # such as a full disk; the next check tries again
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _wait_until(is_ready: Callable[[], bool], services: list[Service], received_signals: list[int]) -> bool:
    """Return True once `is_ready` does, or False if a service exits, a signal arrives or START_TIMEOUT_S passes."""
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s and not received_signals and not any(service.is_dead for service in services):
        if is_ready():
            return True
        time.sleep(0.1)
    return False


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_responding(url: str) -> bool:
    """Return whether the server responds, even with an error status."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - always http://
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _report_end(services: list[Service], received_signals: list[int], print_line: Callable[[str], None]) -> int:
    """Print the reason why the command ends. Returns the exit status."""
    if received_signals:
        print_line("Stopping.")
        return 0
    failed = next((service for service in services if service.is_dead), services[-1])
    print_line(f"The {failed.name} did not start. The end of {failed.log}:")
    print_line("\n".join(failed.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]))
    return 1


def _stop(services: list[Service]) -> None:
    """Stop all services, the API first so that no new work arrives.

    Runs end with the code server, their parent process.
    """
    for timeout_s in STOP_TIMEOUTS_S:
        for service in reversed(services):
            _signal_group(service, signal.SIGTERM)
        end_s = time.monotonic() + timeout_s
        for service in reversed(services):
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(max(0.1, end_s - time.monotonic()))
        if all(service.is_dead for service in services):
            break
    for service in services:
        _signal_group(service, signal.SIGKILL)
        service.process.wait()
    end_s = time.monotonic() + 2.0  # `killpg` returns before the processes have ended, so wait for them
    while time.monotonic() < end_s and any(_signal_group(service, 0) for service in services):
        time.sleep(0.02)


def _signal_group(service: Service, number: int) -> bool:
    """Send a signal to the service's process group, including its children. Returns False if the group is empty."""
    try:
        os.killpg(service.process.pid, number)
    except ProcessLookupError:
        return False
    return True
