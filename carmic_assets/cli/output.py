"""Standard output of the commands."""

import sys


def print_line(line: str) -> None:
    """Write one line to standard output at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
