"""A home: the directory one installation keeps everything in, and the environment its processes run with."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


def environment(home: Path, *, code_port: int = 0, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The variables for every process of this home; what the caller's environment sets stays."""
    found = {
        **os.environ,
        "CARMIC_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONUNBUFFERED": "1",
        # OpenMP threads that spin while they wait make a busy machine several times slower
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
        found["CARMIC_CODE_PORT"] = str(code_port)
        found["CARMIC_CODE_SERVER"] = f"127.0.0.1:{code_port}"
    return found


def prepare(home: Path) -> None:
    """Make the home's folders and its Dagster settings. The environment's own settings have been checked before."""
    for folder in ("dagster", "cache", "store"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    path = home / "dagster" / "dagster.yaml"
    aside = path.with_suffix(f".{os.getpid()}")  # a run that starts meanwhile must not read half of it
    aside.write_text(yaml.safe_dump(_instance_settings(), sort_keys=False))
    aside.replace(path)


def _instance_settings() -> dict[str, Any]:
    """The repository's dagster.yaml with what the environment says of this machine."""
    found = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    if most := os.environ.get("CARMIC_MAX_RUNS"):
        found["concurrency"]["runs"]["max_concurrent_runs"] = int(most)
    if os.environ.get("CARMIC_DAGSTER_POSTGRES_URL"):
        found["storage"] = {"postgres": {"postgres_url": {"env": "CARMIC_DAGSTER_POSTGRES_URL"}}}
    return found


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, raising OSError if not; any free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return probe.getsockname()[1]
