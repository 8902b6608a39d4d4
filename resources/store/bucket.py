"""An object store in an S3 bucket (AWS or a compatible service), through boto3. Clients access the bucket directly."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from resources.download_names import format_attachment
from resources.store.base import ObjectInfo, PresignedPost, StoreError, validate_key
from resources.store.staging_files import StagingFiles

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BLOCK_BYTES = 1 << 20  # size of one range request; a round trip takes as long as transferring 0.5 MB
CONNECT_TIMEOUT_S = 5


class BucketStore:
    """A Store in the bucket and under the prefix of `url` (s3://bucket/prefix).

    Downloaded objects are stored under `staging_root`, because /tmp may be too small for source videos.
    """

    def __init__(self, url: str, endpoint: str, region: str, staging_root: Path) -> None:
        import boto3  # noqa: PLC0415 - takes 0.3 s to import, and a folder store does not need it
        from botocore.config import Config  # noqa: PLC0415 - as above

        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.staging = StagingFiles(staging_root)
        retries = {"max_attempts": 5, "mode": "standard"}
        config = Config(signature_version="s3v4", retries=retries, connect_timeout=CONNECT_TIMEOUT_S)
        # boto3 has no types
        self.client: Any = boto3.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)

    def object_location(self, key: str) -> dict[str, str]:
        """Return the `Bucket` and `Key` parameters of S3 requests for the object."""
        return {"Bucket": self.bucket, "Key": self.prefix + validate_key(key)}

    def put_file(self, key: str, path: Path, content_type: str = "application/octet-stream") -> int:
        """See Store."""
        # upload_file uses a multipart upload for large files; an interrupted one leaves no object
        location = self.object_location(key)
        self.client.upload_file(str(path), location["Bucket"], location["Key"], ExtraArgs={"ContentType": content_type})
        return path.stat().st_size

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """See Store."""
        self.client.put_object(**self.object_location(key), Body=data, ContentType=content_type)

    def get_bytes(self, key: str) -> bytes:
        """See Store."""
        try:
            data: bytes = self.client.get_object(**self.object_location(key))["Body"].read()
        except self.client.exceptions.NoSuchKey:
            raise KeyError(key) from None
        return data

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """See Store. The object is downloaded for the duration of the block."""
        if self.stat(key) is None:
            raise KeyError(key)
        location = self.object_location(key)
        folder = self.staging.new_path()
        folder.mkdir()
        try:
            path = folder / key.rpartition("/")[2]
            self.client.download_file(location["Bucket"], location["Key"], str(path))
            yield path
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def open(self, key: str) -> BinaryIO:
        """See Store."""
        info = self.stat(key)
        if info is None:
            raise KeyError(key)
        reader = _RangeReader(self.client, self.object_location(key), info.size)
        return cast(BinaryIO, io.BufferedReader(reader, READ_BLOCK_BYTES))

    def stat(self, key: str) -> ObjectInfo | None:
        """See Store."""
        try:
            head = self.client.head_object(**self.object_location(key))
        except StoreError:
            return None
        except self.client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return ObjectInfo(key, head["ContentLength"], head["LastModified"])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See Store."""
        for entry in self._list_entries("list_objects_v2", "Contents", prefix):
            yield ObjectInfo(entry["Key"].removeprefix(self.prefix), entry["Size"], entry["LastModified"])

    def _list_entries(self, operation: str, field: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
        for page in pages:
            yield from page.get(field, ())

    def delete(self, key: str) -> None:
        """See Store."""
        self.client.delete_object(**self.object_location(key))

    def delete_prefix(self, prefix: str) -> int:
        """See Store."""
        if not prefix.endswith("/"):
            raise StoreError("a prefix to delete must end with a slash")
        keys = [info.key for info in self.list(prefix)]
        for key in keys:
            self.delete(key)
        for upload in self._list_entries("list_multipart_uploads", "Uploads", prefix):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        return len(keys)

    def presign_get(
        self, key: str, expires_s: int = 3600, *, content_type: str | None = None, filename: str | None = None
    ) -> str:
        """See Store."""
        overrides = {}
        if content_type:
            overrides["ResponseContentType"] = content_type
        if filename:
            overrides["ResponseContentDisposition"] = format_attachment(filename)
        return self._presign("get_object", {**self.object_location(key), **overrides}, expires_s)

    def presign_put(
        self, key: str, expires_s: int, *, content_type: str, max_bytes: int, exact_bytes: int | None = None
    ) -> str:
        """See Store."""
        parameters: dict[str, Any] = {**self.object_location(key), "ContentType": content_type}
        if exact_bytes is not None:
            parameters["ContentLength"] = exact_bytes
        return self._presign("put_object", parameters, expires_s)

    def _presign(self, operation: str, parameters: dict[str, Any], expires_s: int) -> str:
        url: str = self.client.generate_presigned_url(operation, parameters, ExpiresIn=expires_s)
        return url

    def presign_post(self, key: str, expires_s: int, *, content_type: str, max_bytes: int) -> PresignedPost:
        """See Store."""
        location = self.object_location(key)
        form = self.client.generate_presigned_post(
            location["Bucket"],
            location["Key"],
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 0, max_bytes]],
            ExpiresIn=expires_s,
        )
        return PresignedPost(form["url"], form["fields"])

    def check(self) -> None:
        """See Store."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3 above

        try:
            self.client.head_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            raise StoreError("the bucket cannot be reached") from error


class _RangeReader(io.RawIOBase):
    """A seekable object in a bucket. Each read is one range request."""

    def __init__(self, client: Any, location: dict[str, str], size: int) -> None:  # noqa: ANN401 - boto3 has no types
        self._client = client
        self._location = location
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        byte_range = f"bytes={self._position}-{end - 1}"
        data = self._client.get_object(**self._location, Range=byte_range)["Body"].read()
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
