"""Purges deleted projects: deletes their objects, their Dagster runs and partitions, and an hour later their rows."""

from resources import media_library, project_erasure, projects, run_intents
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
            _delete_objects(platform, project)
        except Exception as error:  # any error of the store: the next pass tries again, the other projects continue
            outcomes.append(f"{project.id} could not be removed: {error}")
            continue
        with platform.database.read() as connection:
            run_ids = run_intents.list_run_ids(connection, project.id)
        for run_id in run_ids:
            submitter.delete_run(run_id)
        submitter.instance.delete_dynamic_partition(VIDEO_PARTITIONS, project.id)
        with platform.database.write() as connection:
            projects.mark_purged(connection, project.id)
        outcomes.append(f"purged {project.id}")
    return "; ".join(outcomes)


def erase_purged_projects(platform: Platform) -> str:
    """Run one pass over purged projects whose last webhooks have been sent: delete their rows."""
    with platform.database.read() as connection:
        project_ids = project_erasure.list_erasable(connection)
    for project_id in project_ids:
        with platform.database.write() as connection:
            project_erasure.erase(connection, project_id)
    return "; ".join(f"erased {project_id}" for project_id in project_ids)


def _delete_objects(platform: Platform, project: projects.Project) -> None:
    with platform.database.read() as connection:
        media_keys = media_library.list_keys_of_project(connection, project.id)
    for key in media_keys:  # objects of older versions of the product lie outside the project's prefix
        platform.store.delete(key)
    platform.store.delete_prefix(projects.key_prefix(project.workspace_id, project.id))


def _cancel_runs(platform: Platform, submitter: Submitter, intents: list[run_intents.RunIntent]) -> None:
    for intent in intents:
        if intent.state == "SUBMITTED":
            submitter.terminate(intent.run_id)
        else:
            with platform.database.write() as connection:
                run_intents.set_state(connection, intent.run_id, "CANCELLED")
