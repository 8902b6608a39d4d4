"""Implements `carmic doctor`: reports installed and missing parts, and the setting to change for each.

The command creates the directories of the home and changes nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import create_engine

from carmic_assets.ai_edits.operations import BY_NAME, OPERATIONS
from carmic_assets.generation import voice_weights
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.model.errors import CarmicError
from carmic_assets.speech.whisper_models import find_weights
from resources import run_intents
from resources.database.engine import Database
from resources.run_submission import DAEMON_TIMEOUT_S
from resources.settings import SETTINGS, Settings, load_settings
from resources.store import open_store

State = Literal["ok", "missing", "optional"]
STATE_LABELS = {"ok": "ok      ", "missing": "MISSING ", "optional": "not set "}
MIN_FREE_GB = 10  # less free disk space counts as missing
PROVIDERS = {
    "mail by SMTP": "CARMIC_SMTP_URL",
    "Pexels stock search": "CARMIC_PEXELS_API_KEY",
    "Stripe top-ups": "CARMIC_STRIPE_SECRET_KEY",
    "language model": "CARMIC_LLM_URL",
    "Gemini": "CARMIC_GEMINI_API_KEY",
    "fal, for AI edits and generation": "CARMIC_FAL_KEY",
    "Runway, for AI edits": "CARMIC_RUNWAY_KEY",
    "YouTube accounts": "CARMIC_YOUTUBE_CLIENT_ID",
    "Facebook, Instagram": "CARMIC_META_CLIENT_ID",
}


class Finding(msgspec.Struct, frozen=True):
    """One line of the report, and one object of `--json`. Clips can be made without an `optional` part."""

    what: str
    state: State
    detail: str


def run_doctor(as_json: bool, print_line: Callable[[str], None]) -> int:
    """Print every finding. Returns 1 if a required part is missing, otherwise 0."""
    settings = load_settings()
    checks = (_check_requirements, _check_dagster, _check_models, _check_ai_edits, _check_providers)
    findings = [finding for check in checks for finding in check(settings)]
    if as_json:
        print_line(json.dumps([msgspec.to_builtins(finding) for finding in findings]))
    else:
        for finding in findings:
            print_line(f"{STATE_LABELS[finding.state]} {finding.what:<22} {finding.detail}")
    return 1 if any(finding.state == "missing" for finding in findings) else 0


def _check_requirements(settings: Settings) -> list[Finding]:
    free_gb = shutil.disk_usage(settings.home).free / 1e9
    disk_state: State = "ok" if free_gb > MIN_FREE_GB else "missing"
    return [
        _check_ffmpeg(),
        _check_database(settings),
        _check_store(settings),
        Finding("disk", disk_state, f"{free_gb:.0f} GB free in {settings.home}"),
    ]


def _check_ffmpeg() -> Finding:
    try:
        return Finding("ffmpeg", "ok", locate_binary())
    except Exception as error:
        return Finding("ffmpeg", "missing", f"{error}; reinstall imageio-ffmpeg")


def _check_database(settings: Settings) -> Finding:
    """Return whether a connection succeeds. The schema is not upgraded; the next start does that."""
    try:
        with Database(settings.database_url).read():
            return Finding("database", "ok", settings.database_url.rpartition("@")[2])
    except Exception as error:
        return Finding("database", "missing", _get_first_line(error))


def _check_store(settings: Settings) -> Finding:
    try:
        open_store(settings).check()
        return Finding("object store", "ok", settings.store_url)
    except Exception as error:
        return Finding("object store", "missing", _get_first_line(error))


def _check_dagster(settings: Settings) -> list[Finding]:
    """Return whether Dagster's storage opens and whether its daemon, which starts queued runs, is alive."""
    dagster_home = settings.home / "dagster"
    try:
        if settings.dagster_postgres_url:
            create_engine(settings.dagster_postgres_url).connect().close()
    except Exception as error:
        return [Finding("Dagster storage", "missing", f"CARMIC_DAGSTER_POSTGRES_URL: {_get_first_line(error)}")]
    if not (dagster_home / "dagster.yaml").exists():
        return [Finding("Dagster storage", "optional", f"`carmic up` creates {dagster_home}")]
    try:
        silence_s, detail = _measure_daemon_silence_s(dagster_home), str(dagster_home)
    except Exception as error:
        return [Finding("Dagster storage", "missing", _get_first_line(error))]
    if settings.dagster_postgres_url:
        detail = settings.dagster_postgres_url.rpartition("@")[2]
    return [Finding("Dagster storage", "ok", detail), _judge_daemon(settings, silence_s)]


def _measure_daemon_silence_s(dagster_home: Path) -> float | None:
    from dagster import DagsterInstance  # noqa: PLC0415 - takes a second, which a home that never ran need not spend

    from resources.dagster_internals import get_daemon_silence_s  # noqa: PLC0415 - imports Dagster

    with DagsterInstance.from_config(str(dagster_home)) as instance:
        return get_daemon_silence_s(instance)


def _judge_daemon(settings: Settings, silence_s: float | None) -> Finding:
    """Return a finding that is `missing` if runs wait for a daemon that sends no heartbeats."""
    if silence_s is not None and silence_s < DAEMON_TIMEOUT_S:
        return Finding("Dagster daemon", "ok", f"its last heartbeat was {silence_s:.0f} s ago")
    past = "it never sent a heartbeat" if silence_s is None else f"its last heartbeat was {silence_s:.0f} s ago"
    try:
        with Database(settings.database_url).read() as connection:
            open_count = sum(run_intents.count_open(connection).values())
    except Exception:  # the finding `database` says why
        open_count = 0
    if open_count:
        return Finding("Dagster daemon", "missing", f"{past}, and {open_count} runs wait; start `carmic up`")
    return Finding("Dagster daemon", "optional", f"{past}; `carmic up` starts it")


def _get_first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _check_models(settings: Settings) -> list[Finding]:
    try:
        weights = find_weights(settings.whisper_model, settings.cache_dir / "whisper")
        speech = Finding("speech model", "ok", weights.name)
    except CarmicError as error:
        speech = Finding("speech model", "missing", error.sentence)
    has_torch = settings.device != "cpu" and importlib.util.find_spec("torch") is not None
    device = Finding("device", "ok", settings.device + (" (torch is installed)" if has_torch else ""))
    return [speech, _check_detector(settings.yolo_weights), device, _check_voices(settings)]


def _check_voices(settings: Settings) -> Finding:
    weights = voice_weights.find_weights(settings.cache_dir)
    if weights is None:
        return Finding("voices (kokoro)", "optional", "run `carmic fetch-voices` to generate speech on this machine")
    return Finding("voices (kokoro)", "ok", str(weights.voices))


def _check_detector(weights: str) -> Finding:
    if weights == "auto":
        detail = "CARMIC_YOLO_WEIGHTS is auto: yolo11n-pose.pt where it is present, otherwise the bundled face detector"
        return Finding("person detector", "ok", detail)
    if weights == "centerface" or Path(weights).expanduser().exists():
        return Finding("person detector", "ok", weights)
    if "/" in weights:
        detail = f"CARMIC_YOLO_WEIGHTS: {weights} does not exist; the bundled face detector runs instead"
        return Finding("person detector", "missing", detail)
    detail = f"CARMIC_YOLO_WEIGHTS: {weights} is downloaded at its first use"
    return Finding("person detector", "ok", detail)


def _check_ai_edits(settings: Settings) -> list[Finding]:
    del settings  # the operations need none
    return [Finding("AI edits", "ok", f"{len(OPERATIONS)} operations: {', '.join(BY_NAME)}")]


def _check_providers(settings: Settings) -> list[Finding]:
    """Return a finding for each external service. Clips can be made without any of them."""
    help_by_name = {setting.name: setting.help for setting in SETTINGS}
    findings = []
    for what, name in PROVIDERS.items():
        is_set = bool(getattr(settings, name.removeprefix("CARMIC_").lower()))
        findings.append(Finding(what, "ok" if is_set else "optional", f"{name}: {help_by_name[name]}"))
    return findings
