"""Purges deleted projects: the objects under the project's key prefix, then its partition in Dagster."""

from resources import projects, run_intents
from resources.platform import Platform
from resources.run_submission import VIDEO_PARTITIONS, Submitter


def purge_deleted_projects(platform: Platform, submitter: Submitter) -> str:
    """Run one pass over deleted projects; returns what it did, as a sentence for the tick's log.

    A project with open runs is purged by a later pass, after they have been terminated.
    """
    with platform.database.read() as connection:
        deleted = projects.list_unpurged(connection)
    outcomes = []
    for project in deleted:
        with platform.database.read() as connection:
            open_intents = run_intents.list_open(connection, project.id)
        if open_intents:
            _cancel_runs(platform, submitter, open_intents)
            continue
        try:
            platform.store.delete_prefix(projects.key_prefix(project.workspace_id, project.id))
        except Exception as error:  # any error of the store: the next pass tries again, the other projects continue
            outcomes.append(f"{project.id} could not be removed: {error}")
            continue
        submitter.instance.delete_dynamic_partition(VIDEO_PARTITIONS, project.id)
        with platform.database.write() as connection:
            projects.mark_purged(connection, project.id)
        outcomes.append(f"purged {project.id}")
    return "; ".join(outcomes)


def _cancel_runs(platform: Platform, submitter: Submitter, intents: list[run_intents.RunIntent]) -> None:
    for intent in intents:
        if intent.state == "SUBMITTED":
            submitter.terminate(intent.run_id)
        else:
            with platform.database.write() as connection:
                run_intents.set_state(connection, intent.run_id, "CANCELLED")
