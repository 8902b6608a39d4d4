"""Fixtures that the tests of all packages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_server import Server, run_server
from benchmarks.harness import RECORDINGS
from benchmarks.synthetic_speech import TALK_LINES, synthesise_talk, write_wav


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings that cannot come with the repository; CONTRIBUTING.md lists the tests that need it."""
    if not (RECORDINGS / "data").is_dir():
        pytest.skip('recordings that cannot come with the repository: CONTRIBUTING.md, "Recordings"')
    return RECORDINGS


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven seconds of one synthetic voice, with the pauses of a talk."""
    samples, _, _ = synthesise_talk(TALK_LINES[:3], voices=("en-us",))
    return write_wav(tmp_path_factory.mktemp("voice") / "voice.wav", 0.8 * samples / abs(samples).max())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One API process, shared by all tests that need no settings of their own."""
    with run_server(
        tmp_path_factory.mktemp("home"), trusted_proxies="127.0.0.0/8", outbound_allow="127.0.0.0/8"
    ) as api_server:
        yield api_server
