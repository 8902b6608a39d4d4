"""Re-encrypts the columns that hold sealed (encrypted) secrets after the secret key was replaced."""

from __future__ import annotations

from cryptography.fernet import InvalidToken
from sqlalchemy import Connection, select, update

from resources import social, webhooks
from resources.database import tables
from resources.settings import Settings
from resources.signing_keys import Cipher

SEALED_COLUMNS = {
    webhooks.CIPHER_PURPOSE: (tables.webhooks.c.secret, tables.webhooks.c.previous_secret),
    social.CIPHER_PURPOSE: (tables.social_accounts.c.tokens,),
}


def reseal(connection: Connection, settings: Settings, limit: int = 500) -> int:
    """Seal with the current key all secrets that are in clear text or sealed with another key. Return their number.

    After a pass that returns 0, the other keys are no longer needed for the database's rows.
    """
    count = 0
    for purpose, columns in SEALED_COLUMNS.items():
        cipher = Cipher(settings, purpose)
        for column in columns:
            row_id = column.table.c.id
            stale = select(row_id, column).where(column.is_not(None), column.not_like(f"{cipher.current}.%"))
            for row in connection.execute(stale.limit(limit)).all():
                try:
                    value = row[1] if row[1].startswith(webhooks.SECRET_PREFIX) else cipher.unseal(row[1])
                # The key was removed from the settings too early; using the row reports the error, and the other rows
                # continue
                except InvalidToken:
                    continue
                is_unchanged = (row_id == row[0], column == row[1])
                sealed = {column.name: cipher.seal(value)}
                count += connection.execute(update(column.table).where(*is_unchanged).values(**sealed)).rowcount
    return count
