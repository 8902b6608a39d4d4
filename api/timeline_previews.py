"""Preview frames of a timeline: rendered with the segment's own filter chain and cached in the store by content.

A worker process (carmic_assets/sandbox) renders each frame, from the editing proxy if there is one, otherwise from the
source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from api.errors import ApiError
from api.signed_urls import sign_url
from api.timeline_edits import TimelineState
from api.timeline_views import get_canvas
from carmic_assets.editing.timeline_clock import FramePosition
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.timeline import Canvas, Effects, Grade, PictureFormat
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import DrawFrames
from resources.platform import Platform
from resources.timeline_assets import TimelineAsset
from resources.timelines import key_prefix

Quality = Literal["preview", "source"]
SHORT_SIDE_PX = 720  # shorter side of a frame in preview quality, equal to that of the proxy
# Frames further apart than this are rendered in separate passes: a seek is faster than decoding the gap
ONE_PASS_GAP_S = 4.0


class PictureOptions(msgspec.Struct, frozen=True):
    """How a frame is rendered and encoded. `width` is in pixels; None means the width of the canvas."""

    quality: Quality = "preview"
    format: PictureFormat = "jpeg"
    width: int | None = None


class PreviewScene(msgspec.Struct, frozen=True):
    """The timeline whose frames are rendered, and the workers that render them."""

    platform: Platform
    workers: WorkerPool
    state: TimelineState


def draw_picture(scene: PreviewScene, position: FramePosition, effects: Effects, options: PictureOptions) -> str:
    """Return the signed URL of one frame, which is rendered unless the store holds it.

    Raises:
        ApiError: 422 if the footage cannot be decoded at this position.
        PoolBusyError: too many frames are being rendered.
    """
    return draw_pictures(scene, [position], effects, options)[0]


def draw_pictures(
    scene: PreviewScene,
    positions: Sequence[FramePosition],
    effects: Effects | None,
    options: PictureOptions,
) -> list[str]:
    """Return the signed URLs of several frames, rendered in as few passes as possible.

    If `effects` is None, each frame is rendered with the effects of its segment.
    """
    keys = [_build_frame_key(scene.state, p, effects or p.segment.effects, options) for p in positions]
    missing = [
        (key, position)
        for key, position in dict(zip(keys, positions, strict=True)).items()
        if scene.platform.store.stat(key) is None
    ]
    for _, group in groupby(missing, lambda item: item[1].segment.id):
        items = list(group)
        for batch in [items] if _has_excerpts(scene.state, items, options) else _split_into_passes(items):
            _render_batch(scene, batch, effects, options)
    return [sign_url(scene.platform, key, f"image/{options.format}") for key in keys]


def _has_excerpts(state: TimelineState, items: list[tuple[str, FramePosition]], options: PictureOptions) -> bool:
    """Return whether one pass reads frames that are far apart: from an editing proxy, in ascending order."""
    asset = state.assets.get(items[0][1].segment.asset_id or "")
    frames = [position.frame for _, position in items]
    return (
        asset is not None and asset.proxy_key is not None and options.quality == "preview" and frames == sorted(frames)
    )


def _split_into_passes(items: list[tuple[str, FramePosition]]) -> Iterator[list[tuple[str, FramePosition]]]:
    """Split the frames of one segment at gaps longer than `ONE_PASS_GAP_S`; each batch is one decoding pass."""
    batch: list[tuple[str, FramePosition]] = []
    for item in items:
        if batch:
            gap_s = (item[1].frame - batch[-1][1].frame) / item[1].segment.rate.fraction
            if not 0 < gap_s <= ONE_PASS_GAP_S:
                yield batch
                batch = []
        batch.append(item)
    if batch:
        yield batch


def _render_batch(
    scene: PreviewScene,
    batch: list[tuple[str, FramePosition]],
    effects: Effects | None,
    options: PictureOptions,
) -> None:
    store = scene.platform.store
    first = batch[0][1]
    segment = first.segment
    asset = scene.state.assets.get(segment.asset_id) if segment.asset_id else None
    canvas = msgspec.structs.replace(_choose_preview_canvas(scene.state, options), rate=segment.rate)
    offsets = tuple(position.frame - first.frame for _, position in batch)
    with TemporaryDirectory(prefix="carmic-preview-") as folder, ExitStack() as open_files:
        path, facts, clock_offset, ungraded_key = "", None, 0, None
        if asset is not None:
            key, facts = _choose_file(asset, options)
            clock_offset = asset.clock_offset
            path = str(open_files.enter_context(store.local_file(key)))
            ungraded_key = _build_ungraded_key(scene.state, key, first, segment.effects, canvas) if effects else None
        # The numbers of a grade change with each move of a slider; the frame beneath does not.
        ungraded = Path(folder) / "ungraded.mkv"
        is_cached = ungraded_key is not None and store.stat(ungraded_key) is not None
        if ungraded_key is not None and is_cached:
            ungraded = open_files.enter_context(store.local_file(ungraded_key))
        job = DrawFrames(
            path,
            facts,
            first.frame,
            offsets,
            effects or segment.effects,
            canvas,
            folder,
            options.format,
            options.width,
            ungraded_path=str(ungraded) if ungraded_key else "",
            clock_offset=clock_offset,
        )
        try:
            paths = scene.workers.run(job, list[str], owner=scene.state.timeline.workspace_id)
        except JobRefusedError as error:
            raise ApiError(422, str(error)) from error
        except JobLimitError as error:
            raise ApiError(422, "The frame cannot be rendered within the limits of a preview.") from error
        for (key, _), frame_path in zip(batch, paths, strict=True):
            store.put_file(key, Path(frame_path), f"image/{options.format}")
        if ungraded_key is not None and not is_cached:
            store.put_file(ungraded_key, ungraded, "video/x-matroska")


def _choose_file(asset: TimelineAsset, options: PictureOptions) -> tuple[str, SourceFacts]:
    """Return the file to read: the editing proxy if it exists and preview quality is requested, else the source."""
    if options.quality == "preview" and asset.proxy_key is not None:
        return asset.proxy_key, msgspec.convert(asset.proxy_facts, SourceFacts)
    return asset.object_key, msgspec.convert(asset.facts, SourceFacts)


def _choose_preview_canvas(state: TimelineState, options: PictureOptions) -> Canvas:
    canvas = get_canvas(state.timeline)
    if canvas is None:
        raise ApiError(422, "The project has no footage yet. Upload a video first.")
    scale = min(1.0, SHORT_SIDE_PX / min(canvas.width, canvas.height))
    if options.quality == "source" or scale == 1.0:
        return canvas
    width, height = (max(2, 2 * round(size * scale / 2)) for size in (canvas.width, canvas.height))
    return msgspec.structs.replace(canvas, width=width, height=height)


def _build_ungraded_key(
    state: TimelineState, file_key: str, position: FramePosition, effects: Effects, canvas: Canvas
) -> str:
    """Return the store key of a frame without its grade."""
    content = [file_key, position.frame, msgspec.structs.replace(effects, grade=Grade()), canvas]
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    return f"{key_prefix(state.timeline.workspace_id, state.timeline.id)}previews/{digest[:40]}.mkv"


def _build_frame_key(state: TimelineState, position: FramePosition, effects: Effects, options: PictureOptions) -> str:
    asset = state.assets.get(position.segment.asset_id or "")
    file = None if asset is None else _choose_file(asset, options)[0]
    frame = None if asset is None else position.frame
    content = [file, frame, effects, _choose_preview_canvas(state, options), options, position.segment.rate]
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    suffix = "jpg" if options.format == "jpeg" else "png"
    prefix = key_prefix(state.timeline.workspace_id, state.timeline.id)
    return f"{prefix}previews/{digest[:40]}.{suffix}"
