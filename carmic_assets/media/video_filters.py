"""Builds ffmpeg filter chains that normalise the video of any source for all players.

The result is upright, has square pixels, and is BT.709, limited range, 8 bits. The functions return filter strings for
`VideoFacts` and do not run ffmpeg. The order in a chain: source filters, constant rate or scale, working format,
orientation, output.
"""

from __future__ import annotations

from fractions import Fraction

from carmic_assets.model.media import FrameRate, SourceFacts, VideoFacts

MAX_OUTPUT_FPS = 60  # a higher source rate is divided by an integer
# A source below MIN_SOURCE_FPS, such as slides with narration, is written at MIN_OUTPUT_FPS or more.
MIN_SOURCE_FPS, MIN_OUTPUT_FPS = 12, 24
HDR_WHITE_NITS = 203  # reference white of HDR programmes, ITU-R BT.2408

BT709_TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"

# (degrees clockwise, mirrored afterwards): filters. `transpose` rotates and mirrors in one pass over the frame.
_ORIENTATIONS = {
    (0, False): (),
    (90, False): ("transpose=clock",),
    (180, False): ("hflip", "vflip"),
    (270, False): ("transpose=cclock",),
    (0, True): ("hflip",),
    (90, True): ("transpose=cclock_flip",),
    (180, True): ("vflip",),
    (270, True): ("transpose=clock_flip",),
}


def choose_output_rate(facts: VideoFacts) -> FrameRate:
    """Return the constant frame rate to write.

    It is the rate of the source. A rate above `MAX_OUTPUT_FPS` is divided by an integer, so that frames are dropped at
    equal intervals. A rate below `MIN_SOURCE_FPS` is multiplied by an integer, so that captions move smoothly and cuts
    fall on words.
    """
    rate = facts.rate.fraction
    divisor = -(-rate // Fraction(MAX_OUTPUT_FPS * 1001, 1000))
    rate = rate / max(1, divisor)
    if rate < MIN_SOURCE_FPS:
        rate *= -(-MIN_OUTPUT_FPS // rate)
    return FrameRate(rate.numerator, rate.denominator)


def build_source_filters(video: VideoFacts) -> tuple[str, ...]:
    """Return the first filters of a chain: deinterlacing, and colour tags where the file has none.

    An untagged source counts as BT.601 in SD and as BT.709 in larger frames.
    """
    deinterlace = ("bwdif=mode=send_frame:deint=interlaced",) if video.interlaced else ()
    if video.pix_fmt.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal")):
        return deinterlace
    tags = {
        "range": video.color_range or "tv",
        "colorspace": resolve_color_matrix(video),
        "color_trc": video.color_transfer or "bt709",
        "color_primaries": video.color_primaries or ("bt2020" if video.color_matrix == "bt2020nc" else "bt709"),
    }
    return (*deinterlace, "setparams=" + ":".join(f"{key}={value}" for key, value in tags.items()))


def resolve_color_matrix(video: VideoFacts) -> str:
    """Return the colour matrix of the source, or the one that players assume for its frame size if it has none."""
    if video.color_matrix is not None:
        return video.color_matrix
    return "bt709" if video.coded_width >= 1280 or video.coded_height > 576 else "smpte170m"


def build_orientation_filters(video: VideoFacts) -> tuple[str, ...]:
    """Return filters that make the coded frame upright and remove its display matrix, so that no player rotates it."""
    filters = _ORIENTATIONS[video.rotation, video.mirrored]
    return (*filters, "sidedata=mode=delete:type=DISPLAYMATRIX") if filters else ()


def needs_gamut_conversion(video: VideoFacts) -> bool:
    """Return whether the primaries or the transfer must be converted in addition to the matrix."""
    return video.hdr or video.color_primaries in ("bt2020", "smpte431", "smpte432")


def build_scale_filter(width: int, height: int, name: str = "") -> str:
    """Return a bicubic scale filter to `width` x `height` pixels; `sendcmd` addresses it as `scale@name`."""
    return f"scale{'@' + name if name else ''}={width}:{height}:flags=bicubic"


def build_working_format_filters(video: VideoFacts) -> tuple[str, ...]:
    """Return the conversion to the pixel format for compositing: 4:2:0, and for SDR also BT.709 with limited range.

    It is empty for most sources. It must precede filters that change the frame size over time: a conversion that ffmpeg
    inserts by itself keeps the size of the first frame (ffmpeg 9).
    """
    if needs_gamut_conversion(video):
        return () if video.pix_fmt == "yuv420p10le" else ("format=yuv420p10le",)
    if resolve_color_matrix(video) == "bt709" and video.color_range != "pc":
        return () if video.pix_fmt == "yuv420p" else ("format=yuv420p",)
    # Without accurate_rnd, swscale is off by up to three code values (of 255) where it converts the matrix.
    return ("scale=flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv", "format=yuv420p")


def build_output_filters(video: VideoFacts) -> tuple[str, ...]:
    """Return the last filters of a chain: HDR tone mapping, BT.709, 4:2:0 with 8 bits, colour tags, square pixels."""
    filters: list[str] = []
    if video.hdr:
        filters += [
            f"zscale=t=linear:npl={HDR_WHITE_NITS}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            "tonemap=mobius:param=0.3:desat=0",
            "zscale=t=bt709:m=bt709:r=tv:d=ordered",
        ]
    elif needs_gamut_conversion(video):
        filters.append("zscale=t=bt709:p=bt709:m=bt709:r=tv:d=ordered")
    filters += ["format=yuv420p", BT709_TAGS, "setsar=1"]
    return tuple(filters)


def build_constant_rate_filters(facts: SourceFacts, start_s: float, rate: FrameRate) -> tuple[str, ...]:
    """Return the conversion to the constant `rate`, with time 0 of the output at `start_s` of the source clock.

    The input needs `-copyts` and must begin at or before `start_s`. The first output frame is the newest source frame
    at `start_s`.
    """
    start_pts_s = facts.container_start_s + start_s
    return (f"setpts=PTS-{start_pts_s:.6f}/TB", f"fps={rate.num}/{rate.den}:start_time=0:round=near")


def round_to_even(value: float) -> int:
    """Return the nearest even number, at least 2, because 4:2:0 video has no odd sizes."""
    return max(2, 2 * round(value / 2))
