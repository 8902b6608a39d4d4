"""What can be wrong with the captions of a `TemplateConfig`, found when it is saved and not when it is rendered.

Called by the API at `PUT`; imports nothing heavy, draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carmic_assets.captions.caption_styles import check_colours, resolve_style
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.emoji import known
from carmic_assets.captions.fonts import find_family
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.template import TemplateConfig

MOST_WORDS = 40_000  # of an edited transcript: four hours of fast speech


def check_captions(
    config: TemplateConfig,
    fonts: Sequence[MediaFile] = (),
    templates: Mapping[str, TemplateConfig] | None = None,
) -> None:
    """ValueError with a sentence for the user where a style, font, colour, emoji or edited word cannot be shown.

    `fonts` are the workspace's own font files, `templates` its own caption styles by name.
    """
    check_colours(config.style)
    style = resolve_style(config, templates)
    check_colours(style.fields)
    try:
        find_family(style.fields.caption_font, fonts)
    except ValueError as wrong:
        raise ValueError(f"style.captionFont: {wrong}") from None
    try:
        parse_colour(config.elements.progress_bar.color)
    except ValueError as wrong:
        raise ValueError(f"elements.progressBar.color: {wrong}") from None
    for number, emoji in enumerate(config.elements.emojis):
        if not known(emoji.emoji):
            raise ValueError(f'elements.emojis[{number}].emoji: there is no picture of "{emoji.emoji[:20]}".')
    words = config.transcript.words if config.transcript else ()
    if len(words) > MOST_WORDS:
        raise ValueError(f"transcript.words: {len(words)} words are more than a clip can show ({MOST_WORDS}).")
    for number, word in enumerate(words):
        if not (word.start >= 0 and word.end >= word.start):
            raise ValueError(
                f"transcript.words[{number}]: it ends at {word.end:g} s, before it starts at {word.start:g} s."
                if word.start >= 0
                else f"transcript.words[{number}]: it starts at {word.start:g} s, before the clip."
            )
