"""What the editor asks to be done to a clip: direct it again, place reactions, preview captions, suggest cutaways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from api import edit_validation
from api.access import Access, Caller
from api.dependencies import Id, TheCaller, TheHydrator, ThePlatform
from api.editor_hydration import Hydrator, Video, bounds_of
from api.envelope import Data, Page, whole
from api.errors import ApiError
from api.routes.clips import owned
from api.signed_urls import link
from carmic_assets.captions.caption_track import CaptionEvent, caption_events
from carmic_assets.captions.reactions import emoji_fill
from carmic_assets.direction.director import direct_clip
from carmic_assets.direction.measures import measure
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import CorruptVideo, RenderFailed
from carmic_assets.model.template import AudioConfig, Emoji, TemplateConfig, Watermark
from carmic_assets.rendering.edit_assembly import assemble
from carmic_assets.speech.clip_words import on_clip, spans_on_clip
from resources import clips, media_library
from resources.clips import Clip
from resources.platform import Platform
from resources.projects import Project, prefix
from resources.store.folder import FolderStore

CHANGES_CONFIG: dict[str, Any] = {
    "access": Access.EDITOR,
    "idempotent": True,
    "status_code": 200,
    "refuses": (409,),
    "sync_to_thread": True,
    "tags": ["Clips and editor"],
}


class Rebuilt(msgspec.Struct):
    clip_id: str
    version: int
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    crop_metrics: CropMetrics


class Reactions(msgspec.Struct):
    clip_id: str
    version: int
    emojis: tuple[Emoji, ...]


class DryRunIn(TemplateConfig, frozen=True):
    """The config to preview, as `PUT` takes it. Without a body: the saved one."""


class DryRun(msgspec.Struct):
    """`captions` are placed in pixels of a `width` x `height` picture, in seconds of the rendered clip.

    `still_url` is a JPEG of the frame at `still_time` (clip clock), drawn by the render's own graph from the proxy
    where there is one, without b-roll and watermark; null where the video cannot be drawn from, or lies in a bucket and
    has no proxy yet.
    """

    clip_id: str
    width: int
    height: int
    captions: list[CaptionEvent]
    srt: str
    vtt: str
    still_url: str | None
    still_time: float


class Match(msgspec.Struct):
    """A video or image of the workspace's library that a suggestion could show."""

    id: str
    url: str
    media_type: str
    filename: str
    duration: float | None


class Suggestion(msgspec.Struct):
    """A cutaway: what to show, when on the clip's clock, and what the library has for it."""

    keyword: str
    start_time: float
    duration: float
    matches: list[Match]


@post("/v1/clips/{clip_id:uuid}/rebuild-layout", **CHANGES_CONFIG)
def rebuild_layout(platform: ThePlatform, hydrator: TheHydrator, caller: TheCaller, clip_id: Id) -> Data[Rebuilt]:
    """Let the auto-director decide anew: drops the saved `shots` and answers the timeline that is followed from now on.

    409 while the video's spatial matrix does not exist.
    """
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
    video = hydrator.video(clip.workspace_id, clip.project_id)
    if video.scene is None:
        raise ApiError(409, "The spatial matrix of this video does not exist yet. Wait for `visual_pipeline_ready`.")
    clip = _changed(platform, clip, lambda raw: {name: value for name, value in raw.items() if name != "shots"})
    start, end = bounds_of(video, clip.start_s, clip.end_s)
    timeline = direct_clip(video.scene, start, end, edit_validation.parsed(clip.template_config))
    return Data(Rebuilt(clip.id, clip.version, timeline, measure(timeline, video.scene, start)))


@post("/v1/clips/{clip_id:uuid}/emoji-fill", **CHANGES_CONFIG)
def fill_emoji(platform: ThePlatform, hydrator: TheHydrator, caller: TheCaller, clip_id: Id) -> Data[Reactions]:
    """Place emoji reactions where the words call for them, and save them as `elements.emojis`.

    They have no position of their own: the renderer puts each beside its speaker's face.
    """
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
    edit = _edit(hydrator, clip, edit_validation.parsed(clip.template_config), {})
    found = tuple(emoji_fill(edit.words, edit.duration_s))
    placed = msgspec.to_builtins(found)

    def with_reactions(raw: dict[str, Any]) -> dict[str, Any]:
        elements = raw.get("elements") or {}
        return {**raw, "elements": {**elements, "emojis": placed}}

    clip = _changed(platform, clip, with_reactions)
    return Data(Reactions(clip.id, clip.version, found))


@post(
    "/v1/clips/{clip_id:uuid}/subtitle-dry-run",
    access=Access.EDITOR,
    scope="read",
    status_code=200,
    refuses=(409,),
    sync_to_thread=True,
    tags=["Clips and editor"],
)
def dry_run_subtitles(
    platform: ThePlatform,
    hydrator: TheHydrator,
    caller: TheCaller,
    clip_id: Id,
    data: JSONBody[DryRunIn | None] = None,
) -> Data[DryRun]:
    """The captions as they would be rendered, word for word and line for line; nothing is saved."""
    from carmic_assets.captions.subtitles import srt, vtt

    with platform.database.read() as connection:
        project, clip = owned(connection, caller, clip_id)
        config: TemplateConfig = data if data is not None else edit_validation.parsed(clip.template_config)
        styles = edit_validation.own_styles(connection, caller.workspace)
        fonts = edit_validation.own_fonts(connection, caller.workspace, config, styles)
    with edit_validation.opened(platform, fonts) as files:
        edit_validation.check(config, clip.end_s - clip.start_s, styles, files)
        edit = _edit(hydrator, clip, config, styles)
        plain, edit = edit, msgspec.structs.replace(edit, fonts=tuple(files))
        try:
            captions = caption_events(edit, platform.settings.cache_dir / "captions")
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        # the middle of the first word: what the style looks like at work
        at = edit.words[0].start_s + 0.1 if edit.words else edit.duration_s / 2
        name = edit_validation.digest(plain, at, [font.object_key for font in fonts])
        still = _still(platform, project, edit, at, name)
    return Data(DryRun(clip.id, edit.width, edit.height, captions, srt(edit), vtt(edit), still, at))


def _still(platform: Platform, project: Project, edit: Edit, at: float, name: str) -> str | None:
    """Draw one frame beside the project's objects; its address. What has the same name is drawn once. None where the
    video is gone, broken, or still too far away."""
    from carmic_assets.rendering.still import render_still

    key = f"{prefix(project.workspace_id, project.id)}previews/{name}.jpg"
    if platform.store.stat(key) is None:
        cache = platform.settings.cache_dir / "captions"
        try:
            with TemporaryDirectory(prefix="carmic-still-") as folder, _footage(platform, project, edit, at) as seen:
                path = Path(folder) / "still.jpg"
                render_still(seen, at, path, folder, threads=1, cache=cache)
                platform.store.put_file(key, path, "image/jpeg")
        except (KeyError, RenderFailed, CorruptVideo):
            return None
    return link(platform, key, "image/jpeg")


@contextmanager
def _footage(platform: Platform, project: Project, edit: Edit, at: float) -> Iterator[Edit]:
    """The edit over a file that is quick to draw from: the proxy where there is one, since it has a key frame every two
    seconds and fewer pixels than most sources; and of what lies in a bucket only the moment that is drawn.

    Raises KeyError where that file does not exist.
    """
    from carmic_assets.media.excerpt import cut_excerpt
    from carmic_assets.media.proxy import proxy_facts

    key = project.proxy_key or project.object_key
    if key != project.object_key:
        edit = msgspec.structs.replace(edit, source=proxy_facts(edit.source))
    if isinstance(platform.store, FolderStore):
        with platform.store.local(key) as path:
            yield msgspec.structs.replace(edit, source_path=str(path))
        return
    if project.proxy_key is None:  # a source may be anything, and seek anyhow
        raise KeyError(key)
    with platform.store.open(key) as file, TemporaryDirectory(prefix="carmic-excerpt-") as folder:
        path = Path(folder) / "moment.mkv"
        cut = cut_excerpt(file, edit.source, edit.start_s + at, path)
        yield msgspec.structs.replace(
            edit, source_path=str(path), source=cut.facts, start_s=edit.start_s - cut.begins_s
        )


@post(
    "/v1/clips/{clip_id:uuid}/generate-broll",
    access=Access.EDITOR,
    idempotent=True,
    status_code=200,
    sync_to_thread=True,
    tags=["B-roll and stock"],
)
def generate_broll(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Page[Suggestion]:
    """Suggest cutaways: keywords and times out of what is said, with matches in the workspace's own library."""
    return _suggestions(platform, caller, clip_id)


@get("/v1/clips/{clip_id:uuid}/broll", access=Access.EDITOR, sync_to_thread=True, tags=["B-roll and stock"])
def broll(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Page[Suggestion]:
    """The clip's suggested cutaways."""
    return _suggestions(platform, caller, clip_id)


def _suggestions(platform: Platform, caller: Caller, clip_id: UUID) -> Page[Suggestion]:
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
        found = []
        for item in clips.suggestions(clip):
            media = media_library.search(connection, caller.workspace, item["keyword"], ("video", "image"), limit=5)
            matches = [Match(m.id, m.object_key, m.media_type, m.filename, m.duration_s) for m in media]
            found.append(Suggestion(item["keyword"], item["start_time"], item["duration"], matches))
    return whole(found)


def _changed(platform: Platform, clip: Clip, change: Any) -> Clip:
    """Save `change` of the config. Raises 409 where somebody saved in between."""
    with platform.database.write() as connection:
        saved = clips.edit(connection, clip.id, change(clip.template_config or {}), if_version=clip.version)
    if saved is None:
        raise ApiError(409, "Somebody saved this clip at the same moment. Try again.")
    return saved


def _edit(hydrator: Hydrator, clip: Clip, config: TemplateConfig, styles: dict[str, TemplateConfig]) -> Edit:
    """The edit as the renderer would get it, without the media that captions have nothing to do with."""
    video: Video = hydrator.video(clip.workspace_id, clip.project_id)
    if video.facts is None or video.scene is None or video.transcript is None:
        raise ApiError(409, "The analysis of this video does not exist yet. Wait for CLIPS_READY.")
    start, end = bounds_of(video, clip.start_s, clip.end_s)
    plain = msgspec.structs.replace(
        config,
        b_roll=(),
        audio=msgspec.structs.replace(config.audio, music_track=AudioConfig().music_track, active_track=None),
        elements=msgspec.structs.replace(config.elements, watermark=Watermark()),
    )
    try:
        return assemble(
            clip_id=clip.id,
            title=clip.title,
            source_path="",
            source=video.facts,
            start_s=start,
            end_s=end,
            config=plain,
            words=on_clip(video.words, start, end),
            shots=direct_clip(video.scene, start, end, plain),
            speech=spans_on_clip(video.transcript.speech, start, end),
            language=video.transcript.language,
            scene=video.scene,
            templates=styles,
        )
    except RenderFailed as error:
        raise ApiError(422, error.sentence) from error


ROUTES: list[Any] = [rebuild_layout, fill_emoji, dry_run_subtitles, generate_broll, broll]
