"""Derives the director's options from a clip's configuration, and the crop shapes of its source on the canvas."""

from __future__ import annotations

import msgspec

from carmic_assets.direction.canvas import CropShape, Rect, fit_crop_shape, place_regions
from carmic_assets.model.direction import Layout, LayoutType
from carmic_assets.model.template import TemplateConfig

UPSCALE_LIMIT = 2.5  # largest number of canvas pixels for one source pixel; more looks blurred
NEARLY_ALL_RATIO = 0.85  # a crop that keeps this much of the frame is used even if nobody is detected
SAME_SHAPE_RATIO = 0.995  # a crop that keeps this much of the frame shows all of it


class DirectionOptions(msgspec.Struct, frozen=True):
    """The part of `TemplateConfig.layout` that the director uses."""

    aspect: str = "9:16"
    layout: LayoutType = "auto"
    padding: float = 0
    follow_speaker: bool = True
    top_speaker: str = "A"

    @classmethod
    def from_config(cls, config: TemplateConfig) -> DirectionOptions:
        """Read the options from the configuration of a clip."""
        layout = config.layout
        return cls(
            layout.aspect_ratio, layout.layout_type, layout.padding, layout.ai_speaker_switch, layout.split_top_speaker
        )


class SceneContext(msgspec.Struct, frozen=True):
    """The crop shapes of one source on one canvas: for a single region, the halves of a split, three and four."""

    width: int  # of the source, pixels
    height: int
    single: CropShape
    halves: tuple[CropShape, CropShape]
    thirds: tuple[CropShape, ...]
    quarters: tuple[CropShape, ...]

    @classmethod
    def for_source(cls, width: int, height: int, options: DirectionOptions) -> SceneContext:
        """Compute the shapes for an upright source of `width` x `height` pixels."""

        def fit(rect: Rect) -> CropShape:
            return fit_crop_shape(rect, width, height, UPSCALE_LIMIT)

        (single,) = place_regions("face-track", options.aspect, options.padding)
        top, bottom = place_regions("split", options.aspect, options.padding)
        thirds, quarters = (
            tuple(fit(rect) for rect in place_regions(layout, options.aspect, options.padding))
            for layout in ("three", "four")
        )
        return cls(width, height, fit(single), (fit(top), fit(bottom)), thirds, quarters)

    @property
    def shapes_by_layout(self) -> dict[Layout, tuple[CropShape, ...]]:
        """Layout -> crop shapes of its regions, top first; the panels of `screen` have no shape of their own."""
        return {
            "face-track": (self.single,),
            "split": self.halves,
            "fit": (),
            "screen": (),
            "three": self.thirds,
            "four": self.quarters,
        }

    @property
    def kept_ratio(self) -> float:
        """Fraction of the frame's area that the largest single crop keeps, 0..1."""
        return self.single.w * self.single.h
