"""Carmic's compute log manager for Dagster: stores the output of steps in files. `dagster.yaml` names this class.

Compute log managers are meant to be replaced, but Dagster exports their base classes only from `dagster._core`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData


class ComputeLogFiles(LocalComputeLogManager):
    """Dagster's local manager without the copy of the output to the code server's terminal.

    That copy runs two `tail -F` and two watcher processes for each step, and a worker that is killed between the start
    of a tail and the start of its watcher leaves the tail running. The files are where Dagster expects them, in
    $DAGSTER_HOME/storage, and its UI shows them.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the config schema: none."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Create the manager for the instance in $DAGSTER_HOME.

        `dagster dev` without DAGSTER_HOME has a temporary instance; its output is kept in Carmic's home.
        """
        carmic_home = Path(os.environ.get("CARMIC_HOME") or "~/.carmic").expanduser()
        dagster_home = Path(os.environ.get("DAGSTER_HOME") or carmic_home / "dagster")
        return cls(str(dagster_home / "storage"), inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Redirect standard output and standard error of this process to files within the block."""
        out, err, complete = (Path(self.get_captured_local_path(log_key, kind)) for kind in ("out", "err", "complete"))
        out.parent.mkdir(parents=True, exist_ok=True)
        with redirect_to_file(sys.stdout, str(out)), redirect_to_file(sys.stderr, str(err)):
            yield CapturedLogContext(log_key)
        complete.touch()
