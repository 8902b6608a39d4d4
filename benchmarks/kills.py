"""What SIGKILLs lose: nothing. Seeded kills over every part of a working system, then the promises are checked.

    python -m benchmarks.kills [--kills 500] [--seed 1]

The parts, how often each is hit and what is asserted: tests/havoc.py. Fails with the promise that was broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fault_injection import Havoc, told_to
from whole_system import running, short_talk


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with running(home) as system:
            workspace = system.register()
            system.admin("set-tier", workspace, "BUSINESS")
            system.admin("grant-minutes", workspace, "100000")
            havoc = Havoc(system, short_talk(Path(folder)), asked.seed)
            began = time.monotonic()
            havoc.run(asked.kills)
            say(f"{sum(havoc.kills.values())} kills in {time.monotonic() - began:.0f} s: {dict(havoc.kills)}")
            began = time.monotonic()
            havoc.settle()
            say(f"all quiet after {time.monotonic() - began:.0f} s; projects: {dict(havoc.verdict())}")
            say(f"webhooks: {dict(told_to(havoc.inbox))}; files left: {havoc.clean()}")
            system.stop()
            say(f"processes left: {system.left_over()}")


if __name__ == "__main__":
    main()
