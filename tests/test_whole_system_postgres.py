"""End-to-end test over HTTP of the quickstart on PostgreSQL and S3, as production runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from carmic_assets.assets.metadata_limits import MAX_METADATA_BYTES
from real_servers import ANY_CREDENTIALS, run_postgres, run_s3
from whole_system import RunningSystem, compose_short_talk, run_system

pytestmark = pytest.mark.rare
MAX_EVENT_LOG_BYTES = 150_000  # of one analysed video


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of docs/settings.md, for servers of this test."""
    folders = [tmp_path_factory.mktemp(name) for name in ("postgres", "s3")]
    with run_postgres(folders[0], "dagster") as database_url, run_s3(folders[1]) as s3_url:
        yield {
            "CARMIC_DATABASE_URL": database_url,
            "CARMIC_DAGSTER_POSTGRES_URL": database_url.replace("+psycopg", "+psycopg2").replace(
                "/carmic?", "/dagster?"
            ),
            "CARMIC_STORE_URL": "s3://carmic/media",
            "CARMIC_S3_ENDPOINT": s3_url,
            **{name.upper(): value for name, value in ANY_CREDENTIALS.items()},
        }


@pytest.fixture(scope="module")
def system(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with run_system(tmp_path_factory.mktemp("home"), settings) as system:
        system.register()
        yield system


def read_metadata_bytes(url: str) -> tuple[dict[str, int], int]:
    """Return the metadata bytes of each asset's materialization as JSON, and the bytes of the complete event log."""
    engine = create_engine(url)
    with engine.connect() as connection:
        total = connection.scalar(text("SELECT sum(octet_length(event)) FROM event_logs")) or 0
        query = "SELECT asset_key, event FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        events = {row[0]: json.loads(row[1]) for row in connection.execute(text(query))}
    engine.dispose()
    entries = {
        key: event["dagster_event"]["event_specific_data"]["materialization"]["metadata_entries"]
        for key, event in events.items()
    }
    return {key: len(json.dumps(value)) for key, value in entries.items()}, total


def list_picture_urls(url: str) -> set[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        events = connection.execute(text("SELECT event FROM event_logs")).scalars().all()
    engine.dispose()
    return {link for event in events for link in re.findall(r"http://[^)\s\"]+/pictures\?token=[\w.-]+", event)}


def test_a_video_becomes_a_rendered_clip(system: RunningSystem, settings: dict[str, str], tmp_path: Path) -> None:
    project = system.upload(compose_short_talk(tmp_path))
    system.process_video(project)
    system.wait_until(lambda: system.get_status(project)["status"] in ("CLIPS_READY", "FAILED"), 180, "clips ready")
    assert system.get_status(project)["status"] == "CLIPS_READY"

    dagster_url = settings["CARMIC_DAGSTER_POSTGRES_URL"]
    system.wait_until(lambda: len(read_metadata_bytes(dagster_url)[0]) == 7, 60, "the proxy is materialized too")
    by_asset, log_bytes = read_metadata_bytes(dagster_url)
    assert max(by_asset.values()) < MAX_METADATA_BYTES, by_asset
    assert log_bytes < MAX_EVENT_LOG_BYTES, log_bytes
    pictures = [httpx.get(url) for url in list_picture_urls(dagster_url)]
    assert len(pictures) >= 6 and all(picture.content[:3] == b"\xff\xd8\xff" for picture in pictures)

    (clip, *_) = system.call("GET", f"projects/{project}")["clips"]
    system.call("POST", f"clips/{clip['id']}/render")
    progress = f"clips/{clip['id']}/render-progress"
    system.wait_until(lambda: system.call("GET", progress)["status"] in ("RENDERED", "FAILED_RENDER"), 180, "rendered")
    video = httpx.get(f"{system.base}/v1/clips/{clip['id']}/video", headers=system.headers, follow_redirects=True)
    assert video.status_code == 200 and video.content[4:8] == b"ftyp"
    assert system.call("GET", "health")["status"] == "ok"
