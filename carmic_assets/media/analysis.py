"""Decodes a source once for all analysis: writes 16 kHz audio, the analysis copy and thumbnails, and detects cuts.

The analysis copy, `frames.mp4`, is a small video with a constant frame rate. All later steps read these files; only the
render decodes the source again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from carmic_assets.media import ffmpeg
from carmic_assets.media.black_bars import BlackBarDetector
from carmic_assets.media.containers import demux_packets, open_media
from carmic_assets.media.cut_detection import COMPARISON_SIZE, CutDetector, extract_features
from carmic_assets.media.dissolves import DissolveDetector
from carmic_assets.media.source_audio import list_used_tracks
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import AnalysisFacts, AudioFacts, ChannelRepair, SourceFacts, VideoFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress

AUDIO_RATE_HZ = 16_000
COPY_FPS = 12.5  # target; the actual rate is the source's divided by an integer. Lip motion needs more than 5 fps
COPY_PIXELS = 640 * 360  # largest area of a frame, in pixels: a face of a tenth of the height keeps 36 px
BLACK_BAR_INTERVAL = 5  # every fifth frame of the copy is searched for black bars
THUMBNAIL_COUNT = 5
MIN_THUMBNAIL_STD = 8  # standard deviation of luma (0..255); a frame below it is nearly black or blank
MIN_DECODED_RATIO = 0.5  # a source of which less than this fraction of the duration decodes is rejected
MAX_AUDIO_JUMP_S = 0.02  # a larger difference between the end of an audio frame and the start of the next one is a gap
SILENCE_BLOCK = 10 * AUDIO_RATE_HZ  # samples of silence written at once: 10 s

FRAMES_FILENAME = "frames.mp4"
AUDIO_FILENAME = "audio.flac"


def analyse(
    path: str | Path,
    facts: SourceFacts,
    out_dir: str | Path,
    *,
    span: tuple[float, float] | None = None,
    threads: int = 2,
    progress: ProgressCallback = ignore_progress,
) -> AnalysisFacts:
    """Decode the source once and write these files into `out_dir`.

    - `audio.flac`: 16 kHz mono; sample n is at n / 16000 s of the source clock. It is silent before `span` and in gaps
      of the source's audio. A source without audio has no such file.
    - `frames.mp4`: the analysis copy, upright, square pixels, SDR, with the constant rate `AnalysisFacts.fps`; its
      frame n is at `start_s + n / fps` of the source clock.
    - `thumb_0.jpg` ...: up to five frames, spread over the video, without dark ones.

    Memory does not grow with the duration. A failure leaves no partial video or audio file.

    Args:
        path: the source.
        facts: its facts, from the probe.
        out_dir: an existing folder.
        span: start and end (source clock) of the part to decode.
        threads: decoder threads.
        progress: receives the completed fraction.

    Raises:
        CorruptVideoError: the source has no video stream, or less than half of its duration decodes. Smaller damage and
            a missing end are tolerated.
    """
    out_dir = Path(out_dir)
    video = facts.video
    if video is None:
        raise CorruptVideoError(
            "The file has no video. Upload a video: clips cannot be made from an audio recording alone."
        )
    start_s, end_s = span or (0.0, max(facts.duration_s, video.start_s + video.duration_s))
    copy_path, audio_path = out_dir / f".{FRAMES_FILENAME}", out_dir / f".{AUDIO_FILENAME}"
    tracks = list_used_tracks(facts)
    track_paths = [out_dir / f".{n}-{AUDIO_FILENAME}" for n in range(len(tracks))]
    try:
        with open_media(path, threads=threads) as source:
            picture = _PictureAnalyser(copy_path, out_dir, video, start_s, end_s)
            audio = [_AudioWriter(p, track, start_s, end_s) for p, track in zip(track_paths, tracks, strict=True)]
            try:
                _decode(source, facts.container_start_s, picture, audio, progress)
                picture.finish()
                for writer in audio:
                    writer.finish()
            finally:  # `close` does not flush, because after a failed write a flush would raise again
                picture.close()
                for writer in audio:
                    writer.close()
        _check_decoded(picture)
        copy_path.replace(out_dir / FRAMES_FILENAME)
        if len(track_paths) > 1:
            _mix_tracks(track_paths, audio_path)
            audio_path.replace(out_dir / AUDIO_FILENAME)
        elif track_paths:
            track_paths[0].replace(out_dir / AUDIO_FILENAME)
    finally:
        for part_path in (copy_path, audio_path, *track_paths):
            part_path.unlink(missing_ok=True)
    progress(1.0)
    return AnalysisFacts(
        fps=float(picture.fps),
        width=picture.width,
        height=picture.height,
        frames=picture.frame_count,
        start_s=picture.copy_start_s,
        duration_s=picture.frame_count / float(picture.fps),
        audio_rate=AUDIO_RATE_HZ,
        cuts_s=tuple(round(t, 6) for t in picture.cuts.finish()),
        motion=tuple(round(value, 4) for value in picture.motion()),
        early_s=picture.early_s,
        dissolves_s=tuple(round(t, 6) for t in picture.dissolves.finish()),
        picture=picture.black_bars.picture(),
    )


def _check_decoded(picture: _PictureAnalyser) -> None:
    """Raise CorruptVideoError if too little of the video decoded."""
    if picture.frame_count == 0:
        raise CorruptVideoError("No video frame in this file decodes. Export it again as MP4 (H.264) and upload that.")
    video = picture.video
    expected_s = min(picture.end_s, video.start_s + video.duration_s) - max(picture.start_s, video.start_s)
    if picture.decoded_s < MIN_DECODED_RATIO * expected_s:
        raise CorruptVideoError(
            f"The file is truncated or damaged: only {picture.decoded_s:.0f} of {expected_s:.0f} seconds decode. "
            "Upload the complete file again."
        )


def _decode(
    source: InputContainer,
    container_start_s: float,
    picture: _PictureAnalyser,
    audio: Sequence[_AudioWriter],
    progress: ProgressCallback,
) -> None:
    """Pass every decoded frame to `picture` and `audio`. Damaged packets are skipped."""
    start_s, end_s = picture.start_s, picture.end_s
    streams: list[Stream] = [source.streams[picture.video.index]]
    streams += [source.streams[writer.stream_index] for writer in audio]
    writers = {writer.stream_index: writer for writer in audio}
    if start_s > picture.video.start_s + 1:
        _seek(source, streams[0], start_s + container_start_s, container_start_s)
    reported_fraction = 0.0
    finished_streams: set[int] = set()
    for packet in _iterate_readable_packets(source, streams):
        for frame in _decode_packet(packet):
            t = None if frame.time is None else frame.time - container_start_s
            if isinstance(frame, VideoFrame):
                picture.add(frame, t)
                fraction = (picture.last_s - start_s) / max(end_s - start_s, 1e-6)
                # Report every 0.4 %, and 100 % only when all files are complete.
                if fraction > reported_fraction + 0.004:
                    reported_fraction = min(fraction, 0.995)
                    progress(reported_fraction)
            else:
                writers[packet.stream.index].add(frame, t)
            if t is not None and t >= end_s:
                finished_streams.add(packet.stream.index)
        if len(finished_streams) == len(streams):
            break


def _iterate_readable_packets(source: InputContainer, streams: list[Stream]) -> Iterator[Packet[Stream]]:
    """Yield the packets up to the end of the file, or up to where it is truncated."""
    with suppress(av.error.InvalidDataError):
        yield from demux_packets(source, *streams)


def _decode_packet(packet: Packet[Stream]) -> list[VideoFrame | AudioFrame]:
    """Return the frames of a packet; none for a damaged packet, on which decoders raise errors of many types."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame | AudioFrame)]
    except av.error.FFmpegError:
        return []


def _seek(source: InputContainer, stream: Stream, time_s: float, container_start_s: float) -> None:
    """Seek to a key frame at or before `time_s` (container clock), but not before `container_start_s`.

    MPEG streams have no index, and a seek may land between key frames. The seek is then repeated from further back
    until a key frame lies before `time_s`.
    """
    back_s, is_before = 0.0, False
    while not is_before:
        offset = int(max(time_s - back_s, container_start_s) * av.time_base)
        source.seek(offset, backward=True)
        first_key_s = next(_list_key_frame_times(source, stream), math.inf)
        is_before = first_key_s <= time_s or time_s - back_s <= container_start_s
        back_s = 2 * back_s or 5.0
    source.seek(offset, backward=True)


def _list_key_frame_times(source: InputContainer, stream: Stream) -> Iterator[float]:
    for packet in demux_packets(source, stream):
        if packet.is_keyframe and packet.pts is not None:
            yield float(packet.pts * packet.time_base)


def write_track_audio(path: str | Path, facts: SourceFacts, out_dir: str | Path) -> list[Path]:
    """Write 16 kHz mono FLAC of each of the source's audio tracks and return the files. The video is not decoded."""
    paths = [Path(out_dir) / f"track-{number}.flac" for number in range(len(facts.audio_tracks))]
    with open_media(path, threads=1) as source, ExitStack() as files:
        writers = {}
        for track, track_path in zip(facts.audio_tracks, paths, strict=True):
            writers[track.index] = _AudioWriter(track_path, track, 0.0, facts.duration_s)
            files.callback(writers[track.index].close)
        for packet in _iterate_readable_packets(source, [source.streams[index] for index in writers]):
            for frame in _decode_packet(packet):
                if isinstance(frame, AudioFrame):
                    t = None if frame.time is None else frame.time - facts.container_start_s
                    writers[packet.stream.index].add(frame, t)
        for writer in writers.values():
            writer.finish()
    return paths


def _mix_tracks(paths: Sequence[Path], out_path: Path) -> None:
    pads = "".join(f"[{number}:a]" for number in range(len(paths)))
    line = ffmpeg.build_command(
        [ffmpeg.Input(str(path)) for path in paths],
        ["-map", "[a]", "-c:a", "flac", *ffmpeg.BITEXACT_OPTIONS, "-f", "flac", str(out_path)],
        graph=f"{pads}amix=inputs={len(paths)}:duration=longest:normalize=0,aformat=sample_fmts=s16[a]",
    )
    ffmpeg.run(line, error=CorruptVideoError)


class _PictureAnalyser:
    """Writes the analysis copy and the thumbnails, and measures cuts, dissolves, black bars and motion."""

    def __init__(self, copy_path: Path, out_dir: Path, video: VideoFacts, start_s: float, end_s: float) -> None:
        self.video, self.start_s, self.end_s = video, start_s, end_s
        rate = video.rate.fraction
        self.fps = Fraction(rate / max(1, round(rate / Fraction(COPY_FPS))))
        self.width, self.height = choose_analysis_size(video.width, video.height)
        self.cuts, self.dissolves = CutDetector(float(rate)), DissolveDetector()
        self.black_bars = BlackBarDetector()
        self.frame_count = 0  # of the copy
        self.copy_start_s = 0.0
        self.decoded_s = 0.0
        self.last_s = start_s  # time of the newest source frame
        self._copy_path, self._out_dir = copy_path, out_dir
        # One resampler per input format, because each keeps its state
        self._comparison_scaler, self._copy_scaler = VideoReformatter(), VideoReformatter()
        self._frame_s = float(1 / rate)
        self.early_s = self._frame_s / 4  # a frame may be this early, so that a rounded timestamp keeps it in its slot
        self._newest: VideoFrame | None = None
        self._newest_small: VideoFrame | None = None  # `_newest` downscaled, when the copy first needs it
        self._out: OutputContainer | None = None
        self._change_by_second: list[tuple[float, int]] = []  # sum and count
        self._thumbnail_count = 0

    def add(self, frame: VideoFrame, t: float | None) -> None:
        """Process the next frame; `t` is its time on the source clock, or None if it has no timestamp."""
        is_first = self._out is None
        if t is None:
            t = self.last_s + (0 if is_first else self._frame_s)
        if t < self.start_s - 1e-6 or t >= self.end_s + 10 or (not is_first and t <= self.last_s):
            return
        if is_first:
            self._open(t)
        self.decoded_s += min(t - self.last_s, 1.0) if not is_first else self._frame_s
        self.last_s = t
        self._measure(frame, t)
        while self._get_next_slot_s() < t - self.early_s:  # between two source frames, the earlier one is on screen
            self._write_copy()
        self._newest, self._newest_small = frame, None
        if self._get_next_slot_s() <= t + self.early_s:
            self._write_copy()

    def finish(self) -> None:
        """Extend the copy to the end of the last frame and flush the encoder."""
        if self._out is not None:
            while self._get_next_slot_s() < self.last_s + 0.75 * self._frame_s:
                self._write_copy()
            self._out.mux(self._stream.encode())

    def close(self) -> None:
        """Close the copy's file."""
        if self._out is not None:
            self._out.close()

    def motion(self) -> list[float]:
        """Return the motion (0..1) of each second since `copy_start_s`.

        Motion is 1 where the mean change from frame to frame is 10 % of the range of pixel values, or more.
        """
        return [min(1.0, 10 * total / count) if count else 0.0 for total, count in self._change_by_second]

    def _measure(self, frame: VideoFrame, t: float) -> None:
        small = self._comparison_scaler.reformat(
            frame, *COMPARISON_SIZE, format="yuv420p", interpolation="FAST_BILINEAR"
        )
        features = extract_features(small.to_ndarray())
        change = self.cuts.feed(t, features)
        self.dissolves.feed(t, features.blocks)
        second = int(t - self.copy_start_s)
        while len(self._change_by_second) <= second:
            self._change_by_second.append((0.0, 0))
        total, count = self._change_by_second[second]
        self._change_by_second[second] = (total + change, count + 1)

    def _open(self, t: float) -> None:
        self.copy_start_s = self.last_s = t
        self._out = av.open(str(self._copy_path), "w", format="mp4")
        # With one thread the encoder writes the same bytes on every run, and leaves the other cores to the decoder.
        options = {"preset": "ultrafast", "crf": "20", "g": "50", "threads": "1"}
        self._stream = self._out.add_stream("libx264", rate=self.fps, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        self._stream.codec_context.time_base = 1 / self.fps

    def _get_next_slot_s(self) -> float:
        """Return the time (source clock) of the next frame of the copy."""
        return self.copy_start_s + float(self.frame_count / self.fps)

    def _write_copy(self) -> None:
        """Write the newest frame into the next slot of the copy."""
        if self._out is None or self._newest is None:
            raise RuntimeError("The analysis copy has no frame yet.")
        if self._newest_small is None:
            self._newest_small = self._shrink(self._newest)
            self._write_thumbnail(self._newest_small)
            if self.frame_count % BLACK_BAR_INTERVAL == 0:
                self.black_bars.feed(self._newest_small.to_ndarray()[: self.height])
        small = self._newest_small
        small.pts, small.time_base = self.frame_count, 1 / self.fps
        small.pict_type = 0  # AV_PICTURE_TYPE_NONE: the encoder chooses the frame type
        self._out.mux(self._stream.encode(small))
        self.frame_count += 1

    def _shrink(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame upright, with square pixels, SDR, in the size of the copy."""
        is_turned = self.video.rotation in (90, 270)
        width, height = (self.height, self.width) if is_turned else (self.width, self.height)
        is_pq = self.video.color_transfer == "smpte2084"
        is_plain = not (self.video.rotation or self.video.mirrored or is_pq)
        pix_fmt = "yuv420p" if is_plain else "rgb24"
        small = self._copy_scaler.reformat(frame, width, height, format=pix_fmt, interpolation="BILINEAR")
        if is_plain:
            return small
        pixels: np.ndarray = small.to_ndarray()
        if is_pq:
            pixels = _build_pq_to_sdr_table()[pixels]
        pixels = np.rot90(pixels, -self.video.rotation // 90)
        if self.video.mirrored:
            pixels = pixels[:, ::-1]
        return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").reformat(format="yuv420p")

    def _write_thumbnail(self, small: VideoFrame) -> None:
        """Save the frame as a thumbnail if it is the next one due.

        The span has `THUMBNAIL_COUNT` equal parts. The first thumbnail is the first frame that is not nearly blank; the
        others are such frames in the second half of their part. At the end of a part a blank frame is saved too.
        """
        if self._thumbnail_count >= THUMBNAIL_COUNT:
            return
        position = (self._get_next_slot_s() - self.start_s) / max(self.end_s - self.start_s, 1e-6) * THUMBNAIL_COUNT
        is_late = position >= self._thumbnail_count + 0.95
        if position < self._thumbnail_count + 0.5 and self._thumbnail_count:
            return
        if float(small.to_ndarray()[: self.height].std()) < MIN_THUMBNAIL_STD and not is_late:
            return
        image = Image.fromarray(small.to_ndarray(format="rgb24"))
        image.save(self._out_dir / f"thumb_{self._thumbnail_count}.jpg", quality=85)
        self._thumbnail_count += 1


class _AudioWriter:
    """Writes decoded audio as 16 kHz mono FLAC on the source clock, with silence in its gaps."""

    def __init__(self, path: Path, facts: AudioFacts, start_s: float, end_s: float) -> None:
        self.stream_index = facts.index
        self._written = 0  # samples in the file
        self._first_sample, self._end_sample = round(start_s * AUDIO_RATE_HZ), round(end_s * AUDIO_RATE_HZ)
        self._out = av.open(str(path), "w", format="flac")
        self._stream = self._out.add_stream("flac", rate=AUDIO_RATE_HZ, layout="mono", format="s16")
        self._is_plain = facts.repair == "none" and not facts.gain_db
        self._mono_weights = _MONO_WEIGHTS[facts.repair] * 10 ** (facts.gain_db / 20)
        self._resampler = self._create_resampler()
        self._position = 0  # index of the next resampled sample on the source clock
        self._next_s: float | None = None  # end of the newest frame

    def add(self, frame: AudioFrame, t: float | None) -> None:
        """Process the next frame; `t` is its time on the source clock, or None if it has no timestamp."""
        expected_s = self._next_s
        if t is None:
            t = 0.0 if expected_s is None else expected_s
        if expected_s is None or abs(t - expected_s) > MAX_AUDIO_JUMP_S:
            if expected_s is not None:
                self._write_resampled(self._resampler.resample(None))
                self._resampler = self._create_resampler()
            self._position = round(t * AUDIO_RATE_HZ)
            self._next_s = t
        frame.pts = None
        self._next_s = (self._next_s or 0.0) + frame.samples / frame.sample_rate
        try:
            self._write_resampled(self._resampler.resample(frame))
        except ValueError:  # the stream changed its sample rate or layout
            self._resampler = self._create_resampler()
            self._write_resampled(self._resampler.resample(frame))

    def finish(self) -> None:
        """Flush the resampler and the encoder."""
        if self._next_s is not None:
            self._write_resampled(self._resampler.resample(None))
        self._out.mux(self._stream.encode())

    def close(self) -> None:
        """Close the file."""
        self._out.close()

    def _write_resampled(self, frames: list[AudioFrame]) -> None:
        """Write resampled frames at the current position, without samples already written or outside the span."""
        for frame in frames:
            samples = self._to_mono(frame.to_ndarray())
            low, high = self._position, self._position + len(samples)
            self._position = high
            keep_from, keep_to = max(low, self._written, self._first_sample), min(high, self._end_sample)
            if keep_to <= keep_from:
                continue
            self._write_silence(keep_from - self._written)
            self._write(np.ascontiguousarray(samples[keep_from - low : keep_to - low]))

    def _write_silence(self, count: int) -> None:
        while count > 0:
            self._write(np.zeros(min(count, SILENCE_BLOCK), np.int16))
            count -= SILENCE_BLOCK

    def _write(self, samples: np.ndarray) -> None:
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE_HZ, Fraction(1, AUDIO_RATE_HZ), self._written
        self._written += len(samples)
        self._out.mux(self._stream.encode(frame))

    def _create_resampler(self) -> av.AudioResampler:
        if self._is_plain:
            return av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE_HZ)
        return av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_RATE_HZ)

    def _to_mono(self, samples: np.ndarray) -> np.ndarray:
        """Return resampled samples as int16, shape (n,), repaired and amplified if the track needs it."""
        if self._is_plain:
            return samples.reshape(-1)
        mono = self._mono_weights @ samples
        return np.asarray(np.clip(np.rint(mono * 32768), -32768, 32767), np.int16)


# Weights of the left and the right channel in the mono audio.
_MONO_WEIGHTS: dict[ChannelRepair, np.ndarray] = {
    "none": np.array([0.5, 0.5]),
    "left": np.array([1.0, 0.0]),
    "right": np.array([0.0, 1.0]),
    "inverted": np.array([0.5, -0.5]),
}


def choose_analysis_size(width: int, height: int) -> tuple[int, int]:
    """Return the even width and height of the analysis copy: the source's aspect ratio, about `COPY_PIXELS` or less."""
    scale = min(1.0, (COPY_PIXELS / (width * height)) ** 0.5)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _build_pq_to_sdr_table() -> np.ndarray:
    """Return a lookup table from 8-bit PQ code values (SMPTE ST 2084) to SDR code values: uint8, shape (256,).

    Reference white is 203 nits (ITU-R BT.2408); brighter values are compressed.
    """
    # The constants m2, c1, c2, c3 and m1 of SMPTE ST 2084.
    code = np.linspace(0, 1, 256) ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(code - 0.8359375, 0) / (18.8515625 - 18.6875 * code)) ** (1 / 0.1593017578125)
    linear = nits / 203
    compressed = linear * (1 + linear / 25) / (1 + linear)  # extended Reinhard tone mapping: 1015 nits becomes white
    table: np.ndarray = np.clip(np.clip(compressed, 0, 1) ** (1 / 2.2) * 255 + 0.5, 0, 255).astype(np.uint8)
    return table
