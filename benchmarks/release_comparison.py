"""Compares the latency of the API of two checkouts: this one and another, for example the previous release.

    git worktree add ../before v0.1.0 && make -C ../before setup
    python -m benchmarks.release_comparison ../before [--repeats 5]

Both servers run at the same time and are measured in turns, so that the load of the machine changes both alike. Prints
the median and the 99th percentile of each, and the ratio of the medians: the median over the repeats, with its range.
The ratio of CPU time is that of the API processes, without their workers.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec
import psutil

from benchmarks.harness import create_parser, print_line
from carmic_assets.cli.up import API_OPTIONS
from real_servers import find_free_port

PASSWORD = "Benchmark-2026"  # noqa: S105 - of accounts in a temporary folder
START_TIMEOUT_S = 60
STREAMS = 5  # as many projects as a workspace may create within a minute


class Api(msgspec.Struct):
    """The running API of a checkout."""

    base: str
    process: psutil.Process

    def read_cpu_s(self) -> float:
        """Return the CPU time that the process has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


class Samples(msgspec.Struct):
    """The times of one measurement: a list for each repeat, and the CPU time of all repeats."""

    times_s: list[list[float]] = []
    cpu_s: float = 0.0

    def add(self, api: Api, measure: Callable[[Client], list[float]], client: Client) -> None:
        """Add one repeat."""
        cpu_before_s = api.read_cpu_s()
        self.times_s.append(measure(client))
        self.cpu_s += api.read_cpu_s() - cpu_before_s


class Client(msgspec.Struct):
    """A logged-in client of one server; its workspace is new."""

    http: httpx.Client

    def call(self, method: str, path: str, body: object = None, key: str = "") -> dict[str, object]:
        """Send a request and return the `data` of the response."""
        headers = {"Idempotency-Key": key} if key else {}
        response = self.http.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        data: dict[str, object] = response.json()["data"]
        return data


def time_keyed_posts(client: Client) -> list[float]:
    """Create templates with an `Idempotency-Key`."""
    return [_time(lambda: client.call("POST", "/v1/templates", _template(), uuid.uuid4().hex)) for _ in range(60)]


def time_lists(client: Client) -> list[float]:
    """List the templates."""
    return [_time(lambda: client.http.get("/v1/templates").raise_for_status()) for _ in range(60)]


def time_previews(client: Client) -> list[float]:
    """Draw previews of templates of which none has been drawn before."""
    times_s = []
    for number in range(6):
        template = client.call("POST", "/v1/templates", _template(font_size=60 + number))
        path = f"/v1/templates/{template['id']}/regenerate-previews"
        times_s.append(_time(lambda path=path: client.call("POST", path)))  # type: ignore[misc]
    return times_s


def time_streams(client: Client) -> list[float]:
    """Cancel projects, and wait until their streams say so."""
    times_s = []
    for _ in range(STREAMS):
        project_id = client.call("POST", "/v1/projects/create", {"filename": "a.mp4", "filesize": 1000})["project_id"]
        ticket = client.call("POST", "/v1/sse-ticket")["ticket"]
        with client.http.stream("GET", f"/v1/projects/{project_id}/stream?ticket={ticket}") as response:
            lines = response.iter_lines()
            next(line for line in lines if line.startswith("data: "))
            started_s = time.perf_counter()
            posting = threading.Thread(target=client.call, args=("POST", f"/v1/projects/{project_id}/cancel"))
            posting.start()
            next(line for line in lines if line.startswith("data: ") and _status(line) == "CANCELLED")
            times_s.append(time.perf_counter() - started_s)
        posting.join()
    return times_s


MEASUREMENTS: dict[str, Callable[[Client], list[float]]] = {
    "POST with Idempotency-Key": time_keyed_posts,
    "GET list": time_lists,
    "preview": time_previews,
    "change to stream": time_streams,
}


@contextmanager
def run_checkout(checkout: Path, home: Path) -> Iterator[Api]:
    """Run the API of a checkout. It trusts `X-Forwarded-For`, so that clients have addresses."""
    port = find_free_port()
    settings = {
        "CARMIC_HOME": str(home),
        "CARMIC_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CARMIC_TRUSTED_PROXIES": "127.0.0.0/8",
        "CARMIC_CODE_SERVER": "127.0.0.1:1",  # nothing listens there: runs stay queued
        "DAGSTER_HOME": str(home / "dagster"),
    }
    (home / "dagster").mkdir(parents=True)
    own_python = checkout / ".venv/bin/python"
    command = [str(own_python) if own_python.exists() else sys.executable, "-m", "uvicorn", "--factory"]
    command += ["api.app:create", "--port", str(port), *API_OPTIONS]
    with (home / "api.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=checkout, env={**os.environ, **settings}, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_ready(base, child, home / "api.log")
        yield Api(base, psutil.Process(child.pid))
    finally:
        child.terminate()
        child.wait(10)


def register(base: str, number: int) -> Client:
    """Register a user from an address of their own."""
    http = httpx.Client(base_url=base, timeout=60, headers={"X-Forwarded-For": f"203.0.113.{number}"})
    account = {"email": f"bench{number}@example.com", "password": PASSWORD}
    session = http.post("/v1/auth/register", json=account).raise_for_status().json()["data"]
    http.headers["Authorization"] = f"Bearer {session['access']}"
    me = http.get("/v1/me").raise_for_status().json()["data"]
    http.headers["X-Workspace-ID"] = me["workspaces"][0]["id"]
    return Client(http)


def main(arguments: list[str]) -> None:
    """Measure both checkouts in turns and print the comparison."""
    parser = create_parser("release_comparison", __doc__)
    parser.add_argument("other", type=Path, help="checkout to compare with, with its virtual environment in .venv")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    samples = {name: (Samples(), Samples()) for name in MEASUREMENTS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        checkouts = (options.other.resolve(), Path(__file__).resolve().parents[1])
        apis = [stack.enter_context(run_checkout(path, folder / str(n))) for n, path in enumerate(checkouts)]
        for api in apis:  # loads what is loaded when first used
            time_keyed_posts(client := register(api.base, 250))
            time_previews(client)
        for repeat in range(options.repeats):
            clients = [register(api.base, repeat + 1) for api in apis]
            for name, measure in MEASUREMENTS.items():
                for side in (0, 1) if repeat % 2 else (1, 0):
                    samples[name][side].add(apis[side], measure, clients[side])
    print_line(f"{'':27} other: p50, p99 ms   this: p50, p99 ms   ratio of medians (range)   ratio of CPU time")
    for name, (other, this) in samples.items():
        pairs = zip(other.times_s, this.times_s, strict=True)
        ratios = [statistics.median(times) / statistics.median(before) for before, times in pairs]
        print_line(
            f"{name:27} {_format(other.times_s)}      {_format(this.times_s)}      {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})        {this.cpu_s / max(other.cpu_s, 0.01):.2f}"
        )


def _format(repeats: list[list[float]]) -> str:
    ordered = sorted(time_s * 1000 for times_s in repeats for time_s in times_s)
    return f"{statistics.median(ordered):6.1f}, {ordered[int(len(ordered) * 0.99)]:6.1f}"


def _time(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def _template(font_size: int = 72) -> dict[str, object]:
    return {"name": uuid.uuid4().hex[:12], "template_config": {"style": {"fontSize": font_size}}}


def _status(line: str) -> object:
    return json.loads(line.removeprefix("data: ")).get("status")


def _wait_until_ready(base: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and child.poll() is None:
        try:
            if httpx.get(f"{base}/v1/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text()[-2000:])


if __name__ == "__main__":
    main(sys.argv[1:])
