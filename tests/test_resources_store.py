"""The folder store and the bucket store behave the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from real_servers import run_s3
from resources import uploads
from resources.store import Store, StoreError
from resources.store.bucket import BucketStore
from resources.store.folder import FolderStore


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "any")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "any")
    with run_s3(tmp_path_factory.mktemp("bucket")) as endpoint:
        yield BucketStore("s3://carmic/some/prefix", endpoint, "us-east-1", tmp_path_factory.mktemp("fetched"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return FolderStore(tmp_path_factory.mktemp("store"), "http://127.0.0.1:1", "secret")


@pytest.fixture(scope="module", params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(request.param)


def test_objects_can_be_written_read_listed_and_stat(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"x" * 1000)
    assert store.put_file("a/b/file.bin", path) == 1000
    store.put_bytes("a/c.json", b"{}")
    assert path.exists()
    assert store.get_bytes("a/c.json") == b"{}"
    with store.local_file("a/b/file.bin") as local_path:
        assert local_path.read_bytes() == b"x" * 1000
    assert [info.key for info in store.list("a/")] == ["a/b/file.bin", "a/c.json"]
    info = store.stat("a/b/file.bin")
    assert info is not None and info.size == 1000
    assert store.stat("a/b") is None
    with pytest.raises(KeyError):
        store.get_bytes("a/none")
    with pytest.raises(KeyError), store.local_file("a/none"):
        pass


def test_a_part_of_a_large_object_can_be_read(store: Store) -> None:
    data = bytes(range(256)) * 20_000
    store.put_bytes("large", data)
    with store.open("large") as file:
        assert file.seek(-1000, os.SEEK_END) == len(data) - 1000 and file.read() == data[-1000:]
        assert file.seek(3_000_001) and file.read(10) == data[3_000_001:3_000_011]
        assert file.seek(0) == 0 and file.read() == data and file.read(1) == b""
    with pytest.raises(KeyError):
        store.open("nothing")


def test_a_second_write_replaces_the_object(store: Store) -> None:
    store.put_bytes("replaced", b"first, and longer")
    store.put_bytes("replaced", b"second")
    assert store.get_bytes("replaced") == b"second"


def test_deleting_a_prefix_deletes_its_objects_only(store: Store) -> None:
    for key in ("p/one/x", "p/one/y/z", "p/oneself"):
        store.put_bytes(key, b".")
    assert store.delete_prefix("p/one/") == 2
    assert [info.key for info in store.list("p/")] == ["p/oneself"]
    assert store.delete_prefix("p/one/") == 0
    store.delete("p/oneself")
    store.delete("p/oneself")
    with pytest.raises(StoreError):
        store.delete_prefix("p")


@pytest.mark.parametrize("key", ["../x", "a/../b", "/a", "a//b", "a/", "", ".", "a/.", "a\\b", "a b", "a\x00", "é"])
def test_a_key_cannot_leave_the_store(store: Store, key: str) -> None:
    with pytest.raises(StoreError):
        store.put_bytes(key, b".")


def test_a_failed_write_leaves_the_old_object(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, "http://127.0.0.1:1", "secret")
    store.put_bytes("object", b"old")
    with pytest.raises(RuntimeError), store.staged_write("object") as staged:
        staged.write_bytes(b"half of the ne")
        raise RuntimeError
    assert store.get_bytes("object") == b"old"
    assert list(store.new_staging_path().parent.iterdir()) == []


def test_a_sweep_removes_staging_files_of_killed_processes_only(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from resources.store.folder import FolderStore;"
        "store = FolderStore(sys.argv[1], 'http://127.0.0.1:1', 'secret');"
        "store.new_staging_path().write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    store = FolderStore(tmp_path, "http://127.0.0.1:1", "secret")
    with store.staged_write("object") as staged:
        staged.write_bytes(b"complete")
        assert FolderStore(tmp_path, "http://127.0.0.1:1", "secret").staging.sweep() == 1
    assert store.get_bytes("object") == b"complete"
    remaining = [path for path in store.staging.root.rglob("*") if path.is_file()]
    assert remaining == [store.new_staging_path().parent.with_suffix(".lock")]


def test_a_sweep_removes_files_that_a_killed_process_downloaded_from_a_bucket(
    bucket: BucketStore, tmp_path: Path
) -> None:
    bucket.put_bytes("large", b"x" * 1000)
    code = (
        "import os, signal, sys; from pathlib import Path; from resources.store.bucket import BucketStore;"
        "store = BucketStore('s3://carmic/some/prefix', sys.argv[1], 'us-east-1', Path(sys.argv[2]));"
        "local = store.local_file('large'); local.__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    endpoint = bucket.client.meta.endpoint_url
    subprocess.run([sys.executable, "-c", code, endpoint, str(tmp_path)], check=False)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == ["large"]
    store = BucketStore("s3://carmic/some/prefix", endpoint, "us-east-1", tmp_path)
    with store.local_file("large") as path:
        assert uploads.sweep(store) == 1
        assert path.stat().st_size == 1000
    assert len(list(tmp_path.iterdir())) == 2, "the folder of this process and its lock file"


def test_a_signed_url_allows_exactly_what_it_was_signed_for(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, "http://127.0.0.1:1", "secret")
    url = urlsplit(store.presign_put("a/b", 60, content_type="video/mp4", max_bytes=10))
    key = unquote(url.path.removeprefix("/api/store/"))
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    grant = store.verify("PUT", key, query)
    assert grant is not None and grant.max_bytes == 10 and grant.content_type == "video/mp4"
    assert store.verify("GET", key, query) is None
    assert store.verify("PUT", "a/c", query) is None
    assert store.verify("PUT", key, {**query, "max": "11"}) is None
    assert store.verify("PUT", key, {**query, "expires": str(int(query["expires"]) + 1)}) is None
    expired = urlsplit(store.presign_get("a/b", -1))
    assert store.verify("GET", "a/b", dict(parse_qsl(expired.query, keep_blank_values=True))) is None


def test_a_presigned_url_of_a_bucket_takes_the_signed_size_only(bucket: Store) -> None:
    url = bucket.presign_put("exact", 60, content_type="text/plain", max_bytes=5, exact_bytes=5)
    refused = httpx.put(url, content=b"123456", headers={"Content-Type": "text/plain"})
    assert refused.status_code == 403 and bucket.stat("exact") is None
    assert httpx.put(url, content=b"12345", headers={"Content-Type": "text/plain"}).status_code == 200


def test_presigned_urls_of_a_bucket_work(bucket: Store) -> None:
    put_url = bucket.presign_put("up/load", 60, content_type="text/plain", max_bytes=100)
    httpx.put(put_url, content=b"hello", headers={"Content-Type": "text/plain"}).raise_for_status()
    response = httpx.get(bucket.presign_get("up/load", 60), headers={"Range": "bytes=1-2"})
    assert (response.status_code, response.content) == (206, b"el")
