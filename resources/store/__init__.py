"""The object store for media and artifacts. `open_store` opens the store of CARMIC_STORE_URL."""

from __future__ import annotations

from resources.settings import Settings
from resources.store.base import ObjectInfo, PresignedPost, Store, StoreError
from resources.store.folder import FolderStore

__all__ = ["ObjectInfo", "PresignedPost", "Store", "StoreError", "open_store"]


def open_store(settings: Settings) -> Store:
    """Return the folder or bucket of CARMIC_STORE_URL. Sends no request and creates no object."""
    if settings.store_url.startswith("s3://"):
        from resources.store.bucket import BucketStore  # noqa: PLC0415 - boto3 takes 0.3 s to import

        return BucketStore(settings.store_url, settings.s3_endpoint, settings.s3_region, settings.home / "fetched")
    root = settings.store_url.removeprefix("file://")
    return FolderStore(root, settings.public_url, settings.secret_key, settings.previous_secret_keys)
