"""The command line: parses, calls one function of a neighbour, exits with its status."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path

from sqlalchemy.exc import OperationalError

from carmic_assets.cli.errors import UserError
from resources.settings import SettingsError

MOST_MINUTES = 1_000_000_000
INTERRUPTED = 130  # what shells expect of a command that Ctrl-C ended


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: use a number up to 65535, or 0 for any free one")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count: use a whole number of at least 1")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not abs(minutes) <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is no number of minutes up to {MOST_MINUTES:,}")
    return minutes


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="carmic", description="Long videos in, captioned clips and editor packages out.")
    commands = top.add_subparsers(dest="command", required=True)
    home = argparse.ArgumentParser(add_help=False)
    default = os.environ.get("CARMIC_HOME", "~/.carmic")
    home.add_argument("--home", type=Path, default=Path(default), help=f"everything is kept here (default {default})")

    up = commands.add_parser("up", parents=[home], help="serve the API and the Dagster UI until Ctrl-C")
    up.add_argument("--host", default="127.0.0.1", help="where the API listens")
    up.add_argument("--dagster-host", default="127.0.0.1", help="where the Dagster UI listens: it knows no login")
    up.add_argument("--port", type=_port, default=8000)
    up.add_argument("--dagster-port", type=_port, default=3000)

    clip = commands.add_parser("clip", parents=[home], help="cut one video, without a server")
    clip.add_argument("video", type=Path)
    clip.add_argument("--out", type=Path, required=True, help="folder for the MP4s and packages")
    clip.add_argument("--max-clips", type=_count, default=3)
    clip.add_argument("--aspect", default="9:16", choices=("9:16", "1:1", "4:5", "16:9"))
    clip.add_argument("--style", default="HORMOZI", help="caption preset")
    clip.add_argument("--language", default=None, help="ISO 639-1; heard from the sound when left out")
    clip.add_argument(
        "--export", action="append", default=[], choices=("premiere", "davinci", "fcpx", "after_effects"),
        help="also write a project package; may be given several times",
    )  # fmt: skip

    doctor = commands.add_parser("doctor", parents=[home], help="say what is there and what is missing")
    doctor.add_argument("--json", action="store_true")

    admin = commands.add_parser("admin", help="operators' commands; each answers with a line of JSON")
    actions = admin.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create-user", parents=[home])
    create.add_argument("email")
    create.add_argument("password")
    tier = actions.add_parser("set-tier", parents=[home])
    tier.add_argument("workspace")
    tier.add_argument("tier", type=str.upper)
    grant = actions.add_parser("grant-minutes", parents=[home])
    grant.add_argument("workspace")
    grant.add_argument("minutes", type=_minutes)
    actions.add_parser("outbox", parents=[home])
    return top


def main(argv: list[str] | None = None) -> int:
    asked = parser().parse_args(argv)
    os.environ["CARMIC_HOME"] = str(asked.home.expanduser().absolute())
    try:
        if asked.command == "up":
            from carmic_assets.cli.up import up

            return up(asked.home, asked.host, asked.port, asked.dagster_host, asked.dagster_port, say)
        if asked.command == "clip":
            from carmic_assets.cli.clip import clip

            return clip(asked, say)
        if asked.command == "doctor":
            from carmic_assets.cli.doctor import doctor

            return doctor(asked.json, say)
        from carmic_assets.cli import admin

        say(json.dumps(admin.answer(asked)))
        return 0
    except SettingsError as error:
        sys.stderr.write("The settings need mending:\n" + "\n".join(f"  {p}" for p in error.problems) + "\n")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:  # a folder that cannot be written to, a full disk: the system's sentence names it
        sys.stderr.write(f"{error.strerror or error}: {error.filename}\n" if error.filename else f"{error}\n")
    except OperationalError as error:
        sys.stderr.write(f"The database of CARMIC_DATABASE_URL cannot be used: {error.orig}\n")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    return 2


if __name__ == "__main__":
    sys.exit(main())
