"""Formats the text files of a package: `README.txt` (opening and relinking) and `FONTS.txt`."""

from __future__ import annotations

from collections.abc import Sequence

from carmic_assets.exports.nle_timeline import Timeline
from carmic_assets.exports.package_media import find_conform_reason
from carmic_assets.exports.timecode import SEQUENCE_RATES
from carmic_assets.model.edit import Edit
from carmic_assets.rendering.crop_plan import require_video

PROGRAM_NAMES = {
    "premiere": "Adobe Premiere Pro",
    "davinci": "DaVinci Resolve",
    "fcpx": "Final Cut Pro",
    "after_effects": "Adobe After Effects",
}

PIXEL_SCALE_TARGETS = ("premiere", "after_effects")  # their scale is percent of the file's pixels, not of the frame

OPENING_STEPS: dict[str, tuple[str, ...]] = {
    "premiere": (
        "Unpack the whole zip into the project's folder.",
        "File > Import, choose {stem}.xml.",
        'If Premiere asks where the media are, choose the folder "media" once; it finds the other files by name.',
    ),
    "davinci": (
        "Unpack the whole zip into the project's folder.",
        'File > Import > Timeline, choose {stem}.fcpxml (Resolve 18 or later). Leave "Automatically import source '
        'clips into\n   media pool" on, and set mixed frame rates to "Resolve".',
        "If clips are offline: select them in the media pool, right click > Relink Selected Clips, choose the folder "
        '"media".',
        "{stem}.otio holds the cuts only. {stem}.xml is the same timeline as Final Cut 7 XML: if images are at the "
        "wrong\n   height after the import (some versions scale the position by the conform factor), import that "
        "file instead.",
    ),
    "fcpx": (
        "Unpack the whole zip into a folder where the media can stay.",
        "File > Import > XML, choose {stem}.fcpxml (Final Cut Pro 10.7 or later).",
        'If clips are missing: File > Relink Files > Original Media, Locate All, choose the folder "media".',
    ),
    "after_effects": (
        "Unpack the whole zip into the project's folder.",
        'File > Scripts > Run Script File, choose {stem}.jsx. It builds the comp "{name}" in the open project.',
        'Missing media become placeholders: right click > Replace Footage, choose the file in "media".',
    ),
}
# Further steps for packages with titles and speakers.
CAPTION_STEPS: dict[str, tuple[str, ...]] = {
    "premiere": (
        "Captions: the upper tracks hold editable text graphics. For a caption track instead, import {stem}.srt.",
    ),
    "davinci": ("Captions: text titles on the upper tracks, or File > Import > Subtitle with {stem}.srt.",),
    "fcpx": (
        'Captions: connected titles with the role "titles.Captions"; or File > Import > Captions with {stem}.srt.',
        'Speakers are roles: "video.Speaker A", "dialogue.Speaker A" and so on.',
    ),
    "after_effects": (),
}


def format_steps(steps: Sequence[str], stem: str, name: str) -> str:
    """Return numbered steps, with the names of the project files and of the sequence."""
    lines = [f"{number}. {step.format(stem=stem, name=name)}\n" for number, step in enumerate(steps, 1)]
    return "Opening it\n----------\n" + "".join(lines)


def format_heading(timeline: Timeline, target: str) -> str:
    """Return the title of a README, and the size, rate and length of the sequence."""
    name = " ".join(timeline.name.split())
    return (
        f"{name}\n{'=' * max(4, min(len(name), 80))}\n\n"
        f"For {PROGRAM_NAMES[target]}: {timeline.width}x{timeline.height}, {float(timeline.fps):.3f} frames a second, "
        f"{timeline.frames} frames.\n"
    )


def format_notes(notes: Sequence[str]) -> list[str]:
    """Return the last sections: the notes, if there are any, and how to check the files."""
    section = ["Notes\n-----\n" + "".join(f"- {note}\n" for note in notes)] if notes else []
    return [*section, "SHA256SUMS.txt lists all files: check them with `shasum -a 256 -c SHA256SUMS.txt`.\n"]


def format_readme(
    timeline: Timeline, edit: Edit, target: str, stem: str, warnings: Sequence[str], *, is_proxy: bool
) -> str:
    """Return the text of `README.txt`. `is_proxy`: the video is cut from the proxy."""
    steps = (*OPENING_STEPS[target], *CAPTION_STEPS[target])
    parts = [
        format_heading(timeline, target),
        format_steps(steps, stem, " ".join(timeline.name.split())),
        _format_media_section(timeline, edit, target, is_proxy),
        *format_notes(warnings),
    ]
    return "\n".join(parts)


def _format_media_section(timeline: Timeline, edit: Edit, target: str, is_proxy: bool) -> str:
    main, original = timeline.find_video(timeline.main[0].media), require_video(edit.source)
    source = "the video's proxy" if is_proxy else "the video"
    text = f"Media\n-----\nmedia/{main.name} is the part of {source} that the clip uses,\n"
    text += "with up to two seconds more on both sides.\n"
    if main.conform_reason is None and not is_proxy:
        text += "Its frames are copied from the original, not encoded again.\n"
    if main.rate.fraction not in SEQUENCE_RATES:  # the file has no timecode
        return text
    text += "Its timecode counts from the start of the original"
    if main.conform_reason is not None or find_conform_reason(original, timeline.fps) is not None:
        return f"{text}.\n"  # the original has another rate, rotation or codec than the project expects
    text += ", so it can be\nexchanged for the whole original by relinking.\n"
    if main.width != original.width and target in PIXEL_SCALE_TARGETS:
        text += (
            f"The original is {original.width} pixels wide, this file {main.width}: after relinking, multiply the "
            f"clips' scale by {main.width / original.width:.4g}.\n"
        )
    return text


def format_fonts(timeline: Timeline, edit: Edit) -> str:
    """Return the text of `FONTS.txt`: the titles' fonts. Licences differ, so the package does not contain fonts."""
    fonts = {title.style.font for title in (*timeline.captions, *timeline.hook)}
    names = sorted(f"{font.family} {font.style} ({font.postscript})" for font in fonts)
    custom_fonts = sorted(font.name for font in edit.fonts)
    text = "Fonts of the titles (install them before you open the project):\n"
    text += "".join(f"- {name}\n" for name in names) or "- none\n"
    if custom_fonts:
        text += "\nFonts of your own media library:\n" + "".join(f"- {name}\n" for name in custom_fonts)
    return text
