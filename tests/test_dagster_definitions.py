"""What Dagster's own tools see: complete definitions that load in the repository's root without any setting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import httpx
import pytest
import yaml

from carmic_assets.assets import checks
from carmic_assets.definitions import defs
from real_servers import find_free_port
from resources.run_intents import RunIntent
from resources.run_submission import LANES, build_run_tags
from whole_system import RunningSystem

ROOT = Path(__file__).parents[1]
DAGSTER = [sys.executable, "-m", "dagster"]
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }
"""


def own_environment(user_home: Path) -> dict[str, str]:
    """Return this process's environment without the settings of Carmic and Dagster, for a user with this home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CARMIC_", "DAGSTER_"))}
    return {**environment, "HOME": str(user_home)}


def test_every_asset_and_check_says_what_it_is_and_whose() -> None:
    specs = defs.resolve_all_asset_specs()
    assert len(specs) == 17
    for spec in specs:
        assert spec.description and spec.owners and spec.kinds and spec.group_name, spec.key
    check_specs = [
        check for asset in defs.resolve_asset_graph().assets_defs for check in asset.check_specs if asset.keys
    ]
    assert all(check.description for check in check_specs) and len(check_specs) == 16
    assert {check.name for check in check_specs if check.blocking} == set(checks.BLOCKING)
    (scored,) = [spec for spec in specs if spec.key == dg.AssetKey("scored_clips")]
    assert scored.freshness_policy is not None


def test_every_job_has_a_lane_and_its_runs_say_what_they_are_for() -> None:
    jobs = {job.name for job in defs.jobs or () if job.name != "rescore_clips"}
    assert set(LANES) == jobs
    fields: dict[str, object] = {**dict.fromkeys(RunIntent.__struct_fields__, ""), "lane": None}
    render, ingest = (
        build_run_tags(RunIntent(**{**fields, "job_name": name, "tier": "FREE", "workspace_id": "w"}), "A talk " * 99)  # type: ignore[arg-type]
        for name in ("render_clips", "ingest_video")
    )
    assert render["carmic/lane"] == "render" and render["carmic/title"].startswith("A talk A talk")
    assert len(render["carmic/title"]) == 200
    assert int(render["dagster/priority"]) > int(ingest["dagster/priority"])
    assert ingest["carmic/ingest-free"] == "w"
    imported = build_run_tags(RunIntent(**{**fields, "job_name": "ingest_video", "lane": "backfill"}), "")  # type: ignore[arg-type]
    assert int(imported["dagster/priority"]) < 0 and imported["carmic/lane"] == "backfill"


def test_the_asset_list_needs_no_setting(tmp_path: Path) -> None:
    command = [*DAGSTER, "asset", "list", "-m", "carmic_assets.definitions"]
    listed = subprocess.run(
        command, cwd=ROOT, env=own_environment(tmp_path), capture_output=True, text=True, timeout=90
    )
    assert listed.returncode == 0, listed.stderr
    assert "scored_clips" in listed.stdout.split() and list(tmp_path.iterdir()) == []


@pytest.mark.rare
def test_dagster_dev_loads_the_repository_without_a_setting(tmp_path: Path) -> None:
    port = find_free_port()
    with (tmp_path / "dev.log").open("wb") as log:
        server = subprocess.Popen(
            [*DAGSTER, "dev", "-p", str(port)], cwd=ROOT, env=own_environment(tmp_path), stdout=log, stderr=log
        )

    def list_locations() -> list[dict[str, object]]:
        assert server.poll() is None, (tmp_path / "dev.log").read_text()[-3000:]
        try:
            reply = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": LOCATIONS}, timeout=20)
        except httpx.HTTPError:
            return []
        entries: list[dict[str, object]] = reply.json()["data"]["workspaceOrError"]["locationEntries"]
        return entries

    try:
        RunningSystem.wait_until(list_locations, 180, "dagster dev has loaded the location")
        assert list_locations() == [{"name": "carmic", "locationOrLoadError": {"__typename": "RepositoryLocation"}}]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
    assert not list(ROOT.glob(".tmp_dagster_home_*"))


def test_the_instance_and_the_workspace_stand_at_the_top() -> None:
    assert "storage" not in yaml.safe_load((ROOT / "dagster.yaml").read_text()), (
        "SQLite unless a setting says otherwise"
    )
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == "carmic_assets.definitions"
