"""The edit: one clip, fully decided. The renderer draws it, the four packages describe it; nothing else is consulted.

`carmic_assets.direction` makes the shots, and `carmic_assets.rendering.edit_assembly` puts everything together.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.media import Rate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

Kind = Literal["image", "video", "audio", "font"]


class Span(msgspec.Struct, frozen=True):
    """A stretch of the clip clock, on the output's frame grid."""

    start_s: float
    end_s: float


class MediaFile(msgspec.Struct, frozen=True):
    """A file of the workspace's own media or a fetched URL, already local. `name` is what a person called it."""

    path: str
    name: str
    duration_s: float | None = None  # of its picture where it has a moving one, else of its sound
    width: int | None = None  # upright display pixels
    height: int | None = None
    has_video: bool = False  # a still is a picture too
    has_audio: bool = False

    @property
    def kind(self) -> Kind:
        if self.has_video:
            return "image" if self.duration_s is None else "video"
        return "audio" if self.has_audio else "font"


class Cutaway(msgspec.Struct, frozen=True):
    """B-roll over the picture, clip clock."""

    media: MediaFile
    start_s: float
    duration_s: float
    source_start_s: float


class Marker(msgspec.Struct, frozen=True):
    """A note at a time of the clip clock, such as a change of speaker."""

    t: float
    name: str
    comment: str


class FaceBox(msgspec.Struct, frozen=True):
    """A face on the canvas for a stretch of the clip clock: `x`, `y` is the top left corner, pixels."""

    start_s: float
    end_s: float
    x: float
    y: float
    w: float
    h: float
    speaker: str | None = None


class Edit(msgspec.Struct, frozen=True):
    """Everything about one clip. `keeps` are what is left of the clip clock when pauses are removed (one span if not);
    the output clock is their concatenation. `shots` cover the clip clock from 0 to `duration_s` without a gap."""

    clip_id: str
    title: str
    source_path: str
    source: SourceFacts
    start_s: float  # source clock, on the source's frame grid
    duration_s: float  # of the clip clock
    rate: Rate  # of the output: the source's, constant, at most 60
    width: int
    height: int
    keeps: tuple[Span, ...]
    shots: tuple[LayoutShot, ...]
    words: tuple[Word, ...]  # clip clock, the user's corrections applied
    config: TemplateConfig
    cutaways: tuple[Cutaway, ...] = ()
    music: MediaFile | None = None
    watermark: MediaFile | None = None
    fonts: tuple[MediaFile, ...] = ()  # the workspace's own, found by family name before the shipped ones
    markers: tuple[Marker, ...] = ()
    score: int | None = None
    reasoning: str = ""
    language: str | None = None  # ISO 639-1 of the speech: upper case and East Asian letter shapes depend on it
    templates: dict[str, TemplateConfig] = {}  # the workspace's own, by the names that `caption_style` may call them
    faces: tuple[FaceBox, ...] = ()  # where reactions may not stand
    notes: tuple[str, ...] = ()  # sentences for the user: what could not be as the configuration has it
