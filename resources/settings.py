"""Settings: environment variables read once into one frozen Struct. Every error is found at boot and told together.

`SETTINGS` is the one list of names, defaults and help texts; the docs, `carmic doctor` and a test read it.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec


class SettingsError(ValueError):
    """Every wrong setting, one sentence each."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


class Setting(msgspec.Struct, frozen=True):
    """One environment variable. `default` is shown as it is; `{home}` stands for the home directory."""

    name: str
    default: str
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("CARMIC_HOME", "~/.carmic", "Directory for everything this installation keeps."),
    Setting("CARMIC_ENV", "development", "`production` refuses weak secrets and insecure public URLs."),
    Setting("CARMIC_DATABASE_URL", "sqlite:///{home}/carmic.db", "SQLite file or postgresql+psycopg:// URL."),
    Setting(
        "CARMIC_STORE_URL", "file://{home}/store", "Where media and artifacts live: file:// or s3://bucket/prefix."
    ),
    Setting("CARMIC_S3_ENDPOINT", "", "Endpoint of an S3-compatible store; empty for AWS."),
    Setting("CARMIC_S3_REGION", "us-east-1", "Region of the bucket."),
    Setting(
        "CARMIC_PUBLIC_URL",
        "http://127.0.0.1:8000",
        "The address clients reach the API by; signed links start with it.",
    ),
    Setting("CARMIC_SECRET_KEY", "", "Signs tokens and links; made and kept in the home when absent.", secret=True),
    Setting("CARMIC_WHISPER_MODEL", "auto", "faster-whisper model: a name, a directory, or `auto`."),
    Setting("CARMIC_YOLO_WEIGHTS", "auto", "Ultralytics weights: a name, a path, or `auto`."),
    Setting("CARMIC_ASD_WEIGHTS", "", "LR-ASD audio-visual speaker weights by path; empty uses lip motion."),
    Setting("CARMIC_DEVICE", "cpu", "Device for the models: cpu, cuda, cuda:0, mps."),
    Setting("CARMIC_VIDEO_ENCODER", "libx264", "libx264, h264_nvenc, h264_videotoolbox or h264_vaapi."),
    Setting("CARMIC_THREADS", "2", "Threads that one run may use."),
    Setting(
        "CARMIC_EXECUTOR",
        "in_process",
        "`in_process`, or `multiprocess` where steps should have processes of their own.",
    ),
    Setting("CARMIC_MAX_RUNS", "2", "Runs at once over all workspaces; a run uses CARMIC_THREADS threads."),
    Setting("CARMIC_DAGSTER_POSTGRES_URL", "", "Dagster's own storage; empty for SQLite in the home.", secret=True),
    Setting("CARMIC_CODE_SERVER", "127.0.0.1:4000", "host:port of the Dagster code server that runs are submitted to."),
    Setting("CARMIC_OUTBOUND_ALLOW", "", "Networks (CIDR, comma-separated) that may be reached although private."),
    Setting("CARMIC_TRUSTED_PROXIES", "", "Networks whose X-Forwarded-For is believed."),
    Setting("CARMIC_CORS_ORIGINS", "", "Origins that may call the API from a browser, comma-separated."),
    Setting("CARMIC_MAX_UPLOAD_BYTES", str(5 * 1024**3), "Largest upload or download."),
    Setting(
        "CARMIC_SMTP_URL",
        "",
        "smtp://user:password@host:port or smtps://; empty keeps mail in the outbox.",
        secret=True,
    ),
    Setting("CARMIC_MAIL_FROM", "carmic@localhost", "Sender of the mail."),
    Setting("CARMIC_PEXELS_API_KEY", "", "Pexels stock search.", secret=True),
    Setting("CARMIC_PEXELS_URL", "https://api.pexels.com", "Pexels endpoint."),
    Setting("CARMIC_STRIPE_SECRET_KEY", "", "Stripe top-ups.", secret=True),
    Setting("CARMIC_STRIPE_WEBHOOK_SECRET", "", "Verifies Stripe's events.", secret=True),
    Setting("CARMIC_STRIPE_URL", "https://api.stripe.com", "Stripe endpoint."),
    Setting("CARMIC_STRIPE_CENTS_PER_MINUTE", "10", "What a topped-up minute costs, in hundredths of the currency."),
    Setting("CARMIC_STRIPE_CURRENCY", "usd", "Currency of top-ups."),
    Setting("CARMIC_LLM_URL", "", "OpenAI-compatible base URL that refines titles and order."),
    Setting("CARMIC_LLM_API_KEY", "", "Key for CARMIC_LLM_URL.", secret=True),
    Setting("CARMIC_LLM_MODEL", "", "Model name at CARMIC_LLM_URL."),
    Setting("CARMIC_GEMINI_API_KEY", "", "Gemini, for `enable_multimodal`.", secret=True),
    Setting("CARMIC_GEMINI_MODEL", "gemini-2.5-flash", "Gemini model."),
    Setting("CARMIC_GEMINI_URL", "https://generativelanguage.googleapis.com", "Gemini endpoint."),
    Setting("CARMIC_YOUTUBE_CLIENT_ID", "", "OAuth client for YouTube."),
    Setting("CARMIC_YOUTUBE_CLIENT_SECRET", "", "OAuth client secret for YouTube.", secret=True),
    Setting("CARMIC_META_CLIENT_ID", "", "OAuth client for Facebook and Instagram."),
    Setting("CARMIC_META_CLIENT_SECRET", "", "OAuth client secret for Facebook and Instagram.", secret=True),
    Setting("CARMIC_OAUTH_BASE_URL", "", "One base URL that replaces every platform's (for a proxy or a test)."),
)


class Settings(msgspec.Struct, frozen=True):
    """What `load` made of the environment. Paths are absolute; networks are parsed."""

    home: Path
    database_url: str
    store_url: str
    s3_endpoint: str
    s3_region: str
    public_url: str
    secret_key: str
    whisper_model: str
    yolo_weights: str
    asd_weights: str
    device: str
    video_encoder: str
    threads: int
    code_server: str
    outbound_allow: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    cors_origins: tuple[str, ...]
    max_upload_bytes: int
    smtp_url: str
    mail_from: str
    pexels_api_key: str
    pexels_url: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    stripe_url: str
    stripe_cents_per_minute: int
    stripe_currency: str
    llm_url: str
    llm_api_key: str
    llm_model: str
    gemini_api_key: str
    gemini_model: str
    gemini_url: str
    youtube_client_id: str
    youtube_client_secret: str
    meta_client_id: str
    meta_client_secret: str
    oauth_base_url: str

    @property
    def cache_dir(self) -> Path:
        """For what can be made again: joined weights, fonts, previews."""
        return self.home / "cache"

    @property
    def scratch_dir(self) -> Path:
        """For work in progress; what dead processes leave in it is swept."""
        return self.home / "scratch"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Creates the home and, where none is given, the secret key in it.

    Raises SettingsError with every problem found.
    """
    environ = os.environ if environ is None else environ
    raw = {s.name: environ.get(s.name, "").strip() or s.default for s in SETTINGS}
    home = Path(raw["CARMIC_HOME"]).expanduser().absolute()
    raw = {name: value.replace("{home}", str(home)) for name, value in raw.items()}
    problems: list[str] = []
    if set("%?") & set(str(home)):
        problems.append(f"CARMIC_HOME: {home} holds a `%` or `?`, which SQLite's addresses cannot. Choose another.")
    production = raw["CARMIC_ENV"] == "production"
    if raw["CARMIC_ENV"] not in ("development", "production"):
        problems.append("CARMIC_ENV must be `development` or `production`.")
    url = raw["CARMIC_DATABASE_URL"]
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        problems.append("CARMIC_DATABASE_URL must start with sqlite:/// or postgresql+psycopg://.")
    if not raw["CARMIC_STORE_URL"].startswith(("file://", "s3://")):
        problems.append("CARMIC_STORE_URL must start with file:// or s3://.")
    if not raw["CARMIC_PUBLIC_URL"].startswith(("http://", "https://")):
        problems.append("CARMIC_PUBLIC_URL must start with http:// or https://.")
    if raw["CARMIC_EXECUTOR"] not in ("in_process", "multiprocess"):
        problems.append("CARMIC_EXECUTOR must be `in_process` or `multiprocess`.")
    if raw["CARMIC_VIDEO_ENCODER"] not in ("libx264", "h264_nvenc", "h264_videotoolbox", "h264_vaapi"):
        problems.append("CARMIC_VIDEO_ENCODER must be libx264, h264_nvenc, h264_videotoolbox or h264_vaapi.")
    whole = ("CARMIC_THREADS", "CARMIC_MAX_RUNS", "CARMIC_MAX_UPLOAD_BYTES", "CARMIC_STRIPE_CENTS_PER_MINUTE")
    for name in whole:
        if not raw[name].isdigit() or int(raw[name]) < 1:
            problems.append(f"{name} must be a whole number of at least 1.")
    for name in ("CARMIC_OUTBOUND_ALLOW", "CARMIC_TRUSTED_PROXIES"):
        for network in _split(raw[name]):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                problems.append(f"{name}: {network} is not a network such as 10.0.0.0/8.")
    secret = raw["CARMIC_SECRET_KEY"]
    if secret and len(secret) < 32:
        problems.append("CARMIC_SECRET_KEY must have at least 32 characters.")
    if production and not secret:
        problems.append("CARMIC_SECRET_KEY must be set in production.")
    if production and not raw["CARMIC_PUBLIC_URL"].startswith("https://"):
        problems.append("CARMIC_PUBLIC_URL must start with https:// in production.")
    if problems:
        raise SettingsError(problems)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"CARMIC_HOME: {home} cannot be made ({error.strerror}). Choose another."]) from error
    return Settings(
        home=home,
        database_url=url,
        store_url=raw["CARMIC_STORE_URL"],
        s3_endpoint=raw["CARMIC_S3_ENDPOINT"],
        s3_region=raw["CARMIC_S3_REGION"],
        public_url=raw["CARMIC_PUBLIC_URL"].rstrip("/"),
        secret_key=secret or _kept_secret(home),
        whisper_model=raw["CARMIC_WHISPER_MODEL"],
        yolo_weights=raw["CARMIC_YOLO_WEIGHTS"],
        asd_weights=raw["CARMIC_ASD_WEIGHTS"],
        device=raw["CARMIC_DEVICE"],
        video_encoder=raw["CARMIC_VIDEO_ENCODER"],
        threads=int(raw["CARMIC_THREADS"]),
        code_server=raw["CARMIC_CODE_SERVER"],
        outbound_allow=_split(raw["CARMIC_OUTBOUND_ALLOW"]),
        trusted_proxies=_split(raw["CARMIC_TRUSTED_PROXIES"]),
        cors_origins=_split(raw["CARMIC_CORS_ORIGINS"]),
        max_upload_bytes=int(raw["CARMIC_MAX_UPLOAD_BYTES"]),
        smtp_url=raw["CARMIC_SMTP_URL"],
        mail_from=raw["CARMIC_MAIL_FROM"],
        pexels_api_key=raw["CARMIC_PEXELS_API_KEY"],
        pexels_url=raw["CARMIC_PEXELS_URL"],
        stripe_secret_key=raw["CARMIC_STRIPE_SECRET_KEY"],
        stripe_webhook_secret=raw["CARMIC_STRIPE_WEBHOOK_SECRET"],
        stripe_url=raw["CARMIC_STRIPE_URL"],
        stripe_cents_per_minute=int(raw["CARMIC_STRIPE_CENTS_PER_MINUTE"]),
        stripe_currency=raw["CARMIC_STRIPE_CURRENCY"].lower(),
        llm_url=raw["CARMIC_LLM_URL"],
        llm_api_key=raw["CARMIC_LLM_API_KEY"],
        llm_model=raw["CARMIC_LLM_MODEL"],
        gemini_api_key=raw["CARMIC_GEMINI_API_KEY"],
        gemini_model=raw["CARMIC_GEMINI_MODEL"],
        gemini_url=raw["CARMIC_GEMINI_URL"],
        youtube_client_id=raw["CARMIC_YOUTUBE_CLIENT_ID"],
        youtube_client_secret=raw["CARMIC_YOUTUBE_CLIENT_SECRET"],
        meta_client_id=raw["CARMIC_META_CLIENT_ID"],
        meta_client_secret=raw["CARMIC_META_CLIENT_SECRET"],
        oauth_base_url=raw["CARMIC_OAUTH_BASE_URL"],
    )


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _kept_secret(home: Path) -> str:
    """The home's own key. `O_EXCL` decides which of several processes that start at once makes it."""
    path = home / "secret.key"
    made = home / f"secret.key.{os.getpid()}"
    if not path.exists():
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # fails where another process was first
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()
