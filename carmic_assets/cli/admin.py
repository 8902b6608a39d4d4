"""`carmic admin`: what an operator does to accounts and pools. Each answers with a dict that becomes a line of JSON."""

from __future__ import annotations

import argparse
import uuid
from typing import Any

from carmic_assets.cli.errors import UserError
from resources import accounts, ledger, mail, passwords
from resources.platform import Platform, open_platform


def answer(asked: argparse.Namespace) -> dict[str, Any]:
    platform = open_platform()
    actions = {
        "create-user": _create_user,
        "set-tier": _set_tier,
        "grant-minutes": _grant_minutes,
        "outbox": _outbox,
    }
    return actions[asked.action](platform, asked)


def _create_user(platform: Platform, asked: argparse.Namespace) -> dict[str, Any]:
    problem = None if passwords.acceptable(asked.password) else passwords.RULE
    if problem:
        raise UserError(problem)
    if "@" not in asked.email:
        raise UserError(f"{asked.email} is not an e-mail address.")
    hashed = passwords.hashed(asked.password)
    try:
        with platform.database.write() as connection:
            user, workspace_id = accounts.register(connection, asked.email, hashed)
    except accounts.EmailTaken:
        raise UserError(f"{asked.email} has an account already.") from None
    return {"user_id": user.id, "workspace_id": workspace_id}


def _set_tier(platform: Platform, asked: argparse.Namespace) -> dict[str, Any]:
    if asked.tier not in ledger.TIERS:
        raise UserError(f"{asked.tier} is no tier. The tiers are {', '.join(ledger.TIERS)}.")
    with platform.database.write() as connection:
        if not accounts.set_tier(connection, asked.workspace, asked.tier):
            raise UserError(f"There is no workspace {asked.workspace}.")
    return {"workspace_id": asked.workspace, "tier": asked.tier}


def _grant_minutes(platform: Platform, asked: argparse.Namespace) -> dict[str, Any]:
    amount = round(asked.minutes * ledger.MINUTE_MS)
    with platform.database.write() as connection:
        if accounts.tier(connection, asked.workspace) is None:
            raise UserError(f"There is no workspace {asked.workspace}.")
        ledger.grant_month(connection, asked.workspace)
        key = f"operator:{uuid.uuid4()}"
        try:
            ledger.move(connection, asked.workspace, key, "grant", amount, note="Granted by the operator")
        except ledger.InsufficientMinutes as error:
            raise UserError(f"The pool cannot go below zero. {error}") from error
        balance = ledger.balance_ms(connection, asked.workspace)
    return {"workspace_id": asked.workspace, "minutes_balance": round(balance / ledger.MINUTE_MS, 3)}


def _outbox(platform: Platform, asked: argparse.Namespace) -> dict[str, Any]:
    with platform.database.read() as connection:
        letters = mail.outbox(connection)
    return {
        "mail": [
            {
                "id": letter.id,
                "to": letter.recipient,
                "subject": letter.subject,
                "body": letter.body,
                "created_at": letter.created_at.isoformat(),
                "last_error": letter.last_error,
            }
            for letter in letters
        ]
    }
