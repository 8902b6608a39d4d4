"""Deleted projects are purged completely once their runs have stopped and the store accepts the deletion."""

from __future__ import annotations

import uuid
from pathlib import Path

import dagster as dg
import pytest

from resources import accounts, projects
from resources.platform import Platform, open_platform
from resources.run_intents import VIDEO_PARTITIONS
from resources.run_submission import Submitter
from sensors.project_purge import purge_deleted_projects, remove_unknown_partitions


def delete_projects(platform: Platform, instance: dg.DagsterInstance, count: int) -> list[projects.Project]:
    """Create projects with an object and a partition each, and delete them as their user would."""
    deleted = []
    with platform.database.write() as connection:
        user, workspace = accounts.register(connection, "a@example.com", "hash")
        for _ in range(count):
            new = projects.NewProject(title="Talk", filename="talk.mp4", content_type="video/mp4")
            project = projects.create(connection, workspace, user.id, new, ".mp4")
            projects.delete(connection, project.id)
            deleted.append(project)
    for project in deleted:
        platform.store.put_bytes(project.object_key, b"video")
    instance.add_dynamic_partitions(VIDEO_PARTITIONS, [project.id for project in deleted])
    return deleted


def test_partition_keys_without_a_project_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator can type any key in the Dagster UI."""
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(Submitter, "instance", instance)
        (project,) = delete_projects(platform, instance, 1)
        instance.add_dynamic_partitions(VIDEO_PARTITIONS, ["typed by hand", str(uuid.uuid4())])
        assert remove_unknown_partitions(platform, Submitter(platform)) == 2
        assert instance.get_dynamic_partitions(VIDEO_PARTITIONS) == [project.id], "the purge removes it"


def test_a_project_whose_objects_cannot_be_deleted_is_retried_and_delays_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    submitter = Submitter(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(Submitter, "instance", instance)
        failing, other = delete_projects(platform, instance, 2)
        delete_prefix = type(platform.store).delete_prefix

        def fail_for_one(store: object, prefix: str) -> int:
            if failing.id in prefix:
                raise OSError("the disk is read-only")
            return delete_prefix(store, prefix)

        monkeypatch.setattr(type(platform.store), "delete_prefix", fail_for_one)
        outcome = purge_deleted_projects(platform, submitter)
        assert (
            f"{failing.id} could not be removed: the disk is read-only" in outcome and f"purged {other.id}" in outcome
        )
        assert platform.store.stat(other.object_key) is None
        assert instance.get_dynamic_partitions(VIDEO_PARTITIONS) == [failing.id]
        monkeypatch.undo()
        monkeypatch.setattr(Submitter, "instance", instance)
        tags = {"dagster/partition": failing.id}
        run = instance.create_run_for_job(dg.GraphDefinition("rebuild").to_job(), tags=tags)  # of an operator
        assert purge_deleted_projects(platform, submitter) == f"purged {failing.id}"
        assert instance.get_run_by_id(run.run_id) is None
        assert instance.get_dynamic_partitions(VIDEO_PARTITIONS) == []
        assert purge_deleted_projects(platform, submitter) == ""
