"""What a step prints, kept as files for the Dagster UI. Dagster's settings name this class (`dagster.yaml`).

Managers of compute logs are made to be replaced, but Dagster exports none of their names, hence `dagster._core`.
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
    """Dagster's own manager without its mirror: standard output and error of a step go to their files only.

    The mirror copies them to the log of the code server by two `tail -F` and two watchers a step. A worker killed
    between the start of a tail and that of its watcher leaves the tail running for ever, and the UI shows the files
    anyway. They are where Dagster puts them: $DAGSTER_HOME/storage.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "storage"), inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        out, err, complete = (Path(self.get_captured_local_path(log_key, kind)) for kind in ("out", "err", "complete"))
        out.parent.mkdir(parents=True, exist_ok=True)
        with redirect_to_file(sys.stdout, str(out)), redirect_to_file(sys.stderr, str(err)):
            yield CapturedLogContext(log_key)
        complete.touch()
