"""The edit: the complete description of one clip, from which renders and the four export packages are produced.

`carmic_assets.direction` makes the shots; `carmic_assets.rendering.edit_assembly` builds the `Edit`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

MediaKind = Literal["image", "video", "audio", "font"]


class Span(msgspec.Struct, frozen=True):
    """A range of the clip clock whose ends lie on the output's frame grid."""

    start_s: float
    end_s: float


class FontFacts(msgspec.Struct, frozen=True):
    """The names that a font file declares, read once at its upload."""

    family: str
    weight: int  # 0 for a variable font
    style: str = ""  # name of the style, such as "Bold Italic"
    postscript: str = ""


class MediaFile(msgspec.Struct, frozen=True):
    """A local file: a member of the workspace's media library, or the content of a URL."""

    path: str
    name: str  # the name of the uploaded file
    duration_s: float | None = None  # duration of the video, or else of the audio; None for a still or a font
    width: int | None = None  # upright display pixels
    height: int | None = None
    has_video: bool = False  # also true for stills
    has_audio: bool = False
    font: FontFacts | None = None  # for a font, whose `path` is the converted file

    @property
    def kind(self) -> MediaKind:
        """The kind of the file; a video may also have audio."""
        if self.has_video:
            return "image" if self.duration_s is None else "video"
        return "audio" if self.has_audio else "font"


class Cutaway(msgspec.Struct, frozen=True):
    """B-roll that covers the video, on the clip clock."""

    media: MediaFile
    start_s: float
    duration_s: float
    source_start_s: float  # start time in `media`


class Marker(msgspec.Struct, frozen=True):
    """A named time on the clip clock, such as a change of speaker."""

    t: float
    name: str
    comment: str


class FaceBox(msgspec.Struct, frozen=True):
    """A face on the canvas during a range of the clip clock. `x`, `y` is the top left corner, in pixels."""

    start_s: float
    end_s: float
    x: float
    y: float
    w: float
    h: float
    speaker: str | None = None


class Edit(msgspec.Struct, frozen=True):
    """Everything that a render or an export package of one clip needs.

    The output clock is the concatenation of `kept_spans`. `shots` cover the clip clock from 0 to `duration_s` without
    gaps.
    """

    clip_id: str
    title: str
    source_path: str
    source: SourceFacts
    start_s: float  # source clock, on the source's frame grid
    duration_s: float  # clip clock
    rate: FrameRate  # of the output: the source's rate, made constant, at most 60 frames/s
    width: int  # of the canvas, pixels
    height: int
    kept_spans: tuple[Span, ...]  # the spans that remain after pause removal; one span if no pause is removed
    shots: tuple[LayoutShot, ...]
    words: tuple[Word, ...]  # clip clock, with the user's corrections
    config: TemplateConfig
    cutaways: tuple[Cutaway, ...] = ()
    music: MediaFile | None = None
    watermark: MediaFile | None = None
    # The workspace's fonts, newest first; they take precedence over the installed fonts
    fonts: tuple[MediaFile, ...] = ()
    markers: tuple[Marker, ...] = ()
    score: int | None = None
    reasoning: str = ""
    language: str | None = None  # of the speech (ISO 639-1): selects case rules and East Asian glyph shapes
    templates: dict[str, TemplateConfig] = {}  # the workspace's templates, by their name in `caption_style`
    faces: tuple[FaceBox, ...] = ()  # captions and emoji reactions avoid them
    burnt_in: tuple[FaceBox, ...] = ()  # text in the source, which captions avoid too
    notes: tuple[str, ...] = ()  # sentences for the user that state where the result differs from the configuration
