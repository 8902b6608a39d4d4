"""The words in a package: how to open it, how to find media again, which fonts it wants. Makes text only."""

from __future__ import annotations

from collections.abc import Sequence

from carmic_assets.exports.nle_timeline import Timeline
from carmic_assets.exports.package_media import conform_reason
from carmic_assets.exports.timecode import SEQUENCE_RATES
from carmic_assets.model.edit import Edit

PROGRAMS = {
    "premiere": "Adobe Premiere Pro",
    "davinci": "DaVinci Resolve",
    "fcpx": "Final Cut Pro",
    "after_effects": "Adobe After Effects",
}

SCALED_IN_PIXELS = ("premiere", "after_effects")  # the others place a picture by its share of the frame

STEPS = {
    "premiere": """\
1. Unpack the whole zip into the folder where the project shall live.
2. File > Import, choose {stem}.xml.
3. If Premiere asks where the media are, choose the folder "media" once; it finds the rest by name.
4. Captions: the upper tracks hold editable text graphics. For a caption track instead, import {stem}.srt.
""",
    "davinci": """\
1. Unpack the whole zip into the folder where the project shall live.
2. File > Import > Timeline, choose {stem}.fcpxml (Resolve 18 or later). Leave "Automatically import source clips into
   media pool" on, and set mixed frame rates to "Resolve".
3. If clips are offline: select them in the media pool, right click > Relink Selected Clips, choose the folder "media".
4. Captions: text titles on the upper tracks, or File > Import > Subtitle with {stem}.srt.
5. {stem}.otio holds the cut alone. {stem}.xml is the same timeline as Final Cut 7 XML: if a picture does not stand at
   the right height after the import (some versions scale it by the picture's conform), import that one instead.
""",
    "fcpx": """\
1. Unpack the whole zip into the folder where the media shall stay.
2. File > Import > XML, choose {stem}.fcpxml (Final Cut Pro 10.7 or later).
3. If clips are missing: File > Relink Files > Original Media, Locate All, choose the folder "media".
4. Captions: connected titles with the role "titles.Captions"; or File > Import > Captions with {stem}.srt.
5. Speakers are roles: "video.Speaker A", "dialogue.Speaker A" and so on.
""",
    "after_effects": """\
1. Unpack the whole zip into the folder where the project shall live.
2. File > Scripts > Run Script File, choose {stem}.jsx. It builds the comp "{name}" in the open project.
3. Media that are missing come in as placeholders: right click > Replace Footage, choose the file in "media".
""",
}


def readme_text(line: Timeline, edit: Edit, target: str, stem: str, warnings: Sequence[str], *, proxied: bool) -> str:
    """`README.txt` of a package. `proxied`: its picture is cut from the proxy."""
    name = " ".join(line.name.split())
    parts = [
        f"{name}\n{'=' * max(4, min(len(name), 80))}\n",
        f"For {PROGRAMS[target]}: {line.width}x{line.height}, {float(line.fps):.3f} frames a second, "
        f"{line.frames} frames.\n",
        "Opening it\n----------\n" + STEPS[target].format(stem=stem, name=name),
        _media_text(line, edit, target, proxied),
    ]
    if warnings:
        parts.append("Worth knowing\n-------------\n" + "".join(f"- {warning}\n" for warning in warnings))
    parts.append("SHA256SUMS.txt lists what should be here: check with `shasum -a 256 -c SHA256SUMS.txt`.\n")
    return "\n".join(parts)


def _media_text(line: Timeline, edit: Edit, target: str, proxied: bool) -> str:
    main, original = line.file(line.main[0].footage), edit.source.video
    assert original is not None
    film = "the video's proxy" if proxied else "the video"
    text = f"Media\n-----\nmedia/{main.name} is the stretch of {film} that the clip uses,\n"
    text += "with up to two seconds more on both sides.\n"
    if main.conformed is None and not proxied:
        text += "Its pictures are the original's, not encoded again.\n"
    if main.rate.fraction not in SEQUENCE_RATES:  # then it has no timecode
        return text
    text += "Its timecode counts from the start of the original"
    if main.conformed is not None or conform_reason(original, line.fps) is not None:
        return f"{text}.\n"  # the original is not what the project expects: another rate, turned, or not to be opened
    text += ", so it can be\nexchanged for the whole original by relinking.\n"
    if main.width != original.width and target in SCALED_IN_PIXELS:
        text += (
            f"The original is {original.width} pixels wide, this file {main.width}: then multiply the clips' scale by "
            f"{main.width / original.width:.4g}.\n"
        )
    return text


def fonts_text(line: Timeline, edit: Edit) -> str:
    """`FONTS.txt`: the families that the texts ask for. Fonts are not packed: their licences differ."""
    faces = {title.style.font for title in (*line.captions, *line.hook)}
    wanted = sorted(f"{face.family} {face.style} ({face.postscript})" for face in faces)
    own = sorted(font.name for font in edit.fonts)
    text = "Fonts of the texts (install them before opening the project):\n"
    text += "".join(f"- {name}\n" for name in wanted) or "- none\n"
    if own:
        text += "\nFonts of your own media library:\n" + "".join(f"- {name}\n" for name in own)
    return text
