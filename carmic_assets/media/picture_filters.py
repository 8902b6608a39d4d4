"""How the picture of any source becomes one that everybody can watch: upright, square pixels, BT.709, limited, 8 bits.

Makes pieces of filter graphs out of facts. Runs nothing.
"""

from __future__ import annotations

from fractions import Fraction

from carmic_assets.model.media import Rate, SourceFacts, VideoFacts

MAX_RATE = 60
SLOW_RATE, SMOOTH_RATE = 12, 24  # a source below the one (a picture that stands under a talk) is written at the other
HDR_WHITE_NITS = 203  # reference white of HDR programmes, ITU-R BT.2408

# (degrees clockwise, then flipped) : filters. `transpose` turns and flips in one pass over the picture.
_TURNS = {
    (0, False): (),
    (90, False): ("transpose=clock",),
    (180, False): ("hflip", "vflip"),
    (270, False): ("transpose=cclock",),
    (0, True): ("hflip",),
    (90, True): ("transpose=cclock_flip",),
    (180, True): ("vflip",),
    (270, True): ("transpose=clock_flip",),
}


def output_rate(facts: VideoFacts) -> Rate:
    """The constant rate to write: the source's; halved (or more) above 60, so that frames are dropped evenly; and a
    multiple below 12, so that captions move and cuts fall on words: a whole one, so that each frame has its place."""
    rate = facts.rate.fraction
    parts = -(-rate // Fraction(MAX_RATE * 1001, 1000))
    rate = rate / max(1, parts)
    if rate < SLOW_RATE:
        rate *= -(-SMOOTH_RATE // rate)
    return Rate(rate.numerator, rate.denominator)


def declared(video: VideoFacts) -> tuple[str, ...]:
    """First in a chain: one moment a picture where it holds two, and what the colours are where the file does not say.
    SD is BT.601, the rest BT.709."""
    whole = ("bwdif=mode=send_frame:deint=interlaced",) if video.interlaced else ()
    if video.pix_fmt.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal")):
        return whole
    values = {
        "range": video.color_range or "tv",
        "colorspace": source_matrix(video),
        "color_trc": video.color_transfer or "bt709",
        "color_primaries": video.color_primaries or ("bt2020" if video.color_matrix == "bt2020nc" else "bt709"),
    }
    return (*whole, "setparams=" + ":".join(f"{key}={value}" for key, value in values.items()))


def source_matrix(video: VideoFacts) -> str:
    """The matrix of the source, or what players assume where the file does not say: by size."""
    if video.color_matrix is not None:
        return video.color_matrix
    return "bt709" if video.coded_width >= 1280 or video.coded_height > 576 else "smpte170m"


def turned(video: VideoFacts) -> tuple[str, ...]:
    """Filters that bring the coded picture upright, and take off the mark that would make players turn it again."""
    turn = _TURNS[video.rotation, video.mirrored]
    return (*turn, "sidedata=mode=delete:type=DISPLAYMATRIX") if turn else ()


def wide_gamut(video: VideoFacts) -> bool:
    """True where primaries or transfer must be converted, not only the matrix."""
    return video.hdr or video.color_primaries in ("bt2020", "smpte431", "smpte432")


def scale(width: int, height: int, name: str = "") -> str:
    """Resize. `name` is what commands call the filter by."""
    return f"scale{'@' + name if name else ''}={width}:{height}:flags=bicubic"


def working(video: VideoFacts) -> tuple[str, ...]:
    """To the one format that pictures are put together in: 4:2:0, and for plain SDR already BT.709 of limited range.

    Nothing for most sources. It must come before sizes change over time: a conversion that ffmpeg puts in keeps
    the size that it had at first (ffmpeg 9).
    """
    if wide_gamut(video):
        return () if video.pix_fmt == "yuv420p10le" else ("format=yuv420p10le",)
    if source_matrix(video) == "bt709" and video.color_range != "pc":
        return () if video.pix_fmt == "yuv420p" else ("format=yuv420p",)
    # The quick path of swscale is off by three levels when matrices differ; accurate_rnd costs little.
    return ("scale=flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv", "format=yuv420p")


def finished(video: VideoFacts) -> tuple[str, ...]:
    """Last in a chain: tone-mapped where HDR, of BT.709 gamut, 4:2:0 8 bits, labelled, square pixels."""
    filters: list[str] = []
    if video.hdr:
        filters += [
            f"zscale=t=linear:npl={HDR_WHITE_NITS}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            "tonemap=mobius:param=0.3:desat=0",
            "zscale=t=bt709:m=bt709:r=tv:d=ordered",
        ]
    elif wide_gamut(video):
        filters.append("zscale=t=bt709:p=bt709:m=bt709:r=tv:d=ordered")
    filters += ["format=yuv420p", LABELLED, "setsar=1"]
    return tuple(filters)


LABELLED = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


def on_clock(facts: SourceFacts, start_s: float, rate: Rate) -> tuple[str, ...]:
    """Constant rate from `start_s` (source clock) on, which becomes 0. Needs `-copyts` and an input that begins before.

    The frame that stands at `start_s` is shown from the first output frame on, also where it was taken long before.
    """
    at = facts.container_start_s + start_s
    return (f"setpts=PTS-{at:.6f}/TB", f"fps={rate.num}/{rate.den}:start_time=0:round=near")


def even(value: float) -> int:
    """The nearest even number, at least 2: 4:2:0 video has no odd sizes."""
    return max(2, 2 * round(value / 2))
