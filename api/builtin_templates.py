"""The templates that the server ships: each caption style in each aspect ratio, as `system:<style>:<ratio>`."""

from __future__ import annotations

from typing import Any

from carmic_assets.captions.caption_styles import known_styles

RATIOS = {"9_16": "9:16", "1_1": "1:1", "4_5": "4:5", "16_9": "16:9"}


def shipped_templates() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Id, name, ratio and config of each."""
    return [
        (f"system:{style}:{ratio}", style, ratio, {"caption_style": style, "layout": {"aspectRatio": aspect}})
        for ratio, aspect in RATIOS.items()
        for style in known_styles()
    ]


def shipped_config(template_id: str) -> dict[str, Any] | None:
    return next((config for identity, _, _, config in shipped_templates() if identity == template_id), None)
