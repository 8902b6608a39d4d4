"""Writes the standard output of the commands."""

import sys


def print_line(line: str) -> None:
    """Write one line to standard output and flush it, also if the output is a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
