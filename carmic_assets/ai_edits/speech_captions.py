"""Captions from speech: the words of a clip, recognised here, drawn by the caption engine in its default style."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.working_clip import WorkingClip, filter_picture
from carmic_assets.captions.caption_track import write_ass
from carmic_assets.media.ffmpeg import quote
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.errors import NoSpeechError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.template import TemplateConfig
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe


def draw_captions(clip: WorkingClip, options: TranscriptionOptions, folder: Path, path: Path) -> WorkingClip:
    """Recognise the speech of a clip and burn it in as captions.

    Raises:
        AiEditError: the clip has no sound, or nobody speaks in it.
    """
    if clip.sound is None:
        raise AiEditError("The range has no sound, so it has no speech for captions. Choose another range.")
    try:
        transcript = transcribe(clip.sound, options)
    except NoSpeechError as error:
        raise AiEditError("No speech was recognised in the range, so it has no captions. Choose another.") from error
    duration_s = clip.duration_s
    edit = Edit(
        clip_id="captions",
        title="",
        source_path="",
        source=SourceFacts("", 0, "", duration_s, 0.0, None, None),
        start_s=0.0,
        duration_s=duration_s,
        rate=clip.rate,
        width=clip.width,
        height=clip.height,
        kept_spans=(Span(0.0, duration_s),),
        shots=(),
        words=transcript.words,
        config=TemplateConfig(),
        language=transcript.language,
    )
    cache = folder / "caption-fonts"
    cache.mkdir(exist_ok=True)
    track = write_ass(edit, folder, cache)
    burn_in = f"ass=filename={quote(track.ass_path)}:fontsdir={quote(track.fonts_dir)}"
    return filter_picture(clip, (burn_in,), path)
