"""The job `rescore_clips` over a stored library.

Changes are written once, a broken video does not stop the others, and Dagster marks clips of an older scorer as stale.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from benchmarks import library_rescoring
from benchmarks.synthetic_speech import TALK_LINES
from carmic_assets.assets import platform_resource as opened
from carmic_assets.assets.scored_clips import SCORER_CODE_VERSION
from carmic_assets.cli import home as homes
from carmic_assets.scoring.clip_scoring import SCORER_VERSION
from resources import artifacts, clips, projects
from resources.platform import Platform, open_platform

FRESHNESS = """{ assetNodes(assetKeys: [{path: ["scored_clips"]}])
    { staleStatus(partition: "%s") staleCauses(partition: "%s") { reason } } }"""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    for name, value in homes.process_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    homes.prepare_home(tmp_path)
    opened._open_platform_once.cache_clear()
    yield open_platform()
    opened._open_platform_once.cache_clear()


def read_state(platform: Platform, project_ids: list[str]) -> list[tuple[object, ...]]:
    """Return the rows, with the time of their last change, and the artifacts."""
    rows: list[tuple[object, ...]] = []
    with platform.database.read() as connection:
        for project_id in project_ids:
            project = projects.get(connection, project_id)
            assert project is not None
            key = artifacts.artifact_key(project.workspace_id, project_id, artifacts.SCORED_CLIPS)
            stored_clips = clips.list_for_project(connection, project_id)
            rows.append((project_id, platform.store.get_bytes(key), *stored_clips))
    return rows


def read_freshness(project_id: str) -> tuple[str, list[str]]:
    """Return the stale status of a video's clips in the Dagster UI, and its causes."""
    program = "from dagster_graphql.cli import main; main()"
    arguments = ["-m", "carmic_assets.definitions", "-t", FRESHNESS % (project_id, project_id)]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=os.environ)
    line = next(line for line in result.stdout.splitlines() if line.startswith("{"))
    (node,) = json.loads(line)["data"]["assetNodes"]
    return node["staleStatus"], [cause["reason"] for cause in node["staleCauses"]]


def test_code_version_is_the_scorer_version() -> None:
    assert SCORER_CODE_VERSION == SCORER_VERSION


@pytest.mark.slow
def test_rescoring_a_library(platform: Platform) -> None:
    with dg.DagsterInstance.get() as instance:
        project_ids = library_rescoring.create_library(
            platform, instance, [library_rescoring.speak_talk(TALK_LINES * 4)], 4
        )
        for project_id in project_ids:
            for name in ("transcript", "layout_timeline"):
                instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=project_id))
            tags = {"dagster/code_version": library_rescoring.OLDER_VERSION, "dagster/data_version": "older"}
            tags |= {f"dagster/input_data_version/{name}": "INITIAL" for name in ("transcript", "layout_timeline")}
            instance.report_runless_asset_event(
                dg.AssetMaterialization("scored_clips", partition=project_id, tags=tags)
            )
        status, causes = read_freshness(project_ids[0])
        assert status == "STALE"
        assert "has a new code version" in causes

        with platform.database.read() as connection:
            broken = projects.get(connection, project_ids[1])
        assert broken is not None
        key = artifacts.artifact_key(broken.workspace_id, broken.id, artifacts.TRANSCRIPT)
        intact = platform.store.get_bytes(key)
        platform.store.put_bytes(key, intact[:1000], "application/json")
        outcome = library_rescoring.run_rescoring(instance)
        assert outcome["failed"] == [broken.id]
        assert outcome["scored"] == 3
        assert read_freshness(project_ids[0]) == ("FRESH", [])
        assert read_freshness(broken.id)[0] == "STALE"

        platform.store.put_bytes(key, intact, "application/json")
        assert library_rescoring.run_rescoring(instance)["scored"] == 1

        state, events = read_state(platform, project_ids), library_rescoring.count_events(platform)
        assert library_rescoring.run_rescoring(instance) == {"scored": 0, "changes": 0, "passed over": 4, "failed": []}
        assert library_rescoring.run_rescoring(instance, again=True)["changes"] == 0
        assert read_state(platform, project_ids) == state
        assert library_rescoring.count_events(platform) == events
