"""Mail is sent in order, and a message that cannot be sent does not block the others."""

from __future__ import annotations

import socketserver
import threading
from pathlib import Path

from sqlalchemy import select, update

from resources import mail
from resources.database.tables import mail as mail_table
from resources.platform import open_platform


class SmtpHandler(socketserver.StreamRequestHandler):
    """The part of SMTP that `smtplib` uses. Accepted recipients are appended to `recipients`."""

    recipients: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            command = line.strip().upper()
            if command.startswith(b"RCPT"):
                self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline().strip() != b".":
                    pass
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            if command == b"QUIT":
                return


def test_a_message_that_cannot_be_sent_does_not_block_the_others(tmp_path: Path) -> None:
    recipients: list[str] = []
    handler = type("RecordingSmtpHandler", (SmtpHandler,), {"recipients": recipients})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        platform = open_platform({"CARMIC_HOME": str(tmp_path), "CARMIC_SMTP_URL": url})
        with platform.database.write() as connection:
            for number in range(mail.BATCH_SIZE + 10):
                mail.enqueue(connection, f"failed-{number}@example.com", "Old", "All attempts are used up.")
            connection.execute(update(mail_table).values(attempts=mail.MAX_ATTEMPTS))
            mail.enqueue(connection, "a@[x", "Malformed", "smtplib raises for this address.")
            mail.enqueue(connection, "ada@example.com", "New", "Hello.")
        assert mail.send_pending(platform.database, platform.settings) == 1
        assert recipients == ["ada@example.com"]
        with platform.database.read() as connection:
            assert mail.list_unsent(connection)[-1].recipient == "a@[x"
            bodies = select(mail_table.c.body).where(mail_table.c.sent_at.is_not(None))
            assert connection.scalars(bodies).all() == [""]  # it may have held a link that sets a password
        platform.database.close()
        server.shutdown()
