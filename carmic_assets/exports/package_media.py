"""The media of a package: the needed stretch of a file with handles, copied where that is safe and conformed where not.

What comes out is always a MOV with a constant rate, upright square pixels, exact timestamps from zero, PCM sound that
starts with the picture, and the original's clock as its timecode. It never touches the original.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from carmic_assets.exports.timecode import SEQUENCE_RATES, is_ntsc, nominal, timecode_frames, timecode_text
from carmic_assets.media import ffmpeg, picture_filters
from carmic_assets.media.containers import IMAGE_FORMATS, open_media
from carmic_assets.media.probe import facts_of
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import Rate, SourceFacts, VideoFacts
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.rendering.video_graph import early_s

HANDLE_S = 2  # on both sides of what is used
SOUND_RATE = 48_000
SLACK = Fraction(1, 500)  # seconds; Matroska rounds to milliseconds
DOUBLED_PX = 1920
# Codecs that all four programs decode from a MOV, and how QuickTime calls them; of the first two only these pixels.
COPYABLE = {"h264": "avc1", "hevc": "hvc1", "prores": None, "mjpeg": None, "dnxhd": None}
DECODED = {"h264": ("yuv420p", "yuvj420p"), "hevc": ("yuv420p", "yuvj420p", "yuv420p10le")}
# Where x264 stands when a file is conformed: well above what a viewer can tell from the source, an I-frame a second.
CONFORM = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-pix_fmt", "yuv420p"),
    # Threads on frames make x264's rate control depend on timing: one run in twenty differs on a busy machine (measured
    # here). Threads on slices do not.
    *("-x264-params", "sliced-threads=1"),
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
)


class Footage(msgspec.Struct, frozen=True):
    """A picture file of the package. Frame 0 shows what the original shows at `origin` (seconds of its own clock)."""

    name: str  # in the package's media folder
    path: str  # where it lies until the package is made
    rate: Rate
    frames: int
    width: int
    height: int
    channels: int  # of its sound; 0: none
    origin: Fraction
    timecode: int  # frames of its start timecode at the nominal rate; 0 where it carries none
    drop: bool  # drop-frame timecode
    conformed: str | None  # why it was re-encoded; None: a copy of the original's frames


class Sound(msgspec.Struct, frozen=True):
    """A sound file of the package: WAV, `SOUND_RATE`."""

    name: str
    path: str
    channels: int
    duration: Fraction


class Image(msgspec.Struct, frozen=True):
    """A picture of the package, PNG."""

    name: str
    path: str
    width: int
    height: int


def cut_footage(
    path: str,
    facts: SourceFacts,
    start: Fraction,
    end: Fraction,
    out: Path,
    *,
    rate: Fraction,
    sound: bool = True,
    threads: int = 2,
    progress: Progress = ignore,
) -> Footage:
    """Write the stretch `start`..`end` (seconds of the file's clock) with handles to `out` (a `.mov`).

    `rate` is the sequence's: a file whose rate is not the same or a whole multiple or part of it is conformed to it.
    Raises `RenderFailed` where ffmpeg cannot, or where the stretch is not in the file.
    """
    video = facts.video
    if video is None:
        raise RenderFailed("A video of this clip has no picture. Replace it and export again.")
    own = video.rate.fraction
    begin, stop = _exact(video.start_s), _exact(video.start_s + video.duration_s)
    if start >= stop or end <= begin:
        raise RenderFailed("A video of this clip is shorter than what the clip uses of it. Shorten its use.")
    reason = conform_reason(video, rate)
    if reason is None and start < begin - 1 / (2 * own):
        reason = "its picture begins after its sound"
    if reason is None and end > stop + 1 / (2 * own):
        reason = "its picture ends before its sound"
    if reason is None:
        first = math.floor(max(Fraction(0), start - HANDLE_S - begin) * own)
        last = math.ceil((min(stop, end + HANDLE_S) - begin) * own)
        copied = _copy(path, facts, first, last, out, sound, threads, progress)
        if isinstance(copied, Footage):
            if copied.origin + copied.frames / own >= end - 1 / (2 * own):
                return copied
            copied = "its last frames could not be copied"
        reason = copied
    grid = own if _fits(own, rate) and not video.variable_rate else rate
    return _conform(path, facts, start, end, out, grid, sound, threads, progress, reason)


def conform_reason(video: VideoFacts, rate: Fraction) -> str | None:
    """Why a file cannot go into a package as it is; None where its frames can be copied.

    Premiere ignores the rotation flag of a file that an XML names, and none of the formats can say every pixel aspect:
    so pictures go in upright and square.
    """
    if video.variable_rate:
        return "its frame rate varies"
    if video.codec not in COPYABLE:
        return f"not every program opens {video.codec}"
    if video.pix_fmt not in DECODED.get(video.codec, (video.pix_fmt,)):
        return f"not every program opens {video.codec} of {video.pix_fmt}"
    if video.rotation or video.mirrored:
        return "it is stored rotated"
    if video.sar_num != video.sar_den:
        return "its pixels are not square"
    if not _fits(video.rate.fraction, rate):
        return "its frame rate is not the sequence's"
    return None


def _fits(own: Fraction, rate: Fraction) -> bool:
    ratio = own / rate
    return 1 in (ratio.numerator, ratio.denominator) and (is_ntsc(own) or own.denominator == 1)


def _exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)


def _copy(
    path: str,
    facts: SourceFacts,
    first: int,
    last: int,
    out: Path,
    sound: bool,
    threads: int,
    progress: Progress,
) -> Footage | str:
    """Copy frames `first`..`last` from the keyframe before them, or say why that did not come out exactly."""
    video = facts.video
    assert video is not None
    rate, start = video.rate.fraction, _exact(video.start_s)
    key = _key_frame(path, facts, first)
    if key is None:
        return "its keyframes cannot be found"
    origin = start + key / rate
    # A copied stream keeps the container's rounding (Matroska: milliseconds); every frame is put on its exact place.
    tick, zero = rate.denominator, f"{_seconds(_exact(facts.container_start_s) + origin)}*{rate.numerator}"
    exact = (
        f"setts=time_base=1/{rate.numerator}:prescale=1:pts=round((PTS-{zero})/{tick})*{tick}"
        f":dts=round((DTS-{zero})/{tick})*{tick}:duration={tick}"
    )
    tag = COPYABLE[video.codec]
    # Coming frames lie before their references in a file: a few more are asked for than are needed.
    count = last - key + 8
    output = ["-map", f"0:{video.index}", "-c:v", "copy", "-copypriorss:v", "0", "-bsf:v", exact]
    output += ["-frames:v", str(count), *(["-tag:v", tag] if tag else [])]
    cut = Cut(origin, Fraction(count) / rate, rate, key, SLACK)
    _write(path, facts, cut, output, out, sound, threads, progress)
    frames, found = _unbroken(out, rate)
    if not found or frames < min(last, math.floor(_exact(video.duration_s) * rate)) - key - 1:
        out.unlink(missing_ok=True)
        return "its frames could not be copied exactly"
    return _footage(facts, out, rate, frames, video.width, video.height, origin, key, sound, None)


def _key_frame(path: str, facts: SourceFacts, first: int) -> int | None:
    """The number of the last keyframe at or before frame `first`."""
    video = facts.video
    assert video is not None
    rate = video.rate.fraction
    with open_media(path, error=RenderFailed) as container:
        stream = container.streams[video.index]
        base = stream.time_base or Fraction(1)
        zero = _exact(facts.container_start_s + video.start_s)
        back = 0
        while True:  # a demuxer may land behind the wanted time: step back until it does not
            wanted = zero + Fraction(first - back) / rate + Fraction(1, 4) / rate
            container.seek(math.floor(wanted / base), stream=stream, backward=True)
            for packet in container.demux(stream):
                if packet.is_keyframe and packet.pts is not None and packet.size:
                    number = round((packet.pts * base - zero) * rate)
                    if 0 <= number <= first:
                        return number
                    break
            if back > first:
                return None
            back = max(2 * back, nominal(rate))


def _unbroken(path: Path, rate: Fraction) -> tuple[int, bool]:
    """How many frames follow each other from time zero without a gap, and whether the first one is a keyframe there."""
    with open_media(path, error=RenderFailed) as container:
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1)
        packets = [p for p in container.demux(stream) if p.size and p.pts is not None]
        times = sorted((p.pts or 0) * base * rate for p in packets)
    if not packets or times[0] != 0 or packets[0].pts != 0 or not packets[0].is_keyframe:
        return 0, False
    count = 1
    for a, b in pairwise(times):
        if b - a != 1:
            break
        count += 1
    return count, True


def _conform(
    path: str,
    facts: SourceFacts,
    start: Fraction,
    end: Fraction,
    out: Path,
    rate: Fraction,
    sound: bool,
    threads: int,
    progress: Progress,
    reason: str,
) -> Footage:
    """Re-encode `start`..`end` (seconds of the file's clock) with handles at `rate`: upright, square, SDR. `start` is
    exactly on the new grid, so that every frame is the one that the renderer shows."""
    video = facts.video
    assert video is not None
    origin = start - math.floor(min(Fraction(HANDLE_S), start) * rate) / rate
    # Where the picture ends before the clip does, its last frame is held, as the renderer holds it.
    stop = max(end, min(_exact(video.start_s + video.duration_s), end + HANDLE_S))
    frames = max(1, math.ceil((stop - origin) * rate))
    # An odd size is doubled where that is cheap: made even by a pixel, a small picture would be visibly out of shape.
    large = 2 if (video.width % 2 or video.height % 2) and max(video.width, video.height) <= DOUBLED_PX else 1
    width, height = picture_filters.even(video.width * large), picture_filters.even(video.height * large)
    size = (height, width) if video.rotation in (90, 270) else (width, height)
    chain = (
        *picture_filters.declared(video),
        *picture_filters.on_clock(facts, float(origin), Rate(rate.numerator, rate.denominator)),
        # Ended here and not by -frames: an encoder that is stopped from behind has seen a random number of frames more.
        f"tpad=stop=-1:stop_mode=clone,trim=end_frame={frames}",
        picture_filters.scale(*size),
        *picture_filters.working(video),
        *picture_filters.turned(video),
        *picture_filters.finished(video),
    )
    number = max(0, round((origin - _exact(video.start_s)) * rate))
    output = ["-map", "[v]", *CONFORM, "-g", str(nominal(rate)), "-threads", str(threads)]
    output += ["-fps_mode", "passthrough"]
    # A frame that stands when the cut begins may have been taken before it: reading begins as early as the renderer's.
    cut = Cut(origin, Fraction(frames) / rate, rate, number, _exact(early_s(facts)), ("-noaccurate_seek",))
    graph = f"[0:{video.index}]{','.join(chain)}[v]"
    _write(path, facts, cut, output, out, sound, threads, progress, graph)
    made, found = _unbroken(out, rate)
    if not found:
        raise RenderFailed("The media of the package could not be conformed. Upload the source in another format.")
    return _footage(facts, out, rate, made, width, height, origin, number, sound, reason)


class Cut(msgspec.Struct, frozen=True):
    """What one ffmpeg run cuts out: `length` seconds from `origin`, which is frame `number` of the original at `rate`;
    the file is sought to `early` seconds before, by `how`."""

    origin: Fraction
    length: Fraction
    rate: Fraction
    number: int
    early: Fraction
    how: tuple[str, ...] = ()


def _write(
    path: str,
    facts: SourceFacts,
    cut: Cut,
    output: list[str],
    out: Path,
    sound: bool,
    threads: int,
    progress: Progress,
    graph: str | None = None,
) -> None:
    """One ffmpeg run: the picture as `output` says, the sound as PCM from the same moment, the clock as timecode."""
    graphs = [graph] if graph else []
    line = list(output)
    if sound and facts.audio is not None:
        # Sound that starts late or has holes is filled with silence, so that it starts with the picture.
        at = _seconds(_exact(facts.container_start_s) + cut.origin)
        graphs.append(
            f"[0:{facts.audio.index}]asetpts=PTS-{at}/TB,aresample={SOUND_RATE}:async=1:first_pts=0,"
            f"apad,atrim=end={_seconds(cut.length)}[a]"
        )
        line += ["-map", "[a]", "-c:a", "pcm_s16le"]
    timecode = start_timecode(facts, cut.rate, cut.number)
    if timecode is not None:
        line += ["-timecode", timecode_text(*timecode)]
    aside = out.with_suffix(".part.mov")
    # Times stay the file's own until the filters (and `setts`) move them: nothing is rounded on the way.
    begin = cut.origin - cut.early
    seek = ("-ss", _seconds(begin), *cut.how) if begin > 0 else ()
    source = ffmpeg.Input(path, ("-noautorotate", "-copyts", *seek))
    try:
        command = ffmpeg.command(
            [source],
            [*line, *ffmpeg.REPEATABLE, "-f", "mov", str(aside)],
            graph=";".join(graphs) or None,
            threads=threads,
        )
        ffmpeg.run(command, duration_s=float(cut.length), progress=progress)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def start_timecode(facts: SourceFacts, rate: Fraction, number: int) -> tuple[int, Fraction, bool] | None:
    """`(frames, rate, drop)` of frame `number` on the original's own timecode, which starts at zero where it has none.

    None where the rate is none that timecode is counted in.
    """
    if rate not in SEQUENCE_RATES:
        return None
    zero, drop = 0, False
    if facts.start_timecode:
        try:
            zero = timecode_frames(facts.start_timecode, rate)
            drop = facts.start_timecode.strip()[8] in ";."
        except ValueError:
            zero = 0  # a text that is no timecode: the file's own clock is used
    return (zero + number) % (24 * 3600 * nominal(rate)), rate, drop


def _footage(
    facts: SourceFacts,
    out: Path,
    rate: Fraction,
    frames: int,
    width: int,
    height: int,
    origin: Fraction,
    number: int,
    sound: bool,
    reason: str | None,
) -> Footage:
    timecode = start_timecode(facts, rate, number)
    return Footage(
        name=out.name,
        path=str(out),
        rate=Rate(rate.numerator, rate.denominator),
        frames=frames,
        width=width,
        height=height,
        channels=facts.audio.channels if sound and facts.audio is not None else 0,
        origin=origin,
        timecode=timecode[0] if timecode else 0,
        drop=bool(timecode and timecode[2]),
        conformed=reason,
    )


def cut_sound(path: str, duration: Fraction, out: Path, *, threads: int = 2) -> Sound:
    """The first `duration` seconds (or what there is) of a sound file as 16-bit stereo WAV at `out`."""
    line = ["-map", "0:a:0", "-t", _seconds(duration), "-c:a", "pcm_s16le", "-ar", str(SOUND_RATE), "-ac", "2"]
    line += ffmpeg.REPEATABLE
    aside = out.with_suffix(".part.wav")
    try:
        command = ffmpeg.command([ffmpeg.Input(path)], [*line, "-f", "wav", str(aside)], threads=threads)
        ffmpeg.run(command, duration_s=float(duration))
        samples = (aside.stat().st_size - 44) // 4
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return Sound(out.name, str(out), 2, Fraction(samples, SOUND_RATE))


def _seconds(value: Fraction) -> str:
    """Microseconds, rounded down: a keyframe must not come to lie before the time that is asked for."""
    micro = max(0, math.floor(value * 1_000_000))
    return f"{micro // 1_000_000}.{micro % 1_000_000:06d}"


def cut_image(path: str, out: Path, *, threads: int = 2) -> Image:
    """The first picture of a file as PNG at `out`."""
    line = ["-frames:v", "1", "-c:v", "png", *ffmpeg.REPEATABLE, "-update", "1", "-f", "image2", str(out)]
    ffmpeg.run(ffmpeg.command([ffmpeg.Input(path)], line, threads=threads))
    with open_media(out, formats=IMAGE_FORMATS, error=RenderFailed) as container:
        context = container.streams.video[0].codec_context
        return Image(out.name, str(out), context.width, context.height)


def proxy_facts(proxy: str | Path, source_path: str, source: SourceFacts) -> SourceFacts:
    """The facts of a source's proxy, which keeps its clock; its timecode is the source's."""
    if Path(proxy).absolute() == Path(source_path).absolute():
        return source
    facts = facts_of(proxy, error=RenderFailed)
    return msgspec.structs.replace(facts, start_timecode=source.start_timecode)
