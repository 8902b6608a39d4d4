"""Assembles an `Edit`: one clip with its configuration, words, shots and media, validated and on the frame grid.

No file is read. A configuration that cannot be rendered is rejected here, before the render starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.style_validation import MAX_CAPTION_WORDS
from carmic_assets.media.source_audio import describe_audio, select_audio_track
from carmic_assets.media.video_filters import choose_output_rate
from carmic_assets.model.direction import CANVAS_SIZES, LayoutShot
from carmic_assets.model.edit import Cutaway, Edit, Marker, MediaFile, Span
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Word
from carmic_assets.model.template import BRoll, TemplateConfig
from carmic_assets.rendering.canvas_faces import project_faces, project_text_bands
from carmic_assets.rendering.crop_plan import require_video
from carmic_assets.rendering.file_references import (
    OVERRUN_TOLERANCE_S,
    FileReference,
    check_reference,
    compute_cutaway_shortfall_s,
    list_references,
)
from carmic_assets.rendering.pauses import Interval, remove_pauses

MAX_CUTAWAYS = 100  # of one clip
MAX_EMOJIS = 200  # of one clip
SHOT_COVERAGE_TOLERANCE_S = 0.05  # by which shots may miss the clip's start or end


class ClipInputs(msgspec.Struct, frozen=True):
    """The inputs of `assemble_edit`.

    `start_s` and `end_s` are on the source clock (seconds from the start of the source). All other times are on the
    clip clock (seconds from `start_s`).
    """

    clip_id: str
    title: str
    source_path: str
    source: SourceFacts
    start_s: float  # from `snap_clip_bounds`
    end_s: float
    config: TemplateConfig
    words: Sequence[Word]  # words of the transcript; `config.transcript` replaces them in the captions
    shots: Sequence[LayoutShot]  # from `direction.director.direct_clip`
    media: Mapping[str, MediaFile] | None = None  # local file by the URL or id in the configuration
    fonts: Sequence[MediaFile] = ()
    speech: Sequence[Interval] = ()  # voice activity, for pause removal
    language: str | None = None  # of the transcript
    scene: Scene | None = None  # gives the faces that captions and emoji reactions must not cover
    templates: Mapping[str, TemplateConfig] | None = None  # the workspace's own caption styles
    markers: Sequence[Marker] = ()
    score: int | None = None
    reasoning: str = ""


def snap_clip_bounds(source: SourceFacts, start_s: float, end_s: float) -> tuple[float, float]:
    """Return a clip's start and end (source clock) on the output's frame grid: in the source, at least a frame apart.

    The director and `assemble_edit` both take these bounds, so that shots, words and frames share one clock.

    Raises:
        RenderError: the clip lies outside the source.
    """
    video = require_video(source)
    rate = choose_output_rate(video).fraction
    origin = Fraction(video.start_s).limit_denominator(10**6)
    start, end = max(start_s, 0.0), min(end_s, source.duration_s)
    if end <= start:
        raise RenderError("The clip lies outside its video. Set its start and end within the video's length.")
    first = round((Fraction(start) - origin) * rate)
    stop = max(first + 1, round((Fraction(end) - origin) * rate))
    if first / rate + origin < 0:
        first += 1
    return float(origin + first / rate), float(origin + stop / rate)


def assemble_edit(inputs: ClipInputs) -> Edit:
    """Return the edit of one clip.

    Raises:
        RenderError: the configuration cannot be rendered, or a file is missing or unsuitable.
    """
    config = inputs.config
    source = select_audio_track(inputs.source, config.audio_track, RenderError)
    rate = choose_output_rate(require_video(inputs.source))
    frames = round((Fraction(inputs.end_s) - Fraction(inputs.start_s)) * rate.fraction)
    if frames < 1:
        raise RenderError("The clip has no length. Set its end after its start.")
    duration_s = float(frames / rate.fraction)
    width, height = CANVAS_SIZES[config.layout.aspect_ratio]
    _check_elements(config)
    media = inputs.media or {}
    files = [
        (reference, check_reference(reference, media.get(reference.value)))
        for reference in list_references(config)
        if reference.is_used
    ]
    single_files = {reference.use: file for reference, file in files if reference.use != "cutaway"}
    cutaways, notes = _place_cutaways(config.b_roll, [pair for pair in files if pair[0].use == "cutaway"], duration_s)
    caption_words = _select_caption_words(config, inputs.words)
    kept_spans: tuple[Span, ...] = (Span(0.0, duration_s),)
    if config.audio.remove_pauses:
        # A word that the user removed from the captions is still spoken, so the transcript's words are used too.
        kept_spans = remove_pauses([*inputs.words, *caption_words], duration_s, rate, inputs.speech, inputs.language)
    edit = Edit(
        clip_id=inputs.clip_id,
        title=inputs.title,
        source_path=inputs.source_path,
        source=source,
        start_s=inputs.start_s,
        duration_s=duration_s,
        rate=rate,
        width=width,
        height=height,
        kept_spans=kept_spans,
        shots=_check_coverage(inputs.shots, duration_s),
        words=caption_words,
        config=config,
        cutaways=cutaways,
        music=single_files.get("music"),
        watermark=single_files.get("watermark"),
        fonts=tuple(inputs.fonts),
        markers=tuple(inputs.markers),
        score=inputs.score,
        reasoning=inputs.reasoning,
        language=inputs.language,
        templates=dict(inputs.templates or {}),
        notes=(*source.notes, *describe_audio(source), *notes),
    )
    if inputs.scene is None:
        return edit
    return msgspec.structs.replace(
        edit, faces=project_faces(edit, inputs.scene), burnt_in=project_text_bands(edit, inputs.scene)
    )


def _select_caption_words(config: TemplateConfig, words: Sequence[Word]) -> tuple[Word, ...]:
    if config.transcript is not None:
        words = [Word(w.word, w.start, w.end, w.confidence, w.speaker) for w in config.transcript.words]
    if len(words) > MAX_CAPTION_WORDS:
        raise RenderError(
            f"The captions have {len(words)} words; one clip can show at most {MAX_CAPTION_WORDS}. Shorten the clip."
        )
    for word in words:
        if not word.start_s <= word.end_s < float("inf"):
            raise RenderError(f'The word "{word.text[:40]}" ends before it starts. Correct its times.')
    return tuple(sorted(words, key=lambda w: (w.start_s, w.end_s)))


def _check_coverage(shots: Sequence[LayoutShot], duration_s: float) -> tuple[LayoutShot, ...]:
    if not shots:
        raise RenderError("The clip has no layout. Run the auto-director again (rebuild layout).")
    starts_late = shots[0].start_time > SHOT_COVERAGE_TOLERANCE_S
    if starts_late or shots[-1].end_time < duration_s - SHOT_COVERAGE_TOLERANCE_S:
        raise RenderError("The layout does not cover the clip. Run the auto-director again (rebuild layout).")
    return tuple(shots)


def _place_cutaways(
    b_roll: Sequence[BRoll], files: Sequence[tuple[FileReference, MediaFile]], duration_s: float
) -> tuple[tuple[Cutaway, ...], tuple[str, ...]]:
    """Return the cutaways in order of their start, and a note for each whose file is too short."""
    if len(b_roll) > MAX_CUTAWAYS:
        raise RenderError(
            f"`b_roll` has {len(b_roll)} cutaways; one clip can have at most {MAX_CUTAWAYS}. Remove some."
        )
    cutaways, notes = [], []
    for item, (reference, file) in zip(b_roll, files, strict=True):
        if item.start_time >= duration_s or item.start_time + item.duration > duration_s + OVERRUN_TOLERANCE_S:
            raise RenderError(
                f"{reference.location} runs past the end of the clip ({duration_s:.1f} s). Move or shorten it."
            )
        shortfall = compute_cutaway_shortfall_s(reference, file)
        if shortfall:
            notes.append(f"{reference.location} is {shortfall:.1f} s shorter than configured: {file.name} ends there.")
        available = file.duration_s - item.source_start if file.duration_s is not None else float("inf")
        cutaway_duration_s = min(reference.source_duration_s, duration_s - item.start_time, available)
        cutaways.append(Cutaway(file, item.start_time, cutaway_duration_s, item.source_start))
    return tuple(sorted(cutaways, key=lambda cutaway: cutaway.start_s)), tuple(notes)


def _check_elements(config: TemplateConfig) -> None:
    emojis, bar = config.elements.emojis, config.elements.progress_bar
    if len(emojis) > MAX_EMOJIS:
        raise RenderError(
            f"`elements.emojis` has {len(emojis)} entries; one clip can have at most {MAX_EMOJIS}. Remove some."
        )
    if not bar.enabled:
        return
    try:
        parse_colour(bar.color)
    except ValueError as error:
        raise RenderError(f"`elements.progressBar.color` is not a valid colour: {error}") from error
