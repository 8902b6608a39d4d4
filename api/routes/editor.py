"""Actions of the editor on a clip: redo the layout, place reactions, preview captions, suggest B-roll."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.access import Caller
from api.dependencies import CallerDep, HydratorDep, PathId, PlatformDep
from api.edit_validation import (
    check_config,
    hash_content,
    load_workspace_fonts,
    load_workspace_styles,
    open_fonts,
    parse_config,
)
from api.editor_hydration import Hydrator, snap_bounds
from api.envelope import Data, Page, unpaginated
from api.errors import ApiError
from api.routes.clips import CLIP, require_clip
from api.signed_urls import sign_url
from carmic_assets.captions.caption_track import CaptionEvent, list_caption_events
from carmic_assets.captions.reactions import suggest_reactions
from carmic_assets.captions.subtitles import format_srt, format_vtt
from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.direction.director import direct_clip
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import CorruptVideoError, RenderError
from carmic_assets.model.template import AudioConfig, Emoji, TemplateConfig, Watermark
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit
from carmic_assets.speech.clip_words import spans_to_clip_clock, words_to_clip_clock
from resources import clips, media_library
from resources.clips import Clip
from resources.platform import Platform
from resources.projects import Project, key_prefix
from resources.store.folder import FolderStore

MAX_MATCHES = 5  # of the media library, for one suggestion
CHANGES_CONFIG: dict[str, Any] = {**CLIP, "idempotent": True, "status_code": 200, "error_statuses": (409,)}
BROLL: dict[str, Any] = {**CLIP, "tags": ["B-roll and stock"]}


class Rebuilt(msgspec.Struct):
    """A clip's new layout timeline, with its quality measures."""

    clip_id: str
    version: int
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    crop_metrics: CropMetrics


class Reactions(msgspec.Struct):
    """The emoji reactions of a clip."""

    clip_id: str
    version: int
    emojis: tuple[Emoji, ...]


class DryRunRequest(TemplateConfig, frozen=True):
    """The config to preview, as for `PUT`. Without a body, the saved config is previewed."""


class DryRun(msgspec.Struct):
    """Captions in pixels of a `width` x `height` frame, at seconds of the rendered clip.

    `still_url` is a JPEG of the frame at `still_time` (clip clock), drawn by the render's filter graph from the proxy
    if it exists, without B-roll and watermark. It is null if the video cannot be drawn, or lies in a bucket and has no
    proxy yet.
    """

    clip_id: str
    width: int
    height: int
    captions: list[CaptionEvent]
    srt: str
    vtt: str
    still_url: str | None
    still_time: float


class MediaMatch(msgspec.Struct):
    """A video or image of the workspace's library that fits a suggestion."""

    id: str
    url: str
    media_type: str
    filename: str
    duration: float | None


class Suggestion(msgspec.Struct):
    """A suggested cutaway: a keyword, its time on the clip clock, and matching files of the library."""

    keyword: str
    start_time: float
    duration: float
    matches: list[MediaMatch]


@post("/v1/clips/{clip_id:uuid}/rebuild-layout", **CHANGES_CONFIG)
def rebuild_layout(platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId) -> Data[Rebuilt]:
    """Drop the saved `shots`, and return the timeline of the auto-director that replaces them.

    409 while the video has no spatial matrix.
    """
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
    video = hydrator.load_video(clip.workspace_id, clip.project_id)
    if video.scene is None:
        raise ApiError(409, "This video has no spatial matrix yet. Wait until `visual_pipeline_ready` is true.")
    clip = _save_config(platform, clip, lambda raw: {name: value for name, value in raw.items() if name != "shots"})
    start, end = snap_bounds(video, clip.start_s, clip.end_s)
    timeline = direct_clip(video.scene, start, end, parse_config(clip.template_config))
    return Data(Rebuilt(clip.id, clip.version, timeline, measure_crops(timeline, video.scene, start)))


@post("/v1/clips/{clip_id:uuid}/emoji-fill", **CHANGES_CONFIG)
def fill_emojis(platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId) -> Data[Reactions]:
    """Add emoji reactions to fitting words, and save them as `elements.emojis`.

    They have no position: the renderer places each beside its speaker's face.
    """
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
    edit = _assemble_caption_edit(hydrator, clip, parse_config(clip.template_config), {})
    emojis = tuple(suggest_reactions(edit.words, edit.duration_s))
    raw_emojis = msgspec.to_builtins(emojis)

    def add_emojis(raw: dict[str, Any]) -> dict[str, Any]:
        elements = raw.get("elements") or {}
        return {**raw, "elements": {**elements, "emojis": raw_emojis}}

    clip = _save_config(platform, clip, add_emojis)
    return Data(Reactions(clip.id, clip.version, emojis))


@post(
    "/v1/clips/{clip_id:uuid}/subtitle-dry-run",
    scope="read",
    status_code=200,
    error_statuses=(409,),
    **CLIP,
)
def preview_subtitles(
    platform: PlatformDep,
    hydrator: HydratorDep,
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
    with open_fonts(platform, fonts) as files:
        check_config(config, clip.end_s - clip.start_s, styles, files)
        edit_without_fonts = _assemble_caption_edit(hydrator, clip, config, styles)
        edit = msgspec.structs.replace(edit_without_fonts, fonts=tuple(files))
        try:
            captions = list_caption_events(edit, platform.settings.cache_dir / "captions")
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        # During the first word, so that the still shows the style at work
        still_time_s = edit.words[0].start_s + 0.1 if edit.words else edit.duration_s / 2
        # Fonts are named by their keys: their local paths differ from one request to the next.
        name = hash_content(edit_without_fonts, still_time_s, [font.object_key for font in fonts])
        still_url = _draw_still(platform, project, edit, still_time_s, name)
    srt, vtt = format_srt(edit), format_vtt(edit)
    return Data(DryRun(clip.id, edit.width, edit.height, captions, srt, vtt, still_url, still_time_s))


def _draw_still(platform: Platform, project: Project, edit: Edit, time_s: float, name: str) -> str | None:
    """Draw one frame into the store, unless an object of this name exists, and return its URL.

    Returns None if the video does not exist, cannot be decoded or is not quick to read.
    """
    from carmic_assets.rendering.still import render_still  # noqa: PLC0415 - loads NumPy

    key = f"{key_prefix(project.workspace_id, project.id)}previews/{name}.jpg"
    if platform.store.stat(key) is None:
        cache = platform.settings.cache_dir / "captions"
        try:
            with (
                TemporaryDirectory(prefix="carmic-still-") as folder,
                _open_footage(platform, project, edit, time_s) as edit_on_file,
            ):
                path = Path(folder) / "still.jpg"
                render_still(edit_on_file, time_s, path, folder, threads=1, cache=cache)
                platform.store.put_file(key, path, "image/jpeg")
        except (KeyError, RenderError, CorruptVideoError):
            return None
    return sign_url(platform, key, "image/jpeg")


@contextmanager
def _open_footage(platform: Platform, project: Project, edit: Edit, time_s: float) -> Iterator[Edit]:
    """Yield the edit over a local file that is quick to draw the frame at `time_s` from.

    The proxy is preferred: it has a key frame every two seconds and fewer pixels than most sources. Of a proxy in a
    bucket only the part around the frame is fetched.

    Raises:
        KeyError: the file does not exist, or is a source in a bucket, which may be slow to seek in.
    """
    from carmic_assets.media.excerpt import cut_excerpt  # noqa: PLC0415 - loads PyAV
    from carmic_assets.media.proxy import predict_proxy_facts  # noqa: PLC0415 - loads PyAV

    key = project.proxy_key or project.object_key
    if key != project.object_key:
        edit = msgspec.structs.replace(edit, source=predict_proxy_facts(edit.source))
    if isinstance(platform.store, FolderStore):
        with platform.store.local_file(key) as path:
            yield msgspec.structs.replace(edit, source_path=str(path))
        return
    if project.proxy_key is None:
        raise KeyError(key)
    with platform.store.open(key) as file, TemporaryDirectory(prefix="carmic-excerpt-") as folder:
        path = Path(folder) / "excerpt.mkv"
        cut = cut_excerpt(file, edit.source, edit.start_s + time_s, path)
        yield msgspec.structs.replace(edit, source_path=str(path), source=cut.facts, start_s=edit.start_s - cut.start_s)


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


def _save_config(platform: Platform, clip: Clip, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Clip:
    """Save the changed config. Raises ApiError 409 if there was another save since the clip was read."""
    with platform.database.write() as connection:
        saved = clips.edit(connection, clip.id, change(clip.template_config or {}), if_version=clip.version)
    if saved is None:
        raise ApiError(409, "Another request saved this clip at the same time. Try again.")
    return saved


def _assemble_caption_edit(
    hydrator: Hydrator, clip: Clip, config: TemplateConfig, styles: dict[str, TemplateConfig]
) -> Edit:
    """Assemble the edit that the renderer would get, without the media that do not affect captions."""
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
                words=words_to_clip_clock(video.words, start, end),
                shots=direct_clip(video.scene, start, end, caption_config),
                speech=spans_to_clip_clock(video.transcript.speech, start, end),
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
