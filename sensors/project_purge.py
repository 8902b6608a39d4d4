"""Purges deleted projects and timelines: objects, Dagster runs and partitions at once, their rows an hour later."""

from types import ModuleType

from dagster import RunsFilter

from resources import media_library, project_erasure, projects, run_intents, timelines
from resources.platform import Platform
from resources.run_submission import Submitter

# Each module has `list_unpurged`, `list_ids`, `key_prefix` and `mark_purged`.
PURGED: tuple[tuple[ModuleType, str], ...] = (
    (projects, run_intents.VIDEO_PARTITIONS),
    (timelines, run_intents.TIMELINE_PARTITIONS),
)


def purge_deleted_projects(platform: Platform, submitter: Submitter) -> str:
    """Run one pass over deleted projects and timelines. Returns a summary for the tick's log.

    A project with open runs is purged by a later pass, after they have been terminated.
    """
    outcomes = []
    for rows, partitions in PURGED:
        with platform.database.read() as connection:
            deleted = rows.list_unpurged(connection)
        for row in deleted:
            with platform.database.read() as connection:
                open_intents = run_intents.list_open(connection, row.id)
                run_ids = run_intents.list_run_ids(connection, row.id)
                media_keys = media_library.list_keys_of_project(connection, row.id)
            if open_intents:
                _cancel_runs(platform, submitter, open_intents)
                continue
            try:
                for key in media_keys:  # earlier versions stored them beside the project
                    platform.store.delete(key)
                platform.store.delete_prefix(rows.key_prefix(row.workspace_id, row.id))
            # After any error of the store, continue with the others; the next pass tries again
            except Exception as error:
                outcomes.append(f"{row.id} could not be removed: {error}")
                continue
            for run_id in {*run_ids, *_list_run_ids_of_partition(submitter, row.id)}:
                submitter.delete_run(run_id)
            submitter.instance.delete_dynamic_partition(partitions, row.id)
            with platform.database.write() as connection:
                rows.mark_purged(connection, row.id)
            outcomes.append(f"purged {row.id}")
    return "; ".join(outcomes)


def remove_unknown_partitions(platform: Platform, submitter: Submitter) -> int:
    """Delete partition keys without a project or timeline, which someone typed in the Dagster UI. Returns their number.

    The keys are read before the rows, because a key is added after its row.
    """
    count = 0
    for rows, partitions in PURGED:
        keys = submitter.instance.get_dynamic_partitions(partitions)
        with platform.database.read() as connection:
            known_ids = set(rows.list_ids(connection)) if keys else set()
        unknown_keys = [key for key in keys if key not in known_ids]
        for key in unknown_keys:
            submitter.instance.delete_dynamic_partition(partitions, key)
        count += len(unknown_keys)
    return count


def erase_purged_projects(platform: Platform) -> str:
    """Run one pass over purged projects and timelines whose last webhooks have been sent: delete their rows."""
    with platform.database.read() as connection:
        project_ids = project_erasure.list_erasable(connection)
        timeline_ids = project_erasure.list_erasable_timelines(connection)
    for project_id in project_ids:
        with platform.database.write() as connection:
            project_erasure.erase(connection, project_id)
    for timeline_id in timeline_ids:
        with platform.database.write() as connection:
            project_erasure.erase_timeline(connection, timeline_id)
    return "; ".join(f"erased {row_id}" for row_id in (*project_ids, *timeline_ids))


def _list_run_ids_of_partition(submitter: Submitter, key: str) -> list[str]:
    """Return the ids of all runs of the partition, of operators and backfills too."""
    records = submitter.instance.get_run_records(RunsFilter(tags={"dagster/partition": key}))
    return [record.dagster_run.run_id for record in records]


def _cancel_runs(platform: Platform, submitter: Submitter, intents: list[run_intents.RunIntent]) -> None:
    for intent in intents:
        if intent.state == "SUBMITTED":
            submitter.terminate(intent.run_id)
        else:
            with platform.database.write() as connection:
                run_intents.set_state(connection, intent.run_id, "CANCELLED")
