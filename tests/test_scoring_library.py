"""Scoring a stored library again, by the real job: what is new is written once, what is broken is named and stops
nothing, and the UI knows which videos an older scorer chose for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from benchmarks import rescoring
from benchmarks.synthetic_speech import TALK
from carmic_assets.assets import platform_resource as opened
from carmic_assets.assets.scored_clips import SCORER_CODE
from carmic_assets.cli import home as homes
from carmic_assets.scoring.clip_scoring import SCORER_VERSION
from resources import artifacts, clips, projects
from resources.platform import Platform, open_platform

FRESHNESS = """{ assetNodes(assetKeys: [{path: ["scored_clips"]}])
    { staleStatus(partition: "%s") staleCauses(partition: "%s") { reason } } }"""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    for name, value in homes.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    homes.prepare(tmp_path)
    opened._opened.cache_clear()
    yield open_platform()
    opened._opened.cache_clear()


def state(platform: Platform, ids: list[str]) -> list[tuple[object, ...]]:
    """Rows and artifacts, with the time of their last change."""
    found: list[tuple[object, ...]] = []
    with platform.database.read() as connection:
        for one in ids:
            project = projects.get(connection, one)
            assert project is not None
            stored = platform.store.get_bytes(artifacts.key(project.workspace_id, one, artifacts.SCORED_CLIPS))
            found.append((one, stored, *clips.of_project(connection, one)))
    return found


def freshness(project_id: str) -> tuple[str, list[str]]:
    """What the UI says of a video's clips, and why."""
    program = "from dagster_graphql.cli import main; main()"
    asked = ["-m", "carmic_assets.definitions", "-t", FRESHNESS % (project_id, project_id)]
    done = subprocess.run([sys.executable, "-c", program, *asked], capture_output=True, text=True, env=os.environ)
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    (node,) = json.loads(line)["data"]["assetNodes"]
    return node["staleStatus"], [cause["reason"] for cause in node["staleCauses"]]


def test_the_two_versions_are_one():
    assert SCORER_CODE == SCORER_VERSION


@pytest.mark.slow
def test_a_library(platform):
    with dg.DagsterInstance.get() as instance:
        ids = rescoring.stock(platform, instance, [rescoring.spoken(TALK * 4)], 4)
        for one in ids:
            for name in ("transcript", "layout_timeline"):
                instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=one))
            tags = {"dagster/code_version": rescoring.OLDER, "dagster/data_version": "as it was"}
            tags |= {f"dagster/input_data_version/{name}": "INITIAL" for name in ("transcript", "layout_timeline")}
            instance.report_runless_asset_event(dg.AssetMaterialization("scored_clips", partition=one, tags=tags))
        status, causes = freshness(ids[0])
        assert status == "STALE"
        assert "has a new code version" in causes

        with platform.database.read() as connection:
            broken = projects.get(connection, ids[1])
        assert broken is not None
        key = artifacts.key(broken.workspace_id, broken.id, artifacts.TRANSCRIPT)
        whole = platform.store.get_bytes(key)
        platform.store.put_bytes(key, whole[:1000], "application/json")
        found = rescoring.rescore(instance)
        assert found["failed"] == [broken.id]
        assert found["scored"] == 3
        assert freshness(ids[0]) == ("FRESH", [])
        assert freshness(broken.id)[0] == "STALE"

        platform.store.put_bytes(key, whole, "application/json")
        assert rescoring.rescore(instance)["scored"] == 1

        before, told = state(platform, ids), rescoring.told(platform)
        assert rescoring.rescore(instance) == {"scored": 0, "changes": 0, "passed over": 4, "failed": []}
        assert rescoring.rescore(instance, again=True)["changes"] == 0
        assert state(platform, ids) == before
        assert rescoring.told(platform) == told
