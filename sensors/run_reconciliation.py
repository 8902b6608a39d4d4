"""Reconciles run intents with Dagster's runs: submits enqueued intents, and requeues or fails crashed runs.

A step that fails by itself has already updated the database. A subject (project, render, export, timeline job or
generation job) that is unfinished although its run has ended or has stopped sending heartbeats belongs to a crashed
run: its remaining steps are requeued under a new run id. After too many crashes the subject is failed and its minutes
or credits are refunded.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from sqlalchemy import Connection

from resources import exports, generation_jobs, projects, renders, run_intents, timeline_jobs
from resources.dagster_internals import does_launcher_check_health, list_runs_waiting_for_pools
from resources.database.engine import now
from resources.platform import Platform
from resources.run_submission import SubmissionError, Submitter

SILENCE = timedelta(seconds=7)  # a running run sends a heartbeat every 5 s, so only silent ones are checked
PAGE_SIZE = 500  # intents whose runs are read at once, and runs in Dagster's queue that one pass checks
# Dagster's daemon reads its whole queue each second, so backfills are submitted only while the queue is short.
MAX_QUEUED = 1000
BACKFILL_BATCH = 50  # backfills that one pass submits
SUBMIT_GRACE = timedelta(seconds=4)  # the API submits at once; if an intent is older, its submission has failed
CODE_SERVER_STARTED_AT = now()  # sensors run in the code server, and runs are its child processes
HEARTBEAT_TIMEOUT = timedelta(seconds=45)  # nine missed heartbeats mean a crashed run
RESTART_GRACE = timedelta(seconds=15)  # a run that survived the previous code server sends a heartbeat within this time
CRASHED_MESSAGE = (
    "Processing was interrupted on our side and could not be resumed. The minutes were refunded. Please try again."
)
JOB_CRASHED_MESSAGE = "The work was interrupted on our side and could not be resumed. Please try again."
JOB_CANCELLED_MESSAGE = "The work was stopped by an operator. Please try again."
CANCELLED_MESSAGE = "Processing was stopped by an operator. The minutes were refunded."


def reconcile_intents(platform: Platform, submitter: Submitter) -> str:
    """Run one pass. Returns a summary for the tick's log."""
    with platform.database.read() as connection:
        waiting = run_intents.list_waiting(connection, SUBMIT_GRACE)
        room = MAX_QUEUED - run_intents.count_open(connection).get("SUBMITTED", 0)
        waiting += run_intents.list_waiting(
            connection, SUBMIT_GRACE, max(0, min(BACKFILL_BATCH, room)), run_intents.BACKFILL_LANE
        )
        silent = run_intents.list_silent(connection, now() - SILENCE)
        unstarted = run_intents.list_unstarted(connection, now() - SILENCE, PAGE_SIZE)
    outcomes = [_submit(submitter, intent) for intent in waiting]
    checked = [*silent, *unstarted]
    for start in range(0, len(checked), PAGE_SIZE):
        outcomes += _reconcile_page(platform, submitter, checked[start : start + PAGE_SIZE])
    outcomes += _fail_orphaned_runs(platform, submitter)
    return "; ".join(outcomes)


def _reconcile_page(platform: Platform, submitter: Submitter, intents: list[run_intents.RunIntent]) -> list[str]:
    records = submitter.instance.get_run_records(dg.RunsFilter(run_ids=[intent.run_id for intent in intents]))
    records_by_id = {record.dagster_run.run_id: record for record in records}
    results = [_reconcile_intent(platform, submitter, i, records_by_id.get(i.run_id)) for i in intents]
    with platform.database.write() as connection:
        run_intents.mark_checked(connection, [intent.run_id for intent in intents])
    return [result for result in results if result]


def _submit(submitter: Submitter, intent: run_intents.RunIntent) -> str:
    try:
        submitter.submit(intent.run_id)
    except SubmissionError as error:
        return str(error)
    return f"submitted {intent.job_name} {intent.run_id}"


def _reconcile_intent(
    platform: Platform, submitter: Submitter, intent: run_intents.RunIntent, record: dg.RunRecord | None
) -> str:
    """Update one submitted intent from the state of its run. Returns the outcome, or "" while the run is active."""
    if record is None:  # the command line enqueues an intent just before it creates the run
        return _handle_crash(platform, intent, "Dagster has no such run") if _has_timed_out(submitter, intent) else ""
    run = record.dagster_run
    if run.status == dg.DagsterRunStatus.SUCCESS:
        with platform.database.write() as connection:
            run_intents.set_state(connection, intent.run_id, "DONE")
            # A successful run leaves no subject open, unless the subject was deleted meanwhile.
            _end_open_subjects(connection, intent, CRASHED_MESSAGE)
        return f"{intent.run_id} is done"
    if run.status == dg.DagsterRunStatus.CANCELED:
        with platform.database.write() as connection:
            run_intents.set_state(connection, intent.run_id, "DONE")
            _end_open_subjects(connection, intent, CANCELLED_MESSAGE, cancelled=True)
        return f"{intent.run_id} was cancelled"
    if run.status == dg.DagsterRunStatus.FAILURE:
        return _handle_crash(platform, intent, "the run failed")
    if run.status == dg.DagsterRunStatus.STARTED and _has_timed_out(submitter, intent, record.start_time):
        submitter.instance.report_run_failed(run, "The run stopped sending heartbeats: its worker was killed or hangs.")
        return _handle_crash(platform, intent, "no heartbeat")
    return ""


def _has_timed_out(submitter: Submitter, intent: run_intents.RunIntent, started_at: float | None = None) -> bool:
    """Return whether the run's last heartbeat is too old.

    `started_at` is Dagster's start time (Unix seconds). It counts as a heartbeat, because the run may have waited in
    the queue for hours before it started.
    """
    start = None if started_at is None else datetime.fromtimestamp(started_at, UTC)
    last_activity_at = max(filter(None, (_get_last_heartbeat_at(intent), start)))
    if last_activity_at < CODE_SERVER_STARTED_AT:
        return now() - CODE_SERVER_STARTED_AT > RESTART_GRACE
    if now() - last_activity_at <= HEARTBEAT_TIMEOUT:
        return False
    # A run whose next step waits for a pool slot runs no step that could send heartbeats.
    return intent.run_id not in list_runs_waiting_for_pools(submitter.instance)


def _get_last_heartbeat_at(intent: run_intents.RunIntent) -> datetime:
    """Return the time of the run's last heartbeat or of the last change of its intent, whichever is later."""
    return max(filter(None, (intent.heartbeat_at, intent.updated_at)))


def _fail_orphaned_runs(platform: Platform, submitter: Submitter) -> list[str]:
    """Fail runs without an open intent (of an operator, a backfill or the nightly schedule) whose code server crashed.

    They send no heartbeats. Without this, a crashed run in state STARTED would occupy a place in the run queue forever.
    """
    instance = submitter.instance
    if now() - CODE_SERVER_STARTED_AT < RESTART_GRACE:
        return []
    if does_launcher_check_health(instance):  # Dagster's run monitoring fails such runs
        return []
    outcomes = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        run = record.dagster_run
        if record.start_time is None or record.start_time >= CODE_SERVER_STARTED_AT.timestamp():
            continue
        with platform.database.read() as connection:
            intent = run_intents.get(connection, run.run_id)
        if intent is None or intent.state in ("DONE", "CANCELLED"):
            instance.report_run_failed(run, "The code server of this run died, and the run with it. Start it again.")
            outcomes.append(f"{run.run_id} ended with its code server")
    return outcomes


def _handle_crash(platform: Platform, intent: run_intents.RunIntent, reason: str) -> str:
    """Requeue the crashed run's remaining steps, or fail its subject after too many crashes."""
    with platform.database.write() as connection:
        if not _has_open_subject(connection, intent):
            run_intents.set_state(connection, intent.run_id, "DONE")
            return f"{intent.run_id} ended: {reason}"
        is_correlated = _get_last_heartbeat_at(intent) < CODE_SERVER_STARTED_AT
        loss = run_intents.CORRELATED_LOSS if is_correlated else run_intents.ISOLATED_LOSS
        run_id = run_intents.requeue(connection, intent, loss)
        if run_id is None:
            run_intents.set_state(connection, intent.run_id, "DONE")
            _end_open_subjects(connection, intent, CRASHED_MESSAGE)
            return f"{intent.run_id} crashed too often and was failed: {reason}"
    return f"{intent.run_id} crashed ({reason}); requeued as {run_id}"


def _has_open_subject(connection: Connection, intent: run_intents.RunIntent) -> bool:
    """Return whether a project, render, export or job still waits for this run."""
    if intent.job_name in run_intents.TIMELINE_JOBS:
        return bool(timeline_jobs.list_active_for_run(connection, intent.run_id))
    if intent.job_name in run_intents.GENERATION_JOBS:
        return generation_jobs.get_active_for_run(connection, intent.run_id) is not None
    project = projects.get(connection, intent.project_id)
    if project is None:
        return False
    if intent.job_name == "ingest_video":
        is_active = project.status in projects.ACTIVE_STATUSES
        lacks_proxy = project.proxy_key is None and project.status in ("CLIPS_READY", "COMPLETED")
        return project.run_id == intent.run_id and (is_active or lacks_proxy)
    return bool(
        renders.list_active_for_run(connection, intent.run_id) or exports.list_active_for_run(connection, intent.run_id)
    )


def _end_open_subjects(
    connection: Connection, intent: run_intents.RunIntent, sentence: str, *, cancelled: bool = False
) -> None:
    """Fail or cancel every project, render, export and job that still waits for this run."""
    if intent.job_name == "ingest_video" and _has_open_subject(connection, intent):
        projects.end(connection, intent.project_id, "CANCELLED" if cancelled else "FAILED", sentence)
    for render in renders.list_active_for_run(connection, intent.run_id):
        renders.fail(connection, render.id, sentence)
    for export in exports.list_active_for_run(connection, intent.run_id):
        exports.fail(connection, export.id, sentence)
    for job in timeline_jobs.list_active_for_run(connection, intent.run_id):
        timeline_jobs.fail(connection, job.id, JOB_CANCELLED_MESSAGE if cancelled else JOB_CRASHED_MESSAGE)
    generation = generation_jobs.get_active_for_run(connection, intent.run_id)
    if generation is not None:
        generation_jobs.fail(connection, generation.id, "CANCELLED" if cancelled else "LOST")
