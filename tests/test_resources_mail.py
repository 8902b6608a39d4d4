"""Letters leave in order, and one that cannot be sent keeps no other waiting."""

from __future__ import annotations

import socketserver
import threading
from pathlib import Path

from sqlalchemy import update

from resources import mail
from resources.database.tables import mail as letters
from resources.platform import open_platform


class Post(socketserver.StreamRequestHandler):
    """As much of an SMTP server as `smtplib` asks for."""

    taken: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            command = line.strip().upper()
            if command.startswith(b"RCPT"):
                self.taken.append(line.decode().partition("<")[2].partition(">")[0])
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline().strip() != b".":
                    pass
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            if command == b"QUIT":
                return


def test_a_letter_that_cannot_be_sent_keeps_no_other_waiting(tmp_path: Path) -> None:
    taken: list[str] = []
    handler = type("Taking", (Post,), {"taken": taken})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        platform = open_platform({"CARMIC_HOME": str(tmp_path), "CARMIC_SMTP_URL": url})
        with platform.database.write() as connection:
            for number in range(60):
                mail.write(connection, f"lost-{number}@example.com", "Old", "Given up.")
            connection.execute(update(letters).values(attempts=mail.MAX_ATTEMPTS))
            mail.write(connection, "a@[x", "Odd", "No mail program can read this address.")
            mail.write(connection, "ada@example.com", "New", "Hello.")
        assert mail.send_waiting(platform.database, platform.settings) == 1
        assert taken == ["ada@example.com"]
        with platform.database.read() as connection:
            assert [each.recipient for each in mail.outbox(connection)][-1] == "a@[x"
        platform.database.close()
        server.shutdown()
