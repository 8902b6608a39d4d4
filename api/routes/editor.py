"""Actions on a clip: rebuild the layout, add reactions, preview captions, suggest b-roll."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, BinaryIO, TypeVar
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Caller
from api.dependencies import CallerDep, HydratorDep, PathId, PlatformDep, WorkersDep
from api.edit_validation import (
    check_config,
    describe_fonts,
    hash_content,
    load_workspace_fonts,
    load_workspace_styles,
    open_fonts,
    parse_config,
)
from api.editor_hydration import Hydrator, snap_bounds
from api.envelope import Data, Page, unpaginated
from api.errors import ApiError
from api.idempotency import record_response
from api.previews import preview_clip
from api.rate_limits import PREVIEWS
from api.routes.clips import CLIP, require_clip
from api.signed_urls import sign_url
from carmic_assets.captions.caption_events import CaptionEvent
from carmic_assets.captions.reactions import suggest_reactions
from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.direction.director import direct_clip
from carmic_assets.media.proxy_facts import predict_proxy_facts
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import CorruptVideoError, RenderError
from carmic_assets.model.template import AudioConfig, Emoji, TemplateConfig, Watermark
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit
from carmic_assets.sandbox.pool import WorkerPool
from carmic_assets.sandbox.worker_jobs import ClipPreview, PreviewClip
from carmic_assets.speech.clip_words import map_spans_to_clip_clock, map_words_to_clip_clock
from resources import clips, media_library
from resources.artifacts import find_source_key
from resources.clips import Clip
from resources.field_types import SignedUrl, Uuid
from resources.platform import Platform
from resources.projects import Project, key_prefix
from resources.store.folder import FolderStore

T = TypeVar("T")

MAX_MATCHES = 5  # files of the media library per suggestion
CHANGES_CONFIG: dict[str, Any] = {**CLIP, "idempotent": True, "status_code": 200, "error_statuses": (409,)}
BROLL: dict[str, Any] = {**CLIP, "tags": ["B-roll and stock"]}


class Rebuilt(msgspec.Struct):
    """A clip's new layout timeline, with its crop metrics."""

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    version: Annotated[int, Meta(description="The version that the rebuild has saved.", examples=[4])]
    ai_suggested_layout_timeline: Annotated[tuple[LayoutShot, ...], Meta(description="The new layouts and crop paths.")]
    crop_metrics: Annotated[CropMetrics, Meta(description="Quality measures of the new crop path.")]


class Reactions(msgspec.Struct):
    """The emoji reactions of a clip."""

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    version: Annotated[int, Meta(description="The version that the reactions were saved in.", examples=[5])]
    emojis: Annotated[tuple[Emoji, ...], Meta(description="The emoji reactions, in the order of their times.")]


class DryRunRequest(TemplateConfig, frozen=True):
    """The config to preview, as in `PUT`. Without a body, the saved config is previewed."""


class DryRun(msgspec.Struct):
    """Captions in pixels of a `width` x `height` frame, at seconds of the rendered clip.

    `still_url` is a JPEG of the frame at `still_time` (clip clock), rendered by the render's filter graph from the
    proxy if it exists, without b-roll and watermark. It is null if the frame cannot be rendered, or if the video is in
    a bucket and has no proxy yet.
    """

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    width: Annotated[int, Meta(description="Width of the canvas in pixels.", examples=[1080])]
    height: Annotated[int, Meta(description="Height of the canvas in pixels.", examples=[1920])]
    captions: Annotated[list[CaptionEvent], Meta(description="The captions in the order of their times.")]
    srt: Annotated[
        str, Meta(description="The captions as SubRip.", examples=["1\n00:00:00,120 --> 00:00:01,480\nSmall teams\n"])
    ]
    vtt: Annotated[
        str, Meta(description="The captions as WebVTT.", examples=["WEBVTT\n\n00:00.120 --> 00:01.480\nSmall teams\n"])
    ]
    still_url: Annotated[
        SignedUrl | None, Meta(description="Signed URL of a JPEG of one frame; null if the video cannot be drawn.")
    ]
    still_time: Annotated[
        float, Meta(description="Time of that frame, in seconds from the clip's start.", examples=[1.2])
    ]


class MediaMatch(msgspec.Struct):
    """A video or image of the workspace's library that matches a suggestion."""

    id: Annotated[Uuid, Meta(description="Id of the file.")]
    url: Annotated[SignedUrl, Meta(description="Signed URL of the file.")]
    media_type: Annotated[str, Meta(description="Kind of the file: video or image.", examples=["video"])]
    filename: Annotated[str, Meta(description="Name of the file.", examples=["skyline.mp4"])]
    duration: Annotated[float | None, Meta(description="Length in seconds; null for an image.", examples=[8.0])]


class Suggestion(msgspec.Struct):
    """A suggested cutaway: a keyword, its time on the clip clock, and matching files of the library."""

    keyword: Annotated[str, Meta(description="What to show, as a search term.", examples=["skyline"])]
    start_time: Annotated[
        float, Meta(description="When the cutaway begins, in seconds from the clip's start.", examples=[4.2])
    ]
    duration: Annotated[float, Meta(description="How long the cutaway lasts, in seconds.", examples=[3.0])]
    matches: Annotated[list[MediaMatch], Meta(description="Files of the workspace's library that fit, best first.")]


@post("/v1/clips/{clip_id:uuid}/rebuild-layout", **CHANGES_CONFIG)
def rebuild_layout(platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId) -> Data[Rebuilt]:
    """Delete the saved `shots`, and return the layout timeline of the auto-director that replaces them.

    409 while the video has no spatial matrix.
    """
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
    video = hydrator.load_video(clip.workspace_id, clip.project_id)
    if video.scene is None:
        raise ApiError(409, "This video has no spatial matrix yet. Wait until `visual_pipeline_ready` is true.")
    config = {name: value for name, value in (clip.template_config or {}).items() if name != "shots"}
    start, end = snap_bounds(video, clip.start_s, clip.end_s)
    timeline = direct_clip(video.scene, start, end, parse_config(config))
    crop_metrics = measure_crops(timeline, video.scene, start)
    return _save_config(platform, clip, config, lambda version: Rebuilt(clip.id, version, timeline, crop_metrics))


@post("/v1/clips/{clip_id:uuid}/emoji-fill", **CHANGES_CONFIG)
def fill_emojis(platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId) -> Data[Reactions]:
    """Add emoji reactions at matching words, and save them as `elements.emojis`.

    They have no position: the renderer places each beside its speaker's face.
    """
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
    edit = assemble_caption_edit(hydrator, clip, parse_config(clip.template_config), {})
    emojis = tuple(suggest_reactions(edit.words, edit.duration_s))
    raw = clip.template_config or {}
    config = {**raw, "elements": {**(raw.get("elements") or {}), "emojis": msgspec.to_builtins(emojis)}}
    return _save_config(platform, clip, config, lambda version: Reactions(clip.id, version, emojis))


@post(
    "/v1/clips/{clip_id:uuid}/subtitle-dry-run",
    scope="read",
    rate_limit=PREVIEWS,
    status_code=200,
    error_statuses=(409,),
    **CLIP,
)
def preview_subtitles(
    platform: PlatformDep,
    hydrator: HydratorDep,
    workers: WorkersDep,
    caller: CallerDep,
    clip_id: PathId,
    data: JSONBody[DryRunRequest | None] = None,
) -> Data[DryRun]:
    """Return the captions with the words and line breaks of the render. Nothing is saved."""
    with platform.database.read() as connection:
        project, clip = require_clip(connection, caller, clip_id)
        config: TemplateConfig = data if data is not None else parse_config(clip.template_config)
        styles = load_workspace_styles(connection, caller.workspace)
        fonts = load_workspace_fonts(connection, caller.workspace, config, styles)
    check_config(config, clip.end_s - clip.start_s, styles, describe_fonts(fonts))
    edit = assemble_caption_edit(hydrator, clip, config, styles)
    # During the first word, so that the still shows the highlight
    still_time_s = edit.words[0].start_s + 0.1 if edit.words else edit.duration_s / 2
    # Use the keys of the fonts, because their local paths differ from one request to the next.
    name = hash_content(edit, still_time_s, [font.object_key for font in fonts])
    still_key = f"{key_prefix(project.workspace_id, project.id)}previews/{name}.jpg"
    with open_fonts(platform, fonts) as files:
        edit_with_fonts = msgspec.structs.replace(edit, fonts=tuple(files))
        preview = _run_preview(platform, workers, project, edit_with_fonts, still_time_s, still_key)
    still_url = sign_url(platform, still_key, "image/jpeg") if preview.has_still else None
    captions = list(preview.captions)
    return Data(DryRun(clip.id, edit.width, edit.height, captions, preview.srt, preview.vtt, still_url, still_time_s))


def _run_preview(
    platform: Platform, workers: WorkerPool, project: Project, edit: Edit, time_s: float, still_key: str
) -> ClipPreview:
    """Lay out the captions, and render one frame into the store unless the store has the key `still_key`."""
    cache = str(platform.settings.cache_dir / "captions")
    if platform.store.stat(still_key) is not None:
        preview = preview_clip(workers, project.workspace_id, PreviewClip(edit, cache), None)
        return msgspec.structs.replace(preview, has_still=True)
    with TemporaryDirectory(prefix="carmic-still-") as folder, ExitStack() as open_files:
        path = Path(folder) / "still.jpg"
        try:
            footage, source = _open_footage(platform, project, edit, open_files)
            job = PreviewClip(footage, cache, time_s, str(path))
        except (KeyError, CorruptVideoError):
            source, job = None, PreviewClip(edit, cache)
        preview = preview_clip(workers, project.workspace_id, job, source)
        if preview.has_still:
            platform.store.put_file(still_key, path, "image/jpeg")
    return preview


def _open_footage(
    platform: Platform, project: Project, edit: Edit, open_files: ExitStack
) -> tuple[Edit, BinaryIO | None]:
    """Return the edit with a source in which seeking is fast: a local path, or an open proxy in a bucket.

    The proxy is preferred: it has a key frame every two seconds and fewer pixels than most sources.

    Raises:
        KeyError: the file does not exist, or is a source in a bucket, in which seeking may be slow.
    """
    source_key = find_source_key(platform.store, project)
    key = project.proxy_key or source_key
    if key != source_key:
        edit = msgspec.structs.replace(edit, source=predict_proxy_facts(edit.source))
    if isinstance(platform.store, FolderStore):
        path = open_files.enter_context(platform.store.local_file(key))
        return msgspec.structs.replace(edit, source_path=str(path)), None
    if project.proxy_key is None:
        raise KeyError(key)
    return edit, open_files.enter_context(platform.store.open(key))


@post("/v1/clips/{clip_id:uuid}/generate-broll", idempotent=True, status_code=200, **BROLL)
def generate_broll_suggestions(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Page[Suggestion]:
    """Suggest cutaways: keywords and times from the transcript, with matching files of the workspace's library."""
    return _list_suggestions(platform, caller, clip_id)


@get("/v1/clips/{clip_id:uuid}/broll", **BROLL)
def list_broll_suggestions(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Page[Suggestion]:
    """List the clip's suggested cutaways."""
    return _list_suggestions(platform, caller, clip_id)


def _list_suggestions(platform: Platform, caller: Caller, clip_id: UUID) -> Page[Suggestion]:
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        suggestions = []
        for item in clips.list_broll_suggestions(clip):
            keyword = item["keyword"]
            media = media_library.search(connection, caller.workspace, keyword, ("video", "image"), limit=MAX_MATCHES)
            matches = [MediaMatch(m.id, m.object_key, m.media_type, m.filename, m.duration_s) for m in media]
            suggestions.append(Suggestion(keyword, item["start_time"], item["duration"], matches))
    return unpaginated(suggestions)


def _save_config(platform: Platform, clip: Clip, config: dict[str, Any], build_response: Callable[[int], T]) -> Data[T]:
    """Save the changed config, and return the response, which is built from the clip's new version.

    Raises:
        ApiError: 409 if another request saved the clip since it was read.
    """
    with platform.database.write() as connection:
        saved_clip = clips.edit(connection, clip.id, config, if_version=clip.version)
        if saved_clip is None:
            raise ApiError(409, "Another request saved this clip at the same time. Try again.")
        return record_response(connection, Data(build_response(saved_clip.version)))


def assemble_caption_edit(
    hydrator: Hydrator, clip: Clip, config: TemplateConfig, styles: dict[str, TemplateConfig]
) -> Edit:
    """Assemble the edit that the renderer would use, without the media that do not affect captions."""
    video = hydrator.load_video(clip.workspace_id, clip.project_id)
    if video.facts is None or video.scene is None or video.transcript is None:
        raise ApiError(409, "This video has not been analysed yet. Wait for CLIPS_READY.")
    start, end = snap_bounds(video, clip.start_s, clip.end_s)
    caption_config = msgspec.structs.replace(
        config,
        b_roll=(),
        audio=msgspec.structs.replace(config.audio, music_track=AudioConfig().music_track, active_track=None),
        elements=msgspec.structs.replace(config.elements, watermark=Watermark()),
    )
    try:
        return assemble_edit(
            ClipInputs(
                clip_id=clip.id,
                title=clip.title,
                source_path="",
                source=video.facts,
                start_s=start,
                end_s=end,
                config=caption_config,
                words=map_words_to_clip_clock(video.words, start, end),
                shots=direct_clip(video.scene, start, end, caption_config),
                speech=map_spans_to_clip_clock(video.transcript.speech, start, end),
                language=video.transcript.language,
                scene=video.scene,
                templates=styles,
            )
        )
    except RenderError as error:
        raise ApiError(422, error.sentence) from error


ROUTES: list[HTTPRouteHandler] = [
    rebuild_layout,
    fill_emojis,
    preview_subtitles,
    generate_broll_suggestions,
    list_broll_suggestions,
]
