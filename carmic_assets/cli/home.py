"""Prepares a home, the directory with one installation's files, and builds the environment of its processes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]  # or the folder of the installed packages
INSTANCE_FILE = Path(__file__).with_name("dagster.yaml")


def process_environment(home: Path, *, code_port: int = 0, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment of every process of this home: the caller's, with the variables of the home set.

    `code_port` is the port of the Dagster code server; 0 if there is none.
    """
    environment = {
        **os.environ,
        "CARMIC_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONUNBUFFERED": "1",
        # Waiting OpenMP threads spin by default, which makes a busy machine several times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(home / "cache"),
        "MPLCONFIGDIR": str(home / "cache" / "matplotlib"),
        "MPLBACKEND": "Agg",
        **(extra or {}),
    }
    if code_port:
        environment["CARMIC_CODE_SERVER"] = f"127.0.0.1:{code_port}"
    return environment


def prepare_home(home: Path) -> None:
    """Create the home's directories and write its dagster.yaml. Call it after the settings have been validated."""
    for folder in ("dagster", "cache", "store"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    path = home / "dagster" / "dagster.yaml"
    staging_path = path.with_suffix(f".{os.getpid()}")  # so that a run that starts meanwhile reads a complete file
    staging_path.write_text(yaml.safe_dump(_build_instance_settings(), sort_keys=False))
    staging_path.replace(path)


def write_workspace(home: Path, code_port: int) -> Path:
    """Write the workspace file that leads Dagster's daemon to the code server at `code_port`. Returns its path."""
    server = {"host": "127.0.0.1", "port": code_port, "location_name": "carmic"}
    path = home / "dagster" / "workspace.yaml"
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}, sort_keys=False))
    return path


def _build_instance_settings() -> dict[str, Any]:
    """Return the packaged dagster.yaml, with the run limit and the storage set by the environment."""
    settings: dict[str, Any] = yaml.safe_load(INSTANCE_FILE.read_text())
    runs = settings["concurrency"]["runs"]
    slots = {limit["value"]: limit for limit in runs["tag_concurrency_limits"] if limit["key"] == "carmic/slot"}
    (backfills,) = (limit for limit in runs["tag_concurrency_limits"] if limit["key"] == "dagster/backfill")
    if max_runs := os.environ.get("CARMIC_MAX_RUNS"):
        slots["local"]["limit"] = backfills["limit"] = int(max_runs)
    if hosted_runs := os.environ.get("CARMIC_HOSTED_RUNS"):
        slots["waiting"]["limit"] = int(hosted_runs)
    runs["max_concurrent_runs"] = slots["local"]["limit"] + slots["waiting"]["limit"]
    if os.environ.get("CARMIC_DAGSTER_POSTGRES_URL"):
        settings["storage"] = {"postgres": {"postgres_url": {"env": "CARMIC_DAGSTER_POSTGRES_URL"}}}
    return settings


def find_free_port(port: int = 0) -> int:
    """Return `port` if it is free, or any free port for 0.

    Raises:
        OSError: `port` is in use or not permitted.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        free_port: int = probe.getsockname()[1]
        return free_port
