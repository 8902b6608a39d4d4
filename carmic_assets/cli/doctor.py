"""`carmic doctor`: what is there, what is missing, and what to set. Changes nothing but the home's own folders."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from resources.settings import SETTINGS, Settings, load

State = Literal["ok", "missing", "optional"]
MARKS = {"ok": "ok      ", "missing": "MISSING ", "optional": "not set "}


class Finding(msgspec.Struct, frozen=True):
    """One line: `optional` is something that works without."""

    what: str
    state: State
    detail: str


def doctor(as_json: bool, say: Callable[[str], None]) -> int:
    """Say every finding; the status is 1 when something needed is missing."""
    settings = load()
    findings = [*_needed(settings), *_models(settings), *_providers(settings)]
    if as_json:
        say(json.dumps([msgspec.to_builtins(f) for f in findings]))
    else:
        for finding in findings:
            say(f"{MARKS[finding.state]} {finding.what:<22} {finding.detail}")
    return 1 if any(f.state == "missing" for f in findings) else 0


def _needed(settings: Settings) -> list[Finding]:
    from carmic_assets.media.ffmpeg import binary
    from resources.database.engine import Database
    from resources.store import open_store

    found = []
    try:
        found.append(Finding("ffmpeg", "ok", binary()))
    except Exception as error:
        found.append(Finding("ffmpeg", "missing", f"{error}; reinstall imageio-ffmpeg"))
    try:
        with Database(settings.database_url).read():  # looks only: the next start brings the schema up to date
            found.append(Finding("database", "ok", settings.database_url.rpartition("@")[2]))
    except Exception as error:
        found.append(Finding("database", "missing", _first_line(error)))
    try:
        open_store(settings).check()
        found.append(Finding("object store", "ok", settings.store_url))
    except Exception as error:
        found.append(Finding("object store", "missing", _first_line(error)))
    free = shutil.disk_usage(settings.home).free / 1e9
    state: State = "ok" if free > 10 else "missing"
    found.append(Finding("disk", state, f"{free:.0f} GB free in {settings.home}"))
    return found


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _models(settings: Settings) -> list[Finding]:
    from carmic_assets.model.errors import CarmicError
    from carmic_assets.speech.whisper_models import find

    found = []
    try:
        found.append(Finding("speech model", "ok", find(settings.whisper_model, settings.cache_dir / "whisper").name))
    except CarmicError as error:
        found.append(Finding("speech model", "missing", error.sentence))
    if settings.yolo_weights == "auto":
        detail = "CARMIC_YOLO_WEIGHTS is auto: yolo11n-pose.pt where it lies here, else the embedded face detector"
        found.append(Finding("person detector", "ok", detail))
    elif settings.yolo_weights == "centerface" or Path(settings.yolo_weights).expanduser().exists():
        found.append(Finding("person detector", "ok", settings.yolo_weights))
    elif "/" in settings.yolo_weights:
        detail = f"CARMIC_YOLO_WEIGHTS: {settings.yolo_weights} is not there; the embedded face detector runs instead"
        found.append(Finding("person detector", "missing", detail))
    else:
        detail = f"CARMIC_YOLO_WEIGHTS: {settings.yolo_weights} is fetched at its first use, where there is a network"
        found.append(Finding("person detector", "ok", detail))
    gpu = settings.device != "cpu" and importlib.util.find_spec("torch") is not None
    found.append(Finding("device", "ok", settings.device + (" (torch is installed)" if gpu else "")))
    return found


def _providers(settings: Settings) -> list[Finding]:
    """Outside services: everything of the main job works with none of them."""
    groups = {
        "mail by SMTP": "CARMIC_SMTP_URL",
        "Pexels stock search": "CARMIC_PEXELS_API_KEY",
        "Stripe top-ups": "CARMIC_STRIPE_SECRET_KEY",
        "language model": "CARMIC_LLM_URL",
        "Gemini": "CARMIC_GEMINI_API_KEY",
        "YouTube accounts": "CARMIC_YOUTUBE_CLIENT_ID",
        "Facebook, Instagram": "CARMIC_META_CLIENT_ID",
    }
    helps = {s.name: s.help for s in SETTINGS}
    return [
        Finding(
            what,
            "ok" if getattr(settings, name.removeprefix("CARMIC_").lower()) else "optional",
            f"{name}: {helps[name]}",
        )
        for what, name in groups.items()
    ]
