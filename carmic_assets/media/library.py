"""What a file of a workspace's media library is: a picture, a video, a sound or a font, told by its content alone."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media.open import AUDIO_FORMATS, MAX_PIXELS, SOURCE_FORMATS, open_media
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed

MOVING = (*SOURCE_FORMATS, *AUDIO_FORMATS)
STILLS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
FONT_MAGIC = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2")


def describe(path: str | Path, name: str) -> MediaFile:
    """The facts of a file; one picture or sound block is decoded to be sure. `name` is what a person called it.

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


def media_type(file: MediaFile) -> str:
    """`video`, `image`, `audio` or `font`."""
    if file.has_video:
        return "image" if file.duration_s is None else "video"
    return "audio" if file.has_audio else "font"


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
    import av

    with open_media(path, formats=MOVING, error=RenderFailed) as container:
        covers = av.stream.Disposition.attached_pic
        pictures = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & covers]
        sounds = [s for s in container.streams.audio if s.codec_context is not None]
        used = (pictures or sounds)[:1]
        if not used or next(iter(container.decode(used[0])), None) is None:
            raise RenderFailed("Nothing in it decodes.")
        seconds = 0.0 if container.duration is None else container.duration / av.time_base
        return MediaFile(
            path=str(path),
            name=name,
            duration_s=seconds,
            width=pictures[0].codec_context.width if pictures else None,
            height=pictures[0].codec_context.height if pictures else None,
            has_video=bool(pictures),
            has_audio=bool(sounds),
        )


def _font(path: str | Path, name: str) -> MediaFile:
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            font.getBestCmap()
    except (TTLibError, OSError, KeyError, AssertionError) as error:
        raise RenderFailed(f"{name} is not a font that can be read. Upload a TTF or OTF file.") from error
    return MediaFile(path=str(path), name=name)
