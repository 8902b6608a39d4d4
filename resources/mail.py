"""Mail: a message is queued in the transaction of its cause and sent afterwards over SMTP.

Without CARMIC_SMTP_URL they stay in the queue, where the operator can read them. The body of a sent message is erased,
because it may contain a link that sets a password.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, Connection, insert, select, update

from resources.database.engine import Database, now
from resources.database.queries import fetch_all, select_columns
from resources.database.tables import mail
from resources.hidden_repr import HiddenRepr
from resources.settings import Settings

MAX_ATTEMPTS = 5  # to send one message
SMTP_TIMEOUT_S = 20
BATCH_SIZE = 50  # messages sent in one pass


class UnencryptedMailError(Exception):
    """The mail server does not offer TLS and does not run on this machine."""


class Message(HiddenRepr, frozen=True):
    """A message that has not been sent. `attempts` counts the attempts to send it."""

    id: int
    recipient: str
    subject: str
    body: str
    attempts: int
    last_error: str | None
    created_at: datetime


_COLUMNS = select_columns(mail, Message)


def enqueue(connection: Connection, recipient: str, subject: str, body: str) -> None:
    """Queue a message. Line breaks in the subject become spaces."""
    values = {"recipient": recipient, "subject": " ".join(subject.split()), "body": body, "created_at": now()}
    connection.execute(insert(mail).values(**values, attempts=0))


def list_unsent(connection: Connection, limit: int = 1000) -> list[Message]:
    """Return the messages that have not been sent, oldest first."""
    return _list_unsent(connection, limit)


def _list_unsent(connection: Connection, limit: int, *conditions: ColumnElement[bool]) -> list[Message]:
    query = select(*_COLUMNS).where(mail.c.sent_at.is_(None), *conditions).order_by(mail.c.id).limit(limit)
    return fetch_all(connection, query, Message)


def send_pending(database: Database, settings: Settings) -> int:
    """Send queued messages and return how many were sent. Without CARMIC_SMTP_URL, send none.

    Each attempt is recorded before it starts, so that two processes never send the same message at once.
    """
    if not settings.smtp_url:
        return 0
    with database.read() as connection:
        pending = _list_unsent(connection, BATCH_SIZE, mail.c.attempts < MAX_ATTEMPTS)
    sent_count = 0
    for message in pending:
        with database.write() as connection:
            is_unclaimed = (mail.c.id == message.id) & (mail.c.attempts == message.attempts) & mail.c.sent_at.is_(None)
            claim = update(mail).where(is_unclaimed).values(attempts=message.attempts + 1)
            if connection.execute(claim).rowcount == 0:
                continue
        try:
            _send(settings, message)
            outcome: dict[str, object] = {"sent_at": now(), "last_error": None, "body": ""}
            sent_count += 1
        except Exception as error:  # an invalid recipient address must not block the other messages
            outcome = {"last_error": type(error).__name__}
        with database.write() as connection:
            connection.execute(update(mail).where(mail.c.id == message.id).values(**outcome))
    return sent_count


def _send(settings: Settings, message: Message) -> None:
    email = EmailMessage()
    email["From"], email["To"], email["Subject"] = settings.mail_from, message.recipient, message.subject
    email.set_content(message.body)
    url = urlsplit(settings.smtp_url)
    host, implicit_tls = url.hostname or "localhost", url.scheme == "smtps"
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if implicit_tls:
        server = smtplib.SMTP_SSL(host, url.port or 465, timeout=SMTP_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 587, timeout=SMTP_TIMEOUT_S)
    with server:
        server.ehlo()
        if not implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
        if url.username:
            require_encryption(server)
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(email)


def require_encryption(server: smtplib.SMTP) -> None:
    """Require TLS before the password is sent, because an attacker can remove STARTTLS from the server's response.

    Raises:
        UnencryptedMailError: the connection is not encrypted, and the server is not on the loopback interface.
    """
    if server.sock is None or isinstance(server.sock, ssl.SSLSocket):
        return
    if not ipaddress.ip_address(server.sock.getpeername()[0]).is_loopback:
        raise UnencryptedMailError("CARMIC_SMTP_URL has a password, but the mail server does not offer TLS")
