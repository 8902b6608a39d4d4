"""Puts an `Edit` together: one clip with its configuration, words, shots and media, checked and on the frame grid.

Pure: it reads no file and asks nobody. What cannot be rendered is refused here, with a sentence, before any work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.style_validation import MOST_WORDS
from carmic_assets.media.picture_filters import output_rate
from carmic_assets.model.direction import CANVAS, LayoutShot
from carmic_assets.model.edit import Cutaway, Edit, Marker, MediaFile, Span
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import SourceFacts, VideoFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Word
from carmic_assets.model.template import BRoll, TemplateConfig
from carmic_assets.rendering.canvas_faces import faces_on_canvas
from carmic_assets.rendering.file_references import OVERHANG_S, Reference, checked, missing_s, references
from carmic_assets.rendering.pauses import kept_spans

MOST_CUTAWAYS = 100
MOST_EMOJIS = 200


def clip_bounds(source: SourceFacts, start_s: float, end_s: float) -> tuple[float, float]:
    """A clip's start and end (source clock) on the frame grid of the output, inside the source, a frame long at least.

    The director and `assemble` must be given these, so that shots, words and frames share one clock.
    Raises `RenderFailed` where nothing of the clip lies inside the source.
    """
    video = _picture(source)
    rate = output_rate(video).fraction
    first = Fraction(video.start_s).limit_denominator(10**6)
    start, end = max(start_s, 0.0), min(end_s, source.duration_s)
    if end <= start:
        raise RenderFailed("The clip lies outside its video. Set its start and end within the video's length.")
    a = round((Fraction(start) - first) * rate)
    b = max(a + 1, round((Fraction(end) - first) * rate))
    if a / rate + first < 0:
        a += 1
    return float(first + a / rate), float(first + b / rate)


def assemble(
    *,
    clip_id: str,
    title: str,
    source_path: str,
    source: SourceFacts,
    start_s: float,
    end_s: float,
    config: TemplateConfig,
    words: Sequence[Word],
    shots: Sequence[LayoutShot],
    media: Mapping[str, MediaFile] | None = None,
    fonts: Sequence[MediaFile] = (),
    speech: Sequence[tuple[float, float]] = (),
    language: str | None = None,
    scene: Scene | None = None,
    templates: Mapping[str, TemplateConfig] | None = None,
    markers: Sequence[Marker] = (),
    score: int | None = None,
    reasoning: str = "",
) -> Edit:
    """The edit of one clip. `start_s`, `end_s` are of `clip_bounds`; everything else is on the clip clock.

    `words` are the transcript's; the user's corrections in `config.transcript` replace them in the captions. `shots`
    come from `direction.direct_clip`. `media` holds the local file for each URL or id that the configuration names
    (`bRoll.videoUrl`, `watermark.imageUrl`, `activeTrack.url`, `musicTrack`). `speech` are the spans of the voice
    detector and `language` is the transcript's: both serve `removePauses`. `scene` tells where faces are: reactions
    keep off them. `templates` are the workspace's own caption styles.
    Raises `RenderFailed` for a configuration that cannot be rendered as it says.
    """
    video = _picture(source)
    rate = output_rate(video)
    frames = round((Fraction(end_s) - Fraction(start_s)) * rate.fraction)
    if frames < 1:
        raise RenderFailed("The clip has no length. Set its end after its start.")
    duration_s = float(frames / rate.fraction)
    width, height = CANVAS[config.layout.aspect_ratio]
    _check_elements(config)
    files = [(each, checked(each, (media or {}).get(each.value))) for each in references(config) if each.used]
    beside = {each.use: file for each, file in files if each.use != "cutaway"}
    cutaways, notes = _cutaways(config.b_roll, [each for each in files if each[0].use == "cutaway"], duration_s)
    spoken = _words(config, words)
    edit = Edit(
        clip_id=clip_id,
        title=title,
        source_path=source_path,
        source=source,
        start_s=start_s,
        duration_s=duration_s,
        rate=rate,
        width=width,
        height=height,
        # What is heard counts, not only what is shown: a word taken out of the captions is still spoken.
        keeps=(
            kept_spans([*words, *spoken], duration_s, rate, speech, language)
            if config.audio.remove_pauses
            else (Span(0.0, duration_s),)
        ),
        shots=_covering(shots, duration_s),
        words=spoken,
        config=config,
        cutaways=cutaways,
        music=beside.get("music"),
        watermark=beside.get("watermark"),
        fonts=tuple(fonts),
        markers=tuple(markers),
        score=score,
        reasoning=reasoning,
        language=language,
        templates=dict(templates or {}),
        notes=notes,
    )
    return edit if scene is None else msgspec.structs.replace(edit, faces=faces_on_canvas(edit, scene))


def _picture(source: SourceFacts) -> VideoFacts:
    if source.video is None:
        raise RenderFailed("The source has no picture, so no clip can be rendered from it.")
    return source.video


def _words(config: TemplateConfig, words: Sequence[Word]) -> tuple[Word, ...]:
    if config.transcript is not None:
        words = [Word(w.word, w.start, w.end, w.confidence, w.speaker) for w in config.transcript.words]
    if len(words) > MOST_WORDS:
        raise RenderFailed(f"The captions have {len(words)} words. {MOST_WORDS} are the most that one clip can show.")
    for word in words:
        if not word.start_s <= word.end_s < float("inf"):
            raise RenderFailed(f'The word "{word.text[:40]}" ends before it starts. Correct its times.')
    return tuple(sorted(words, key=lambda w: (w.start_s, w.end_s)))


def _covering(shots: Sequence[LayoutShot], duration_s: float) -> tuple[LayoutShot, ...]:
    if not shots:
        raise RenderFailed("The clip has no layout. Run the auto-director again (rebuild layout).")
    if shots[0].start_time > 0.05 or shots[-1].end_time < duration_s - 0.05:
        raise RenderFailed("The layout does not cover the clip. Run the auto-director again (rebuild layout).")
    return tuple(shots)


def _cutaways(
    b_roll: Sequence[BRoll], files: Sequence[tuple[Reference, MediaFile]], duration_s: float
) -> tuple[tuple[Cutaway, ...], tuple[str, ...]]:
    """The cutaways in the order of their starts, and a note on each that its file is too short for."""
    if len(b_roll) > MOST_CUTAWAYS:
        raise RenderFailed(f"There are {len(b_roll)} cutaways. {MOST_CUTAWAYS} are the most that one clip can have.")
    cutaways, notes = [], []
    for item, (reference, file) in zip(b_roll, files, strict=True):
        if item.start_time >= duration_s or item.start_time + item.duration > duration_s + OVERHANG_S:
            raise RenderFailed(
                f"{reference.place} runs past the end of the clip ({duration_s:.1f} s). Move or shorten it."
            )
        missing = missing_s(reference, file)
        if missing:
            notes.append(f"{reference.place} is {missing:.1f} s shorter than asked: {file.name} ends there.")
        room = file.duration_s - item.source_start if file.duration_s is not None else float("inf")
        shown = min(reference.shown_s, duration_s - item.start_time, room)
        cutaways.append(Cutaway(file, item.start_time, shown, item.source_start))
    return tuple(sorted(cutaways, key=lambda c: c.start_s)), tuple(notes)


def _check_elements(config: TemplateConfig) -> None:
    if len(config.elements.emojis) > MOST_EMOJIS:
        raise RenderFailed(f"There are {len(config.elements.emojis)} emoji. {MOST_EMOJIS} are the most for one clip.")
    try:
        if config.elements.progress_bar.enabled:
            parse_colour(config.elements.progress_bar.color)
    except ValueError as cause:
        raise RenderFailed(f"The progress bar's colour is not usable: {cause}") from cause
