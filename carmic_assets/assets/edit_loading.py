"""From a clip's row and its video's artifacts to the `Edit` that is rendered and packaged."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.assets import referenced_media
from carmic_assets.assets.video_step import Stage
from carmic_assets.captions.caption_styles import styles_of
from carmic_assets.direction.director import direct_clip
from carmic_assets.model.edit import Edit, Marker
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import assemble, clip_bounds
from carmic_assets.speech.clip_words import assign, on_clip, spans_on_clip
from resources import artifacts, templates


class Video(msgspec.Struct, frozen=True):
    """What all clips of one video share: read once per run."""

    facts: SourceFacts
    scene: Scene
    said: Transcript
    words: tuple[Word, ...]  # with their speakers


class Cut(msgspec.Struct, frozen=True):
    """A clip as it stood when it was queued: bounds on the source clock."""

    clip_id: str
    title: str
    start_s: float
    end_s: float
    template_config: dict[str, Any] | None
    score: int = 0
    reasoning: str = ""


def video_of(at: Stage) -> Video:
    said = at.load(artifacts.TRANSCRIPT, Transcript)
    return Video(
        at.load(artifacts.SOURCE_FACTS, SourceFacts),
        at.load(artifacts.SCENE, Scene),
        said,
        assign(said.words, at.load(artifacts.SPEAKERS, Speakers).turns),
    )


def edit_of(at: Stage, video: Video, source: Path, cut: Cut, scratch: Path, held: ExitStack) -> Edit:
    """The edit of one clip. `held` keeps its media until the render is done. Raises RenderFailed with a sentence."""
    try:
        config = msgspec.convert(cut.template_config or {}, TemplateConfig)
    except msgspec.ValidationError as error:
        raise RenderFailed(f"The clip's template_config cannot be used: {error}. Save it again.") from error
    start, end = clip_bounds(video.facts, cut.start_s, cut.end_s)
    with at.platform.database.read() as connection:
        styles = styles_of(templates.configs(connection, at.project.workspace_id))
    return assemble(
        clip_id=cut.clip_id,
        title=cut.title,
        source_path=str(source),
        source=video.facts,
        start_s=start,
        end_s=end,
        config=config,
        words=on_clip(video.words, start, end),
        shots=direct_clip(video.scene, start, end, config),
        media=referenced_media.gather(at.platform, at.project.workspace_id, config, scratch, held),
        fonts=referenced_media.fonts(at.platform, at.project.workspace_id, held),
        speech=spans_on_clip(video.said.speech, start, end),
        language=video.said.language,
        scene=video.scene,
        templates=styles,
        markers=_markers(video, start, end),
        score=cut.score,
        reasoning=cut.reasoning,
    )


def _markers(video: Video, start_s: float, end_s: float) -> list[Marker]:
    """Every change of speaker."""
    found: list[Marker] = []
    speaker = None
    for word in on_clip(video.words, start_s, end_s):
        if word.speaker is not None and word.speaker != speaker:
            speaker = word.speaker
            found.append(Marker(word.start_s, f"Speaker {speaker}", word.text))
    return found
