"""Run the benchmarks named on the command line, or all of them, one after the other."""

from __future__ import annotations

import runpy
import sys

BENCHMARKS = (
    "api_latency", "api_streams", "api_upload", "captions", "clip_selection", "direction", "exports", "kills",
    "library_rescoring", "render_cost", "sensors", "speakers", "speech", "timeline", "vision", "voice",
)  # fmt: skip


def main() -> int:
    """Run the benchmarks with their default options."""
    names = sys.argv[1:] or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"Unknown benchmarks: {', '.join(unknown)}. Choose from: {', '.join(BENCHMARKS)}.\n")
        return 2
    for name in names:
        sys.stdout.write(f"== {name}\n")
        sys.argv = [name]
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
