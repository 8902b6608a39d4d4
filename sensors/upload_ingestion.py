"""Takes in footage that clients have uploaded to a bucket. A bucket tells nobody that an upload has ended.

The API takes an upload in when its project is read. This sensor does so for projects that nobody reads.
"""

from datetime import timedelta

from resources import timeline_assets, timeline_jobs, timelines
from resources.platform import Platform
from resources.store.folder import FolderStore

UPLOAD_LIFETIME = timedelta(hours=7)  # an upload URL is valid for six hours; a slow upload may end later
MAX_ASSETS_PER_TICK = 100


def ingest_bucket_uploads(platform: Platform) -> str:
    """Enqueue the ingest of each awaited file that is in the bucket. Returns the outcome for the tick's log."""
    if isinstance(platform.store, FolderStore):
        return ""
    with platform.database.read() as connection:
        awaited = timeline_assets.list_awaited(connection, UPLOAD_LIFETIME, MAX_ASSETS_PER_TICK)
    uploaded = [asset for asset in awaited if platform.store.stat(asset.object_key) is not None]
    enqueued = [asset.id for asset in uploaded if _enqueue(platform, asset)]
    return f"ingesting {', '.join(enqueued)}" if enqueued else ""


def _enqueue(platform: Platform, asset: timeline_assets.TimelineAsset) -> bool:
    """Enqueue the ingest, unless the API takes the file in at the same time."""
    with platform.database.write() as connection:
        timeline = timelines.get(connection, asset.timeline_id)
        if timeline is None or not timeline_assets.begin_ingest(connection, asset.id):
            return False
        timeline_jobs.enqueue(connection, timeline, "ingest", {"asset_ids": [asset.id]})
    return True
