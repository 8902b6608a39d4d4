"""`make demo`: one video from upload to MP4 and package, over HTTP against a real server, as any client would do it.

Everything it makes lies in `demo/` of the current folder. The exit status says whether all of it worked.
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

import httpx

from carmic_assets.cli.home import free_port
from carmic_assets.cli.main import say
from carmic_assets.cli.sample_talk import compose

TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mkv": "video/x-matroska"}
START_S, STEP_S = 90.0, 3600.0


class Clock:
    """Prints how long each stage took."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()

    def stage(self, name: str) -> None:
        now = time.monotonic()
        say(f"  {name:<34} {now - self.last:7.1f} s")
        self.last = now


@contextmanager
def server(home: Path) -> Iterator[str]:
    """`carmic up` on free ports; yields the API's base address."""
    port, dagster_port = free_port(), free_port()
    command = [sys.executable, "-m", "carmic_assets.cli.main", "up", "--home", str(home)]
    command += ["--port", str(port), "--dagster-port", str(dagster_port)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    base = f"http://127.0.0.1:{port}/api"
    try:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if child.poll() is not None:
                raise SystemExit(f"The server did not start:\n{child.stdout.read() if child.stdout else ''}")
            try:
                if httpx.get(f"{base}/v1/health", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        else:
            raise SystemExit("The server did not answer in time.")
        yield base
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


def ask(client: httpx.Client, method: str, path: str, **request: object) -> dict:
    """One call; the payload of its envelope. A refusal ends the demo with the API's sentence."""
    answer = client.request(method, path, **request)  # type: ignore[arg-type]
    if answer.status_code >= 400:
        raise SystemExit(f"{method} {path} answered {answer.status_code}: {answer.text}")
    return answer.json()["data"]


def wait(client: httpx.Client, path: str, done: tuple[str, ...]) -> dict:
    """Poll until the status is one of `done`; any failure ends the demo."""
    end, shown = time.monotonic() + STEP_S, ""
    while time.monotonic() < end:
        data = ask(client, "GET", path)
        if data["status"] in done:
            return data
        if data["status"].startswith("FAILED") or data["status"] == "CANCELLED":
            raise SystemExit(f"{path} ended as {data['status']}: {data.get('error_message')}")
        line = f"    {data.get('current_step') or data['status']} ({data.get('progress', 0)} %)"
        if line != shown:
            say(line)
            shown = line
        time.sleep(0.5)
    raise SystemExit(f"{path} took longer than {STEP_S:.0f} s")


def run(video: Path, out: Path, base: str, home: Path, clock: Clock) -> None:
    email, password = f"demo-{secrets.token_hex(4)}@example.com", f"Demo-{secrets.token_hex(8)}1"
    with httpx.Client(base_url=base + "/v1/", timeout=60) as client:
        session = ask(client, "POST", "auth/register", json={"email": email, "password": password})
        client.headers["Authorization"] = f"Bearer {session['access']}"
        workspace = ask(client, "GET", "me")["workspaces"][0]["id"]
        client.headers["X-Workspace-ID"] = workspace
        admin = [sys.executable, "-m", "carmic_assets.cli.main", "admin", "set-tier", workspace, "PROFESSIONAL"]
        subprocess.run([*admin, "--home", str(home)], check=True, capture_output=True)  # packages are not for FREE

        kind = TYPES.get(video.suffix.lower(), "video/mp4")
        size = video.stat().st_size
        made = ask(
            client, "POST", "projects/create", json={"filename": video.name, "filesize": size, "content_type": kind}
        )
        with video.open("rb") as file:
            httpx.put(
                made["upload_url"],
                content=file,
                headers={"Content-Type": kind, "Content-Length": str(size)},
                timeout=600,
            ).raise_for_status()
        clock.stage("registered and uploaded")

        project = made["project_id"]
        ask(client, "POST", f"projects/{project}/process")
        wait(client, f"projects/{project}/status", ("CLIPS_READY", "COMPLETED"))
        clock.stage("processed to CLIPS_READY")

        clips = ask(client, "GET", f"projects/{project}")["clips"]
        for clip in clips:
            span = f"{clip['start_time']:7.1f} - {clip['end_time']:7.1f} s"
            say(f"    {clip['virality_score']:3d}  {span}  {clip['title']}")
        best = clips[0]["id"]
        config = ask(client, "GET", f"clips/{best}")["template_config"]
        config["caption_style"] = "HORMOZI"
        ask(client, "PUT", f"clips/{best}", json=config)
        ask(client, "POST", f"clips/{best}/render")
        wait(client, f"clips/{best}/render-progress", ("RENDERED",))
        download(client, f"clips/{best}/video", out / "clip.mp4", home / "clip.mp4")
        clock.stage("rendered the best clip")

        export = ask(client, "POST", f"clips/{best}/exports", json={"target_format": "premiere", "include_proxy": True})
        done = wait(client, f"exports/{export['export_id']}", ("COMPLETED",))
        download(client, done["download_url"], out / "premiere.zip", home / "premiere.zip")
        clock.stage("packaged it for Premiere")


def download(client: httpx.Client, url: str, path: Path, aside: Path) -> None:
    """Into `aside` first: two demos in one folder do not write into each other's files."""
    with client.stream("GET", url, follow_redirects=True) as answer:
        answer.raise_for_status()
        with aside.open("wb") as file:
            for block in answer.iter_bytes():
                file.write(block)
    aside.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--video", type=Path, help="your own video; a sample talk is composed without it")
    parser.add_argument("--out", type=Path, default=Path("demo"))
    asked = parser.parse_args()
    if asked.video is not None and not asked.video.is_file():
        say(f"There is no file {asked.video}.")
        return 2
    out = asked.out.absolute()
    home = out / f"home-{secrets.token_hex(3)}"
    home.mkdir(parents=True)
    clock = Clock()
    try:
        video = asked.video or compose(out / "sample-talk.mp4", home)
        say(f"Video: {video}")
        with server(home) as base:
            clock.stage("started the server")
            run(video, out, base, home, clock)
        clock.stage("stopped the server")
        say(json.dumps({"clip": str(out / "clip.mp4"), "package": str(out / "premiere.zip")}, indent=2))
        say(f"All of it worked, in {time.monotonic() - clock.began:.0f} s.")
        return 0
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
