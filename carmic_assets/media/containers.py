"""The one place that opens media with PyAV: only known containers, only local files, limits, explicit threads.

Never opens a URL, and never a playlist that would make the demuxer open something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from carmic_assets.model.errors import CarmicError, CorruptVideo

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

# Demuxer names of libavformat. A whitelist of protocols alone does not stop a playlist that is named .mp4: the demuxer
# is chosen by content, so the demuxers are listed too (no hls, dash, concat, sdp, image2, subtitles).
SOURCE_FORMATS = ("mov", "matroska", "webm", "avi", "flv", "mpeg", "mpegts", "mpegvideo", "h264", "hevc")
AUDIO_FORMATS = ("wav", "mp3", "flac", "ogg", "aac", "aiff", "caf")
IMAGE_FORMATS = ("png_pipe", "jpeg_pipe", "webp_pipe", "gif", "bmp_pipe")
LIBRARY_FORMATS = (*SOURCE_FORMATS, *AUDIO_FORMATS, *IMAGE_FORMATS)  # of a workspace's own media
PROTOCOLS = ("file",)

# How stills begin, by the demuxer that reads them. Left to itself, libav goes by the name first: it takes most files
# called ".jpg", and any with a "%d" in its path, for a numbered series, which is none of our formats.
_STILL = re.compile(
    rb"(?P<png_pipe>\x89PNG\r\n)|(?P<jpeg_pipe>\xff\xd8\xff)|(?P<webp_pipe>RIFF.{4}WEBP)|(?P<bmp_pipe>BM.{4}\0{4})",
    re.DOTALL,
)

MAX_PIXELS = 8192 * 4608  # a little over 8K UHD
MAX_STREAMS = 64
READ_TIMEOUT_S = 30.0  # for one read: a local disk that takes longer is not coming back


def still_format(path: str | Path) -> str | None:
    """The demuxer of a file that begins as a still does; None for any other, and for one that cannot be read."""
    try:
        with Path(path).open("rb") as file:
            match = _STILL.match(file.read(16))
    except OSError:
        return None
    return match.lastgroup if match else None


@contextmanager
def open_media(
    source: str | Path | BinaryIO,
    *,
    formats: tuple[str, ...] = SOURCE_FORMATS,
    threads: int = 2,
    error: type[CarmicError] = CorruptVideo,
) -> Iterator[InputContainer]:
    """Open a local file, or what reads and seeks like one; closed at the end of the block (a `BinaryIO` is the caller's
    to close). Nothing is decoded yet.

    `formats` are the containers that are let in, `threads` the decoder threads of each picture stream. What libav
    raises, here or while the block reads and decodes, comes out as `error` with a sentence for the user.
    """
    import av

    opened, url, still = source, "", None
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise error("The file is not there. Upload it again.")
        if path.stat().st_size == 0:
            raise error("The file is empty. Upload it again.")
        # The path goes in with its protocol, so that no name can be taken for another one ("concat:a|b").
        opened = url = f"file:{path.absolute()}"
        still = still_format(path)
    options = {
        "format_whitelist": ",".join(formats),
        "protocol_whitelist": ",".join(PROTOCOLS),
        "max_streams": str(MAX_STREAMS),
    }
    with (
        _translated(error, url),
        av.open(opened, "r", format=still, options=options, timeout=READ_TIMEOUT_S) as container,
    ):
        for stream in container.streams.video:
            if stream.codec_context is None:
                continue
            refuse_absurd_size(stream.codec_context.width, stream.codec_context.height, error)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            stream.codec_context.thread_count = threads
            stream.codec_context.thread_type = "AUTO"
        yield container


def packets(container: InputContainer, *streams: Stream) -> Iterator[Packet]:
    """The packets of `streams` in the order of the file, then an empty one for each, which has decoders give what they
    hold back. Some demuxers (FLV, MPEG) find further streams on the way; PyAV 18 trips over those at the very end."""
    with suppress(IndexError):
        yield from container.demux(*streams)


def refuse_absurd_size(width: int, height: int, error: type[CarmicError] = CorruptVideo) -> None:
    """Raise `error` where a picture has more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise error(f"The picture is too large ({width}x{height} pixels). Use a video of 8K or less.")


@contextmanager
def _translated(error: type[CarmicError], url: str) -> Iterator[None]:
    """Every error of libav and of its Python binding on a broken file, as one that a user can act on. What goes wrong
    with another file (one that the block writes) is not the user's fault and stays what it is."""
    import av

    try:
        yield
    except CarmicError:
        raise
    except av.error.FFmpegError as cause:
        if cause.filename and str(cause.filename) not in (url, *_DECODING):
            raise
        raise error(_sentence(cause)) from cause
    except AttributeError as cause:  # a stream without any codec (PyAV 18)
        raise error(UNREADABLE) from cause


_DECODING = (
    "avcodec_send_packet()",
    "avcodec_receive_frame()",
)  # what PyAV gives as the file's name in errors of these

UNREADABLE = "The file could not be read as a video. Play it to the end, then upload it again."


def _sentence(cause: Exception) -> str:
    import av

    if isinstance(cause, (av.error.InvalidDataError, av.error.DemuxerNotFoundError)):
        return (
            "The file is not a video that can be read: it is damaged, cut short, or something else under a video's "
            "name. Export it again as MP4, MOV, MKV, WebM, AVI, MPEG or FLV and upload that."
        )
    if isinstance(cause, av.error.DecoderNotFoundError):
        return "The video uses a codec that is not supported. Convert it to H.264 and upload it again."
    return UNREADABLE
