"""Runs one parsed command and turns its errors into a message on standard error and an exit status.

The module of a command is imported only when the command runs, because `clip` imports Dagster, and `up` and `admin` do
not need it.
"""

from __future__ import annotations

import argparse
import json
import sys

from sqlalchemy.exc import OperationalError

from carmic_assets.cli.errors import UserError
from carmic_assets.cli.output import print_line
from resources.settings import SettingsError

EXIT_USAGE = 2  # the status of argparse for invalid arguments
EXIT_INTERRUPTED = 130  # the shell's convention: 128 + SIGINT


def run_command(args: argparse.Namespace) -> int:
    """Run the command named by `args`. Returns the exit status."""
    try:
        return _run(args)
    except SettingsError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        sys.stderr.write(f"Some settings are invalid:\n{problems}\n")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:  # such as an unwritable directory or a full disk; the system's message names the file
        sys.stderr.write(f"{error.strerror or error}: {error.filename}\n" if error.filename else f"{error}\n")
    except OperationalError as error:
        sys.stderr.write(f"The database of CARMIC_DATABASE_URL cannot be used: {error.orig}\n")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return EXIT_INTERRUPTED
    return EXIT_USAGE


def _run(args: argparse.Namespace) -> int:
    if args.command == "up":
        from carmic_assets.cli.up import serve_home

        return serve_home(args.home, args.host, args.port, args.dagster_host, args.dagster_port, print_line)
    if args.command == "clip":
        from carmic_assets.cli.clip import clip_video

        return clip_video(args, print_line)
    if args.command == "import":
        from carmic_assets.cli.import_videos import import_videos

        return import_videos(args, print_line)
    if args.command == "doctor":
        from carmic_assets.cli.doctor import run_doctor

        return run_doctor(args.json, print_line)
    if args.command == "fetch-voices":
        from carmic_assets.cli.voice_fetching import fetch_voices

        return fetch_voices(args.home, print_line)
    from carmic_assets.cli.admin import run_admin_action

    print_line(json.dumps(run_admin_action(args)))
    return 0
