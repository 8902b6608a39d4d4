"""Recognises the files of a media library by their content: still image, video, audio or font."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from carmic_assets.media.demuxers import AUDIO_FORMATS, MAX_PIXELS, SOURCE_FORMATS
from carmic_assets.media.font_files import convert_font
from carmic_assets.media.probe import read_facts
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError

STREAM_FORMATS = (*SOURCE_FORMATS, *AUDIO_FORMATS)  # demuxer names of libavformat
STILL_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # format names of Pillow
FONT_SIGNATURES = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2")  # first four bytes of font files


def describe_file(path: str | Path, name: str, converted_font: str | Path | None = None) -> MediaFile:
    """Return the properties of a media library file. One frame of its video and of its audio is decoded.

    `name` is the user's file name, for error messages. A font is converted and written to `converted_font`, which
    becomes the path of the result.

    Raises:
        RenderError: the file is not a readable still, video, audio or font file.
    """
    with Path(path).open("rb") as file:
        if file.read(4) in FONT_SIGNATURES:
            return _describe_font(path, name, converted_font)
    if (still := _describe_still(path, name)) is not None:
        return still
    try:
        return _describe_streams(path, name)
    except RenderError as error:
        raise RenderError(f"{name} is not a readable image, video, audio or font file. Upload another file.") from error


def _describe_still(path: str | Path, name: str) -> MediaFile | None:
    """Return the facts of a still image, or None for other files.

    Pillow is used because it recognises a format by content, whereas libav also considers the file name.
    """
    try:
        with Image.open(path, formats=STILL_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise RenderError(f"{name} has more than {MAX_PIXELS} pixels. Upload a smaller image.")
            image.load()
            return MediaFile(path=str(path), name=name, width=image.width, height=image.height, has_video=True)
    except UnidentifiedImageError:
        return None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RenderError(f"{name} is a damaged image. Upload it again.") from error


def _describe_streams(path: str | Path, name: str) -> MediaFile:
    """Return the facts of a video or audio file. The duration of a video is that of its video stream."""
    facts = read_facts(path, STREAM_FORMATS, RenderError)
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


def _describe_font(path: str | Path, name: str, converted_font: str | Path | None) -> MediaFile:
    if converted_font is not None:
        return MediaFile(path=str(converted_font), name=name, font=convert_font(path, name, converted_font))
    with tempfile.TemporaryDirectory(prefix="font-") as folder:
        return MediaFile(path=str(path), name=name, font=convert_font(path, name, Path(folder) / "font.ttf"))
