"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings that lies beside a development checkout; tests that need it are skipped elsewhere."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the recordings beside the checkout (../shared/data) are not here")
    return SHARED
