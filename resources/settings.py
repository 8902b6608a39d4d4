"""Settings: environment variables, read once per process into one frozen Struct.

`Settings` declares each setting once: its type, default, help text, parser and whether it is a secret. `SETTINGS`,
`load_settings`, `carmic doctor` and the test of docs/settings.md read it. To add a setting, add one field to
`Settings` and the row that tests/test_settings.py then expects in docs/settings.md.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

import msgspec

MIN_SECRET_LENGTH = 32  # characters
TIERS = ("FREE", "STANDARD", "PROFESSIONAL", "BUSINESS", "ENTERPRISE")
MONTHLY_CREDITS = '{"FREE": 1000, "STANDARD": 5000, "PROFESSIONAL": 15000, "BUSINESS": 30000, "ENTERPRISE": 50000}'
VIDEO_ENCODERS = ("libx264", "h264_nvenc", "h264_videotoolbox", "h264_vaapi")


class SettingsError(ValueError):
    """One or more settings are invalid; `problems` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# --- parsers: text of the variable in, value out; a ValueError completes the sentence "CARMIC_X ..."


def _parse_home(text: str) -> Path:
    home = Path(text).expanduser().absolute()
    if set("%?") & set(str(home)):
        raise ValueError(f"must not contain `%` or `?`, because SQLite URLs cannot; it is {home}. Choose another.")
    return home


def _parse_positive_int(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("must be a whole number of at least 1.")
    return int(text)


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_networks(text: str) -> tuple[str, ...]:
    networks = _parse_list(text)
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise ValueError(f"must list networks such as 10.0.0.0/8; {network} is not a network.") from error
    return networks


def _parse_secret_key(text: str) -> str:
    if text and len(text) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters.")
    return text


def _parse_secret_keys(text: str) -> tuple[str, ...]:
    return tuple(_parse_secret_key(key) for key in _parse_list(text))


def _parse_public_url(text: str) -> str:
    return _starts_with("http://", "https://")(text).rstrip("/")


def _parse_dagster_postgres_url(text: str) -> str:
    if text and not text.startswith("postgresql+psycopg2://"):
        raise ValueError(
            "must start with postgresql+psycopg2://, because Dagster announces events with a NOTIFY that other drivers "
            "refuse."
        )
    return text


def _parse_monthly_credits(text: str) -> dict[str, int]:
    """One number for all tiers, or a JSON object with a number for each."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    numbers = dict.fromkeys(TIERS, value) if isinstance(value, int) and not isinstance(value, bool) else value
    is_complete = isinstance(numbers, dict) and set(numbers) == set(TIERS)
    if not is_complete or not all(type(number) is int and number >= 0 for number in numbers.values()):
        raise ValueError(f"must be a whole number, or a JSON object with one for each of {', '.join(TIERS)}.")
    return {tier: numbers[tier] for tier in TIERS}


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(filter(None, choices))}.")
        return text

    return parse


def _starts_with(*prefixes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.startswith(prefixes):
            raise ValueError(f"must start with {' or '.join(prefixes)}.")
        return text

    return parse


# --- the list


class Setting(msgspec.Struct, frozen=True):
    """The declaration of one environment variable.

    `default` is the text that is parsed when the variable is unset or blank. `{home}` in a value stands for the home
    directory. `field` is the attribute of `Settings`.
    """

    default: str
    help: str
    parse: Callable[[str], Any] = str
    secret: bool = False
    field: str = ""

    @property
    def name(self) -> str:
        """The environment variable, such as CARMIC_HOME for the field `home`."""
        return f"CARMIC_{self.field.upper()}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The parsed settings. Paths are absolute; networks are CIDR strings that have been checked."""

    # fmt: off
    home: Annotated[Path, Setting("~/.carmic", "Directory for all files of this installation.", _parse_home)]
    env: Annotated[str, Setting("development",
        "`production` refuses weak secrets and insecure public URLs.", _one_of("development", "production"))]
    database_url: Annotated[str, Setting("sqlite:///{home}/carmic.db",
        "SQLite file or postgresql+psycopg:// URL.", _starts_with("sqlite:///", "postgresql+psycopg://"))]
    store_url: Annotated[str, Setting("file://{home}/store",
        "Object store for media and artifacts: file:// or s3://bucket/prefix.", _starts_with("file://", "s3://"))]
    s3_endpoint: Annotated[str, Setting("", "Endpoint of an S3-compatible store; empty for AWS.")]
    s3_region: Annotated[str, Setting("us-east-1", "Region of the bucket.")]
    public_url: Annotated[str, Setting("http://127.0.0.1:8000",
        "Base URL at which clients reach the API; signed URLs start with it.", _parse_public_url)]
    secret_key: Annotated[str, Setting("",
        "Signs tokens and URLs; created in the home directory when unset.", _parse_secret_key, secret=True)]
    previous_secret_keys: Annotated[tuple[str, ...], Setting("",
        "Earlier secret keys (comma-separated): what they signed stays valid.", _parse_secret_keys, secret=True)]
    registration: Annotated[str, Setting("",
        "Who may register: `open`, `invite` or `closed`; unset means `invite` in production, else `open`.",
        _one_of("", "open", "invite", "closed"))]
    metrics_token: Annotated[str, Setting("",
        "Bearer token for /metrics; without one, only this machine may read it.", secret=True)]
    whisper_model: Annotated[str, Setting("auto", "faster-whisper model: a name, a directory, or `auto`.")]
    yolo_weights: Annotated[str, Setting("auto", "Ultralytics weights: a name, a path, or `auto`.")]
    asd_weights: Annotated[str, Setting("", "Path of LR-ASD active speaker weights; empty uses lip motion.")]
    device: Annotated[str, Setting("cpu", "Device for the models: cpu, cuda, cuda:0, mps.")]
    video_encoder: Annotated[str, Setting("libx264",
        "libx264, h264_nvenc, h264_videotoolbox or h264_vaapi.", _one_of(*VIDEO_ENCODERS))]
    threads: Annotated[int, Setting("2", "Threads that one run may use.", _parse_positive_int)]
    executor: Annotated[str, Setting("in_process",
        "`in_process`, or `multiprocess` to run each step in its own process.", _one_of("in_process", "multiprocess"))]
    max_runs: Annotated[int, Setting("2",
        "Concurrent runs over all workspaces; each run uses CARMIC_THREADS threads.", _parse_positive_int)]
    dagster_postgres_url: Annotated[str, Setting("",
        "postgresql+psycopg2:// URL of a database for Dagster's own storage; empty for SQLite in the home directory.",
        _parse_dagster_postgres_url, secret=True)]
    code_server: Annotated[str, Setting("127.0.0.1:4000",
        "host:port of the Dagster code server that runs are submitted to.")]
    outbound_allow: Annotated[tuple[str, ...], Setting("",
        "Private networks (CIDR, comma-separated) that downloads and webhooks may reach.", _parse_networks)]
    trusted_proxies: Annotated[tuple[str, ...], Setting("",
        "Networks (CIDR, comma-separated) of proxies whose X-Forwarded-For is trusted.", _parse_networks)]
    cors_origins: Annotated[tuple[str, ...], Setting("",
        "Origins (comma-separated) that may call the API from a browser.", _parse_list)]
    max_upload_bytes: Annotated[int, Setting(str(5 * 1024**3),
        "Maximum size of an upload or download in bytes.", _parse_positive_int)]
    smtp_url: Annotated[str, Setting("",
        "smtp://user:password@host:port or smtps://; empty keeps mail in the outbox.", secret=True)]
    mail_from: Annotated[str, Setting("carmic@localhost", "Sender address of mail.")]
    pexels_api_key: Annotated[str, Setting("", "API key for Pexels stock search.", secret=True)]
    pexels_url: Annotated[str, Setting("https://api.pexels.com", "Pexels endpoint.")]
    stripe_secret_key: Annotated[str, Setting("", "Stripe secret key for top-ups.", secret=True)]
    stripe_webhook_secret: Annotated[str, Setting("",
        "Stripe webhook secret, which verifies Stripe's events.", secret=True)]
    stripe_url: Annotated[str, Setting("https://api.stripe.com", "Stripe endpoint.")]
    stripe_cents_per_minute: Annotated[int, Setting("10",
        "Price of one topped-up minute in hundredths of the currency.", _parse_positive_int)]
    stripe_currency: Annotated[str, Setting("usd", "Currency of top-ups.", str.lower)]
    llm_url: Annotated[str, Setting("", "Base URL of an OpenAI-compatible model that refines titles and order.")]
    llm_api_key: Annotated[str, Setting("", "API key for CARMIC_LLM_URL.", secret=True)]
    llm_model: Annotated[str, Setting("", "Model name at CARMIC_LLM_URL.")]
    gemini_api_key: Annotated[str, Setting("", "Gemini API key, for `enable_multimodal`.", secret=True)]
    gemini_model: Annotated[str, Setting("gemini-2.5-flash", "Gemini model.")]
    gemini_url: Annotated[str, Setting("https://generativelanguage.googleapis.com", "Gemini endpoint.")]
    fal_key: Annotated[str, Setting("", "Key for fal: hosted generation, and AI edits of regions.", secret=True)]
    fal_url: Annotated[str, Setting("https://queue.fal.run", "fal's queue.")]
    fal_edit_model: Annotated[str, Setting("fal-ai/ltx-2.3-quality/inpaint",
        "Model at fal for AI edits of a region; it takes `prompt`, `video_url` and `mask_video_url`.")]
    runway_key: Annotated[str, Setting("", "API key for Runway, for AI edits of the whole picture.", secret=True)]
    runway_url: Annotated[str, Setting("https://api.dev.runwayml.com", "Runway endpoint.")]
    runway_model: Annotated[str, Setting("gen4_aleph", "Model at Runway for AI edits.")]
    ai_edit_max_s: Annotated[int, Setting("60",
        "Longest range in seconds that an AI edit on this machine takes.", _parse_positive_int)]
    youtube_client_id: Annotated[str, Setting("", "OAuth client ID for YouTube.")]
    youtube_client_secret: Annotated[str, Setting("", "OAuth client secret for YouTube.", secret=True)]
    meta_client_id: Annotated[str, Setting("", "OAuth client ID for Facebook and Instagram.")]
    meta_client_secret: Annotated[str, Setting("", "OAuth client secret for Facebook and Instagram.", secret=True)]
    oauth_base_url: Annotated[str, Setting("",
        "Base URL that replaces the OAuth endpoints of all platforms (for a proxy or a test).")]
    monthly_credits: Annotated[dict[str, int], Setting(MONTHLY_CREDITS,
        "Credits that a workspace is granted a month: JSON by tier, or one number.", _parse_monthly_credits)]
    plan_gates: Annotated[str, Setting("off",
        "`on` limits the generation API and its models to the plans of its document.", _one_of("off", "on"))]
    keep_outputs_days: Annotated[int, Setting("30",
        "Days for which the files of a generation job are kept.", _parse_positive_int)]
    hosted_runs: Annotated[int, Setting("8",
        "Concurrent runs that only wait: for a provider, or for a video to be analysed.", _parse_positive_int)]
    models: Annotated[str, Setting("", "JSON file that replaces the catalogue of generation models.")]
    # fmt: on

    def __repr__(self) -> str:
        """Return the settings without secrets and without URLs that may contain one, because logs may contain it."""
        hidden = {setting.field for setting in SETTINGS if setting.secret} | {"database_url"}
        fields = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in hidden)
        return f"Settings({', '.join(fields)})"

    @property
    def cache_dir(self) -> Path:
        """Directory for files that can be rebuilt: joined model weights, fonts, previews."""
        return self.home / "cache"

    @property
    def scratch_dir(self) -> Path:
        """Directory for work in progress; files of processes that have ended are removed."""
        return self.home / "scratch"


def _list_settings() -> tuple[Setting, ...]:
    hints = get_type_hints(Settings, include_extras=True)
    declared = ((field, hints[field].__metadata__[0]) for field in Settings.__struct_fields__)
    return tuple(msgspec.structs.replace(setting, field=field) for field, setting in declared)


SETTINGS: tuple[Setting, ...] = _list_settings()


# --- loading


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: os.environ).

    Creates the home directory and, when CARMIC_SECRET_KEY is unset, the secret key in it.

    Raises:
        SettingsError: if settings are invalid; it lists all of them.
    """
    environ = os.environ if environ is None else environ
    texts = {setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS}
    home = Path(texts["CARMIC_HOME"]).expanduser().absolute()
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in SETTINGS:
        try:
            values[setting.field] = setting.parse(texts[setting.name].replace("{home}", str(home)))
        except ValueError as error:
            problems.append(f"{setting.name} {error}")
    problems += _find_production_problems(texts)
    problems += _find_shared_database(texts)
    if problems:
        raise SettingsError(problems)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"CARMIC_HOME cannot be created at {home} ({error.strerror}). Choose another."]) from error
    values["secret_key"] = values["secret_key"] or _load_or_create_secret_key(home)
    values["registration"] = values["registration"] or ("invite" if values["env"] == "production" else "open")
    return Settings(**values)


def _find_production_problems(texts: Mapping[str, str]) -> Iterator[str]:
    if texts["CARMIC_ENV"] != "production":
        return
    if not texts["CARMIC_SECRET_KEY"]:
        yield "CARMIC_SECRET_KEY must be set in production."
    if not texts["CARMIC_PUBLIC_URL"].startswith("https://"):
        yield "CARMIC_PUBLIC_URL must start with https:// in production."


def _find_shared_database(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield a problem if Carmic and Dagster share a database: each keeps its schema version in `alembic_version`."""
    urls = [urlsplit(texts[name]) for name in ("CARMIC_DATABASE_URL", "CARMIC_DAGSTER_POSTGRES_URL")]
    if not all(url.scheme.startswith("postgresql") for url in urls):
        return
    own, dagster = ((url.netloc.rpartition("@")[2].removesuffix(":5432"), url.path, url.query) for url in urls)
    if own == dagster:
        yield (
            "CARMIC_DAGSTER_POSTGRES_URL must name another database than CARMIC_DATABASE_URL, because both keep their "
            "schema version in the table alembic_version. Create a second database on the same server."
        )


def _load_or_create_secret_key(home: Path) -> str:
    """Return the key in `home`. Of several processes that start at once, `os.link` lets exactly one create it."""
    path = home / "secret.key"
    draft = home / f"secret.key.{os.getpid()}"
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process has created it
        finally:
            draft.unlink()
    return path.read_text().strip()
