"""Removes what users deleted: the objects under the project's prefix, then its partition in Dagster."""

from resources import projects, run_intents
from resources.platform import Platform
from resources.run_submission import VIDEOS, Submitter


def purge(platform: Platform, submitter: Submitter) -> str:
    """One pass over deleted projects; says what it did. One whose runs have not stopped waits for the next pass."""
    with platform.database.read() as connection:
        deleted = projects.to_purge(connection)
    done = []
    for project in deleted:
        with platform.database.read() as connection:
            open_runs = run_intents.open_of_project(connection, project.id)
        if open_runs:
            for intent in open_runs:
                if intent.state == "SUBMITTED":
                    submitter.terminate(intent.run_id)
                else:
                    with platform.database.write() as connection:
                        run_intents.move(connection, intent.run_id, "CANCELLED")
            continue
        try:
            platform.store.delete_prefix(projects.prefix(project.workspace_id, project.id))
        except Exception as error:  # the store's, whichever it is: the others go on, this one waits for the next pass
            done.append(f"{project.id} could not be removed: {error}")
            continue
        submitter.instance.delete_dynamic_partition(VIDEOS, project.id)
        with platform.database.write() as connection:
            projects.purged(connection, project.id)
        done.append(f"purged {project.id}")
    return "; ".join(done)
