"""Cuts the media of a package: the part of each file that the clip uses, plus handles on both sides.

The frames are copied where all programs can decode them and the copy is exact; otherwise they are conformed
(re-encoded). The result is a MOV with a constant rate, upright frames of square pixels, exact timestamps from zero, PCM
audio that starts with the video, and a timecode that follows the original's.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from carmic_assets.exports.timecode import (
    SEQUENCE_RATES,
    compute_nominal_rate,
    format_timecode,
    is_ntsc,
    parse_timecode,
    to_fraction,
)
from carmic_assets.media import ffmpeg, video_filters
from carmic_assets.media.containers import open_media
from carmic_assets.media.demuxers import IMAGE_FORMATS
from carmic_assets.media.probe import read_facts
from carmic_assets.media.source_audio import build_source_audio, list_used_tracks
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import FrameRate, SourceFacts, VideoFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.rendering.video_graph import compute_seek_margin_s

HANDLE_S = 2  # on both sides of the used part
SOUND_RATE = 48_000
COPY_SEEK_MARGIN_S = Fraction(1, 500)  # more than the millisecond to which Matroska rounds times
MAX_DOUBLED_SIZE_PX = 1920  # a larger frame with an odd size is rounded to even instead of doubled
EXTRA_COPIED_FRAMES = 8  # copied after the last frame, because B-frames are stored after frames that they precede
# The codecs that all four programs decode from a MOV, with their QuickTime tag (None: ffmpeg's default).
COPYABLE_CODECS = {"h264": "avc1", "hevc": "hvc1", "prores": None, "mjpeg": None, "dnxhd": None}
# Of these codecs, they decode only some pixel formats.
COPYABLE_PIXEL_FORMATS = {"h264": ("yuv420p", "yuvj420p"), "hevc": ("yuv420p", "yuvj420p", "yuv420p10le")}
# Visually lossless. `_conform_part` adds a key frame every second.
CONFORM_OPTIONS = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-pix_fmt", "yuv420p"),
    # With frame threads, x264's rate control depends on timing: one encode in twenty differs on a busy machine
    # (measured here). Slice threads give equal bytes.
    *("-x264-params", "sliced-threads=1"),
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
)


class PackagedVideo(msgspec.Struct, frozen=True):
    """A video file of the package. Its first frame is the one at `origin` in the original, in seconds of its clock."""

    name: str  # in the package's media folder
    path: str  # of the temporary file
    rate: FrameRate
    frames: int
    width: int
    height: int
    channels: int  # of its audio; 0 if it has none
    origin: Fraction
    timecode: int  # the start timecode in frames at the nominal rate; 0 if the file has none
    drop_frame: bool
    conform_reason: str | None  # why it was re-encoded; None if the original's frames are copied


class PackagedAudio(msgspec.Struct, frozen=True):
    """A WAV file of the package, at `SOUND_RATE`."""

    name: str
    path: str
    channels: int
    duration: Fraction


class PackagedImage(msgspec.Struct, frozen=True):
    """A PNG file of the package."""

    name: str
    path: str
    width: int
    height: int


class CutJob(msgspec.Struct, frozen=True):
    """A file to cut, and the MOV to write."""

    path: str
    facts: SourceFacts
    out: Path
    with_audio: bool = True
    threads: int = 2
    progress: ProgressCallback = ignore_progress

    @property
    def video(self) -> VideoFacts:
        """The file's video stream. Raises `RenderError` if it has none."""
        if self.facts.video is None:
            raise RenderError("A video file of this clip has no video stream. Replace it and export again.")
        return self.facts.video


class SourceCut(msgspec.Struct, frozen=True):
    """The part of a file that one ffmpeg process writes: `length_s` seconds from `origin`, on the file's clock."""

    origin: Fraction
    length_s: Fraction
    rate: Fraction
    frame_number: int  # number of the first frame in the original, at `rate`
    seek_margin_s: Fraction  # ffmpeg seeks to this long before `origin`
    seek_options: tuple[str, ...] = ()


def cut_video(job: CutJob, start: Fraction, end: Fraction, rate: Fraction) -> PackagedVideo:
    """Write the part `start`..`end` (seconds of the file's clock) of the job's file, with handles.

    `rate` is the sequence's. The file is conformed to it unless its own rate is equal to it, a multiple of it, or an
    integer fraction of it.

    Raises:
        RenderError: ffmpeg fails, or the file does not contain the part.
    """
    video = job.video
    video_rate = video.rate.fraction
    video_start, video_end = to_fraction(video.start_s), to_fraction(video.start_s + video.duration_s)
    if start >= video_end or end <= video_start:
        raise RenderError("A video of this clip is shorter than the part that the clip uses. Shorten that part.")
    reason = find_conform_reason(video, rate)
    if reason is None and start < video_start - 1 / (2 * video_rate):
        reason = "its video begins after its audio"
    if reason is None and end > video_end + 1 / (2 * video_rate):
        reason = "its video ends before its audio"
    if reason is None:
        first = math.floor(max(Fraction(0), start - HANDLE_S - video_start) * video_rate)
        last = math.ceil((min(video_end, end + HANDLE_S) - video_start) * video_rate)
        copied = _copy_frames(job, first, last)
        if isinstance(copied, PackagedVideo):
            if copied.origin + copied.frames / video_rate >= end - 1 / (2 * video_rate):
                return copied
            copied = "its last frames could not be copied"
        reason = copied
    keeps_rate = _is_compatible_rate(video_rate, rate) and not video.variable_rate
    return _conform_part(job, start, end, video_rate if keeps_rate else rate, reason)


def find_conform_reason(video: VideoFacts, rate: Fraction) -> str | None:
    """Return why a file must be conformed for a sequence of `rate`; None if its frames can be copied.

    Frames must be upright, because Premiere ignores the rotation flag of a file in an XML. Pixels must be square,
    because no format supports every pixel aspect ratio.
    """
    checks = (
        (video.variable_rate, "its frame rate varies"),
        (video.codec not in COPYABLE_CODECS, f"not every program opens {video.codec}"),
        (
            video.pix_fmt not in COPYABLE_PIXEL_FORMATS.get(video.codec, (video.pix_fmt,)),
            f"not every program opens {video.codec} of {video.pix_fmt}",
        ),
        (bool(video.rotation) or video.mirrored, "it is stored rotated"),
        (video.sar_num != video.sar_den, "its pixels are not square"),
        (not _is_compatible_rate(video.rate.fraction, rate), "its frame rate is not the sequence's"),
    )
    return next((reason for applies, reason in checks if applies), None)


def _is_compatible_rate(video_rate: Fraction, rate: Fraction) -> bool:
    ratio = video_rate / rate
    return 1 in (ratio.numerator, ratio.denominator) and (is_ntsc(video_rate) or video_rate.denominator == 1)


def _copy_frames(job: CutJob, first: int, last: int) -> PackagedVideo | str:
    """Copy the frames `first`..`last`, from the key frame before them. Returns a reason if the copy is not exact."""
    video = job.video
    rate = video.rate.fraction
    key_frame_number = _find_key_frame(job, first)
    if key_frame_number is None:
        return "its keyframes cannot be found"
    origin = to_fraction(video.start_s) + key_frame_number / rate
    # A copied stream has the rounded timestamps of its container (Matroska: milliseconds). `setts` makes them exact, in
    # units of 1/numerator of the rate.
    tick = rate.denominator
    origin_expression = f"{_format_seconds(to_fraction(job.facts.container_start_s) + origin)}*{rate.numerator}"
    exact_timestamps = (
        f"setts=time_base=1/{rate.numerator}:prescale=1:pts=round((PTS-{origin_expression})/{tick})*{tick}"
        f":dts=round((DTS-{origin_expression})/{tick})*{tick}:duration={tick}"
    )
    codec_tag = COPYABLE_CODECS[video.codec]
    count = last - key_frame_number + EXTRA_COPIED_FRAMES
    output = ["-map", f"0:{video.index}", "-c:v", "copy", "-copypriorss:v", "0", "-bsf:v", exact_timestamps]
    output += ["-frames:v", str(count), *(["-tag:v", codec_tag] if codec_tag else [])]
    cut = SourceCut(origin, Fraction(count) / rate, rate, key_frame_number, COPY_SEEK_MARGIN_S)
    _write_cut(job, cut, output)
    frames = _count_unbroken_frames(job.out, rate)
    if frames == 0 or frames < min(last, math.floor(to_fraction(video.duration_s) * rate)) - key_frame_number - 1:
        job.out.unlink(missing_ok=True)
        return "its frames could not be copied exactly"
    return _describe_video(job, cut, frames, (video.width, video.height), None)


def _find_key_frame(job: CutJob, first: int) -> int | None:
    """Return the number of the last key frame at or before frame `first`."""
    video = job.video
    rate = video.rate.fraction
    with open_media(job.path, error=RenderError) as container:
        stream = container.streams[video.index]
        time_base = stream.time_base or Fraction(1)
        first_frame_s = to_fraction(job.facts.container_start_s + video.start_s)
        frames_back = 0
        while True:  # a demuxer may land after the target: seek to earlier frames until it does not
            target = first_frame_s + Fraction(first - frames_back) / rate + Fraction(1, 4) / rate
            container.seek(math.floor(target / time_base), stream=stream, backward=True)
            for packet in container.demux(stream):
                if packet.is_keyframe and packet.pts is not None and packet.size:
                    number = round((packet.pts * time_base - first_frame_s) * rate)
                    if 0 <= number <= first:
                        return number
                    break
            if frames_back > first:
                return None
            frames_back = max(2 * frames_back, compute_nominal_rate(rate))


def _count_unbroken_frames(path: Path, rate: Fraction) -> int:
    """Return the number of frames from time zero up to the first gap; 0 if the first is not a key frame."""
    with open_media(path, error=RenderError) as container:
        stream = container.streams.video[0]
        time_base = stream.time_base or Fraction(1)
        packets = [p for p in container.demux(stream) if p.size and p.pts is not None]
        times = sorted((p.pts or 0) * time_base * rate for p in packets)
    if not packets or times[0] != 0 or packets[0].pts != 0 or not packets[0].is_keyframe:
        return 0
    count = 1
    for a, b in pairwise(times):
        if b - a != 1:
            break
        count += 1
    return count


def _conform_part(job: CutJob, start: Fraction, end: Fraction, rate: Fraction, reason: str) -> PackagedVideo:
    """Re-encode `start`..`end` with handles at `rate`: upright, with square pixels, in SDR.

    `start` is on the new frame grid, so that every frame is the one that the renderer shows.
    """
    video = job.video
    origin = start - math.floor(min(Fraction(HANDLE_S), start) * rate) / rate
    # As in the renderer, the last frame is repeated if the video ends before the clip.
    stop = max(end, min(to_fraction(video.start_s + video.duration_s), end + HANDLE_S))
    frames = max(1, math.ceil((stop - origin) * rate))
    # A small frame with an odd size is doubled, because rounding to even would visibly distort it.
    is_odd = bool(video.width % 2 or video.height % 2)
    factor = 2 if is_odd and max(video.width, video.height) <= MAX_DOUBLED_SIZE_PX else 1
    width = video_filters.round_to_even(video.width * factor)
    height = video_filters.round_to_even(video.height * factor)
    stored_size = (height, width) if video.rotation in (90, 270) else (width, height)
    filters = (
        *video_filters.build_source_filters(video),
        *video_filters.build_constant_rate_filters(
            job.facts, float(origin), FrameRate(rate.numerator, rate.denominator)
        ),
        # The filter graph ends the stream. With `-frames` the encoder would receive an arbitrary number of later frames
        # too, and its bytes would vary.
        f"tpad=stop=-1:stop_mode=clone,trim=end_frame={frames}",
        video_filters.build_scale_filter(*stored_size),
        *video_filters.build_working_format_filters(video),
        *video_filters.build_orientation_filters(video),
        *video_filters.build_output_filters(video),
    )
    frame_number = max(0, round((origin - to_fraction(video.start_s)) * rate))
    output = ["-map", "[v]", *CONFORM_OPTIONS, "-g", str(compute_nominal_rate(rate)), "-threads", str(job.threads)]
    output += ["-fps_mode", "passthrough"]
    # The frame shown at `origin` may lie before it: reading starts as early as in the renderer.
    seek_margin = to_fraction(compute_seek_margin_s(job.facts))
    cut = SourceCut(origin, Fraction(frames) / rate, rate, frame_number, seek_margin, ("-noaccurate_seek",))
    _write_cut(job, cut, output, f"[0:{video.index}]{','.join(filters)}[v]")
    written_frames = _count_unbroken_frames(job.out, rate)
    if written_frames != frames:
        raise RenderError(
            f"The media of the package have {written_frames} frames instead of {frames}. Upload the source in "
            "another format."
        )
    return _describe_video(job, cut, written_frames, (width, height), reason)


def _write_cut(job: CutJob, cut: SourceCut, output: list[str], video_graph: str | None = None) -> None:
    """Write the MOV of a cut.

    `output` has the options of the video. The audio starts at the same time, as PCM; the timecode follows the
    original's.
    """
    graphs = [video_graph] if video_graph else []
    options = list(output)
    if job.with_audio and job.facts.audio is not None:
        # `async=1:first_pts=0` fills a late start and gaps with silence, so that the audio starts with the video.
        start = _format_seconds(to_fraction(job.facts.container_start_s) + cut.origin)
        chains, head = build_source_audio(job.facts, 0, start)
        graphs += [*chains, f"{head},apad,atrim=end={_format_seconds(cut.length_s)}[a]"]
        options += ["-map", "[a]", "-c:a", "pcm_s16le"]
    timecode = find_start_timecode(job.facts, cut.rate, cut.frame_number)
    if timecode is not None:
        frames, drop_frame = timecode
        options += ["-timecode", format_timecode(frames, cut.rate, drop_frame)]
    staging_path = job.out.with_suffix(".part.mov")
    # `-copyts` keeps the file's own times until the filters or `setts` shift them: ffmpeg does not round them before.
    seek_time = cut.origin - cut.seek_margin_s
    seek_options = ("-ss", _format_seconds(seek_time), *cut.seek_options) if seek_time > 0 else ()
    source = ffmpeg.Input(job.path, ("-noautorotate", "-copyts", *seek_options))
    try:
        command = ffmpeg.build_command(
            [source],
            [*options, *ffmpeg.BITEXACT_OPTIONS, "-f", "mov", str(staging_path)],
            graph=";".join(graphs) or None,
            threads=job.threads,
        )
        ffmpeg.run(command, duration_s=float(cut.length_s), progress=job.progress)
        staging_path.replace(job.out)
    finally:
        staging_path.unlink(missing_ok=True)


def find_start_timecode(facts: SourceFacts, rate: Fraction, frame_number: int) -> tuple[int, bool] | None:
    """Return the timecode of a frame as `(frames, drop_frame)`; None if timecode does not support the rate.

    It counts from the original's start timecode, or from zero if there is none.
    """
    if rate not in SEQUENCE_RATES:
        return None
    start, drop_frame = 0, False
    if facts.start_timecode:
        try:
            start = parse_timecode(facts.start_timecode, rate)
            drop_frame = facts.start_timecode.strip()[8] in ";."
        except ValueError:
            start = 0  # an invalid timecode counts as none
    return (start + frame_number) % (24 * 3600 * compute_nominal_rate(rate)), drop_frame


def _describe_video(
    job: CutJob, cut: SourceCut, frames: int, size: tuple[int, int], reason: str | None
) -> PackagedVideo:
    timecode, drop_frame = find_start_timecode(job.facts, cut.rate, cut.frame_number) or (0, False)
    tracks = list_used_tracks(job.facts) if job.with_audio else ()
    is_stereo = len(tracks) > 1 or any(track.repair != "none" for track in tracks)  # mixed or repaired
    return PackagedVideo(
        name=job.out.name,
        path=str(job.out),
        rate=FrameRate(cut.rate.numerator, cut.rate.denominator),
        frames=frames,
        width=size[0],
        height=size[1],
        channels=2 if is_stereo else sum(track.channels for track in tracks),
        origin=cut.origin,
        timecode=timecode,
        drop_frame=drop_frame,
        conform_reason=reason,
    )


def cut_audio(path: str, duration: Fraction, out: Path, *, threads: int = 2) -> PackagedAudio:
    """Write the first `duration` seconds of an audio file, or all of a shorter one, as 16-bit stereo WAV to `out`."""
    options = ["-map", "0:a:0", "-t", _format_seconds(duration), "-c:a", "pcm_s16le"]
    options += ["-ar", str(SOUND_RATE), "-ac", "2", *ffmpeg.BITEXACT_OPTIONS]
    staging_path = out.with_suffix(".part.wav")
    try:
        command = ffmpeg.build_command(
            [ffmpeg.Input(path)], [*options, "-f", "wav", str(staging_path)], threads=threads
        )
        ffmpeg.run(command, duration_s=float(duration))
        samples = (staging_path.stat().st_size - 44) // 4
        staging_path.replace(out)
    finally:
        staging_path.unlink(missing_ok=True)
    return PackagedAudio(out.name, str(out), 2, Fraction(samples, SOUND_RATE))


def _format_seconds(value: Fraction) -> str:
    """Return a time with microseconds. It is rounded down, because rounding up could seek past a key frame."""
    microseconds = max(0, math.floor(value * 1_000_000))
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def cut_image(path: str, out: Path, *, threads: int = 2) -> PackagedImage:
    """Write the first frame of a file as PNG to `out`."""
    options = ["-frames:v", "1", "-c:v", "png", *ffmpeg.BITEXACT_OPTIONS, "-update", "1", "-f", "image2", str(out)]
    ffmpeg.run(ffmpeg.build_command([ffmpeg.Input(path)], options, threads=threads))
    with open_media(out, formats=IMAGE_FORMATS, error=RenderError) as container:
        context = container.streams.video[0].codec_context
        return PackagedImage(out.name, str(out), context.width, context.height)


def read_proxy_facts(proxy: str | Path, source_path: str, source: SourceFacts) -> SourceFacts:
    """Return the facts of a proxy with the source's timecode. Proxy and source have the same clock."""
    if Path(proxy).absolute() == Path(source_path).absolute():
        return source
    facts = read_facts(proxy, error=RenderError)
    return msgspec.structs.replace(facts, start_timecode=source.start_timecode)
