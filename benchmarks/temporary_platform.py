"""A platform in a temporary home, for benchmarks that need the database and the store but no server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carmic_assets.cli import home as homes
from resources.platform import Platform, open_platform


@contextmanager
def open_temporary_platform() -> Iterator[Platform]:
    """Open a platform on SQLite. It sets the settings of that home in the environment of this process."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        homes.prepare_home(home)
        os.environ.update(homes.process_environment(home))
        platform = open_platform()
        try:
            yield platform
        finally:
            platform.database.close()
