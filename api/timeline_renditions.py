"""Renditions: a segment with its effects, encoded as MP4. The store key is a content hash, so each is encoded once."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import Connection

from api.timeline_edits import TimelineState
from carmic_assets.editing import stored_segments
from carmic_assets.model.timeline import Segment
from resources import timeline_jobs, timelines
from resources.timeline_jobs import TimelineJob


def rendition_key(state: TimelineState, segment: Segment) -> str:
    """Return the store key of the rendition of the segment in its current state."""
    content = [segment.asset_id, segment.in_frame, segment.out_frame, segment.effects, state.timeline.canvas]
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    return f"{timelines.key_prefix(state.timeline.workspace_id, state.timeline.id)}renditions/{digest}.mp4"


def find_rendition(connection: Connection, state: TimelineState, segment: Segment) -> tuple[str, TimelineJob | None]:
    """Return the store key of the segment's rendition, and the newest job that encodes it."""
    key = rendition_key(state, segment)
    return key, timeline_jobs.find_newest(connection, state.timeline.id, key)


def enqueue_rendition(connection: Connection, state: TimelineState, segment: Segment) -> TimelineJob:
    """Enqueue the job that encodes the segment's rendition. Submit its run after the commit."""
    request = {"segment_id": segment.id, **build_export_request(state, (segment,))}
    return timeline_jobs.enqueue(connection, state.timeline, "grade", request, rendition_key(state, segment))


def build_export_request(state: TimelineState, segments: tuple[Segment, ...]) -> dict[str, Any]:
    """Return the input of an export of these segments: the current canvas and the segments as rows."""
    return {"canvas": state.timeline.canvas, "segments": stored_segments.to_rows(segments)}
