"""The output of a step is kept for Dagster's UI, without further processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import subprocess, sys
import dagster as dg, psutil
from carmic_assets.cli import home

@dg.op
def step():
    print("printed by the step", flush=True)
    subprocess.run(["sh", "-c", "echo printed by its child >&2"], check=True)
    assert psutil.Process().children(recursive=True) == []

home.prepare_home(home.Path(sys.argv[1]))
with dg.DagsterInstance.get() as instance:
    run = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="job", node_defs=[step])).execute_in_process(
        instance=instance, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    )
    (captured,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
    file_key = captured.dagster_event.logs_captured_data.file_key
    key = [run.run_id, "compute_logs", file_key]
    logs = instance.compute_log_manager.get_log_data(key)
    assert instance.compute_log_manager.is_capture_complete(key)
assert logs.stdout == b"printed by the step\\n", logs
assert b"printed by its child" in logs.stderr, logs
print("back at the terminal")
"""


def test_the_output_of_a_step_is_in_its_files_and_no_process_is_started_for_it(tmp_path: Path) -> None:
    from carmic_assets.cli import home

    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=home.process_environment(tmp_path),
        cwd=home.REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "back at the terminal\n"
    assert (tmp_path / "dagster" / "storage").is_dir()
