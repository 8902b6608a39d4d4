"""Crash recovery: seeded SIGKILLs to every part of a working system, then a check that nothing was lost.

    python -m benchmarks.kills [--kills 500] [--seed 1]

`tests/fault_injection.py` defines the parts, how often each is killed, and what is checked. A failed check raises an
AssertionError.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import create_parser, measure_usage, print_line
from fault_injection import FaultInjector, count_received_events
from whole_system import compose_short_talk, run_system


def main() -> None:
    """Kill processes while videos are processed, wait until the work is done, and check the results."""
    parser = create_parser("kills", __doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with run_system(home) as system:
            workspace = system.register()
            system.admin("set-tier", workspace, "BUSINESS")
            system.admin("grant-minutes", workspace, "100000")
            injector = FaultInjector(system, compose_short_talk(Path(folder)), arguments.seed)
            with measure_usage() as usage:
                injector.run(arguments.kills)
            print_line(f"{sum(injector.kills.values())} kills in {usage.wall_s:.0f} s: {dict(injector.kills)}")
            with measure_usage() as usage:
                injector.wait_until_quiet()
            print_line(f"all work done after {usage.wall_s:.0f} s; projects: {dict(injector.check_invariants())}")
            received = dict(count_received_events(injector.receiver))
            print_line(f"webhook events received: {received}; files left: {injector.find_leftover_files()}")
            system.stop()
            print_line(f"processes left: {system.list_commands()}")


if __name__ == "__main__":
    main()
