"""Responses of the timeline editor: projects, segments and assets. Every field is present, null if it has no value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Literal, cast

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta

from api.signed_urls import sign_rendition_url, sign_url
from api.timeline_edits import TimelineState
from carmic_assets.editing.timeline_clock import Placement, active, duration_s, placement_of, placements
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.timeline import Canvas, Grade, Segment, Segments, SegmentSource
from resources.field_types import ErrorSentence, SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.timeline_assets import TimelineAsset
from resources.timelines import Timeline

Level = Annotated[float, Meta(ge=-1, le=1)]
Degrees = Annotated[float, Meta(ge=-180, le=180)]
ListLimit = Annotated[int, QueryParameter(name="limit", ge=1, le=500, description="Maximum number of rows.")]
ProjectStatus = Literal["empty", "ingesting", "ready", "failed"]
AssetStatus = Literal["awaiting_upload", "downloading", "ready", "failed"]


class GradeNumbers(msgspec.Struct):
    """A colour grade: five numbers in -1..1 and a hue shift in degrees. With all zeros the frames are unchanged."""

    brightness: Annotated[Level, Meta(description="Brightness, -1 to 1; 0 leaves it as it is.")] = 0.0
    contrast: Annotated[Level, Meta(description="Contrast, -1 to 1; 0 leaves it as it is.")] = 0.0
    saturation: Annotated[Level, Meta(description="Saturation, -1 (grey) to 1; 0 leaves it as it is.")] = 0.0
    temperature: Annotated[
        Level, Meta(description="Colour temperature, -1 (cold) to 1 (warm); 0 leaves it as it is.")
    ] = 0.0
    gamma: Annotated[Level, Meta(description="Brightness of the middle tones, -1 to 1; 0 leaves it as it is.")] = 0.0
    hue_shift: Annotated[
        Degrees, Meta(description="Turn of all hues in degrees, -180 to 180; 0 leaves them as they are.")
    ] = 0.0

    def to_grade(self) -> Grade:
        """Return the model's grade."""
        return Grade(**{name: getattr(self, name) for name in Grade.__struct_fields__})


class Bounds(msgspec.Struct):
    """The span within which a segment can be trimmed, in seconds of its footage."""

    start_ts: Annotated[
        float, Meta(description="Earliest start of the segment, in seconds of its footage.", examples=[0.0])
    ]
    end_ts: Annotated[float, Meta(description="Latest end of the segment, in seconds of its footage.", examples=[12.0])]


class EffectsResponse(msgspec.Struct):
    """The effects on the frames of a segment."""

    grade: Annotated[GradeNumbers, Meta(description="The colour grade; all zero if there is none.")]


class SegmentResponse(msgspec.Struct):
    """A segment. `start_ts` and `end_ts` are seconds of its own footage, half-open, on its frame grid.

    `timeline_start` and `timeline_end` are its times on the timeline, null while it is inactive. `url` plays the
    segment: a part of its footage, or a rendition with its effects; null for a gap. `replaced_by` names the segments
    that replaced an inactive segment.
    """

    id: Annotated[Uuid, Meta(description="Id of the segment.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    start_ts: Annotated[float, Meta(description="Where the segment starts, in seconds of its footage.", examples=[2.0])]
    end_ts: Annotated[
        float,
        Meta(
            description="Where the segment ends, in seconds of its footage; this frame is not part of it.",
            examples=[9.5],
        ),
    ]
    source: Annotated[SegmentSource, Meta(description="Where the frames come from.")]
    url: Annotated[SignedUrl | None, Meta(description="Signed URL that plays the segment; null for a gap.")]
    variant_id: Annotated[
        Uuid | None, Meta(description="Id of the chosen result of an AI edit; null if there is none.")
    ]
    order_index: Annotated[int, Meta(description="Place in the sequence, from 0.", examples=[2])]
    active: Annotated[bool, Meta(description="Whether the segment is part of the timeline.")]
    timeline_start: Annotated[
        float | None,
        Meta(
            description="Where the segment starts on the timeline, in seconds; null while it is inactive.",
            examples=[30.0],
        ),
    ]
    timeline_end: Annotated[
        float | None,
        Meta(
            description="Where the segment ends on the timeline, in seconds; null while it is inactive.",
            examples=[37.5],
        ),
    ]
    bounds: Annotated[Bounds, Meta(description="The span within which the ends can be trimmed.")]
    effects: Annotated[EffectsResponse, Meta(description="The effects on the frames.")]
    has_audio: Annotated[bool, Meta(description="Whether the segment has sound.")]
    asset_id: Annotated[Uuid | None, Meta(description="Id of the footage; null for a gap.")]
    replaced_by: Annotated[
        list[str],
        Meta(
            description="Ids of the segments that replaced an inactive segment.",
            examples=[["8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61"]],
        ),
    ]


class AssetResponse(msgspec.Struct):
    """A file of footage. `duration` is in seconds, `width` and `height` are upright pixels; null until it is probed.

    `has_proxy` states whether the editing proxy exists; previews from it are faster.
    """

    id: Annotated[Uuid, Meta(description="Id of the footage.")]
    file_name: Annotated[str, Meta(description="Name of the file.", examples=["talk.mp4"])]
    content_type: Annotated[str, Meta(description="Media type of the file.", examples=["video/mp4"])]
    status: Annotated[AssetStatus, Meta(description="State of the footage.")]
    error: Annotated[ErrorSentence | None, Meta(description="Why the footage failed; null if it did not.")]
    duration: Annotated[
        float | None, Meta(description="Length in seconds; null until it is probed.", examples=[1800.04])
    ]
    fps: Annotated[float | None, Meta(description="Frames per second; null until it is probed.", examples=[29.97])]
    width: Annotated[
        int | None,
        Meta(description="Width of the upright video in pixels; null until it is probed.", examples=[1920]),
    ]
    height: Annotated[
        int | None,
        Meta(description="Height of the upright video in pixels; null until it is probed.", examples=[1080]),
    ]
    has_audio: Annotated[bool | None, Meta(description="Whether the footage has sound; null until it is probed.")]
    has_proxy: Annotated[bool, Meta(description="Whether previews read the fast editing proxy yet.")]
    url: Annotated[SignedUrl | None, Meta(description="Signed URL of the footage; null until it is ready.")]
    created_at: Annotated[Timestamp, Meta(description="When the footage was added.")]


class TimelineResponse(msgspec.Struct):
    """A project of the editor. `segments` are the active ones in order; `revision` is also the `ETag`."""

    id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    name: Annotated[str, Meta(description="Name of the project.", examples=["Trailer"])]
    description: Annotated[str, Meta(description="A note for people; may be empty.", examples=["Cut of the keynote"])]
    video_url: Annotated[
        str | None,
        Meta(
            description="URL that the first footage was downloaded from; null if there is none.",
            examples=["https://example.com/talk.mp4"],
        ),
    ]
    status: Annotated[ProjectStatus, Meta(description="State of the project.")]
    error: Annotated[ErrorSentence | None, Meta(description="Why its footage failed; null if it did not.")]
    duration: Annotated[
        float | None,
        Meta(description="Length of the timeline in seconds; null until footage is probed.", examples=[42.6]),
    ]
    fps: Annotated[
        float | None, Meta(description="Frames per second of exports; null until footage is probed.", examples=[29.97])
    ]
    width: Annotated[
        int | None, Meta(description="Width of exports in pixels; null until footage is probed.", examples=[1920])
    ]
    height: Annotated[
        int | None, Meta(description="Height of exports in pixels; null until footage is probed.", examples=[1080])
    ]
    revision: Annotated[int, Meta(description="Number of the newest revision; also the `ETag`.", examples=[17])]
    segments: Annotated[list[SegmentResponse], Meta(description="The active segments, in order.")]
    assets: Annotated[list[AssetResponse], Meta(description="The footage of the project, oldest first.")]
    created_at: Annotated[Timestamp, Meta(description="When the project was created.")]
    updated_at: Annotated[Timestamp, Meta(description="When the project was last changed.")]


def build_project(
    platform: Platform, timeline: Timeline, segments: Segments, assets: Sequence[TimelineAsset]
) -> TimelineResponse:
    """Build the response for a project from its row, its segments and its assets."""
    status, error = summarise_assets(assets)
    canvas = get_canvas(timeline)
    by_id = {asset.id: asset for asset in assets}
    return TimelineResponse(
        timeline.id,
        timeline.name,
        timeline.description,
        timeline.video_url,
        status,
        error,
        None if canvas is None else round_s(duration_s(segments)),
        None if canvas is None else round_s(canvas.rate.fraction),
        None if canvas is None else canvas.width,
        None if canvas is None else canvas.height,
        timeline.revision,
        build_segments(platform, timeline, segments, by_id),
        [build_asset(platform, asset) for asset in assets],
        timeline.created_at,
        timeline.updated_at,
    )


def build_state(platform: Platform, state: TimelineState) -> TimelineResponse:
    """Build the response for a loaded project."""
    return build_project(platform, state.timeline, state.segments, list(state.assets.values()))


def build_segments(
    platform: Platform, timeline: Timeline, segments: Segments, assets: dict[str, TimelineAsset]
) -> list[SegmentResponse]:
    """Build the active segments, in order."""
    return [
        _build_segment(platform, timeline, placement.segment, placement, assets) for placement in placements(segments)
    ]


def build_segment(platform: Platform, state: TimelineState, segment_id: str) -> SegmentResponse:
    """Build one segment of a loaded project, active or not."""
    segment = next(s for s in state.segments if s.id == segment_id)
    place = placement_of(state.segments, segment_id)
    return _build_segment(platform, state.timeline, segment, place, state.assets)


def _build_segment(
    platform: Platform,
    timeline: Timeline,
    segment: Segment,
    place: Placement | None,
    assets: dict[str, TimelineAsset],
) -> SegmentResponse:
    asset = assets.get(segment.asset_id) if segment.asset_id else None
    rate = segment.rate.fraction
    return SegmentResponse(
        segment.id,
        timeline.id,
        round_s(segment.start_s),
        round_s(segment.end_s),
        segment.source,
        _sign_segment_url(platform, segment, asset),
        segment.variant_id,
        segment.order_index,
        segment.active,
        None if place is None else round_s(place.start_s),
        None if place is None else round_s(place.end_s),
        Bounds(round_s(segment.bound_in / rate), round_s(segment.bound_out / rate)),
        EffectsResponse(_build_grade(segment.effects.grade)),
        _has_audio(asset),
        segment.asset_id,
        [] if segment.active else list(segment.replaced_by),
    )


def build_asset(platform: Platform, asset: TimelineAsset) -> AssetResponse:
    """Build the response for an asset."""
    facts = get_facts(asset)
    video = facts.video if facts else None
    return AssetResponse(
        asset.id,
        asset.file_name,
        asset.content_type,
        cast(AssetStatus, asset.status),
        asset.error_message,
        facts.duration_s if facts else None,
        round_s(video.rate.fraction) if video else None,
        video.width if video else None,
        video.height if video else None,
        facts.audio is not None if facts else None,
        asset.proxy_key is not None,
        sign_url(platform, asset.object_key, asset.content_type) if asset.status == "ready" else None,
        asset.created_at,
    )


def summarise_assets(assets: Iterable[TimelineAsset]) -> tuple[ProjectStatus, str | None]:
    """Return the status of a project with these assets; for `failed`, also the error of the newest failed asset."""
    assets = list(assets)
    statuses = {asset.status for asset in assets}
    if "ready" in statuses:
        return "ready", None
    if "downloading" in statuses:
        return "ingesting", None
    if "failed" in statuses:
        return "failed", next(asset.error_message for asset in reversed(assets) if asset.status == "failed")
    return "empty", None


def get_canvas(timeline: Timeline) -> Canvas | None:
    """Return the canvas of a timeline, None until its first asset is probed."""
    return None if timeline.canvas is None else msgspec.convert(timeline.canvas, Canvas)


def get_facts(asset: TimelineAsset) -> SourceFacts | None:
    """Return the probed facts of an asset's source."""
    return None if asset.facts is None else msgspec.convert(asset.facts, SourceFacts)


def parse_rate(fps: float) -> FrameRate:
    """Return the exact frame rate of a rounded value: 29.97 is 30000/1001."""
    for den in (1, 1001):
        num = round(fps * den / 1000) * 1000 if den == 1001 else round(fps)
        if num and abs(num / den - fps) < 0.005:
            return FrameRate(num, den)
    exact = Fraction(fps).limit_denominator(1000)
    return FrameRate(exact.numerator, exact.denominator)


def round_s(value: Fraction) -> float:
    """Return exact seconds, or frames per second, as a float rounded to six decimals."""
    return round(float(value), 6)


def count_active(segments: Segments) -> int:
    """Return the number of active segments."""
    return len(active(segments))


def _sign_segment_url(platform: Platform, segment: Segment, asset: TimelineAsset | None) -> str | None:
    if asset is None:
        return None
    if segment.source == "generated":
        return sign_rendition_url(platform, segment.id)
    key, content_type = (asset.proxy_key, "video/mp4") if asset.proxy_key else (asset.object_key, asset.content_type)
    # A media fragment (W3C Media Fragments URI 1.0): players start and stop at the segment's ends.
    return f"{sign_url(platform, key, content_type)}#t={round_s(segment.start_s):g},{round_s(segment.end_s):g}"


def _build_grade(grade: Grade) -> GradeNumbers:
    return GradeNumbers(**{name: getattr(grade, name) for name in Grade.__struct_fields__})


def _has_audio(asset: TimelineAsset | None) -> bool:
    return bool(asset and asset.facts and asset.facts.get("audio"))
