"""A client of the timeline editor for tests: creates projects with numbered footage and reads the numbers on frames."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import numpy as np
from PIL import Image

import media_files
from api_server import Member
from carmic_assets.definitions import defs
from resources import run_intents, timeline_jobs


def read_messages(response: httpx.Response) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the ids and the data of the messages of an event stream."""
    number = 0
    for line in response.iter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


class TimelineClient:
    """Calls the editor's API as one member, without `X-Workspace-ID`, like the examples of docs/timeline.md."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.platform = member.server.platform

    def request(self, method: str, path: str, json: object = None, **headers: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.member.token}", **headers}
        return httpx.request(method, self.member.server.base + path, json=json, headers=headers, timeout=90)

    def call(self, method: str, path: str, json: object = None, **headers: str) -> Any:  # noqa: ANN401 - any JSON value
        response = self.request(method, path, json, **headers)
        assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    def stream_url(self, project_id: str) -> str:
        """Return the URL of the project's event stream, which can be opened once."""
        ticket = self.call("POST", "/v1/sse-ticket", **{"X-Workspace-ID": self.member.workspace_id})["ticket"]
        return f"{self.member.server.base}/project/{project_id}/stream?ticket={ticket}"

    def create_project(self, *videos: Path) -> dict[str, Any]:
        project = self.call("POST", "/project", {"name": "Cut"})
        for video in videos:
            assert self.upload(project["id"], video).status_code == 200
        return self.get_project(project["id"])

    def get_project(self, project_id: str) -> dict[str, Any]:
        project: dict[str, Any] = self.call("GET", f"/project/{project_id}")
        return project

    def upload(self, project_id: str, video: Path) -> httpx.Response:
        body = {"file_name": video.name, "content_type": "video/mp4"}
        asset = self.call("POST", f"/project/{project_id}/upload", body)
        return httpx.put(asset["upload_url"], content=video.read_bytes(), timeout=90)

    def edit(self, segment_id: str, op: str, **body: object) -> Any:  # noqa: ANN401 - any JSON value
        return self.call("POST", f"/segment/{segment_id}/{op}", body)

    def frame(self, project_id: str, ts: float, **options: object) -> np.ndarray:
        preview = self.call("POST", f"/project/{project_id}/preview/frame", {"ts": ts, **options})
        return load_picture(preview["frame_url"])

    def frame_number(self, project_id: str, ts: float) -> int:
        return media_files.read_frame_number(self.frame(project_id, ts))

    def run_job(self, job_id: str) -> dg.ExecuteInProcessResult:
        """Execute the run of a job in this process."""
        with self.platform.database.read() as connection:
            job = timeline_jobs.get(connection, job_id)
        assert job is not None
        return self.run(job.run_id, timeline_jobs.DAGSTER_JOBS[job.kind], job.timeline_id)

    def run_ingest(self, project_id: str) -> None:
        """Execute the runs that ingest the project's footage."""
        with self.platform.database.read() as connection:
            jobs = [job for job in timeline_jobs.list_active(connection, project_id) if job.kind == "ingest"]
        for job in jobs:
            self.run(job.run_id, "ingest_timeline_asset", project_id)

    def run(self, run_id: str, job_name: str, project_id: str) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(run_intents.TIMELINE_PARTITIONS, [project_id])
            return defs.resolve_job_def(job_name).execute_in_process(
                instance=instance, run_id=run_id, partition_key=project_id, raise_on_error=False
            )

    def export(self, project_id: str, folder: Path, **options: object) -> tuple[dict[str, Any], Path]:
        """Export the project; returns the finished export and its file."""
        order = self.call("POST", "/export", {"project_id": project_id, "format": "mp4", **options})
        self.run_job(order["export_job_id"])
        export = self.call("GET", f"/export/{order['export_job_id']}")
        assert export["status"] == "completed", export
        path = folder / f"{order['export_job_id']}{timeline_jobs.EXPORT_FILES[export['format']][0]}"
        path.write_bytes(httpx.get(export["download_url"]).content)
        return export, path


def load_picture(url: str) -> np.ndarray:
    response = httpx.get(url)
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))
