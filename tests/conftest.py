"""Fixtures that the tests of all packages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_server import Server, run_server

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of real recordings beside a development checkout; tests that need it are skipped without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the recordings beside the checkout (../shared/data) are missing")
    return SHARED


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One API process, shared by all tests that need no settings of their own."""
    with run_server(
        tmp_path_factory.mktemp("home"), trusted_proxies="127.0.0.0/8", outbound_allow="127.0.0.0/8"
    ) as api_server:
        yield api_server
