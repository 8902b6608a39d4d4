"""Forgets what has served its time: old events, deliveries, tickets, keys of idempotency. Sends the mail that waits."""

from datetime import timedelta

from sqlalchemy import delete

from resources import events, mail
from resources.database.engine import now
from resources.database.tables import cache, deliveries, idempotency, password_resets, refresh_tokens, sse_tickets
from resources.platform import Platform

KEEP_DELIVERIES = timedelta(days=30)
KEEP_ANSWERS = timedelta(hours=24)  # of requests with an Idempotency-Key


def sweep_up(platform: Platform) -> str:
    moment = now()
    old = {
        "deliveries": delete(deliveries).where(
            deliveries.c.created_at < moment - KEEP_DELIVERIES, deliveries.c.state != "DUE"
        ),
        "answers": delete(idempotency).where(idempotency.c.created_at < moment - KEEP_ANSWERS),
        "tickets": delete(sse_tickets).where(sse_tickets.c.expires_at < moment),
        "sessions": delete(refresh_tokens).where(refresh_tokens.c.expires_at < moment),
        "resets": delete(password_resets).where(password_resets.c.expires_at < moment),
        "cached answers": delete(cache).where(cache.c.expires_at < moment),
    }
    with platform.database.write() as connection:
        gone = {name: connection.execute(query).rowcount for name, query in old.items()}
        gone["events"] = events.prune(connection)
    gone["letters sent"] = mail.send_waiting(platform.database, platform.settings)
    return ", ".join(f"{count} {name}" for name, count in gone.items() if count)
