"""Assembles the `Edit` of one clip from its database row and the artifacts of its video."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.assets import referenced_media
from carmic_assets.assets.video_step import VideoStep
from carmic_assets.captions.caption_styles import parse_custom_styles
from carmic_assets.direction.director import direct_clip
from carmic_assets.model.edit import Edit, Marker
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.speech.clip_words import assign_speakers, map_spans_to_clip_clock, map_words_to_clip_clock
from resources import artifacts, exports, renders, templates
from resources import clips as clip_rows


class VideoArtifacts(msgspec.Struct, frozen=True):
    """The artifacts that all clips of one video share; read once per run."""

    facts: SourceFacts
    scene: Scene
    transcript: Transcript
    words: tuple[Word, ...]  # with their speakers


class ClipSnapshot(msgspec.Struct, frozen=True):
    """A clip as it was when its render or export was queued; bounds are on the source clock."""

    clip_id: str
    title: str
    start_s: float
    end_s: float
    template_config: dict[str, Any] | None
    score: int = 0
    reasoning: str = ""


def load_video_artifacts(step: VideoStep) -> VideoArtifacts:
    """Read the artifacts and assign each word its speaker."""
    transcript = step.load_artifact(artifacts.TRANSCRIPT, Transcript)
    speakers = step.load_artifact(artifacts.SPEAKERS, Speakers)
    return VideoArtifacts(
        step.load_artifact(artifacts.SOURCE_FACTS, SourceFacts),
        step.load_artifact(artifacts.SCENE, Scene),
        transcript,
        assign_speakers(transcript.words, speakers.turns),
    )


def snapshot_clip(step: VideoStep, row: renders.Render | exports.Export) -> ClipSnapshot:
    """Return the clip as it was when its render or export was queued, with its current score and reasoning."""
    with step.platform.database.read() as connection:
        clip = clip_rows.get(connection, row.clip_id)
    score, reasoning = (clip.virality_score, clip.reasoning) if clip else (0, "")
    return ClipSnapshot(row.clip_id, row.title, row.start_s, row.end_s, row.template_config, score, reasoning)


def load_edit(
    step: VideoStep, video: VideoArtifacts, source: Path, clip: ClipSnapshot, scratch_dir: Path, open_files: ExitStack
) -> Edit:
    """Return the edit of one clip. Its local files stay available until `open_files` closes.

    Raises:
        RenderError: the configuration or a file that it names cannot be used.
    """
    try:
        config = msgspec.convert(clip.template_config or {}, TemplateConfig)
    except msgspec.ValidationError as error:
        raise RenderError(f"The clip's template_config is invalid: {error}. Correct it and save the clip.") from error
    platform, workspace_id = step.platform, step.project.workspace_id
    start_s, end_s = snap_clip_bounds(video.facts, clip.start_s, clip.end_s)
    with platform.database.read() as connection:
        styles = parse_custom_styles(templates.get_configs_by_name(connection, workspace_id))
    return assemble_edit(
        ClipInputs(
            clip_id=clip.clip_id,
            title=clip.title,
            source_path=str(source),
            source=video.facts,
            start_s=start_s,
            end_s=end_s,
            config=config,
            words=map_words_to_clip_clock(video.words, start_s, end_s),
            shots=direct_clip(video.scene, start_s, end_s, config),
            media=referenced_media.open_referenced_media(platform, workspace_id, config, scratch_dir, open_files),
            fonts=referenced_media.open_workspace_fonts(platform, workspace_id, open_files),
            speech=map_spans_to_clip_clock(video.transcript.speech, start_s, end_s),
            language=video.transcript.language,
            scene=video.scene,
            templates=styles,
            markers=_mark_speaker_changes(video, start_s, end_s),
            score=clip.score,
            reasoning=clip.reasoning,
        )
    )


def _mark_speaker_changes(video: VideoArtifacts, start_s: float, end_s: float) -> list[Marker]:
    markers: list[Marker] = []
    speaker = None
    for word in map_words_to_clip_clock(video.words, start_s, end_s):
        if word.speaker is not None and word.speaker != speaker:
            speaker = word.speaker
            markers.append(Marker(word.start_s, f"Speaker {speaker}", word.text))
    return markers
