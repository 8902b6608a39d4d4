"""Measures the figures of the documentation: `python -m benchmarks NAME ...`; without a name, all of them.

Some benchmarks run a complete server. They use the servers and the fault injection of the test suite, so its
folder is added to the module path here.
"""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
