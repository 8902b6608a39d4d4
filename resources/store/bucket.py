"""An S3 bucket as store (AWS or what speaks its protocol), through boto3. Clients go to the bucket directly."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from resources.store.base import ObjectInfo, PresignedPost, StoreError, checked
from resources.store.staging_files import Asides

READ_BLOCK = 1 << 20  # of one request for a part: a round trip costs what half a megabyte does


class BucketStore:
    def __init__(self, url: str, endpoint: str, region: str, fetched: Path):
        """What is read as a local file lies below `fetched` meanwhile: whole sources, which /tmp may not hold."""
        import boto3
        from botocore.config import Config

        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.bucket = bucket
        self.asides = Asides(fetched)
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        config = Config(signature_version="s3v4", retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=5)
        self.client: Any = boto3.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)

    def _name(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + checked(key)}

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        # upload_file switches to multipart for large files; an aborted multipart leaves no object
        name = self._name(key)
        self.client.upload_file(str(path), name["Bucket"], name["Key"], ExtraArgs={"ContentType": content_type})
        return path.stat().st_size

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        self.client.put_object(**self._name(key), Body=data, ContentType=content_type)

    def get_bytes(self, key: str) -> bytes:
        try:
            return self.client.get_object(**self._name(key))["Body"].read()
        except self.client.exceptions.NoSuchKey:
            raise KeyError(key) from None

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if self.stat(key) is None:
            raise KeyError(key)
        name = self._name(key)
        folder = self.asides.path()
        folder.mkdir()
        try:
            path = folder / key.rpartition("/")[2]
            self.client.download_file(name["Bucket"], name["Key"], str(path))
            yield path
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def open(self, key: str) -> BinaryIO:
        info = self.stat(key)
        if info is None:
            raise KeyError(key)
        return cast(BinaryIO, io.BufferedReader(_Object(self.client, self._name(key), info.size), READ_BLOCK))

    def stat(self, key: str) -> ObjectInfo | None:
        from botocore.exceptions import ClientError

        try:
            head = self.client.head_object(**self._name(key))
        except StoreError:
            return None
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return ObjectInfo(key, head["ContentLength"], head["LastModified"])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
        for page in pages:
            for found in page.get("Contents", ()):
                yield ObjectInfo(found["Key"].removeprefix(self.prefix), found["Size"], found["LastModified"])

    def delete(self, key: str) -> None:
        self.client.delete_object(**self._name(key))

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise StoreError("a prefix to delete ends in a slash")
        count = 0
        for found in list(self.list(prefix)):
            self.delete(found.key)
            count += 1
        pages = self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        )
        for page in pages:
            for upload in page.get("Uploads", ()):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        return count

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        extra = {}
        if content_type:
            extra["ResponseContentType"] = content_type
        if filename:
            safe = "".join(c if c.isalnum() or c in " ._-" else "_" for c in filename)
            extra["ResponseContentDisposition"] = f'attachment; filename="{safe}"'
        return self.client.generate_presigned_url("get_object", {**self._name(key), **extra}, ExpiresIn=expires_s)

    def presign_put(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> str:
        return self.client.generate_presigned_url(
            "put_object", {**self._name(key), "ContentType": content_type}, ExpiresIn=expires_s
        )

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost:
        name = self._name(key)
        made = self.client.generate_presigned_post(
            name["Bucket"],
            name["Key"],
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 0, max_bytes]],
            ExpiresIn=expires_s,
        )
        return PresignedPost(made["url"], made["fields"])

    def check(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.head_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            raise StoreError("the bucket cannot be reached") from error


class _Object(io.RawIOBase):
    """An object to read by ranges: each read is one request."""

    def __init__(self, client: Any, name: dict[str, str], size: int):
        self._client, self._name, self._size, self._at = client, name, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        part = self._client.get_object(**self._name, Range=f"bytes={self._at}-{end - 1}")["Body"].read()
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
