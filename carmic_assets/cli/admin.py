"""`carmic admin`: changes that an operator makes to accounts and minute pools, and the list of unsent mail."""

from __future__ import annotations

import argparse
import uuid
from typing import Any

from carmic_assets.cli.errors import UserError
from resources import accounts, ledger, mail, passwords
from resources.platform import Platform, open_platform


def run_admin_action(args: argparse.Namespace) -> dict[str, Any]:
    """Run the action that `args` names; returns what to print as JSON.

    Raises:
        UserError: the action is not possible.
    """
    actions = {
        "create-user": _create_user,
        "set-tier": _set_tier,
        "grant-minutes": _grant_minutes,
        "outbox": _list_unsent_mail,
    }
    return actions[args.action](open_platform(), args)


def _create_user(platform: Platform, args: argparse.Namespace) -> dict[str, Any]:
    if not passwords.is_acceptable(args.password):
        raise UserError(passwords.RULE)
    if "@" not in args.email:
        raise UserError(f"{args.email} is not an e-mail address.")
    password_hash = passwords.hash_password(args.password)
    try:
        with platform.database.write() as connection:
            user, workspace_id = accounts.register(connection, args.email, password_hash)
    except accounts.EmailTakenError:
        raise UserError(f"{args.email} already has an account.") from None
    return {"user_id": user.id, "workspace_id": workspace_id}


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
            raise UserError(f"The pool cannot go below zero. {error}") from error
        balance_ms = ledger.get_balance_ms(connection, args.workspace)
    return {"workspace_id": args.workspace, "minutes_balance": round(balance_ms / ledger.MINUTE_MS, 3)}


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
