"""Lists the demuxers and limits under which PyAV and ffmpeg may read a file, and detects still images.

The module is light to import: it loads neither PyAV nor ffmpeg.
"""

from __future__ import annotations

import re
from pathlib import Path

# Demuxer names of libavformat. A protocol whitelist alone does not stop a playlist that is named .mp4, because libav
# chooses the demuxer by content. The demuxers are therefore listed too, without hls, dash, concat, sdp and image2.
SOURCE_FORMATS = ("mov", "matroska", "webm", "avi", "flv", "mpeg", "mpegts", "mpegvideo", "h264", "hevc")
AUDIO_FORMATS = ("wav", "mp3", "flac", "ogg", "aac", "aiff", "caf")
IMAGE_FORMATS = ("png_pipe", "jpeg_pipe", "webp_pipe", "gif", "bmp_pipe")
LIBRARY_FORMATS = (*SOURCE_FORMATS, *AUDIO_FORMATS, *IMAGE_FORMATS)  # for files of a workspace's media library
PROTOCOLS = ("file",)

MAX_PIXELS = 8192 * 4608  # a little above 8K UHD
MAX_STREAMS = 64  # a file with more is rejected, because every stream needs memory when the file is opened

# The first bytes of still images, by the demuxer that reads them. Without a demuxer name libav looks at the file name
# first: it opens most files called ".jpg", and any path that contains "%d", as an image sequence (the demuxer image2,
# which is not whitelisted).
_STILL_SIGNATURES = re.compile(
    rb"(?P<png_pipe>\x89PNG\r\n)|(?P<jpeg_pipe>\xff\xd8\xff)|(?P<webp_pipe>RIFF.{4}WEBP)|(?P<bmp_pipe>BM.{4}\0{4})",
    re.DOTALL,
)


def detect_still_demuxer(path: str | Path) -> str | None:
    """Return the demuxer for a file that begins with the signature of a still image; None for every other file."""
    try:
        with Path(path).open("rb") as file:
            match = _STILL_SIGNATURES.match(file.read(16))
    except OSError:
        return None
    return match.lastgroup if match else None
