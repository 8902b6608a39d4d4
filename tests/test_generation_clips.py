"""The clip endpoint: a job waits for a project of the pipeline, costs no minutes, and survives killed workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api_server import Server
from carmic_assets.media.probe import probe
from generation_client import GenerationClient, install_voices
from resources import clips, generation_jobs, ledger, outbox, projects, renders
from resources.database.tables import events, run_intents
from resources.generation_jobs import GenerationJob
from resources.platform import Platform
from resources.projects import Project
from whole_system import compose_short_talk, run_system


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> GenerationClient:
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)
    monkeypatch.setattr("carmic_assets.assets.clip_generation.POLL_INTERVAL_S", 0.1)
    return GenerationClient(server)


class Pipeline(threading.Thread):
    """Does what the runs of a job's project would do: scores `scores` clips, and renders all but the last `failing`."""

    def __init__(self, platform: Platform, job_id: str, scores: tuple[int, ...], failing: int = 0) -> None:
        super().__init__(daemon=True)
        self.platform, self.job_id, self.scores, self.failing = platform, job_id, scores, failing
        self.rendered: list[renders.Render] = []

    def find_project(self) -> Project | None:
        with self.platform.database.read() as connection:
            return projects.find_for_generation(connection, self.job_id)

    def run(self) -> None:
        while (project := self.find_project()) is None or project.run_id is None:
            time.sleep(0.05)
        new = [
            clips.NewClip(f"Clip {n}", n * 30.0, n * 30.0 + 20, s, {}, "", [], []) for n, s in enumerate(self.scores)
        ]
        with self.platform.database.write() as connection:
            clips.add(connection, project.id, project.workspace_id, new)
            projects.advance(connection, project.id, "CLIPS_READY", 100, "Clips ready")
        while not (queued := self.list_queued(project.id)):
            time.sleep(0.05)
        for number, render in enumerate(queued):
            key = f"{projects.key_prefix(project.workspace_id, project.id)}renders/{render.id}/clip.mp4"
            self.platform.store.put_bytes(key, b"a clip")
            with self.platform.database.write() as connection:
                if number >= len(queued) - self.failing:
                    renders.fail(connection, render.id, "Broken.")
                else:
                    renders.finish(connection, render.id, key, {})

    def list_queued(self, project_id: str) -> list[renders.Render]:
        with self.platform.database.read() as connection:
            rows = clips.list_for_project(connection, project_id)
            newest = [renders.get_newest(connection, clip.id) for clip in rows]
        return [render for render in newest if render is not None]


def test_the_best_clips_are_rendered_for_credits_and_no_minutes(client: GenerationClient) -> None:
    platform, workspace_id = client.server.platform, client.member.workspace_id
    job_id = client.start("clip", maxClips=2, aspectRatio="1:1", addCaptions=False, minDuration=10, maxDuration=40)
    pipeline = Pipeline(platform, job_id, scores=(50, 90, 70))
    pipeline.start()
    assert client.run(job_id).success
    job = client.get_job(job_id)
    assert (job["status"], job["outputType"], len(job["outputs"])) == ("completed", "video/mp4", 2)
    assert (job["metadata"]["clipCount"], job["metadata"]["viralScores"]) == (2, [9.0, 7.0])
    assert httpx.get(job["outputUrl"]).content == b"a clip"
    with platform.database.read() as connection:
        project = projects.find_for_generation(connection, job_id)
        assert project is not None and project.clip_bounds == {"max_clips": 2, "min_s": 10, "max_s": 40}
        best = clips.list_for_project(connection, project.id)[0]
        assert ledger.list_entries(connection, workspace_id) == []
        query = select(events.c.subject).where(events.c.workspace_id == workspace_id, events.c.event == "job.completed")
        assert list(connection.scalars(query)) == [f"job:{job_id}"]  # none for each render
    assert best.template_config is not None
    assert best.template_config["layout"]["aspectRatio"] == "1:1" and best.template_config["transcript"] == {
        "words": []
    }
    assert client.get_credits() == 49_970


def test_clips_that_could_not_be_rendered_are_refunded_in_proportion(client: GenerationClient) -> None:
    job_id = client.start("clip", maxClips=3)
    Pipeline(client.server.platform, job_id, scores=(50, 90, 70), failing=1).start()
    assert client.run(job_id).success
    job = client.get_job(job_id)
    assert (job["metadata"]["clipCount"], job["creditsRefunded"], client.get_credits()) == (2, 10, 49_980)


@pytest.mark.parametrize(
    ("status", "code"),
    [("FAILED_NO_SPEECH", "NO_SPEECH"), ("FAILED_DOWNLOAD", "INPUT_UNREADABLE"), ("FAILED", "INTERNAL")],
)
def test_a_failed_analysis_has_its_code_and_is_refunded(client: GenerationClient, status: str, code: str) -> None:
    job_id = client.start("clip")
    pipeline = Pipeline(client.server.platform, job_id, scores=())

    def fail_analysis() -> None:
        while (project := pipeline.find_project()) is None or project.run_id is None:
            time.sleep(0.05)
        with pipeline.platform.database.write() as connection:
            projects.end(connection, project.id, status, "The address of the file system is /x.")

    threading.Thread(target=fail_analysis, daemon=True).start()
    assert not client.run(job_id).success
    job = client.get_job(job_id)
    assert (job["errorCode"], job["error"]) == (code, generation_jobs.ERROR_SENTENCES[code])
    assert client.get_credits() == 50_000


def test_cancelling_a_job_cancels_its_project(client: GenerationClient) -> None:
    job_id = client.start("clip")
    platform = client.server.platform
    with platform.database.write() as connection:
        new = projects.NewProject("a", "a.mp4", "video/mp4", source_url="https://example.com/a", generation_id=job_id)
        project = projects.create(connection, client.member.workspace_id, None, new, ".mp4")
        projects.assign_run(connection, project.id, "11111111-1111-4111-8111-111111111111")
    client.request("POST", f"/jobs/{job_id}/cancel")
    with platform.database.read() as connection:
        cancelled = projects.get(connection, project.id)
        run = client.get_row(job_id).run_id
        state = connection.scalar(select(run_intents.c.state).where(run_intents.c.run_id == run))
    assert cancelled is not None and (cancelled.status, state) == ("CANCELLED", "CANCELLED")


@pytest.mark.rare
def test_a_clip_job_survives_the_death_of_all_its_workers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`carmic up`, a spoken video, a killed analysis and a killed wait: one project, one output, exact credits."""
    talk = compose_short_talk(tmp_path_factory.mktemp("talk"))
    with run_system(tmp_path_factory.mktemp("home")) as system:
        workspace_id = system.register()

        def call(method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - any JSON value
            response = httpx.request(method, f"{system.base}/{path}", headers=system.headers, timeout=60, **options)
            assert response.status_code < 400, response.text
            return response.json()["data"]

        def read_job(identity: str) -> GenerationJob:
            """Read the row, because the API counts reads."""
            with system.database.read() as connection:
                row = generation_jobs.get(connection, identity)
            assert row is not None
            return row

        install_voices(tmp_path_factory.mktemp("voices"))
        speech_id = call("POST", "generate/voice", json={"text": "Confusion is a cost."})["jobId"]
        media = call("POST", "upload/video", files={"file": ("talk.mp4", talk.read_bytes(), "video/mp4")})
        body = {"sourceVideoUrl": media["id"], "maxClips": 1}
        job_id = call("POST", "generate/clip", json=body)["jobId"]
        system.wait_until(lambda: read_job(job_id).progress > 5, 200, "the analysis runs")
        for worker in system.find_workers():
            os.kill(worker.pid, signal.SIGKILL)
        system.wait_until(lambda: read_job(job_id).finished_at is not None, 500, "the clip job ends")
        system.wait_until(lambda: read_job(speech_id).finished_at is not None, 200, "the voice job ends")
        job = call("GET", f"jobs/{job_id}")
        assert (job["status"], job["metadata"].get("clipCount")) == ("completed", 1), job
        path: Path = system.home / "clip.mp4"
        path.write_bytes(httpx.get(job["outputUrl"]).content)
        facts = probe(path)
        assert facts.video is not None and (facts.video.width, facts.video.height) == (1080, 1920)
        speech = call("GET", f"jobs/{speech_id}")
        assert (speech["status"], speech["outputType"]) == ("completed", "audio/wav")
        assert call("GET", "usage")["credits"] == 1000 - 30 - 80
        with system.database.read() as connection:
            rows, total = projects.list_page(connection, workspace_id)
            assert total == 1 and ledger.list_entries(connection, workspace_id) == []
            ended = [e for e in outbox.list_for_subject(connection, f"job:{job_id}") if e.event == "job.completed"]
        assert len(ended) == 1 and rows[0].generation_id == job_id
