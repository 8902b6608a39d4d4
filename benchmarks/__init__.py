"""Measurements behind the figures in the documentation: `python -m benchmarks NAME ...`; without a name, all of them.

Some benchmarks run a whole server. They use the servers and the fault injection of the test suite, so its
folder is put on the module path here.
"""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
