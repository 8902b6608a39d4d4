"""What a file of a workspace's media library is: a picture, a video, a sound or a font, told by its content alone."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media.containers import AUDIO_FORMATS, MAX_PIXELS, SOURCE_FORMATS
from carmic_assets.media.probe import facts_of
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed

MOVING = (*SOURCE_FORMATS, *AUDIO_FORMATS)
STILLS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
FONT_MAGIC = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2")


def describe(path: str | Path, name: str) -> MediaFile:
    """The facts of a file; one picture and sound block is decoded to be sure. `name` is what a person called it.

    Raises RenderFailed, naming the file, for what is none of the four.
    """
    with Path(path).open("rb") as file:
        if file.read(4) in FONT_MAGIC:
            return _font(path, name)
    if (picture := _picture(path, name)) is not None:
        return picture
    try:
        return _streams(path, name)
    except RenderFailed as error:
        raise RenderFailed(
            f"{name} is no picture, video, sound or font that can be read. Upload another file."
        ) from error


def _picture(path: str | Path, name: str) -> MediaFile | None:
    """A still, or None where the file is not one. libav chooses its still demuxer by name: Pillow reads the content."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=STILLS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise RenderFailed(f"{name} has more pixels than can be used. Upload a smaller picture.")
            image.load()
            return MediaFile(path=str(path), name=name, width=image.width, height=image.height, has_video=True)
    except UnidentifiedImageError:
        return None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RenderFailed(f"{name} is a damaged picture. Upload it again.") from error


def _streams(path: str | Path, name: str) -> MediaFile:
    """Sound may go on after the picture has ended: what counts is how long there is something to see."""
    facts = facts_of(path, MOVING, RenderFailed)
    video = facts.video
    return MediaFile(
        path=str(path),
        name=name,
        duration_s=facts.duration_s if video is None else round(video.start_s + video.duration_s, 6),
        width=video.width if video else None,
        height=video.height if video else None,
        has_video=video is not None,
        has_audio=facts.audio is not None,
    )


def _font(path: str | Path, name: str) -> MediaFile:
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            font.getBestCmap()
    except (TTLibError, OSError, KeyError, AssertionError) as error:
        raise RenderFailed(f"{name} is not a font that can be read. Upload a TTF or OTF file.") from error
    return MediaFile(path=str(path), name=name)
