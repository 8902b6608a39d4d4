"""Parsers of users' files run in worker processes, under limits, and never in the API."""

import concurrent.futures
import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import SFNTWriter
from PIL import Image

from api_server import Server
from api_talk import create_analysed_project
from carmic_assets.captions.font_families import select_source
from carmic_assets.model.edit import MediaFile
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, PoolBusyError, WorkerPool
from carmic_assets.sandbox.worker_jobs import InspectFile, WarmUp, WorkerLimits

ANTON = Path(select_source("Anton", 400).path)
PARSERS = ("av", "fontTools", "uharfbuzz", "PIL", "resvg_py", "cv2", "yt_dlp")
BOMB_BYTES = 100 << 20


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    workers = WorkerPool(size=1, queue_size=1, per_owner=2)
    yield workers
    workers.close()


def inspect(pool: WorkerPool, path: Path, owner: str = "") -> MediaFile:
    job = InspectFile(str(path), path.name, str(path.with_suffix(".converted.ttf")))
    return pool.run(job, MediaFile, owner=owner)


def worker_status(pool: WorkerPool, field: str) -> int:
    """Return a field of the worker's /proc/PID/status, in kB."""
    child = pool._all_workers[0]._child
    assert child is not None
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


def build_font(flavor: str | None, **tables: bytes) -> bytes:
    """Return Anton with some of its tables replaced."""
    with TTFont(ANTON) as font:
        raw = {tag: font.reader[tag] for tag in font.reader.keys()} | tables  # noqa: SIM118 - no mapping
    file = io.BytesIO()
    writer = SFNTWriter(file, len(raw), flavor=flavor)
    for tag, data in raw.items():
        writer[tag] = data
    writer.close()
    return file.getvalue()


def build_cmap(ranges: int) -> bytes:
    """Return a table whose ranges each declare all of Unicode."""
    groups = b"".join(struct.pack(">III", 0, 0x10FFFF, 1) for _ in range(ranges))
    subtable = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, ranges) + groups
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable


def build_lying_woff() -> bytes:
    """Return a WOFF of which one table decompresses to far more than its declared size."""
    data = bytearray(build_font("woff", cmap=bytes(BOMB_BYTES)))
    for n in range(struct.unpack_from(">H", data, 12)[0]):
        if data[44 + n * 20 : 48 + n * 20] == b"cmap":
            struct.pack_into(">I", data, 44 + n * 20 + 12, 100_000)
    return bytes(data)


def build_lying_woff2() -> bytes:
    """Return a WOFF2 whose stream decompresses to far more than the declared size of its tables."""
    with TTFont(ANTON) as font:
        font.flavor = "woff2"
        file = io.BytesIO()
        font.save(file)
    data = bytearray(file.getvalue())
    size = struct.unpack_from(">I", data, 20)[0]
    start = data.index(brotli_stream(bytes(data), size))
    stream = brotli.compress(bytes(BOMB_BYTES), quality=1)
    struct.pack_into(">I", data, 20, len(stream))
    return bytes(data[:start]) + stream


def brotli_stream(data: bytes, size: int) -> bytes:
    for start in range(48, len(data) - size + 1):
        try:
            brotli.decompress(data[start : start + size])
        except brotli.error:
            continue
        return data[start : start + size]
    raise AssertionError("no stream")


def test_the_api_process_loads_no_parser() -> None:
    """This includes indirect imports."""
    script = f"import sys, api.app; print([n for n in {PARSERS!r} if n in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("large.woff", lambda: build_font("woff", cmap=bytes(BOMB_BYTES))),
        ("lying.woff", build_lying_woff),
        ("lying.woff2", build_lying_woff2),
        ("ranges.ttf", lambda: build_font(None, cmap=build_cmap(28_000))),
        ("ranges.woff", lambda: build_font("woff", cmap=build_cmap(28_000))),
        ("noise.ttf", lambda: b"\0\1\0\0" + bytes(range(256)) * 100),
    ],
)
def test_a_font_is_refused_before_it_is_inflated(pool: WorkerPool, tmp_path: Path, name: str, data: object) -> None:
    """When decompressed, a font of 335 kB can take 781 MB and 8.6 s."""
    path = tmp_path / name
    path.write_bytes(data())  # type: ignore[operator]
    assert path.stat().st_size < 600_000
    with pytest.raises(JobRefusedError, match=name):
        inspect(pool, path)
    assert worker_status(pool, "VmHWM") < 200_000


def test_a_font_is_converted_once_and_described(pool: WorkerPool, tmp_path: Path) -> None:
    for flavor in (None, "woff", "woff2"):
        path = tmp_path / f"house.{flavor or 'ttf'}"
        with TTFont(ANTON) as font:
            font.flavor = flavor
            font.save(path)
        facts = inspect(pool, path)
        assert facts.font is not None and (facts.font.family, facts.font.weight) == ("Anton", 400)
        assert Path(facts.path).read_bytes()[:4] == b"\0\1\0\0"


def test_a_job_over_a_limit_ends_only_its_worker(tmp_path: Path) -> None:
    endless, large, slow = tmp_path / "endless", tmp_path / "large.png", Path(select_source("Noto Sans SC", 400).path)
    os.mkfifo(endless)  # a file whose parsing never ends
    Image.new("RGB", (6000, 5000)).save(large)  # 90 MB of pixels in a small file
    for limits, path in (
        (WorkerLimits(wall_s=3), endless),
        (WorkerLimits(memory_bytes=300 << 20), large),
        (WorkerLimits(cpu_s=0), slow),
    ):
        pool = WorkerPool(size=1, limits=limits)
        try:
            with pytest.raises(JobLimitError):
                pool.run(InspectFile(str(path), path.name, str(tmp_path / "slow.ttf")), MediaFile)
            font = tmp_path / "house.ttf"
            font.write_bytes(ANTON.read_bytes())
            assert inspect(pool, font).kind == "font"
        finally:
            pool.close()


def test_jobs_beyond_the_queue_are_refused(tmp_path: Path) -> None:
    fifo, font = tmp_path / "slow", tmp_path / "house.ttf"
    os.mkfifo(fifo)
    font.write_bytes(ANTON.read_bytes())
    pool = WorkerPool(size=1, queue_size=1, per_owner=1)
    try:
        with concurrent.futures.ThreadPoolExecutor() as threads:
            first = threads.submit(inspect, pool, fifo, "a")
            with fifo.open("wb") as writer:  # opens once the worker reads
                with pytest.raises(PoolBusyError):
                    inspect(pool, font, "a")
                second = threads.submit(inspect, pool, font, "b")
                _wait_until_full(pool)
                with pytest.raises(PoolBusyError):
                    inspect(pool, font, "c")
                writer.write(b"no font")
            with pytest.raises((JobRefusedError, JobLimitError)):
                first.result()
            assert second.result().kind == "font"
        assert inspect(pool, font, "a").kind == "font"
    finally:
        pool.close()


def _wait_until_full(pool: WorkerPool) -> None:
    ready = threading.Event()
    while pool._jobs_by_owner.total() < pool.capacity:
        ready.wait(0.01)


def test_a_worker_knows_no_secret(pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMIC_SECRET_KEY", "a secret of the operator, 32 characters")
    workers = WorkerPool(size=1)
    try:
        workers.run(WarmUp(str(tmp_path)), type(None))
        child = workers._all_workers[0]._child
        assert child is not None
        environ = Path(f"/proc/{child.pid}/environ").read_bytes()
        assert b"PATH=" in environ and b"secret" not in environ and b"CARMIC" not in environ
    finally:
        workers.close()


def test_more_previews_than_fit_are_429(server: Server) -> None:
    owners = [server.create_member("STANDARD") for _ in range(6)]
    clips = [create_analysed_project(owner)[1] for owner in owners]

    def preview(n: int) -> httpx.Response:
        owner, clip = owners[n % len(owners)], clips[n % len(owners)]
        config = {"layout": {"backgroundBlur": n}}
        return owner.call("POST", f"/v1/clips/{clip.id}/subtitle-dry-run", json=config)

    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        responses = list(threads.map(preview, range(60)))
    assert {response.status_code for response in responses} == {200, 429}
    refused = next(response for response in responses if response.status_code == 429)
    assert int(refused.headers["retry-after"]) > 0 and refused.json()["error"].endswith("Try again in 5 s.")
    assert preview(0).status_code == 200
