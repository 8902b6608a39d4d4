"""End-to-end tests over HTTP against `carmic up`: upload to export, event streams, and recovery after SIGKILLs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fault_injection import FaultInjector, WebhookReceiver, count_received_events
from reference_clients import curl_example, reference, run_typescript, typescript_program
from resources import projects, run_intents
from whole_system import EMAIL, PASSWORD, RunningSystem, compose_short_talk, run_system

pytestmark = pytest.mark.slow
STATUS_ORDER = ["UPLOADING", "DOWNLOADING", "TRANSCRIBING", "PROCESSING", "FACE_TRACKING", "CLIPS_READY", "COMPLETED"]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compose_short_talk(tmp_path_factory.mktemp("talk"))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with run_system(tmp_path_factory.mktemp("home")) as system:
        workspace_id = system.register()
        system.admin("set-tier", workspace_id, "BUSINESS")
        system.admin("grant-minutes", workspace_id, "1000")
        yield system


def test_the_dagster_ui_opens_with_the_printed_link_and_for_no_other_page(system: RunningSystem) -> None:
    """Requests of other pages are rejected, because Dagster accepts GraphQL mutations as text/plain."""
    links = re.findall(r"http://\S+login=\S+", (system.home / "up.log").read_text())
    base = f"http://127.0.0.1:{system.dagster_port}"
    query = {"query": "{ version }"}
    assert httpx.post(f"{base}/graphql", json=query).status_code == 403
    with httpx.Client() as browser:
        assert browser.get(links[-1]).status_code == 200
        assert "version" in browser.post(f"{base}/graphql", json=query, headers={"Origin": base}).json()["data"]
        plain = {"Origin": "https://example.com", "Content-Type": "text/plain; application/json"}
        assert browser.post(f"{base}/graphql", content=json.dumps(query), headers=plain).status_code == 403
    assert httpx.get(links[-1]).status_code == 403


def test_the_main_job_streams_forward_renders_and_packages(system: RunningSystem, talk: Path, tmp_path: Path) -> None:
    receiver = WebhookReceiver()
    webhook = system.call("POST", "webhooks", json={"url": receiver.url})
    project = system.upload(talk)
    ticket = httpx.post(f"{system.base}/v1/sse-ticket", headers=system.headers, timeout=30).json()["ticket"]
    system.process_video(project)
    received: list[tuple[str, int]] = []
    with httpx.stream("GET", f"{system.base}/v1/projects/{project}/stream?ticket={ticket}", timeout=120) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                data = json.loads(line[5:])
                received.append((data["status"], data["progress"]))
    statuses = [status for status, _ in received]
    assert statuses[-1] == "CLIPS_READY" and system.get_status(project)["status"] == "CLIPS_READY"
    assert [STATUS_ORDER.index(s) for s in statuses] == sorted(STATUS_ORDER.index(s) for s in statuses)
    progress = [value for _, value in received]
    assert progress == sorted(progress) and len(set(progress)) > 5

    (clip, *_) = system.call("GET", f"projects/{project}")["clips"]
    system.call("POST", f"clips/{clip['id']}/render")
    assert httpx.post(f"{system.base}/v1/clips/{clip['id']}/render", headers=system.headers).status_code == 409
    progress_path = f"clips/{clip['id']}/render-progress"
    system.wait_until(
        lambda: system.call("GET", progress_path)["status"] in ("RENDERED", "FAILED_RENDER"), 240, "rendered"
    )
    assert system.call("GET", progress_path)["status"] == "RENDERED"
    path = tmp_path / "clip.mp4"
    video = httpx.get(f"{system.base}/v1/clips/{clip['id']}/video", headers=system.headers, follow_redirects=True)
    path.write_bytes(video.content)
    from carmic_assets.media.probe import probe

    facts = probe(path)
    assert facts.video is not None and facts.audio is not None
    assert (facts.video.width, facts.video.height, facts.video.codec) == (1080, 1920, "h264")
    length = clip["end_time"] - clip["start_time"]
    assert abs(facts.video.duration_s - length) <= 1.5 / float(facts.video.rate.fraction)
    assert facts.audio.codec == "aac" and abs(facts.audio.start_s - facts.video.start_s) < 0.04
    assert video.content.index(b"moov") < video.content.index(b"mdat")
    assert system.get_status(project)["status"] == "COMPLETED"

    export = system.call("POST", f"clips/{clip['id']}/exports", json={"target_format": "fcpx"})
    repeated = system.call("POST", f"clips/{clip['id']}/exports", json={"target_format": "fcpx"})
    assert export["export_id"] == repeated["export_id"]
    system.wait_until(
        lambda: system.call("GET", f"exports/{export['export_id']}")["status"] in ("COMPLETED", "FAILED"),
        120,
        "packaged",
    )
    finished = system.call("GET", f"exports/{export['export_id']}")
    assert finished["status"] == "COMPLETED", finished
    assert httpx.get(finished["download_url"]).content[:2] == b"PK"

    expected = {"project.status", "project.clips_ready", "clip.rendered", "job.completed", "export.completed"}
    system.wait_until(lambda: expected <= set(count_received_events(receiver)), 10, "every webhook arrived")
    assert max(receiver.delays_s) < 8, sorted(receiver.delays_s)
    system.call("DELETE", f"webhooks/{webhook['id']}")


def test_the_curl_example_of_the_reference_runs_to_its_mp4(
    system: RunningSystem, talk: Path, shared: Path, tmp_path: Path
) -> None:
    shutil.copy(talk, tmp_path / "podcast.mp4")
    script = curl_example(reference(shared), system.base, EMAIL, PASSWORD)
    run = subprocess.run(["bash", "-eu"], input=script, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("RENDERED (100%)"), run.stdout
    assert b"ftyp" in (tmp_path / "clip.mp4").read_bytes()[:12]


def test_the_typescript_client_of_the_reference_gets_its_clips_rendered(
    system: RunningSystem, talk: Path, shared: Path, tmp_path: Path
) -> None:
    shutil.copy(talk, tmp_path / "podcast.mp4")
    client = tmp_path / "client.mts"
    client.write_text(typescript_program(reference(shared), system.base, EMAIL, PASSWORD))
    run = run_typescript(client, within_s=300)
    assert run.returncode == 0, run.stdout + run.stderr
    output = json.loads(run.stdout.splitlines()[-1])
    order = output["render"]["data"]
    assert order["status"] == "QUEUED" and order["clip_id"] == output["clips"][0] and order["render_job_id"]
    progress = f"clips/{order['clip_id']}/render-progress"
    system.wait_until(lambda: system.call("GET", progress)["status"] in ("RENDERED", "FAILED_RENDER"), 240, "rendered")
    assert system.call("GET", progress)["status"] == "RENDERED"


def read_readme_block(language: str) -> str:
    """Return the README's program in this language."""
    text = (Path(__file__).parents[1] / "README.md").read_text()
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(block).replace("me@example.com", EMAIL).replace("Secret-123", PASSWORD)


def test_the_python_program_of_the_readme_gets_a_rendered_clip(
    system: RunningSystem, talk: Path, tmp_path: Path
) -> None:
    shutil.copy(talk, tmp_path / "talk.mp4")
    program = read_readme_block("python").replace("http://127.0.0.1:8000", system.base.removesuffix("/api"))
    assert len(program.splitlines()) <= 15
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.rare
def test_the_typescript_program_of_the_readme_gets_a_rendered_clip(
    system: RunningSystem, talk: Path, tmp_path: Path
) -> None:
    clients = Path(__file__).parents[1] / "clients" / "typescript"
    for source in (talk, clients / "carmic.ts", clients / "schema.ts"):
        shutil.copy(source, tmp_path / source.name)
    program = read_readme_block("ts").replace("http://127.0.0.1:8000", system.base.removesuffix("/api"))
    (tmp_path / "main.ts").write_text(program)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run = run_typescript(tmp_path / "main.ts", 300)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_file_that_is_not_a_video_fails_with_a_message_and_a_refund(system: RunningSystem, tmp_path: Path) -> None:
    text = tmp_path / "talk.mp4"
    text.write_text("this is not a video\n" * 100)
    balance = system.call("GET", "usage")["minutes_balance"]
    project = system.upload(text, duration=600)
    system.process_video(project)
    system.wait_until(lambda: system.get_status(project)["status"].startswith("FAILED"), 60, "failed")
    failed = system.get_status(project)
    assert failed["status"] == "FAILED_CORRUPT_VIDEO" and len(failed["error_message"]) > 20
    assert system.call("GET", "usage")["minutes_balance"] == balance


def test_a_cancelled_project_stops_its_worker_and_leaves_no_files(system: RunningSystem, talk: Path) -> None:
    project = system.upload(talk, duration=60)
    system.process_video(project)
    system.wait_until(lambda: system.get_status(project)["progress"] >= 4, 60, "started")
    system.call("POST", f"projects/{project}/cancel")
    assert system.get_status(project)["status"] == "CANCELLED"
    system.wait_until(lambda: not system.find_workers(), 60, "the worker ended")
    scratch = system.home / "scratch"
    assert not scratch.exists() or list(scratch.iterdir()) == []


def test_a_project_interrupted_by_a_stop_is_resumed_after_the_next_start(system: RunningSystem, talk: Path) -> None:
    project = system.upload(talk, duration=45)
    system.process_video(project)
    system.wait_until(lambda: system.get_status(project)["progress"] >= 20, 60, "one asset is finished")
    assert system.stop() == 0
    assert system.list_commands() == [] and not any((system.home / "scratch").glob("*/*"))
    system.start()
    system.login()
    system.wait_until(lambda: system.get_status(project)["status"] == "CLIPS_READY", 120, "resumed")
    with system.database.read() as connection:
        row = projects.get(connection, project)
        intent = row and run_intents.get(connection, row.run_id or "")
    assert intent is not None and intent.resumes is not None


@pytest.mark.rare
def test_kills_lose_no_work_and_charge_nothing_twice(system: RunningSystem, talk: Path) -> None:
    """Send 25 SIGKILLs to worker, code server, API, daemon, UI and `carmic up` while projects are processed.

    The order is given by a seed. `python -m benchmarks.kills` sends any number.
    """
    injector = FaultInjector(system, talk, seed=7)
    injector.run(25)
    injector.wait_until_quiet()
    count_by_status = injector.check_invariants()
    assert count_by_status["CLIPS_READY"] + count_by_status["COMPLETED"] >= 1, count_by_status
    assert injector.find_leftover_files() == []


def test_a_stop_leaves_no_process_and_no_file(system: RunningSystem) -> None:
    """Every process that `carmic up` started ends with it. This test runs last."""
    assert system.stop() == 0
    assert system.list_commands() == []
    scratch = system.home / "scratch"
    system.start()
    assert not scratch.exists() or list(scratch.iterdir()) == []
