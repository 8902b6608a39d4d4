"""Purges deleted workspaces: deletes the objects under their key prefix, then their rows."""

from resources import workspace_deletion
from resources.platform import Platform


def purge_deleted_workspaces(platform: Platform) -> str:
    """Run one pass over deleted workspaces whose projects are purged. Returns its outcomes for the tick's log."""
    with platform.database.read() as connection:
        erasable = workspace_deletion.list_erasable(connection)
    outcomes = []
    for workspace_id in erasable:
        try:
            platform.store.delete_prefix(workspace_deletion.key_prefix(workspace_id))
        except Exception as error:  # after any error of the store, continue; the next pass tries again
            outcomes.append(f"workspace {workspace_id} could not be removed: {error}")
            continue
        with platform.database.write() as connection:
            workspace_deletion.erase(connection, workspace_id)
        outcomes.append(f"purged workspace {workspace_id}")
    return "; ".join(outcomes)
