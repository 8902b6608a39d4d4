"""Mail: written in the transaction that causes it, sent afterwards by SMTP, or kept for the operator to read."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import msgspec
from sqlalchemy import ColumnElement, Connection, insert, select, update

from resources.database.engine import Database, now
from resources.database.tables import mail
from resources.settings import Settings

MAX_ATTEMPTS = 5
TIMEOUT_S = 20


class Letter(msgspec.Struct, frozen=True):
    id: int
    recipient: str
    subject: str
    body: str
    attempts: int
    last_error: str | None
    created_at: datetime


_LETTER = [mail.c[name] for name in Letter.__struct_fields__]


def write(connection: Connection, recipient: str, subject: str, body: str) -> None:
    values = {"recipient": recipient, "subject": " ".join(subject.split()), "body": body, "created_at": now()}
    connection.execute(insert(mail).values(**values, attempts=0))


def outbox(connection: Connection, limit: int = 1000) -> list[Letter]:
    """What was not sent, oldest first."""
    return _unsent(connection, limit)


def _unsent(connection: Connection, limit: int, *where: ColumnElement[bool]) -> list[Letter]:
    query = select(*_LETTER).where(mail.c.sent_at.is_(None), *where).order_by(mail.c.id).limit(limit)
    return [Letter(**row._mapping) for row in connection.execute(query)]


def send_waiting(database: Database, settings: Settings) -> int:
    """Send what waits; returns how many went. Without `CARMIC_SMTP_URL` nothing is tried.

    Each attempt is claimed before it is made: two processes never send the same letter at once.
    """
    if not settings.smtp_url:
        return 0
    with database.read() as connection:
        waiting = _unsent(connection, 50, mail.c.attempts < MAX_ATTEMPTS)
    sent = 0
    for letter in waiting:
        with database.write() as connection:
            mine = (mail.c.id == letter.id) & (mail.c.attempts == letter.attempts) & mail.c.sent_at.is_(None)
            if connection.execute(update(mail).where(mine).values(attempts=letter.attempts + 1)).rowcount == 0:
                continue
        try:
            _send(settings, letter)
            outcome: dict[str, object] = {"sent_at": now(), "last_error": None}
            sent += 1
        except Exception as error:  # an address that no mail program can read must not keep the others waiting
            outcome = {"last_error": type(error).__name__}
        with database.write() as connection:
            connection.execute(update(mail).where(mail.c.id == letter.id).values(**outcome))
    return sent


def _send(settings: Settings, letter: Letter) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, letter.recipient, letter.subject
    message.set_content(letter.body)
    url = urlsplit(settings.smtp_url)
    host, implicit_tls = url.hostname or "localhost", url.scheme == "smtps"
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if implicit_tls:
        server = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 587, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        if not implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(message)
