"""Validates the captions of a `TemplateConfig` when the API saves it, so that a later render does not fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carmic_assets.captions.caption_styles import resolve_style, validate_colours
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.emoji_catalogue import has_emoji_picture
from carmic_assets.captions.font_families import find_family
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.template import TemplateConfig

MAX_CAPTION_WORDS = 40_000  # words of an edited transcript; enough for four hours of fast speech


def validate_captions(
    config: TemplateConfig,
    custom_fonts: Sequence[MediaFile] = (),
    templates: Mapping[str, TemplateConfig] | None = None,
) -> None:
    """Check that every style, font, colour, emoji and edited word of a configuration can be shown.

    Args:
        config: The configuration to check.
        custom_fonts: The workspace's font files, newest first.
        templates: The workspace's caption styles by name.

    Raises:
        ValueError: With a sentence for the user that names the field.
    """
    validate_colours(config.style)
    style = resolve_style(config, templates)
    validate_colours(style.fields)
    try:
        find_family(style.fields.caption_font, custom_fonts)
    except ValueError as error:
        raise ValueError(f"`style.captionFont`: {error}") from None
    try:
        parse_colour(config.elements.progress_bar.color)
    except ValueError as error:
        raise ValueError(f"`elements.progressBar.color`: {error}") from None
    for index, emoji in enumerate(config.elements.emojis):
        if not has_emoji_picture(emoji.emoji):
            raise ValueError(
                f'`elements.emojis[{index}].emoji`: there is no image of "{emoji.emoji[:20]}". Choose another emoji.'
            )
    _validate_words(config)


def _validate_words(config: TemplateConfig) -> None:
    words = config.transcript.words if config.transcript else ()
    if len(words) > MAX_CAPTION_WORDS:
        raise ValueError(
            f"`transcript.words` must have at most {MAX_CAPTION_WORDS} words, not {len(words)}. Remove some."
        )
    for index, word in enumerate(words):
        # Every comparison with NaN is false, so the negated conditions also reject NaN.
        if not word.start >= 0:
            raise ValueError(
                f"`transcript.words[{index}].start` must not be negative (before the clip); it is {word.start:g} s."
            )
        if not word.end >= word.start:
            raise ValueError(
                f"`transcript.words[{index}].end` must not be before its start at {word.start:g} s; "
                f"it is {word.end:g} s."
            )
