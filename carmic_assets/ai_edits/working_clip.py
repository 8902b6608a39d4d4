"""The lossless working copy of the edited range: frames as YUV planes, audio as WAV.

Every operation reads one working clip and writes the next. Only the final variant is encoded with loss.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.editing.export_chunks import count_frames
from carmic_assets.editing.footage import Footage
from carmic_assets.editing.segment_graph import Shot, shot_graph, shot_input
from carmic_assets.media import ffmpeg
from carmic_assets.media.containers import open_media
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS
from carmic_assets.media.video_filters import BT709_TAGS, round_to_even
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas, Effects

SAMPLE_RATE = 48_000
VARIANT_CRF = 5  # keeps unchanged regions above 45 dB PSNR
# Intra frames only: any frame can be read without decoding others.
_LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "1", "-pix_fmt", "yuv420p")
_BT709, _LIMITED_RANGE = 1, 1  # ITU-T H.273; libavutil's AVCOL_RANGE_MPEG
_TIME_LIMIT_S = 1800.0
_SOUND_PREROLL_S = 2.0

Plane = NDArray[np.uint8]


class Planes(msgspec.Struct, frozen=True):
    """One frame: BT.709 limited-range planes, `u` and `v` at half the size of `y`."""

    y: Plane
    u: Plane
    v: Plane


class WorkingClip(msgspec.Struct, frozen=True):
    """A lossless video file of `count` frames at a constant `rate`, and its audio of the same length or None."""

    path: Path
    sound: Path | None
    width: int
    height: int
    rate: FrameRate
    count: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.count / self.rate.fraction)

    @property
    def samples(self) -> int:
        """Length of the audio in samples."""
        return round(self.count * SAMPLE_RATE / self.rate.fraction)


def extract_clip(footage: Footage, span: tuple[int, int], folder: Path) -> WorkingClip:
    """Write the frames `span` (half-open, footage clock) as a working clip in `folder`: upright, even size."""
    first, end = span
    video = footage.video
    canvas = Canvas(round_to_even(video.width), round_to_even(video.height), footage.rate)
    start_s = footage.seconds(first)
    clip = extract_picture(Shot(footage, start_s, end - first, Effects(), canvas), folder)
    sound = None if footage.facts.audio is None else extract_sound(footage, start_s, clip.samples, folder)
    return msgspec.structs.replace(clip, sound=sound)


def extract_picture(shot: Shot, folder: Path) -> WorkingClip:
    """Write the frames of a shot as a working clip without sound in `folder`."""
    path = folder / "source.mp4"
    clip = WorkingClip(path, None, shot.canvas.width, shot.canvas.height, shot.canvas.rate, shot.count)
    graph = shot_graph(shot, folder, "out")
    _encode(ffmpeg.build_command([shot_input(shot)], _picture_output(clip, path), graph=graph), clip)
    return clip


def extract_sound(footage: Footage, start_s: Fraction, length: int, folder: Path) -> Path:
    """Write `length` samples of the footage's sound from `start_s` (time in the file) as WAV in `folder`."""
    audio, out_path = footage.facts.audio, folder / "source.wav"
    if audio is None:
        raise ValueError(f"{footage.path} has no audio")
    origin_s = footage.facts.container_start_s + float(start_s)
    filters = (
        f"atrim=start={origin_s:.6f}",
        f"asetpts=PTS-{origin_s:.6f}/TB",
        f"aresample={SAMPLE_RATE}:async=1:first_pts=0",
        "aformat=sample_fmts=s16:channel_layouts=stereo",
        *_exact_length(length),
    )
    begin_s = float(start_s) - _SOUND_PREROLL_S
    seek = ("-ss", f"{begin_s:.6f}", "-noaccurate_seek") if begin_s > 0 else ()
    source = ffmpeg.Input(footage.path, ("-vn", "-copyts", *seek))
    _write_wav([source], f"[0:{audio.index}]{','.join(filters)}[out]", out_path)
    return out_path


def filter_picture(clip: WorkingClip, filters: Sequence[str], path: Path, count: int | None = None) -> WorkingClip:
    """Apply ffmpeg filters to the video stream; `count` is the expected number of output frames."""
    result = msgspec.structs.replace(clip, path=path, count=clip.count if count is None else count)
    chain = (*filters, "format=yuv420p", BT709_TAGS, "setsar=1")
    line = ffmpeg.build_command(
        [ffmpeg.Input(str(clip.path))], _picture_output(result, path), graph=f"[0:v:0]{','.join(chain)}[out]"
    )
    _encode(line, result)
    return result


def filter_sound(clip: WorkingClip, filters: Sequence[str], path: Path) -> WorkingClip:
    """Apply ffmpeg filters to the audio, padded or cut to the clip's length. A clip without audio is unchanged."""
    if clip.sound is None:
        return clip
    chain = ",".join((*filters, *_exact_length(clip.samples)))
    _write_wav([ffmpeg.Input(str(clip.sound))], f"[0:a:0]{chain}[out]", path)
    return msgspec.structs.replace(clip, sound=path)


def read_frames(path: Path, first: int = 0) -> Iterator[Planes]:
    """Decode the frames of a working clip or a variant in order, from frame `first` on."""
    with open_media(path, error=AiEditError) as container:
        stream = container.streams.video[0]
        begin = 0
        if first:
            rate = cast(Fraction, stream.average_rate)
            time_base = cast(Fraction, stream.time_base)
            begin = round(first / rate / time_base)
            container.seek(begin, stream=stream)
        for frame in container.decode(stream):
            if frame.pts is not None and frame.pts < begin:
                continue
            yield _to_planes(frame)


def read_reversed(clip: WorkingClip, block: int = 32) -> Iterator[Planes]:
    """Decode the frames of a working clip from the last to the first, `block` frames in memory at a time."""
    for first in reversed(range(0, clip.count, block)):
        frames = []
        for frame, _ in zip(read_frames(clip.path, first), range(min(block, clip.count - first)), strict=False):
            frames.append(frame)
        yield from reversed(frames)


def write_frames(clip: WorkingClip, frames: Iterable[Planes], path: Path, count: int | None = None) -> WorkingClip:
    """Encode frames without loss as the video of `clip`.

    Raises:
        AiEditError: the number of frames is not the expected one.
    """
    expected = clip.count if count is None else count
    written = 0
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=clip.rate.fraction)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        stream.options = {"preset": "ultrafast", "qp": "0", "g": "1"}
        context = stream.codec_context
        context.time_base = 1 / clip.rate.fraction
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        for planes in frames:
            frame = av.VideoFrame.from_ndarray(_from_planes(planes), format="yuv420p")
            frame.pts, frame.time_base = written, 1 / clip.rate.fraction
            out.mux(stream.encode(frame))
            written += 1
        out.mux(stream.encode())
    if written != expected:
        raise AiEditError(f"An operation produced {written} frames instead of {expected}. Try again.")
    return msgspec.structs.replace(clip, path=path, count=expected)


def read_samples(path: Path) -> NDArray[np.int16]:
    """Return the samples of a working clip's audio: shape (samples, 2)."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def write_samples(path: Path, samples: NDArray[np.int16]) -> Path:
    """Write 48 kHz stereo samples as WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.ascontiguousarray(samples).tobytes())
    return path


def encode_variant(clip: WorkingClip, out_path: Path, threads: int = 2) -> None:
    """Write a working clip as a playable MP4: H.264 of high quality, AAC, fast start. Leaves no partial file."""
    partial = out_path.with_name(f".{out_path.name}.part")
    inputs = [ffmpeg.Input(str(clip.path))]
    sound: tuple[str, ...] = ("-an",)
    if clip.sound is not None:
        inputs.append(ffmpeg.Input(str(clip.sound)))
        sound = ("-map", "1:a:0", "-c:a", "aac", "-b:a", "192k")
    rate = clip.rate
    output = [
        *("-map", "0:v:0", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(VARIANT_CRF), "-profile:v", "high"),
        *("-pix_fmt", "yuv420p", "-g", str(max(1, round(rate.fraction / 2))), "-bf", "0"),
        *("-video_track_timescale", str(rate.num), "-fps_mode", "passthrough", "-frames:v", str(clip.count)),
        # A filter sets the colour tags: output options would convert an untagged input from a guessed colour space.
        *("-vf", BT709_TAGS),
        *(*sound, "-threads", str(threads), *BITEXACT_OPTIONS, "-movflags", "+faststart", "-f", "mp4", str(partial)),
    ]
    try:
        ffmpeg.run(ffmpeg.build_command(inputs, output, threads=threads), timeout_s=_TIME_LIMIT_S, error=AiEditError)
        partial.replace(out_path)
    finally:
        partial.unlink(missing_ok=True)


def _picture_output(clip: WorkingClip, path: Path) -> list[str]:
    return [
        *("-map", "[out]", "-an", *_LOSSLESS, "-video_track_timescale", str(clip.rate.num)),
        *("-fps_mode", "passthrough", "-frames:v", str(clip.count), *BITEXACT_OPTIONS, "-f", "mp4", str(path)),
    ]


def _encode(line: list[str], clip: WorkingClip) -> None:
    ffmpeg.run(line, duration_s=clip.duration_s, timeout_s=_TIME_LIMIT_S, error=AiEditError)
    written = count_frames(clip.path)
    if written != clip.count:
        raise AiEditError(f"An operation produced {written} frames instead of {clip.count}. Try again.")


def _write_wav(inputs: list[ffmpeg.Input], graph: str, path: Path) -> None:
    output = ["-map", "[out]", "-c:a", "pcm_s16le", "-ar", str(SAMPLE_RATE), "-ac", "2", "-f", "wav", str(path)]
    ffmpeg.run(ffmpeg.build_command(inputs, output, graph=graph), timeout_s=_TIME_LIMIT_S, error=AiEditError)


def _exact_length(samples: int) -> tuple[str, str]:
    return "apad", f"atrim=end_sample={samples}"


def _to_planes(frame: av.VideoFrame) -> Planes:
    data = np.asarray(frame.to_ndarray(format="yuv420p"), dtype=np.uint8)
    height, width = frame.height, frame.width
    flat = data.reshape(-1)
    luma, chroma = height * width, height * width // 4
    return Planes(
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma : luma + 2 * chroma].reshape(height // 2, width // 2),
    )


def _from_planes(planes: Planes) -> Plane:
    height, width = planes.y.shape
    flat = np.concatenate([planes.y.reshape(-1), planes.u.reshape(-1), planes.v.reshape(-1)])
    return flat.reshape(height * 3 // 2, width)
