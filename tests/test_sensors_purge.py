"""What is left of a deleted project: nothing, as soon as its runs have stopped and the store lets go of it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from resources import accounts, projects
from resources.platform import Platform, open_platform
from resources.run_submission import VIDEOS, Submitter
from sensors.project_purge import purge


def deleted(platform: Platform, instance: dg.DagsterInstance, count: int) -> list[projects.Project]:
    """Projects with an object and a partition each, which their user has deleted."""
    made = []
    with platform.database.write() as connection:
        user, workspace = accounts.register(connection, "a@example.com", "hash")
        for _ in range(count):
            new = projects.NewProject(title="Talk", filename="talk.mp4", content_type="video/mp4")
            project = projects.create(connection, workspace, user.id, new, ".mp4")
            projects.delete(connection, project.id)
            made.append(project)
    for project in made:
        platform.store.put_bytes(project.object_key, b"video")
    instance.add_dynamic_partitions(VIDEOS, [project.id for project in made])
    return made


def test_a_project_that_cannot_be_removed_waits_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    submitter = Submitter(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(Submitter, "instance", instance)
        stubborn, other = deleted(platform, instance, 2)
        remove = type(platform.store).delete_prefix

        def refuses(store: object, prefix: str) -> int:
            if stubborn.id in prefix:
                raise OSError("the disk is read-only")
            return remove(store, prefix)

        monkeypatch.setattr(type(platform.store), "delete_prefix", refuses)
        said = purge(platform, submitter)
        assert f"{stubborn.id} could not be removed: the disk is read-only" in said and f"purged {other.id}" in said
        assert platform.store.stat(other.object_key) is None
        assert instance.get_dynamic_partitions(VIDEOS) == [stubborn.id]
        monkeypatch.undo()
        monkeypatch.setattr(Submitter, "instance", instance)
        assert purge(platform, submitter) == f"purged {stubborn.id}"
        assert instance.get_dynamic_partitions(VIDEOS) == []
        assert purge(platform, submitter) == ""
