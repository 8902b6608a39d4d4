"""Defines the seven caption styles, and resolves a clip's `style` and `caption_style` to one `CaptionStyle`.

The module holds names, numbers and colours only. It reads no font, so the API can import it cheaply.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.model.template import StyleConfig, TemplateConfig

LetterCase = Literal["as spoken", "upper", "lower"]


class StylePreset(msgspec.Struct, frozen=True):
    """A built-in caption style. Clients can override the fields of `style`, but not the other fields."""

    name: str
    description: str
    style: StyleConfig
    weight: int  # font weight, 100..900; the nearest weight of the family is used
    words_per_line: int  # at most, even if more words would fit
    words_per_caption: int  # at most, even if more words would fit
    shadow_blur: float  # blur of the soft edge that replaces the shadow if there is no stroke, in ems
    shadow_drop: float  # distance by which the shadow extends below the stroke at full `shadowIntensity`, in ems
    stroke_colour: str = "#000000"
    shadow_colour: str = "#000000"
    is_lower_case: bool = False
    box_radius: float = 0.32  # ems
    box_padding: tuple[float, float] = (0.45, 0.28)  # ems, horizontal and vertical


STYLE_PRESETS: dict[str, StylePreset] = {
    p.name: p
    for p in (
        StylePreset(
            "HORMOZI",
            "Heavy capitals, thick outline, the spoken word in yellow and larger",
            StyleConfig(
                caption_font="Montserrat",
                font_size=96,
                line_height=1.08,
                stroke_thickness=9,
                highlight_color="#FFE500",
                shadow_intensity=85,
                animation_style="pop",
                animation_intensity=60,
            ),
            weight=900,
            words_per_line=3,
            words_per_caption=4,
            shadow_blur=0.08,
            shadow_drop=0.09,
        ),
        StylePreset(
            "DEFAULT",
            "Clean bold capitals, a fine outline, the spoken word in gold",
            StyleConfig(),
            weight=800,
            words_per_line=4,
            words_per_caption=7,
            shadow_blur=0.08,
            shadow_drop=0.11,
        ),
        StylePreset(
            "MINIMAL",
            "Sentence case without an outline, soft shadow, the spoken word turns from grey to white",
            StyleConfig(
                caption_font="Inter",
                font_size=54,
                line_height=1.3,
                stroke_thickness=0,
                caption_color="#CDD2DA",
                highlight_color="#FFFFFF",
                shadow_intensity=95,
                uppercase=False,
                animation_style="fade",
                animation_intensity=40,
            ),
            weight=600,
            words_per_line=6,
            words_per_caption=10,
            shadow_blur=0.13,
            shadow_drop=0.08,
        ),
        StylePreset(
            "IMPACT",
            "One or two huge condensed words below the face, bouncing in, the spoken one in red",
            StyleConfig(
                caption_font="Anton",
                font_size=150,
                line_height=1.12,
                stroke_thickness=10,
                highlight_color="#FF3B30",
                shadow_intensity=90,
                caption_position="custom",
                y_axis_custom_pct=66,
                lines_per_screen=1,
                animation_style="bounce",
                animation_intensity=60,
            ),
            weight=400,
            words_per_line=2,
            words_per_caption=2,
            shadow_blur=0.08,
            shadow_drop=0.07,
        ),
        StylePreset(
            "KARAOKE",
            "Whole phrases that fill with colour from word to word as they are spoken",
            StyleConfig(
                caption_font="Poppins",
                font_size=68,
                line_height=1.28,
                stroke_thickness=5,
                highlight_color="#22D3EE",
                shadow_intensity=60,
                uppercase=False,
                animation_style="karaoke",
            ),
            weight=700,
            words_per_line=5,
            words_per_caption=9,
            shadow_blur=0.08,
            shadow_drop=0.09,
            stroke_colour="#101828",
        ),
        StylePreset(
            "BUBBLE",
            "Dark words in a white rounded bubble that slides in, the spoken word in violet",
            StyleConfig(
                caption_font="Poppins",
                font_size=58,
                line_height=1.22,
                stroke_thickness=0,
                caption_color="#111827",
                highlight_color="#7C3AED",
                drop_shadow=False,
                uppercase=False,
                animation_style="slide",
                animation_intensity=45,
                caption_bg="rgba(255,255,255,0.96)",
            ),
            weight=600,
            words_per_line=4,
            words_per_caption=7,
            shadow_blur=0.08,
            shadow_drop=0.08,
            box_radius=0.5,
            box_padding=(0.62, 0.36),
        ),
        StylePreset(
            "WHISPER",
            "Small lower-case letters that appear one by one on a dark translucent box",
            StyleConfig(
                caption_font="Noto Sans",
                font_size=44,
                line_height=1.35,
                stroke_thickness=0,
                caption_color="#E5E7EB",
                highlight_color="#FDE68A",
                drop_shadow=False,
                uppercase=False,
                animation_style="typewriter",
                animation_intensity=30,
                caption_bg="rgba(8,10,16,0.55)",
            ),
            weight=400,
            words_per_line=6,
            words_per_caption=10,
            shadow_blur=0.08,
            shadow_drop=0.08,
            is_lower_case=True,
            box_radius=0.25,
            box_padding=(0.6, 0.32),
        ),
    )
}


class CaptionStyle(msgspec.Struct, frozen=True):
    """The resolved style of a clip's captions: `fields` are the values of `preset`, overridden by the client's."""

    preset: StylePreset
    fields: StyleConfig

    @property
    def case(self) -> LetterCase:
        """Letter case of the captions."""
        if self.fields.uppercase:
            return "upper"
        return "lower" if self.preset.is_lower_case else "as spoken"


class Shadow(msgspec.Struct, frozen=True):
    """The shadow of a style; all values are 0 if it has none."""

    drop_em: float  # distance by which it extends below a stroke
    blur_em: float  # blur of the soft edge that replaces it if there is no stroke
    opacity: float  # opacity of the soft edge, 0..1


def compute_shadow(style: CaptionStyle) -> Shadow:
    """Return the shadow of a style at its `shadowIntensity`."""
    strength = style.fields.shadow_intensity / 100 if style.fields.drop_shadow else 0.0
    if strength == 0:
        return Shadow(0.0, 0.0, 0.0)
    return Shadow(style.preset.shadow_drop * strength, max(style.preset.shadow_blur, 0.05), strength)


def list_style_names(custom_styles: Mapping[str, TemplateConfig] | None = None) -> list[str]:
    """Return the values that `caption_style` may have: the presets, then the workspace's templates."""
    return [*STYLE_PRESETS, *(name for name in custom_styles or {} if name not in STYLE_PRESETS)]


def parse_custom_styles(saved: Mapping[str, dict[str, Any]]) -> dict[str, TemplateConfig]:
    """Return a workspace's stored templates by name, without those that are invalid in this version's schema."""
    styles = {}
    for name, raw in saved.items():
        with suppress(msgspec.ValidationError):
            styles[name] = msgspec.convert(raw, TemplateConfig)
    return styles


def resolve_style(config: TemplateConfig, custom_styles: Mapping[str, TemplateConfig] | None = None) -> CaptionStyle:
    """Return the style of a configuration: each field with its default value takes the value of its `caption_style`.

    If the style is `exact`, all its fields are used as written. The other properties of a preset, such as weight and
    words per line, always come from the `caption_style`.

    Args:
        config: The configuration.
        custom_styles: The workspace's templates by name. Each is itself based on a preset.

    Raises:
        ValueError: `caption_style` is not a known name; the message lists the known ones.
    """
    custom = (custom_styles or {}).get(config.caption_style)
    if custom is not None and config.caption_style not in STYLE_PRESETS:
        preset = STYLE_PRESETS.get(custom.caption_style, STYLE_PRESETS["DEFAULT"])
        return CaptionStyle(preset, _fill_defaults(config.style, _fill_defaults(custom.style, preset.style)))
    if config.caption_style not in STYLE_PRESETS:
        raise ValueError(
            f'There is no caption style "{config.caption_style[:60]}". '
            f"Use one of: {', '.join(list_style_names(custom_styles))}."
        )
    preset = STYLE_PRESETS[config.caption_style]
    return CaptionStyle(preset, _fill_defaults(config.style, preset.style))


def _fill_defaults(style: StyleConfig, base: StyleConfig) -> StyleConfig:
    """Return `style` with the values of `base` in fields that have their default value; an exact style is unchanged."""
    if style.exact:
        return style
    default = StyleConfig()
    names = StyleConfig.__struct_fields__
    return StyleConfig(**{n: getattr(base if getattr(style, n) == getattr(default, n) else style, n) for n in names})


def describe_presets() -> list[dict[str, object]]:
    """Return the presets as `GET /projects/caption-templates` returns them."""
    return [
        {
            "id": preset.name,
            "name": preset.name,
            "description": preset.description,
            "is_system": True,
            "style": msgspec.to_builtins(preset.style),
        }
        for preset in STYLE_PRESETS.values()
    ]


def validate_colours(fields: StyleConfig) -> None:
    """Check the colours of a style.

    Raises:
        ValueError: One of them is not a colour; the message names the field.
    """
    for name, value in (
        ("captionColor", fields.caption_color),
        ("highlightColor", fields.highlight_color),
        ("captionBg", fields.caption_bg),
    ):
        try:
            parse_colour(value)
        except ValueError as error:
            raise ValueError(f"`style.{name}`: {error}") from None
