"""Secrets stay out of logs, tracebacks, the mail table and the command line, and the key that signs can be replaced."""

from __future__ import annotations

import io
import smtplib
import socket
from pathlib import Path
from types import SimpleNamespace

import jwt
import msgspec
import pytest
from sqlalchemy import select, update

from api.access import issue_access_token
from api.routes.auth import Login
from api.session_cookies import RefreshRequest, Tokens
from carmic_assets.cli import main as cli
from resources import accounts, mail, sealed_rows, sessions, signing_keys, webhooks
from resources.database.tables import webhooks as webhooks_table
from resources.platform import Platform, open_platform
from resources.signing_keys import Cipher

OLD_KEY, NEW_KEY = "old" * 12, "new" * 12


def open_with_keys(home: Path, key: str, previous: str = "") -> Platform:
    return open_platform({"CARMIC_HOME": str(home), "CARMIC_SECRET_KEY": key, "CARMIC_PREVIOUS_SECRET_KEYS": previous})


def test_the_signing_key_can_be_replaced(tmp_path: Path) -> None:
    before = open_with_keys(tmp_path, OLD_KEY)
    token = issue_access_token(before.settings, "user", "session")
    url_token = before.store.presign_get("a.mp4")
    with before.database.write() as connection:
        workspace = accounts.register(connection, "ada@example.com", "hash")[1]
        cipher = Cipher(before.settings, webhooks.CIPHER_PURPOSE)
        webhook = webhooks.create(connection, cipher, workspace, "https://example.com/")
        secret = webhooks.unseal_secret(cipher, webhook.secret)
        # A row of a version that did not encrypt secrets
        plain = webhooks.create(connection, cipher, workspace, "https://example.com/2")
        row = update(webhooks_table).where(webhooks_table.c.id == plain.id)
        connection.execute(row.values(secret="whsec_cGxhaW4="))
    between = open_with_keys(tmp_path, NEW_KEY, OLD_KEY)
    assert signing_keys.read_token(between.settings, token)["sub"] == "user"
    query = dict(part.split("=", 1) for part in url_token.partition("?")[2].split("&"))
    assert between.store.verify("GET", "a.mp4", query) is not None  # type: ignore[attr-defined]
    new_token = issue_access_token(between.settings, "user", "session")
    assert jwt.get_unverified_header(new_token)["kid"] == signing_keys.key_id(NEW_KEY)
    with between.database.write() as connection:
        assert sealed_rows.reseal(connection, between.settings) == 2
        assert sealed_rows.reseal(connection, between.settings) == 0
    after = open_with_keys(tmp_path, NEW_KEY)
    with pytest.raises(jwt.InvalidTokenError):
        signing_keys.read_token(after.settings, token)
    with after.database.read() as connection:
        stored = dict(connection.execute(select(webhooks_table.c.id, webhooks_table.c.secret)).all())
    cipher = Cipher(after.settings, webhooks.CIPHER_PURPOSE)
    assert webhooks.unseal_secret(cipher, stored[webhook.id]) == secret
    assert webhooks.unseal_secret(cipher, stored[plain.id]) == "whsec_cGxhaW4="


def test_no_representation_holds_a_secret(tmp_path: Path) -> None:
    settings = open_platform(
        {
            "CARMIC_HOME": str(tmp_path),
            "CARMIC_SECRET_KEY": "s3cret" * 8,
            "CARMIC_SMTP_URL": "smtp://ada:s3cret@mail.example.com",
            "CARMIC_METRICS_TOKEN": "s3cret",
        }
    ).settings
    session = sessions.Session("id", "user", "s3cret")
    login = msgspec.json.decode(b'{"email": "ada@example.com", "password": "s3cret"}', type=Login)
    assert "home=" in repr(settings)
    for value in (settings, session, login, Tokens("s3cret", "s3cret"), RefreshRequest("s3cret")):
        assert "s3cret" not in f"{value!r} {value}"


def test_a_password_is_never_sent_to_a_mail_server_without_tls() -> None:
    """An attacker can remove STARTTLS from the server's response. The loopback interface needs no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as near:
        server = smtplib.SMTP()
        server.sock = near
        mail.require_encryption(server)
        server.sock = SimpleNamespace(getpeername=lambda: ("192.0.2.1", 587))
        with pytest.raises(mail.UnencryptedMailError):
            mail.require_encryption(server)


def test_create_user_reads_the_password_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, argv in enumerate(([], ["-"])):
        monkeypatch.setattr("sys.stdin", io.StringIO("Correct7horse\n"))
        email = f"ada{number}@example.com"
        assert cli.main(["admin", "create-user", email, *argv, "--home", str(tmp_path)]) == 0
        captured = capsys.readouterr()
        assert set(msgspec.json.decode(captured.out)) == {"user_id", "workspace_id"} and captured.err == ""
    assert cli.main(["admin", "create-user", "b@example.com", "Correct7horse", "--home", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "user_id" in captured.out and "Omit it" in captured.err
