"""Brings promises and outcomes together: submits what was promised, and ends or resumes what died on the way.

A step that fails by itself has already told the database. What is found here unfinished behind a finished or silent
run was lost to a crash: the rest of it is run; after too many losses it is failed with a sentence and the minutes given
back.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from resources import exports, projects, renders, run_intents
from resources.database.engine import now
from resources.platform import Platform
from resources.run_submission import SubmissionError, Submitter

PROMISED_FOR = timedelta(seconds=4)  # the API submits at once; an intent older than this has lost its submitter
STARTED = now()  # of this process, the code server's, whose children the runs are
SILENT_FOR = timedelta(seconds=45)  # nine heartbeats
OUTLIVED = timedelta(seconds=15)  # a run that outlived the last code server has been heard by then
LOST = "Processing was interrupted on our side and could not be resumed. The minutes were given back; please try again."
STOPPED = "Processing was stopped by an operator. The minutes were given back."


def reconcile(platform: Platform, submitter: Submitter) -> str:
    """One pass; says what it did."""
    with platform.database.read() as connection:
        waiting = run_intents.waiting(connection, PROMISED_FOR)
        submitted = run_intents.submitted(connection)
    done: list[str] = []
    for intent in waiting:
        try:
            submitter.submit(intent.run_id)
            done.append(f"submitted {intent.job_name} {intent.run_id}")
        except SubmissionError as error:
            done.append(str(error))
    if submitted:
        records = submitter.instance.get_run_records(dg.RunsFilter(run_ids=[intent.run_id for intent in submitted]))
        known = {record.dagster_run.run_id: record for record in records}
        for intent in submitted:
            if outcome := _settle(platform, submitter, intent, known.get(intent.run_id)):
                done.append(outcome)
    done += _orphans(platform, submitter)
    return "; ".join(done)


def _settle(platform: Platform, submitter: Submitter, intent: run_intents.Intent, record: dg.RunRecord | None) -> str:
    """What became of one submitted intent; "" while it is under way."""
    if record is None:  # the command line promises a run just before it makes it
        return _lost(platform, intent, "Dagster does not know the run") if _silent(submitter, intent) else ""
    run = record.dagster_run
    if run.status == dg.DagsterRunStatus.SUCCESS:
        with platform.database.write() as connection:
            run_intents.move(connection, intent.run_id, "DONE")
            _close(connection, intent, LOST)  # nothing is open behind a run that succeeded, unless it was deleted
        return f"{intent.run_id} is done"
    if run.status == dg.DagsterRunStatus.CANCELED:
        with platform.database.write() as connection:
            run_intents.move(connection, intent.run_id, "DONE")
            _close(connection, intent, STOPPED, cancelled=True)
        return f"{intent.run_id} was cancelled"
    if run.status == dg.DagsterRunStatus.FAILURE:
        return _lost(platform, intent, "the run failed")
    if run.status == dg.DagsterRunStatus.STARTED and _silent(submitter, intent, record.start_time):
        submitter.instance.report_run_failed(run, "The worker of this run has gone silent: it was killed or hangs.")
        return _lost(platform, intent, "the worker went silent")
    return ""


def _silent(submitter: Submitter, intent: run_intents.Intent, started: float | None = None) -> bool:
    """Whether a run, which Dagster says began at `started` (Unix seconds), has given no sign of life for too long."""
    began = None if started is None else datetime.fromtimestamp(started, UTC)
    heard = max(filter(None, (_heard(intent), began)))  # it may have waited in the queue for hours before
    if heard < STARTED:
        return now() - STARTED > OUTLIVED
    return now() - heard > SILENT_FOR and not _waits(submitter, intent.run_id)


def _heard(intent: run_intents.Intent) -> datetime:
    """When the run gave its last sign of life to the database."""
    return max(filter(None, (intent.heartbeat_at, intent.updated_at)))


def _waits(submitter: Submitter, run_id: str) -> bool:
    """Whether the run's next step waits for a place in a pool: no step works, so none beats."""
    pools = submitter.instance.event_log_storage
    found = (pools.get_concurrency_info(pool) for pool in pools.get_concurrency_keys())
    waiting = (step for pool in found for step in pool.pending_steps if step.assigned_timestamp is None)
    return any(step.run_id == run_id for step in waiting)


def _orphans(platform: Platform, submitter: Submitter) -> list[str]:
    """End the runs that nobody promised (an operator's, a backfill's, the nightly one) and whose code server died.

    They have no heartbeat, and a dead run that is called started keeps its place in the queue for ever.
    """
    instance = submitter.instance
    if now() - STARTED < OUTLIVED or instance.run_launcher.supports_check_run_worker_health:  # then Dagster looks
        return []
    done = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        run = record.dagster_run
        if record.start_time is None or record.start_time >= STARTED.timestamp():
            continue
        with platform.database.read() as connection:
            intent = run_intents.get(connection, run.run_id)
        if intent is None or intent.state in ("DONE", "CANCELLED"):
            instance.report_run_failed(run, "The code server of this run died, and the run with it. Start it again.")
            done.append(f"{run.run_id} ended with its code server")
    return done


def _lost(platform: Platform, intent: run_intents.Intent, why: str) -> str:
    with platform.database.write() as connection:
        if not _open(connection, intent):
            run_intents.move(connection, intent.run_id, "DONE")
            return f"{intent.run_id} ended: {why}"
        run_id = run_intents.again(
            connection, intent, run_intents.TOGETHER if _heard(intent) < STARTED else run_intents.ALONE
        )
        if run_id is None:
            run_intents.move(connection, intent.run_id, "DONE")
            _close(connection, intent, LOST)
            return f"gave {intent.run_id} up: {why}"
    return f"{intent.run_id} was lost ({why}); runs again as {run_id}"


def _open(connection, intent: run_intents.Intent) -> bool:
    """Whether anything still waits for this run."""
    project = projects.get(connection, intent.project_id)
    if project is None:
        return False
    if intent.job_name == "ingest_video":
        unready = project.status in projects.WORKING
        unproxied = project.proxy_key is None and project.status in ("CLIPS_READY", "COMPLETED")
        return project.run_id == intent.run_id and (unready or unproxied)
    return bool(renders.live_of_run(connection, intent.run_id) or exports.live_of_run(connection, intent.run_id))


def _close(connection, intent: run_intents.Intent, sentence: str, *, cancelled: bool = False) -> None:
    """End whatever still waits for this run."""
    if intent.job_name == "ingest_video" and _open(connection, intent):
        projects.end(connection, intent.project_id, "CANCELLED" if cancelled else "FAILED", sentence)
    for render in renders.live_of_run(connection, intent.run_id):
        renders.fail(connection, render.id, sentence)
    for export in exports.live_of_run(connection, intent.run_id):
        exports.fail(connection, export.id, sentence)
