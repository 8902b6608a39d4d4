"""Helpers that the benchmarks share: the command line, printing, and counters of time, CPU and memory."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Recordings that cannot come with the repository (CONTRIBUTING.md, "Recordings"); what needs them is skipped without.
RECORDINGS = Path(os.environ.get("TEST_RECORDINGS") or Path(__file__).resolve().parents[2] / "shared")


class Usage:
    """Wall time and CPU time of a block, set when the block ends."""

    wall_s = 0.0
    cpu_s = 0.0  # of this process and of the child processes that it waited for


def create_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a command line parser for `python -m benchmarks.NAME`. The module docstring is the description."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def print_line(text: str) -> None:
    """Print a line and flush it, so that it appears immediately in a pipe too."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def measure_usage() -> Iterator[Usage]:
    """Measure the wall time and the CPU time of a block."""
    usage = Usage()
    started_s, cpu_before_s = time.perf_counter(), _read_cpu_s()
    try:
        yield usage
    finally:
        usage.wall_s = time.perf_counter() - started_s
        usage.cpu_s = _read_cpu_s() - cpu_before_s


def measure_cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call, in this process and in the child processes that it waited for."""
    with measure_usage() as usage:
        work()
    return usage.cpu_s


def _read_cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure_peak_memory_mib() -> float:
    """Return the highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def format_percentiles(times_s: Sequence[float]) -> str:
    """Format the median, the 99th percentile and the maximum in milliseconds."""
    ordered = sorted(times_s)
    p50, p99 = (ordered[int(len(ordered) * fraction)] * 1000 for fraction in (0.5, 0.99))
    return f"p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   max {ordered[-1] * 1000:6.1f} ms"
