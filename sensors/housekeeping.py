"""Deletes what has expired (deliveries, idempotency keys, tickets, sessions, scratch files) and sends pending mail."""

import shutil
import time
from contextlib import suppress
from datetime import timedelta

from dagster import RunsFilter
from sqlalchemy import delete

from resources import mail, outbox, rate_counters, uploads
from resources.database.engine import now
from resources.database.tables import cache, deliveries, idempotency, password_resets, refresh_tokens, sse_tickets
from resources.platform import Platform
from resources.run_submission import Submitter

DELIVERY_RETENTION = timedelta(days=30)
IDEMPOTENCY_RETENTION = timedelta(hours=24)
REQUEST_FILE_MAX_AGE_S = 3600  # a request's own file lives for minutes


def run_housekeeping(platform: Platform, submitter: Submitter) -> str:
    """Run one pass; returns what was deleted and sent, as a sentence for the tick's log."""
    moment = now()
    expired = {
        "deliveries": delete(deliveries).where(
            deliveries.c.created_at < moment - DELIVERY_RETENTION, deliveries.c.state != "DUE"
        ),
        "idempotency keys": delete(idempotency).where(idempotency.c.created_at < moment - IDEMPOTENCY_RETENTION),
        "tickets": delete(sse_tickets).where(sse_tickets.c.expires_at < moment),
        "sessions": delete(refresh_tokens).where(refresh_tokens.c.expires_at < moment),
        "password resets": delete(password_resets).where(password_resets.c.expires_at < moment),
        "cache entries": delete(cache).where(cache.c.expires_at < moment),
    }
    with platform.database.write() as connection:
        counts = {name: connection.execute(query).rowcount for name, query in expired.items()}
        counts["events"] = outbox.prune(connection)
        rate_counters.prune(connection)
    counts["abandoned uploads"] = uploads.sweep(platform.store)
    counts["folders of crashed runs"] = _remove_run_folders(platform, submitter)
    counts["files of crashed requests"] = _remove_request_files(platform)
    counts["messages sent"] = mail.send_pending(platform.database, platform.settings)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _remove_run_folders(platform: Platform, submitter: Submitter) -> int:
    """Remove the scratch folders of runs that were killed; a run that ends by itself removes its own."""
    root = platform.settings.scratch_dir
    folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    if not folders:
        return 0
    records = submitter.instance.get_run_records(RunsFilter(run_ids=[folder.name for folder in folders]))
    active_ids = {record.dagster_run.run_id for record in records if not record.dagster_run.is_finished}
    stale = [folder for folder in folders if folder.name not in active_ids]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stale)


def _remove_request_files(platform: Platform) -> int:
    """Remove files that a killed API process was receiving; they lie beside the runs' folders."""
    root = platform.settings.scratch_dir
    count = 0
    for path in root.iterdir() if root.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < time.time() - REQUEST_FILE_MAX_AGE_S:
                path.unlink()
                count += 1
    return count
