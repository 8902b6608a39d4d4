"""Deletes what has expired (deliveries, idempotency keys, tickets, sessions, scratch files) and sends pending mail."""

import shutil
import time
from contextlib import suppress
from datetime import timedelta

from dagster import RunsFilter
from sqlalchemy import delete

from resources import (
    generation_jobs,
    mail,
    media_library,
    outbox,
    pending_uploads,
    rate_counters,
    run_intents,
    sealed_rows,
    uploads,
)
from resources.database.engine import now
from resources.database.tables import (
    cache,
    deliveries,
    email_verifications,
    idempotency,
    password_resets,
    refresh_tokens,
    sessions,
    sse_tickets,
)
from resources.database.tables import mail as mail_table
from resources.platform import Platform
from resources.run_submission import Submitter
from sensors.project_purge import remove_unknown_partitions

DELIVERY_RETENTION = timedelta(days=30)
IDEMPOTENCY_RETENTION = timedelta(hours=24)
MAIL_RETENTION = timedelta(hours=24)  # for the address and subject of a sent message; its body is erased on sending
REQUEST_FILE_MAX_AGE_S = 3600  # an older file belongs to a crashed request, because requests last minutes


def run_housekeeping(platform: Platform, submitter: Submitter) -> str:
    """Run one pass. Returns the numbers of deleted rows and files and of sent messages, for the tick's log."""
    current_time = now()
    expired = {
        "deliveries": delete(deliveries).where(
            deliveries.c.created_at < current_time - DELIVERY_RETENTION, deliveries.c.state != "DUE"
        ),
        "idempotency keys": delete(idempotency).where(idempotency.c.created_at < current_time - IDEMPOTENCY_RETENTION),
        "tickets": delete(sse_tickets).where(sse_tickets.c.expires_at < current_time),
        "sessions": delete(sessions).where(sessions.c.expires_at < current_time),
        "refresh tokens": delete(refresh_tokens).where(refresh_tokens.c.expires_at < current_time),
        "password resets": delete(password_resets).where(password_resets.c.expires_at < current_time),
        "email verifications": delete(email_verifications).where(email_verifications.c.expires_at < current_time),
        "sent messages": delete(mail_table).where(mail_table.c.sent_at < current_time - MAIL_RETENTION),
        "cache entries": delete(cache).where(cache.c.expires_at < current_time),
    }
    with platform.database.write() as connection:
        counts = {name: connection.execute(query).rowcount for name, query in expired.items()}
        counts["events"] = outbox.prune(connection)
        rate_counters.prune(connection)
        counts["secrets re-encrypted"] = sealed_rows.reseal(connection, platform.settings)
    counts["abandoned uploads"] = uploads.sweep(platform.store)
    counts["expired generations"] = delete_expired_generations(platform, submitter)
    counts["expired uploads"] = _delete_expired_uploads(platform)
    counts["folders of crashed runs"] = _remove_run_folders(platform, submitter)
    counts["unknown partitions"] = remove_unknown_partitions(platform, submitter)
    counts["files of crashed requests"] = _remove_request_files(platform)
    counts["messages sent"] = mail.send_pending(platform.database, platform.settings)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _delete_expired_uploads(platform: Platform) -> int:
    """Delete uploads that were not confirmed in time, the objects before the rows. Returns their number."""
    with platform.database.read() as connection:
        expired = pending_uploads.list_expired(connection)
    for upload in expired:
        for key in (upload.object_key, media_library.get_converted_key(upload.object_key)):
            platform.store.delete(key)
        with platform.database.write() as connection:
            pending_uploads.remove(connection, upload.workspace_id, upload.object_key)
    return len(expired)


def delete_expired_generations(platform: Platform, submitter: Submitter) -> int:
    """Delete the files and partitions of generation jobs that ended long ago. Returns the number of jobs."""
    kept = timedelta(days=platform.settings.keep_outputs_days)
    with platform.database.read() as connection:
        expired = generation_jobs.list_expired(connection, kept)
    for job in expired:
        platform.store.delete_prefix(generation_jobs.key_prefix(job.workspace_id, job.id))
        submitter.instance.delete_dynamic_partition(run_intents.GENERATION_PARTITIONS, job.id)
        with platform.database.write() as connection:
            generation_jobs.mark_expired(connection, job.id)
    return len(expired)


def _remove_run_folders(platform: Platform, submitter: Submitter) -> int:
    """Remove the scratch folders of killed runs, and return their number. Other runs remove their own folders."""
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
    """Remove files that a killed API process was receiving, and return their number.

    They lie in the same directory as the folders of runs.
    """
    root = platform.settings.scratch_dir
    count = 0
    for path in root.iterdir() if root.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < time.time() - REQUEST_FILE_MAX_AGE_S:
                path.unlink()
                count += 1
    return count
