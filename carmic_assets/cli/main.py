"""Parses the command line and runs one command.

Only the standard library is imported until the arguments are valid, so that `--help` and argument errors are fast.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

from carmic_assets.cli.accepted_formats import CONTENT_TYPE_BY_SUFFIX

MAX_MINUTES = 1_000_000_000  # that `grant-minutes` accepts
MAX_CREDITS = 1_000_000_000  # that `grant-credits` accepts
MAX_PORT = 65535


def _parse_port(text: str) -> int:
    if not text.isdigit() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port: use a number up to {MAX_PORT}, or 0 for any free one")
    return int(text)


def _parse_count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def _parse_minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not abs(minutes) <= MAX_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not a number of minutes up to {MAX_MINUTES:,}")
    return minutes


def _parse_credits(text: str) -> int:
    try:
        credits = int(text)
    except ValueError:
        credits = MAX_CREDITS + 1
    if abs(credits) > MAX_CREDITS:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of credits up to {MAX_CREDITS:,}")
    return credits


def _parse_video_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"file {path} does not exist")
    if path.suffix.lower() not in CONTENT_TYPE_BY_SUFFIX:
        raise argparse.ArgumentTypeError(
            f"{path.suffix or path.name} is not a video format: use one of {', '.join(CONTENT_TYPE_BY_SUFFIX)}"
        )
    return path


def _parse_directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"directory {path} does not exist")
    return path


def _parse_caption_style(text: str) -> str:
    from carmic_assets.captions.caption_styles import STYLE_PRESETS  # noqa: PLC0415 - `--help` does not need msgspec

    style = text.upper()
    if style not in STYLE_PRESETS:
        raise argparse.ArgumentTypeError(f"{text} is not a caption style: use one of {', '.join(STYLE_PRESETS)}")
    return style


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the complete command line; each sub-command sets `command`."""
    parser = argparse.ArgumentParser(
        prog="carmic", description="Produces captioned clips and project packages from long videos."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    home = argparse.ArgumentParser(add_help=False)
    default_home = os.environ.get("CARMIC_HOME", "~/.carmic")
    home.add_argument(
        "--home", type=Path, default=Path(default_home), help=f"directory for all files (default {default_home})"
    )

    up = commands.add_parser("up", parents=[home], help="serve the API and the Dagster UI until Ctrl-C")
    up.add_argument("--host", default="127.0.0.1", help="address on which the API listens")
    up.add_argument("--dagster-host", default="127.0.0.1", help="address on which the Dagster UI listens")
    up.add_argument("--port", type=_parse_port, default=8000, help="port of the API")
    up.add_argument("--dagster-port", type=_parse_port, default=3000, help="port of the Dagster UI")

    clip = commands.add_parser("clip", parents=[home], help="produce clips of one video, without a server")
    clip.add_argument("video", type=_parse_video_file)
    clip.add_argument("--out", type=Path, required=True, help="directory for the MP4s and packages")
    clip.add_argument("--max-clips", type=_parse_count, default=3, help="number of clips to render, best first")
    clip.add_argument("--aspect", default="9:16", choices=("9:16", "1:1", "4:5", "16:9"))
    clip.add_argument("--style", type=_parse_caption_style, default="HORMOZI", help="caption style preset")
    clip.add_argument("--language", default=None, help="ISO 639-1 code; detected from the audio when omitted")
    clip.add_argument(
        "--export", action="append", default=[], choices=("premiere", "davinci", "fcpx", "after_effects"),
        help="also write a project package; may be repeated",
    )  # fmt: skip

    importer = commands.add_parser("import", parents=[home], help="queue all videos of a directory, behind other work")
    importer.add_argument("directory", type=_parse_directory)
    importer.add_argument("--workspace", required=True, help="id of the workspace that owns and pays for the videos")
    importer.add_argument("--dry-run", action="store_true", help="only list what would be imported")

    doctor = commands.add_parser("doctor", parents=[home], help="report what is installed and what is missing")
    doctor.add_argument("--json", action="store_true", help="print a JSON list instead of lines")

    commands.add_parser("fetch-voices", parents=[home], help="fetch the voices that speak generated audio, once")

    admin = commands.add_parser("admin", help="operators' commands; each prints one line of JSON")
    actions = admin.add_subparsers(dest="action", required=True)
    create_user = actions.add_parser("create-user", parents=[home], help="create a user with a workspace")
    create_user.add_argument("email")
    create_user.add_argument(
        "password",
        nargs="?",
        default="-",
        help="if omitted or `-`: asked for, or read from standard input",
    )
    set_tier = actions.add_parser("set-tier", parents=[home], help="change a workspace's tier")
    set_tier.add_argument("workspace")
    set_tier.add_argument("tier", type=str.upper)
    grant = actions.add_parser("grant-minutes", parents=[home], help="add minutes to a workspace, or remove them")
    grant.add_argument("workspace")
    grant.add_argument("minutes", type=_parse_minutes)
    grant_credits = actions.add_parser(
        "grant-credits", parents=[home], help="add credits to a workspace, or remove them"
    )
    grant_credits.add_argument("workspace")
    grant_credits.add_argument("credits", type=_parse_credits)
    ui_link = actions.add_parser("ui-link", parents=[home], help="print a link that opens the Dagster UI once")
    ui_link.add_argument("--dagster-url", default="http://127.0.0.1:3000", help="address of the Dagster UI")
    videos = actions.add_parser("videos", parents=[home], help="find videos of all workspaces, newest first")
    videos.add_argument("search", nargs="?", default="", help="a part of title or file name, or the start of the id")
    videos.add_argument("--workspace", default="", help="id of a workspace")
    videos.add_argument("--status", default="", type=str.upper, help="such as TRANSCRIBING or FAILED")
    videos.add_argument("--limit", type=_parse_count, default=50, help="number of videos to print (default 50)")
    actions.add_parser("outbox", parents=[home], help="list the mail that was not sent")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv`, by default that of this process. Returns the exit status."""
    args = build_parser().parse_args(argv)
    os.environ["CARMIC_HOME"] = str(args.home.expanduser().absolute())
    from carmic_assets.cli.commands import run_command  # noqa: PLC0415 - imports SQLAlchemy, 0.2 s

    return run_command(args)


if __name__ == "__main__":
    sys.exit(main())
