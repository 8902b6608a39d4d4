"""Predicts the facts of a proxy from those of its source, without reading a file.

It is separate from `proxy.py` because the API needs it and imports no parser of users' files.
"""

from __future__ import annotations

import msgspec

from carmic_assets.media.video_filters import choose_output_rate, round_to_even
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import SourceFacts, VideoFacts

SHORT_SIDE_PX = 720  # largest short side of a proxy


def predict_proxy_facts(facts: SourceFacts) -> SourceFacts:
    """Return the video facts of the proxy that `make_proxy` writes for this source, without hash, size or audio.

    Raises:
        CorruptVideoError: the source has no video stream.
    """
    return SourceFacts("", 0, "mp4", facts.duration_s, 0.0, predict_video_facts(require_picture(facts)), None)


def require_picture(facts: SourceFacts) -> VideoFacts:
    """Return the facts of the source's video stream.

    Raises:
        CorruptVideoError: the source has no video stream.
    """
    if facts.video is None:
        raise CorruptVideoError("The file has no video, so it has no preview. Upload a video.")
    return facts.video


def predict_video_facts(video: VideoFacts) -> VideoFacts:
    """Return the facts of the proxy's video stream for this stream of the source."""
    scale = min(1.0, SHORT_SIDE_PX / min(video.width, video.height))
    width, height = round_to_even(video.width * scale), round_to_even(video.height * scale)
    return msgspec.structs.replace(
        video,
        index=0,
        codec="h264",
        **{"width": width, "height": height, "coded_width": width, "coded_height": height},
        **{"rotation": 0, "mirrored": False, "sar_num": 1, "sar_den": 1},
        **{"rate": choose_output_rate(video), "variable_rate": False, "pix_fmt": "yuv420p", "hdr": False},
        interlaced=False,
        **{"color_range": "tv", "color_matrix": "bt709", "color_transfer": "bt709", "color_primaries": "bt709"},
        start_s=0.0,
        duration_s=video.start_s + video.duration_s,
    )
