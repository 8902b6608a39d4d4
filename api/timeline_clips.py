"""Creates a timeline from Carmic clips: each span of the video that a clip keeps becomes a segment."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePath
from uuid import UUID

from api.access import Caller
from api.edit_validation import load_workspace_styles, parse_config
from api.editor_hydration import Hydrator
from api.errors import ApiError
from api.routes.clips import require_clip
from api.routes.editor import assemble_caption_edit
from api.routes.projects import require_project
from carmic_assets.model.template import TemplateConfig
from resources import clips
from resources.clips import Clip
from resources.platform import Platform
from resources.projects import Project
from resources.timeline_assets import NewAsset

ClipOfVideo = tuple[Project, Clip]


def list_clip_footage(
    platform: Platform, hydrator: Hydrator, caller: Caller, clip_ids: list[UUID], video_id: UUID | None
) -> list[NewAsset]:
    """Return the footage of these clips in the given order, or of all clips of a video in chronological order.

    Neighbouring clips of one video share an asset.

    Raises:
        ApiError: 404 for a clip or video of another workspace, 409 for a video without clips yet.
    """
    with platform.database.read() as connection:
        styles = load_workspace_styles(connection, caller.workspace)
        selected_clips = [require_clip(connection, caller, clip_id) for clip_id in clip_ids]
        if video_id is not None:
            video = require_project(connection, caller, video_id)
            project_clips = clips.list_for_project(connection, video.id)
            selected_clips += [(video, clip) for clip in sorted(project_clips, key=lambda clip: clip.start_s)]
            if not project_clips:
                raise ApiError(409, "This Carmic project has no clips yet. Wait for CLIPS_READY.")
    footage = []
    for _, group in groupby(selected_clips, lambda pair: pair[0].id):
        pairs: list[ClipOfVideo] = list(group)
        spans_s = [span for _, clip in pairs for span in _list_kept_spans_s(hydrator, clip, styles)]
        footage.append(_build_asset(pairs[0][0], spans_s))
    return footage


def _list_kept_spans_s(hydrator: Hydrator, clip: Clip, styles: dict[str, TemplateConfig]) -> list[tuple[float, float]]:
    """Return the kept spans of a clip in seconds of the video: the clip without its removed pauses."""
    config = parse_config(clip.template_config)
    if not config.audio.remove_pauses:
        return [(clip.start_s, clip.end_s)]
    edit = assemble_caption_edit(hydrator, clip, config, styles)
    return [(edit.start_s + span.start_s, edit.start_s + span.end_s) for span in edit.kept_spans]


def _build_asset(video: Project, spans_s: list[tuple[float, float]]) -> NewAsset:
    origin = {"kind": "clips", "object_key": video.object_key, "spans_s": spans_s, "carmic_project_id": video.id}
    suffix = PurePath(video.object_key).suffix
    return NewAsset(video.filename, video.content_type, suffix, origin, "downloading")
