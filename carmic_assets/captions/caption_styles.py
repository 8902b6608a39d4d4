"""The seven caption styles as data, and how a clip's `style` and `caption_style` become one `Style`.

Never draws and never looks at a font: names, numbers and colours only, so that the API can answer from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.model.template import StyleConfig, TemplateConfig

Case = Literal["as spoken", "upper", "lower"]


class Preset(msgspec.Struct, frozen=True):
    """A look. `style` holds what a client can set; the rest is the look's own and follows `caption_style`.

    `weight` is the font weight wanted (100..900; the nearest that the family has is used); `words_per_line` and
    `words_per_caption` keep a caption short whatever fits; `shadow_drop` (below a stroke, at full intensity) and
    `shadow_blur` (where there is no stroke) are in ems.
    """

    name: str
    description: str
    style: StyleConfig
    weight: int
    words_per_line: int
    words_per_caption: int
    shadow_blur: float
    shadow_drop: float
    stroke_colour: str = "#000000"
    shadow_colour: str = "#000000"
    lower: bool = False
    box_radius: float = 0.32  # of an em
    box_padding: tuple[float, float] = (0.45, 0.28)  # ems, sideways and up and down


PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset(
            "HORMOZI",
            "Heavy capitals, thick outline, the spoken word in yellow and a size up",
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
        Preset(
            "DEFAULT",
            "Clean bold capitals, a fine outline, the spoken word in gold",
            StyleConfig(),
            weight=800,
            words_per_line=4,
            words_per_caption=7,
            shadow_blur=0.08,
            shadow_drop=0.11,
        ),
        Preset(
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
        Preset(
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
        Preset(
            "KARAOKE",
            "Whole phrases that fill with colour from word to word as they are sung",
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
        Preset(
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
        Preset(
            "WHISPER",
            "Small quiet lower-case letters that type themselves on a dark veil",
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
            lower=True,
            box_radius=0.25,
            box_padding=(0.6, 0.32),
        ),
    )
}


class Style(msgspec.Struct, frozen=True):
    """What a clip's captions look like, decided: the client's fields over the preset's."""

    preset: Preset
    fields: StyleConfig

    @property
    def case(self) -> Case:
        if self.fields.uppercase:
            return "upper"
        return "lower" if self.preset.lower else "as spoken"


def shadow_ems(style: Style) -> tuple[float, float, float]:
    """How far the shadow falls below a stroke, how soft it is without one (ems), its opacity 0..1. Zeros for none."""
    strength = style.fields.shadow_intensity / 100 if style.fields.drop_shadow else 0.0
    if strength == 0:
        return 0.0, 0.0, 0.0
    return style.preset.shadow_drop * strength, max(style.preset.shadow_blur, 0.05), strength


def known_styles(custom: Mapping[str, TemplateConfig] | None = None) -> list[str]:
    """The names that `caption_style` may take: the shipped ones, then the workspace's own."""
    return [*PRESETS, *(name for name in custom or {} if name not in PRESETS)]


def styles_of(saved: Mapping[str, dict[str, Any]]) -> dict[str, TemplateConfig]:
    """A workspace's stored templates as the styles that their names call; one that no longer fits, since another
    version saved it, is left out."""
    found = {}
    for name, raw in saved.items():
        with suppress(msgspec.ValidationError):
            found[name] = msgspec.convert(raw, TemplateConfig)
    return found


def resolve_style(config: TemplateConfig, custom: Mapping[str, TemplateConfig] | None = None) -> Style:
    """The style of `config`: each field that it leaves at its default is filled by its `caption_style`.

    `custom` are the workspace's own templates by the name that `caption_style` calls them; each stands on one of the
    shipped styles. ValueError with the known names where `caption_style` is none of them.
    """
    own = (custom or {}).get(config.caption_style)
    if own is not None and config.caption_style not in PRESETS:
        base = PRESETS.get(own.caption_style, PRESETS["DEFAULT"])
        return Style(base, _filled(config.style, _filled(own.style, base.style)))
    if config.caption_style not in PRESETS:
        raise ValueError(
            f'There is no caption style "{config.caption_style[:60]}". Known ones: {", ".join(known_styles(custom))}.'
        )
    preset = PRESETS[config.caption_style]
    return Style(preset, _filled(config.style, preset.style))


def _filled(own: StyleConfig, preset: StyleConfig) -> StyleConfig:
    default = StyleConfig()
    names = StyleConfig.__struct_fields__
    return StyleConfig(**{n: getattr(preset if getattr(own, n) == getattr(default, n) else own, n) for n in names})


def caption_templates() -> list[dict[str, object]]:
    """The shipped styles as `GET /projects/caption-templates` lists them: id, name, description and `style` fields."""
    return [
        {
            "id": p.name,
            "name": p.name,
            "description": p.description,
            "is_system": True,
            "style": msgspec.to_builtins(p.style),
        }
        for p in PRESETS.values()
    ]


def check_colours(fields: StyleConfig) -> None:
    """ValueError that names the field whose colour is none."""
    for name, value in (
        ("captionColor", fields.caption_color),
        ("highlightColor", fields.highlight_color),
        ("captionBg", fields.caption_bg),
    ):
        try:
            parse_colour(value)
        except ValueError as wrong:
            raise ValueError(f"style.{name}: {wrong}") from None
