"""Runs the topics named on the command line, or every module of this folder, one after the other."""

from __future__ import annotations

import pkgutil
import runpy
import sys

import benchmarks

TOPICS = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


def main() -> int:
    asked = sys.argv[1:] or TOPICS
    unknown = [topic for topic in asked if topic not in TOPICS]
    if unknown:
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(TOPICS)}.\n")
        return 2
    for topic in asked:
        sys.stdout.write(f"== {topic}\n")
        sys.argv = [topic]
        runpy.run_module(f"benchmarks.{topic}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
