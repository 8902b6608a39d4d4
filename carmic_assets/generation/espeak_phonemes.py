"""Turns text into phonemes with eSpeak NG, in a child process: its state is global, and it cannot be initialised twice.

The result is in the alphabet of Kokoro: affricates and diphthongs are one letter each, as in misaki's `EspeakG2P`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

TIMEOUT_S = 120
ESPEAK_VOICES = {"es": "es", "fr": "fr", "hi": "hi", "it": "it", "pt": "pt-br"}
# Constants of espeak-ng's speak_lib.h
_RETRIEVAL, _CHARS_UTF8, _IPA, _TIE = 1, 1, 0x02, 0x80
_TIE_CHARACTER = "^"
_LETTERS = (
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("s^s", "S"),
    ("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("^", ""), ("-", ""),
)  # fmt: skip
_PUNCTUATION = re.compile(r"([;:,.!?¡¿—…\"«»“”()\[\]]+)")
_SPOKEN_MARKS = frozenset(";:,.!?—…")
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")


def phonemize_texts(texts: Sequence[str], language: str) -> list[str]:
    """Return the phonemes of each text; `language` is a key of `ESPEAK_VOICES`."""
    command = [sys.executable, "-m", "carmic_assets.generation.espeak_phonemes", ESPEAK_VOICES[language]]
    child = subprocess.run(
        command, input=msgspec.json.encode(list(texts)), stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S
    )
    return msgspec.json.decode(child.stdout, type=list[str])


def _phonemize(texts: list[str], voice: str) -> list[str]:
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package espeakng-loader is not installed")
    data = Path(spec.submodule_search_locations[0])
    library = ctypes.CDLL(str(next(data.glob("libespeak-ng.*"))))
    library.espeak_Initialize(_RETRIEVAL, 0, str(data / "espeak-ng-data").encode(), 0)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"espeak has no voice {voice}")
    return [_phonemize_text(library, text) for text in texts]


def _phonemize_text(library: ctypes.CDLL, text: str) -> str:
    """Phonemize what is between punctuation marks, and keep those that Kokoro speaks as pauses."""
    parts = []
    for part in _PUNCTUATION.split(text):
        if _PUNCTUATION.fullmatch(part):
            parts.append("".join(mark for mark in part if mark in _SPOKEN_MARKS))
        elif part.strip():
            leading_space = " " if parts and part[0].isspace() else ""
            parts.append(leading_space + _phonemize_clause(library, part))
    return "".join(parts).strip()


def _phonemize_clause(library: ctypes.CDLL, text: str) -> str:
    pointer = ctypes.c_char_p(text.encode())
    mode = _IPA | _TIE | ord(_TIE_CHARACTER) << 8
    clauses = []
    while pointer.value:  # espeak advances the pointer clause by clause, and sets it to null at the end
        clauses.append(library.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, mode).decode())
    phonemes = _LANGUAGE_SWITCH.sub("", " ".join(clauses))
    for old, new in _LETTERS:
        phonemes = phonemes.replace(old, new)
    return " ".join(phonemes.split())


if __name__ == "__main__":
    requested = msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])
    sys.stdout.buffer.write(msgspec.json.encode(_phonemize(requested, sys.argv[1])))
