"""What the canvas and the client ask of the director. It knows no persons and no times."""

from __future__ import annotations

import msgspec

from carmic_assets.direction.canvas import Rect, Shape, crop_shape, region_rects
from carmic_assets.model.direction import Layout
from carmic_assets.model.template import TemplateConfig

UPSCALE_LIMIT = 2.5  # canvas pixels per source pixel: a zoom never goes beyond it
KEEPS_ALL = 0.85  # a crop that keeps so much of the picture needs nobody to look at
SAME = 0.995  # one that keeps so much is the picture


class Manner(msgspec.Struct, frozen=True):
    """How to direct: the part of `TemplateConfig.layout` that matters here."""

    aspect: str = "9:16"
    layout: Layout = "face-track"
    padding: float = 0
    follow_speaker: bool = True
    top_speaker: str = "A"


def manner_of(config: TemplateConfig) -> Manner:
    """What the configuration of a clip says about direction."""
    layout = config.layout
    return Manner(
        layout.aspect_ratio, layout.layout_type, layout.padding, layout.ai_speaker_switch, layout.split_top_speaker
    )


class Stage(msgspec.Struct, frozen=True):
    """The crops that the canvas allows: of the whole picture and of either half."""

    single: Shape
    halves: tuple[Shape, Shape]

    @classmethod
    def of(cls, width: int, height: int, manner: Manner) -> Stage:
        """For an upright source of `width` x `height` pixels."""

        def shape(rect: Rect) -> Shape:
            return crop_shape(rect, width, height, UPSCALE_LIMIT)

        (single,) = region_rects("face-track", manner.aspect, manner.padding)
        top, bottom = region_rects("split", manner.aspect, manner.padding)
        return cls(shape(single), (shape(top), shape(bottom)))

    def shapes(self) -> dict[Layout, tuple[Shape, ...]]:
        """The shapes of the regions of each layout."""
        return {"face-track": (self.single,), "split": self.halves, "fit": ()}

    @property
    def kept(self) -> float:
        """The share of the picture that the largest single crop keeps."""
        return self.single.w * self.single.h
