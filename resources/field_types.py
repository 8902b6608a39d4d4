"""Types of fields in rows and responses, with the format and the example that the API's reference shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"}, examples=["8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61"])]
Timestamp = Annotated[datetime, Meta(extra_json_schema={"format": "date-time"}, examples=["2026-03-14T09:26:53Z"])]
SignedUrl = Annotated[str, Meta(examples=["https://carmic.example/api/store/clip.mp4?signature=4f1d"])]
StoredKey = Annotated[str, Meta(examples=["workspaces/7b1c/projects/8f14/source.mp4"])]
EmailAddress = Annotated[str, Meta(examples=["ada@example.com"])]
ErrorSentence = Annotated[str, Meta(examples=["The source video was deleted. Upload it again."])]
Percentage = Annotated[int, Meta(examples=[64])]
FirstName = Annotated[str, Meta(examples=["Ada"])]
LastName = Annotated[str, Meta(examples=["Lovelace"])]
