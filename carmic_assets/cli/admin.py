"""Implements `carmic admin`: accounts, minute pools, videos, unsent mail and links to the Dagster UI."""

from __future__ import annotations

import argparse
import getpass
import sys
import uuid
from typing import Any

from carmic_assets.cli.errors import UserError
from carmic_assets.cli.ui_access import LINK_LIFETIME_S, create_link
from resources import accounts, credits, ledger, mail, passwords, projects
from resources.email_addresses import InvalidEmailError, check_email
from resources.platform import Platform, open_platform


def run_admin_action(args: argparse.Namespace) -> dict[str, Any]:
    """Run the action named by `args`. Returns the values to print as JSON.

    Raises:
        UserError: the action is not possible.
    """
    actions = {
        "create-user": _create_user,
        "set-tier": _set_tier,
        "grant-minutes": _grant_minutes,
        "grant-credits": _grant_credits,
        "outbox": _list_unsent_mail,
        "videos": _find_videos,
        "ui-link": _create_ui_link,
    }
    return actions[args.action](open_platform(), args)


def _create_user(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    try:
        check_email(args.email)
    except InvalidEmailError as error:
        raise UserError(f"EMAIL {error}") from None
    password = _read_password() if args.password == "-" else args.password  # noqa: S105 - the conventional name of stdin
    if args.password != "-":  # noqa: S105 - as above
        sys.stderr.write("Other users of this machine can see a password on the command line. Omit it next time.\n")
    if not passwords.is_acceptable(password):
        raise UserError(passwords.RULE)
    password_hash = passwords.hash_password(password)
    try:
        with platform.database.write() as connection:
            user, workspace_id = accounts.register(connection, args.email, password_hash)
    except accounts.EmailTakenError:
        raise UserError(f"{args.email} already has an account.") from None
    return {"user_id": user.id, "workspace_id": workspace_id}


def _read_password() -> str:
    """Return the password from a prompt if standard input is a terminal, or else from its first line."""
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _create_ui_link(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    return {"url": create_link(platform.settings.home, args.dagster_url.rstrip("/")), "valid_s": LINK_LIFETIME_S}


def _set_tier(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    if args.tier not in ledger.TIERS:
        raise UserError(f"{args.tier} is not a tier. Use one of {', '.join(ledger.TIERS)}.")
    with platform.database.write() as connection:
        if not accounts.set_tier(connection, args.workspace, args.tier):
            raise UserError(f"Workspace {args.workspace} does not exist.")
    return {"workspace_id": args.workspace, "tier": args.tier}


def _grant_minutes(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    amount_ms = round(args.minutes * ledger.MINUTE_MS)
    with platform.database.write() as connection:
        if accounts.get_tier(connection, args.workspace) is None:
            raise UserError(f"Workspace {args.workspace} does not exist.")
        ledger.grant_month(connection, args.workspace)
        key = f"operator:{uuid.uuid4()}"
        try:
            entry = ledger.NewEntry(key, "grant", amount_ms, "Granted by the operator")
            ledger.post_entry(connection, args.workspace, entry)
        except ledger.InsufficientMinutesError as error:
            raise UserError(f"The balance cannot become negative. {error}") from error
        balance_ms = ledger.get_balance_ms(connection, args.workspace)
    return {"workspace_id": args.workspace, "minutes_balance": round(balance_ms / ledger.MINUTE_MS, 3)}


def _find_videos(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    statuses = (*projects.STATUS_ORDER, *projects.FAILED_STATUSES, "CANCELLED")
    if args.status and args.status not in statuses:
        raise UserError(f"{args.status} is not a status. Use one of {', '.join(statuses)}.")
    with platform.database.read() as connection:
        matches = projects.find_for_operator(
            connection, search=args.search, workspace_id=args.workspace, status=args.status, limit=args.limit
        )
    return {
        "videos": [
            {
                "project_id": project.id,
                "title": project.title,
                "workspace_id": project.workspace_id,
                "status": project.status,
                "progress": project.progress,
                "run_id": project.run_id,
                "error_message": project.error_message,
                "created_at": project.created_at.isoformat(),
            }
            for project in matches
        ]
    }


def _grant_credits(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    with platform.database.write() as connection:
        if accounts.get_tier(connection, args.workspace) is None:
            raise UserError(f"Workspace {args.workspace} does not exist.")
        credits.grant_month(connection, args.workspace, platform.settings.monthly_credits)
        entry = credits.NewCreditEntry(f"operator:{uuid.uuid4()}", "grant", args.credits, "Granted by the operator")
        try:
            credits.post_entry(connection, args.workspace, entry)
        except credits.InsufficientCreditsError as error:
            raise UserError(f"The balance cannot go below zero. {error}") from error
        balance = credits.get_balance(connection, args.workspace)
    return {"workspace_id": args.workspace, "credits": balance}


def _list_unsent_mail(platform: Platform, _args: argparse.Namespace) -> dict[str, Any]:
    with platform.database.read() as connection:
        messages = mail.list_unsent(connection)
    return {
        "mail": [
            {
                "id": message.id,
                "to": message.recipient,
                "subject": message.subject,
                "body": message.body,
                "created_at": message.created_at.isoformat(),
                "last_error": message.last_error,
            }
            for message in messages
        ]
    }
