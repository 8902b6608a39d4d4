"""Implements `make demo`: processes one video from upload to MP4 and package over HTTP, like any client of a server.

The results are written to `demo/` in the current directory. The exit status is 0 if every step succeeded.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from carmic_assets.cli.accepted_formats import CONTENT_TYPE_BY_SUFFIX
from carmic_assets.cli.home import find_free_port
from carmic_assets.cli.output import print_line
from carmic_assets.cli.sample_talk import compose_talk

START_TIMEOUT_S = 90.0  # for the start of the server
STEP_TIMEOUT_S = 3600.0  # for each step of the demo
CARMIC = [sys.executable, "-m", "carmic_assets.cli.main"]


class Stopwatch:
    """Prints the duration of each part of the demo."""

    def __init__(self) -> None:
        self.started_s = self.last_lap_s = time.monotonic()

    def lap(self, name: str) -> None:
        """Print the time since the previous lap."""
        now_s = time.monotonic()
        print_line(f"  {name:<34} {now_s - self.last_lap_s:7.1f} s")
        self.last_lap_s = now_s


@contextmanager
def run_server(home: Path) -> Iterator[str]:
    """Run `carmic up` on free ports, and yield the base URL of the API."""
    port, dagster_port = find_free_port(), find_free_port()
    command = [*CARMIC, "up", "--home", str(home), "--port", str(port), "--dagster-port", str(dagster_port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    base_url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_healthy(process, base_url)
        yield base_url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_healthy(process: subprocess.Popen[str], base_url: str) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            raise SystemExit(f"The server did not start:\n{process.stdout.read() if process.stdout else ''}")
        try:
            if httpx.get(f"{base_url}/v1/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise SystemExit("The server did not respond in time.")


def call_api(client: httpx.Client, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Call the API and return the `data` of the response. An error status ends the demo with the API's message."""
    response = client.request(method, path, json=body)
    if response.status_code >= 400:
        raise SystemExit(f"{method} {path} returned {response.status_code}: {response.text}")
    data: dict[str, Any] = response.json()["data"]
    return data


def wait_for_status(client: httpx.Client, path: str, *statuses: str) -> dict[str, Any]:
    """Poll `path` until its status is one of `statuses`. A failed or cancelled job ends the demo."""
    end_s, last_line = time.monotonic() + STEP_TIMEOUT_S, ""
    while time.monotonic() < end_s:
        data = call_api(client, "GET", path)
        if data["status"] in statuses:
            return data
        if data["status"].startswith("FAILED") or data["status"] == "CANCELLED":
            raise SystemExit(f"{path} ended as {data['status']}: {data.get('error_message')}")
        line = f"    {data.get('current_step') or data['status']} ({data.get('progress', 0)} %)"
        if line != last_line:
            print_line(line)
            last_line = line
        time.sleep(0.5)
    raise SystemExit(f"{path} took longer than {STEP_TIMEOUT_S:.0f} s")


def run_demo(video: Path, out: Path, base_url: str, home: Path, stopwatch: Stopwatch) -> None:
    """Upload and process the video, then render and package its best clip into `out`."""
    with httpx.Client(base_url=base_url + "/v1/", timeout=60) as client:
        _register(client, home)
        project_id = _upload(client, video)
        stopwatch.lap("registered and uploaded")

        call_api(client, "POST", f"projects/{project_id}/process")
        wait_for_status(client, f"projects/{project_id}/status", "CLIPS_READY", "COMPLETED")
        stopwatch.lap("processed to CLIPS_READY")

        clips = call_api(client, "GET", f"projects/{project_id}")["clips"]
        for clip in clips:
            span = f"{clip['start_time']:7.1f} - {clip['end_time']:7.1f} s"
            print_line(f"    {clip['virality_score']:3d}  {span}  {clip['title']}")
        best_id = clips[0]["id"]
        config = call_api(client, "GET", f"clips/{best_id}")["template_config"]
        config["caption_style"] = "HORMOZI"
        call_api(client, "PUT", f"clips/{best_id}", config)
        call_api(client, "POST", f"clips/{best_id}/render")
        wait_for_status(client, f"clips/{best_id}/render-progress", "RENDERED")
        download(client, f"clips/{best_id}/video", out / "clip.mp4", home / "clip.mp4")
        stopwatch.lap("rendered the best clip")

        order = {"target_format": "premiere", "include_proxy": True}
        export_id = call_api(client, "POST", f"clips/{best_id}/exports", order)["export_id"]
        export = wait_for_status(client, f"exports/{export_id}", "COMPLETED")
        download(client, export["download_url"], out / "premiere.zip", home / "premiere.zip")
        stopwatch.lap("packaged it for Premiere")


def _register(client: httpx.Client, home: Path) -> None:
    """Create a user and set its credentials on the client. The tier is raised, because FREE has no packages."""
    email, password = f"demo-{secrets.token_hex(4)}@example.com", f"Demo-{secrets.token_hex(8)}1"
    session = call_api(client, "POST", "auth/register", {"email": email, "password": password})
    client.headers["Authorization"] = f"Bearer {session['access']}"
    workspace_id = call_api(client, "GET", "me")["workspaces"][0]["id"]
    client.headers["X-Workspace-ID"] = workspace_id
    command = [*CARMIC, "admin", "set-tier", workspace_id, "PROFESSIONAL", "--home", str(home)]
    subprocess.run(command, check=True, capture_output=True)


def _upload(client: httpx.Client, video: Path) -> str:
    """Create a project and upload its video. Returns the project's id."""
    content_type = CONTENT_TYPE_BY_SUFFIX.get(video.suffix.lower(), "video/mp4")
    size_bytes = video.stat().st_size
    body = {"filename": video.name, "filesize": size_bytes, "content_type": content_type}
    project = call_api(client, "POST", "projects/create", body)
    headers = {"Content-Type": content_type, "Content-Length": str(size_bytes)}
    with video.open("rb") as file:
        httpx.put(project["upload_url"], content=file, headers=headers, timeout=600).raise_for_status()
    project_id: str = project["project_id"]
    return project_id


def download(client: httpx.Client, url: str, path: Path, staging_path: Path) -> None:
    """Download a file through `staging_path`, so that two demos in one directory do not mix their files."""
    with client.stream("GET", url, follow_redirects=True) as response:
        response.raise_for_status()
        with staging_path.open("wb") as file:
            for block in response.iter_bytes():
                file.write(block)
    staging_path.replace(path)


def main() -> int:
    """Run the demo. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--video", type=Path, help="your own video; by default a sample talk is generated")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="directory for the results")
    args = parser.parse_args()
    if args.video is not None and not args.video.is_file():
        print_line(f"File {args.video} does not exist.")
        return 2
    out = args.out.absolute()
    home = out / f"home-{secrets.token_hex(3)}"
    home.mkdir(parents=True)
    stopwatch = Stopwatch()
    try:
        video = args.video or compose_talk(out / "sample-talk.mp4", home)
        print_line(f"Video: {video}")
        with run_server(home) as base_url:
            stopwatch.lap("started the server")
            run_demo(video, out, base_url, home, stopwatch)
        stopwatch.lap("stopped the server")
        print_line(json.dumps({"clip": str(out / "clip.mp4"), "package": str(out / "premiere.zip")}, indent=2))
        print_line(f"Every step succeeded, in {time.monotonic() - stopwatch.started_s:.0f} s.")
        return 0
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
