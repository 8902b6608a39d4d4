"""The templates that ship with the server: each caption style in each aspect ratio, as `system:<style>:<ratio>`."""

from __future__ import annotations

from typing import Any

import msgspec

from carmic_assets.captions.caption_styles import list_style_names

ASPECT_RATIOS = {"9_16": "9:16", "1_1": "1:1", "4_5": "4:5", "16_9": "16:9"}


class BuiltinTemplate(msgspec.Struct, frozen=True):
    """`ratio` is a key of `ASPECT_RATIOS`."""

    id: str
    name: str
    ratio: str
    config: dict[str, Any]


def list_builtin_templates() -> list[BuiltinTemplate]:
    """List all built-in templates, grouped by aspect ratio."""
    return [
        BuiltinTemplate(
            f"system:{style}:{ratio}", style, ratio, {"caption_style": style, "layout": {"aspectRatio": aspect}}
        )
        for ratio, aspect in ASPECT_RATIOS.items()
        for style in list_style_names()
    ]


def get_builtin_config(template_id: str) -> dict[str, Any] | None:
    """Return the config of a built-in template, or None."""
    return next((template.config for template in list_builtin_templates() if template.id == template_id), None)
