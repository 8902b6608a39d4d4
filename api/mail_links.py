"""Links in mail that carry a token, and the messages that hold them."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from sqlalchemy import Connection

from resources import accounts, invitations, mail, sessions
from resources.platform import Platform


def build_link(platform: Platform, page: str, token: str, redirect_base: str | None = None) -> str:
    """Return a link with the token: to `redirect_base` if its origin is trusted, otherwise to this server's `page`."""
    base = f"{platform.settings.public_url}/{page}"
    allowed = {*platform.settings.cors_origins, platform.settings.public_url}
    with suppress(ValueError):  # not a URL
        parts = urlsplit(redirect_base or "")
        if redirect_base and f"{parts.scheme}://{parts.netloc}" in {origin.rstrip("/") for origin in allowed}:
            base = redirect_base.partition("?")[0].partition("#")[0]
    return f"{base}?token={token}"


def enqueue_verification(connection: Connection, platform: Platform, user: accounts.User, email: str) -> None:
    """Queue the mail whose link proves that the user receives mail at `email`."""
    token = sessions.start_verification(connection, user.id, email)
    link = build_link(platform, "verify-email", token)
    body = (
        f"Confirm this address for Carmic within one day:\n\n{link}\n\nIf you did not ask for this, ignore this mail.\n"
    )
    mail.enqueue(connection, email, "Confirm your address for Carmic", body)


def enqueue_invitation(
    connection: Connection,
    platform: Platform,
    workspace_name: str,
    invitation: invitations.Invitation,
    token: str,
    redirect_base: str | None,
) -> None:
    """Queue the mail of an invitation."""
    link = build_link(platform, "accept-invitation", token, redirect_base)
    body = (
        f"You are invited to the workspace {workspace_name} on Carmic as {invitation.role}.\n\n"
        f"Log in, or register, with this address. Then accept within seven days:\n\n{link}\n\n"
        "If you do not want to join, ignore this mail.\n"
    )
    mail.enqueue(connection, invitation.email, f"Invitation to {workspace_name}", body)


def send_mail_task(platform: Platform) -> BackgroundTask:
    """Return the task that sends pending mail after the response."""
    return BackgroundTask(sync_to_thread, mail.send_pending, platform.database, platform.settings)
