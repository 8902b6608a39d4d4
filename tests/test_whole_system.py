"""The promises of the whole, over HTTP against `carmic up`: the main job, its stream, and what kills leave behind."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fault_injection import Havoc, Inbox, told_to
from reference_clients import curl_example, reference, run_typescript, typescript_program
from resources import projects, run_intents
from whole_system import EMAIL, PASSWORD, System, running, short_talk

pytestmark = pytest.mark.slow
ORDER = ["UPLOADING", "DOWNLOADING", "TRANSCRIBING", "PROCESSING", "FACE_TRACKING", "CLIPS_READY", "COMPLETED"]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_talk(tmp_path_factory.mktemp("talk"))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("home")) as made:
        workspace = made.register()
        made.admin("set-tier", workspace, "BUSINESS")
        made.admin("grant-minutes", workspace, "1000")
        yield made


def test_the_main_job_streams_forward_renders_and_packages(system: System, talk: Path, tmp_path: Path) -> None:
    inbox = Inbox()
    hook = system.call("POST", "webhooks", json={"url": inbox.url})
    project = system.upload(talk)
    ticket = httpx.post(f"{system.base}/v1/sse-ticket", headers=system.headers, timeout=30).json()["ticket"]
    system.process_video(project)
    seen: list[tuple[str, int]] = []
    with httpx.stream("GET", f"{system.base}/v1/projects/{project}/stream?ticket={ticket}", timeout=120) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                told = json.loads(line[5:])
                seen.append((told["status"], told["progress"]))
    statuses = [status for status, _ in seen]
    assert statuses[-1] == "CLIPS_READY" and system.status(project)["status"] == "CLIPS_READY"
    assert [ORDER.index(s) for s in statuses] == sorted(ORDER.index(s) for s in statuses)
    progress = [value for _, value in seen]
    assert progress == sorted(progress) and len(set(progress)) > 5

    (clip, *_) = system.call("GET", f"projects/{project}")["clips"]
    system.call("POST", f"clips/{clip['id']}/render")
    assert httpx.post(f"{system.base}/v1/clips/{clip['id']}/render", headers=system.headers).status_code == 409
    progress_path = f"clips/{clip['id']}/render-progress"
    system.until(lambda: system.call("GET", progress_path)["status"] in ("RENDERED", "FAILED_RENDER"), 240, "rendered")
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
    assert system.status(project)["status"] == "COMPLETED"

    export = system.call("POST", f"clips/{clip['id']}/exports", json={"target_format": "fcpx"})
    again = system.call("POST", f"clips/{clip['id']}/exports", json={"target_format": "fcpx"})
    assert export["export_id"] == again["export_id"]
    system.until(
        lambda: system.call("GET", f"exports/{export['export_id']}")["status"] in ("COMPLETED", "FAILED"),
        120,
        "packaged",
    )
    done = system.call("GET", f"exports/{export['export_id']}")
    assert done["status"] == "COMPLETED", done
    assert httpx.get(done["download_url"]).content[:2] == b"PK"

    wanted = {"project.status", "project.clips_ready", "clip.rendered", "job.completed", "export.completed"}
    system.until(lambda: wanted <= set(told_to(inbox)), 10, "every webhook arrived")
    assert max(inbox.late_s) < 8, sorted(inbox.late_s)
    system.call("DELETE", f"webhooks/{hook['id']}")


def test_the_curl_example_of_the_reference_runs_to_its_mp4(
    system: System, talk: Path, shared: Path, tmp_path: Path
) -> None:
    shutil.copy(talk, tmp_path / "podcast.mp4")
    script = curl_example(reference(shared), system.base, EMAIL, PASSWORD)
    run = subprocess.run(["bash", "-eu"], input=script, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("RENDERED (100%)"), run.stdout
    assert b"ftyp" in (tmp_path / "clip.mp4").read_bytes()[:12]


def test_the_typescript_client_of_the_reference_gets_its_clips_rendered(
    system: System, talk: Path, shared: Path, tmp_path: Path
) -> None:
    shutil.copy(talk, tmp_path / "podcast.mp4")
    client = tmp_path / "client.mts"
    client.write_text(typescript_program(reference(shared), system.base, EMAIL, PASSWORD))
    run = run_typescript(client, within_s=300)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    answered = told["render"]["data"]
    assert answered["status"] == "QUEUED" and answered["clip_id"] == told["clips"][0] and answered["render_job_id"]
    progress = f"clips/{answered['clip_id']}/render-progress"
    system.until(lambda: system.call("GET", progress)["status"] in ("RENDERED", "FAILED_RENDER"), 240, "rendered")
    assert system.call("GET", progress)["status"] == "RENDERED"


def test_what_is_no_video_ends_in_its_state_with_a_sentence_and_the_minutes_back(
    system: System, tmp_path: Path
) -> None:
    text = tmp_path / "talk.mp4"
    text.write_text("this is not a video\n" * 100)
    before = system.call("GET", "usage")["minutes_balance"]
    project = system.upload(text, duration=600)
    system.process_video(project)
    system.until(lambda: system.status(project)["status"].startswith("FAILED"), 60, "failed")
    ended = system.status(project)
    assert ended["status"] == "FAILED_CORRUPT_VIDEO" and len(ended["error_message"]) > 20
    assert system.call("GET", "usage")["minutes_balance"] == before


def test_a_cancelled_project_stops_and_leaves_nothing_at_work(system: System, talk: Path) -> None:
    project = system.upload(talk, duration=60)
    system.process_video(project)
    system.until(lambda: system.status(project)["progress"] >= 4, 60, "started")
    system.call("POST", f"projects/{project}/cancel")
    assert system.status(project)["status"] == "CANCELLED"
    system.until(lambda: not system.workers(), 60, "the worker ended")
    scratch = system.home / "scratch"
    assert not scratch.exists() or list(scratch.iterdir()) == []


def test_a_stop_in_the_middle_is_taken_up_after_the_next_start(system: System, talk: Path) -> None:
    project = system.upload(talk, duration=45)
    system.process_video(project)
    system.until(lambda: system.status(project)["progress"] >= 20, 60, "one asset is finished")
    assert system.stop() == 0
    assert system.left_over() == [] and not any((system.home / "scratch").glob("*/*"))
    system.start()
    system.login()
    system.until(lambda: system.status(project)["status"] == "CLIPS_READY", 120, "taken up again")
    with system.database.read() as connection:
        found = projects.get(connection, project)
        taken_up = found and run_intents.get(connection, found.run_id or "")
    assert taken_up is not None and taken_up.resumes is not None


def test_kills_lose_nothing_and_charge_nothing_twice(system: System, talk: Path) -> None:
    """25 seeded SIGKILLs over worker, code server (with the deliverer), API, daemon, UI and the whole, while projects
    are analysed, rendered and packaged. `python -m benchmarks.kills` makes as many as wanted."""
    havoc = Havoc(system, talk, seed=7)
    havoc.run(25)
    havoc.settle()
    ended = havoc.verdict()
    assert ended["CLIPS_READY"] + ended["COMPLETED"] >= 1, ended
    assert havoc.clean() == []


def test_it_stops_whole(system: System) -> None:
    """Runs last: what `carmic up` started ends with it."""
    assert system.stop() == 0
    assert system.left_over() == []
    scratch = system.home / "scratch"
    system.start()
    assert not scratch.exists() or list(scratch.iterdir()) == []
