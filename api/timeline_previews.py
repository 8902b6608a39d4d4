"""Preview pictures of a timeline: exact frames through the segment's own filter chain, cached in the store by content.

Each is drawn by a worker process (carmic_assets/sandbox), from the editing proxy where there is one, otherwise from the
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
from carmic_assets.model.timeline import Canvas, Effects, PictureFormat
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import DrawFrames
from resources.platform import Platform
from resources.timeline_assets import TimelineAsset
from resources.timelines import key_prefix

Quality = Literal["preview", "source"]
SHORT_SIDE_PX = 720  # of a picture in preview quality: the proxy has no more
ONE_PASS_GAP_S = 4.0  # frames further apart are drawn by a process each, which seeks instead of decoding


class PictureOptions(msgspec.Struct, frozen=True):
    """How a picture is drawn. `width` in pixels; None is the canvas's own."""

    quality: Quality = "preview"
    format: PictureFormat = "jpeg"
    width: int | None = None


class PreviewScene(msgspec.Struct, frozen=True):
    """What pictures are drawn of, and by whom."""

    platform: Platform
    workers: WorkerPool
    state: TimelineState


def draw_picture(scene: PreviewScene, position: FramePosition, effects: Effects, options: PictureOptions) -> str:
    """Draw one frame, unless it was drawn before, and return its signed URL.

    Raises:
        ApiError: 422 if the footage cannot be decoded there.
        PoolBusyError: too many pictures are being drawn.
    """
    return draw_pictures(scene, [position], effects, options)[0]


def draw_pictures(
    scene: PreviewScene,
    positions: Sequence[FramePosition],
    effects: Effects | None,
    options: PictureOptions,
) -> list[str]:
    """Draw several frames in as few passes as possible. `effects` None draws each with those of its segment."""
    keys = [_picture_key(scene.state, p, effects or p.segment.effects, options) for p in positions]
    missing = [
        (key, position)
        for key, position in dict(zip(keys, positions, strict=True)).items()
        if scene.platform.store.stat(key) is None
    ]
    for _, group in groupby(missing, lambda item: item[1].segment.id):
        for run in _split_runs(list(group)):
            _draw_run(scene, run, effects, options)
    return [sign_url(scene.platform, key, f"image/{options.format}") for key in keys]


def _split_runs(items: list[tuple[str, FramePosition]]) -> Iterator[list[tuple[str, FramePosition]]]:
    """Split the frames of one segment where the next is too far away to decode all between."""
    run: list[tuple[str, FramePosition]] = []
    for item in items:
        if run:
            gap_s = (item[1].frame - run[-1][1].frame) / item[1].segment.rate.fraction
            if not 0 < gap_s <= ONE_PASS_GAP_S:
                yield run
                run = []
        run.append(item)
    if run:
        yield run


def _draw_run(
    scene: PreviewScene,
    run: list[tuple[str, FramePosition]],
    effects: Effects | None,
    options: PictureOptions,
) -> None:
    store = scene.platform.store
    first = run[0][1]
    segment = first.segment
    asset = scene.state.assets.get(segment.asset_id) if segment.asset_id else None
    canvas = msgspec.structs.replace(_preview_canvas(scene.state, options), rate=segment.rate)
    offsets = tuple(position.frame - first.frame for _, position in run)
    with TemporaryDirectory(prefix="carmic-preview-") as folder, ExitStack() as open_files:
        path, facts = "", None
        if asset is not None:
            key, facts = _choose_file(asset, options)
            path = str(open_files.enter_context(store.local_file(key)))
        drawn = effects or segment.effects
        job = DrawFrames(path, facts, first.frame, offsets, drawn, canvas, folder, options.format, options.width)
        try:
            paths = scene.workers.run(job, list[str], owner=scene.state.timeline.workspace_id)
        except JobRefusedError as error:
            raise ApiError(422, str(error)) from error
        except JobLimitError as error:
            raise ApiError(422, "The picture cannot be drawn within the limits of a preview.") from error
        for (key, _), picture in zip(run, paths, strict=True):
            store.put_file(key, Path(picture), f"image/{options.format}")


def _choose_file(asset: TimelineAsset, options: PictureOptions) -> tuple[str, SourceFacts]:
    """Return the file to read: the editing proxy where it exists and will do."""
    if options.quality == "preview" and asset.proxy_key is not None:
        return asset.proxy_key, msgspec.convert(asset.proxy_facts, SourceFacts)
    return asset.object_key, msgspec.convert(asset.facts, SourceFacts)


def _preview_canvas(state: TimelineState, options: PictureOptions) -> Canvas:
    canvas = get_canvas(state.timeline)
    if canvas is None:
        raise ApiError(422, "The project has no footage yet. Upload a video first.")
    scale = min(1.0, SHORT_SIDE_PX / min(canvas.width, canvas.height))
    if options.quality == "source" or scale == 1.0:
        return canvas
    width, height = (max(2, 2 * round(size * scale / 2)) for size in (canvas.width, canvas.height))
    return msgspec.structs.replace(canvas, width=width, height=height)


def _picture_key(state: TimelineState, position: FramePosition, effects: Effects, options: PictureOptions) -> str:
    asset = state.assets.get(position.segment.asset_id or "")
    file = None if asset is None else _choose_file(asset, options)[0]
    frame = None if asset is None else position.frame
    content = [file, frame, effects, _preview_canvas(state, options), options, position.segment.rate]
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    suffix = "jpg" if options.format == "jpeg" else "png"
    prefix = key_prefix(state.timeline.workspace_id, state.timeline.id)
    return f"{prefix}previews/{digest[:40]}.{suffix}"
