"""Forgets what has served its time: old events, deliveries, tickets, keys of idempotency. Sends the mail that waits."""

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

KEEP_DELIVERIES = timedelta(days=30)
KEEP_FILES_S = 3600  # a request's own file is gone in minutes
KEEP_ANSWERS = timedelta(hours=24)  # of requests with an Idempotency-Key


def sweep_up(platform: Platform, submitter: Submitter) -> str:
    """One pass; says what went."""
    moment = now()
    old = {
        "deliveries": delete(deliveries).where(
            deliveries.c.created_at < moment - KEEP_DELIVERIES, deliveries.c.state != "DUE"
        ),
        "answers": delete(idempotency).where(idempotency.c.created_at < moment - KEEP_ANSWERS),
        "tickets": delete(sse_tickets).where(sse_tickets.c.expires_at < moment),
        "sessions": delete(refresh_tokens).where(refresh_tokens.c.expires_at < moment),
        "resets": delete(password_resets).where(password_resets.c.expires_at < moment),
        "cached answers": delete(cache).where(cache.c.expires_at < moment),
    }
    with platform.database.write() as connection:
        gone = {name: connection.execute(query).rowcount for name, query in old.items()}
        gone["events"] = outbox.prune(connection)
        rate_counters.prune(connection)
    gone["abandoned uploads"] = uploads.sweep(platform.store)
    gone["folders of dead runs"] = _sweep_scratch(platform, submitter)
    gone["files of dead requests"] = _sweep_files(platform)
    gone["letters sent"] = mail.send_waiting(platform.database, platform.settings)
    return ", ".join(f"{count} {name}" for name, count in gone.items() if count)


def _sweep_scratch(platform: Platform, submitter: Submitter) -> int:
    """Remove the working folders of runs that have ended without doing it themselves: they were killed."""
    root = platform.settings.scratch_dir
    folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    if not folders:
        return 0
    records = submitter.instance.get_run_records(RunsFilter(run_ids=[folder.name for folder in folders]))
    alive = {record.dagster_run.run_id for record in records if not record.dagster_run.is_finished}
    dead = [folder for folder in folders if folder.name not in alive]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return len(dead)


def _sweep_files(platform: Platform) -> int:
    """Remove what requests were receiving when their process was killed: files beside the runs' folders."""
    root = platform.settings.scratch_dir
    gone = 0
    for path in root.iterdir() if root.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < time.time() - KEEP_FILES_S:
                path.unlink()
                gone += 1
    return gone
