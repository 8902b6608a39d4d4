"""Opens media files with PyAV. No other module opens media files.

It opens local files of whitelisted containers only, with limits and an explicit number of threads. It opens no URL and
no playlist, because a playlist would make the demuxer open further files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from carmic_assets.media.demuxers import MAX_PIXELS, MAX_STREAMS, PROTOCOLS, SOURCE_FORMATS, detect_still_demuxer
from carmic_assets.model.errors import CarmicError, CorruptVideoError

READ_TIMEOUT_S = 30.0  # for one read from a local disk

UNREADABLE = "The file could not be read as a video. Play it to the end, then upload it again."

# PyAV puts one of these in place of the file name into an error from a decoder.
_DECODER_CALLS = ("avcodec_send_packet()", "avcodec_receive_frame()")


@contextmanager
def open_media(
    source: str | Path | BinaryIO,
    *,
    formats: tuple[str, ...] = SOURCE_FORMATS,
    threads: int = 2,
    error: type[CarmicError] = CorruptVideoError,
) -> Iterator[InputContainer]:
    """Open a local file or a seekable binary stream, and close the container at the end of the `with` block.

    Opening decodes nothing. A binary stream itself stays open: the caller closes it.

    Args:
        source: a path, or a stream that reads and seeks.
        formats: libavformat names of the containers to accept.
        threads: decoder threads of each video stream.
        error: type of the exception to raise; its message is shown to the user.

    Raises:
        CarmicError: of type `error`, for every libav error on this file, on opening or inside the `with` block.
    """
    file, url, still_demuxer = source, "", None
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise error("The file does not exist. Upload it again.")
        if path.stat().st_size == 0:
            raise error("The file is empty. Upload it again.")
        # The path is passed with its protocol, so that libav cannot read a name as another protocol ("concat:a|b").
        file = url = f"file:{path.absolute()}"
        still_demuxer = detect_still_demuxer(path)
    options = {
        "format_whitelist": ",".join(formats),
        "protocol_whitelist": ",".join(PROTOCOLS),
        "max_streams": str(MAX_STREAMS),
    }
    with (
        _translate_errors(error, url),
        av.open(file, "r", format=still_demuxer, options=options, timeout=READ_TIMEOUT_S) as container,
    ):
        for stream in container.streams.video:
            if stream.codec_context is None:
                continue
            check_picture_size(stream.codec_context.width, stream.codec_context.height, error)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            stream.codec_context.thread_count = threads
            stream.codec_context.thread_type = "AUTO"
        yield container


def demux_packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Yield the packets of `streams` in file order, then an empty packet for each stream, which flushes its decoder."""
    # Some demuxers (FLV, MPEG) add streams while reading; PyAV 18 then raises IndexError at the end of the file.
    with suppress(IndexError):
        yield from container.demux(*streams)


def check_picture_size(width: int, height: int, error: type[CarmicError] = CorruptVideoError) -> None:
    """Raise `error` for a frame size of more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise error(f"The frame size is too large ({width}x{height} pixels). Use a video of 8K or less.")


@contextmanager
def _translate_errors(error: type[CarmicError], url: str) -> Iterator[None]:
    """Raise errors of libav and PyAV on the file `url` as `error`.

    Errors on another file, such as one that the block writes, pass unchanged: the user's file did not cause them.
    """
    try:
        yield
    except CarmicError:
        raise
    except av.error.FFmpegError as cause:
        if cause.filename and str(cause.filename) not in (url, *_DECODER_CALLS):
            raise
        raise error(_describe_cause(cause)) from cause
    except AttributeError as cause:  # PyAV 18 raises it for a stream without a codec
        raise error(UNREADABLE) from cause


def _describe_cause(cause: av.error.FFmpegError) -> str:
    if isinstance(cause, (av.error.InvalidDataError, av.error.DemuxerNotFoundError)):
        return (
            "The file is not a readable video: it is damaged, truncated, or another kind of file with a video's "
            "name. Export it again as MP4, MOV, MKV, WebM, AVI, MPEG or FLV and upload that."
        )
    if isinstance(cause, av.error.DecoderNotFoundError):
        return "The video uses an unsupported codec. Convert it to H.264 and upload it again."
    return UNREADABLE
