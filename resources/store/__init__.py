"""The object store: media and artifacts by key. `open_store` gives the one the settings name."""

from __future__ import annotations

from resources.settings import Settings
from resources.store.base import ObjectInfo, PresignedPost, Store, StoreError

__all__ = ["ObjectInfo", "PresignedPost", "Store", "StoreError", "open_store"]


def open_store(settings: Settings) -> Store:
    """The local folder or the bucket of `CARMIC_STORE_URL`. Makes no request and no object."""
    if settings.store_url.startswith("s3://"):
        from resources.store.bucket import BucketStore  # boto3 costs 0.3 s to import

        return BucketStore(settings.store_url, settings.s3_endpoint, settings.s3_region, settings.home / "fetched")
    from resources.store.folder import FolderStore

    return FolderStore(settings.store_url.removeprefix("file://"), settings.public_url, settings.secret_key)
