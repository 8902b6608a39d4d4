"""The one decode of a source: writes the 16 kHz sound, the small copy, the thumbnails, and finds the cuts on the way.

Everything later reads what this wrote; nothing later decodes the source again (but for the render). It knows nothing of
people or words.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carmic_assets.media.black_bars import BarFinder
from carmic_assets.media.containers import open_media, packets
from carmic_assets.media.cut_detection import TINY, CutFinder, features
from carmic_assets.media.dissolves import DissolveFinder
from carmic_assets.model.errors import CorruptVideo
from carmic_assets.model.media import AnalysisFacts, SourceFacts, VideoFacts
from carmic_assets.model.progress import Progress, ignore

if TYPE_CHECKING:
    import av
    import numpy as np

AUDIO_RATE = 16_000
COPY_FPS = 12.5  # aimed at: the source's rate divided by a whole number. Mouths need more than the 5 of faces
COPY_PIXELS = 640 * 360  # area of the copy, whatever its shape: a face of a tenth of the height keeps 36 px
BARS_EVERY = 5  # frames of the copy
THUMBNAILS = 5
MIN_DECODED = 0.5  # share of the picture that must decode

FRAMES_NAME = "frames.mp4"
AUDIO_NAME = "audio.flac"


def analyse(
    path: str | Path,
    facts: SourceFacts,
    out_dir: str | Path,
    *,
    span: tuple[float, float] | None = None,
    threads: int = 2,
    progress: Progress = ignore,
) -> AnalysisFacts:
    """Decode `path` once and write into `out_dir`:

    - `audio.flac`: 16 kHz mono, sample n is at n / 16000 s of the source clock; silence where the source has none, and
      before `span`. No file where the source has no sound.
    - `frames.mp4`: the small copy, upright, square pixels, SDR, constant rate (`AnalysisFacts.fps`), its frame n at
      `start_s + n / fps` of the source clock.
    - `thumb_0.jpg` ...: up to five, spread over the video, dark frames passed over.

    `span` (start, end on the source clock) limits what is decoded. Memory does not grow with the length. A damaged or
    missing end is tolerated as long as most of the picture decodes. Raises CorruptVideo where nothing does.
    """
    out_dir = Path(out_dir)
    video = facts.video
    if video is None:
        raise CorruptVideo(
            "The file has no picture. Upload a video: a recording of sound alone cannot be made into clips."
        )
    begin, end = span or (0.0, max(facts.duration_s, video.start_s + video.duration_s))
    copy_aside, sound_aside = out_dir / f".{FRAMES_NAME}", out_dir / f".{AUDIO_NAME}"
    try:
        with open_media(path, threads=threads) as source:
            picture = _Picture(copy_aside, out_dir, video, begin, end)
            sound = _Sound(sound_aside, begin, end) if facts.audio is not None else None
            try:
                _decode(source, facts, picture, sound, (begin, end), progress)
                picture.finish()
                if sound:
                    sound.finish()
            finally:  # without flushing: after an interruption in the middle of a write that would raise again
                picture.close()
                if sound:
                    sound.close()
        if picture.frames == 0:
            raise CorruptVideo(
                "No picture in this file can be decoded. Export it again as MP4 (H.264) and upload that."
            )
        expected = min(end, video.start_s + video.duration_s) - max(begin, video.start_s)
        if picture.decoded_s < MIN_DECODED * expected:
            raise CorruptVideo(
                f"The file breaks off or is damaged: only {picture.decoded_s:.0f} of {expected:.0f} seconds can be "
                "decoded. Upload the whole file again."
            )
        copy_aside.replace(out_dir / FRAMES_NAME)
        if sound:
            sound_aside.replace(out_dir / AUDIO_NAME)
    finally:
        copy_aside.unlink(missing_ok=True)
        sound_aside.unlink(missing_ok=True)
    progress(1.0)
    return AnalysisFacts(
        fps=float(picture.fps),
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        start_s=picture.start_s,
        duration_s=picture.frames / float(picture.fps),
        audio_rate=AUDIO_RATE,
        cuts_s=tuple(round(t, 6) for t in picture.cuts.finish()),
        motion=tuple(round(m, 4) for m in picture.motion()),
        early_s=picture.early_s,
        dissolves_s=tuple(round(t, 6) for t in picture.dissolves.finish()),
        picture=picture.bars.picture(),
    )


def _decode(
    source: av.container.InputContainer,
    facts: SourceFacts,
    picture: _Picture,
    sound: _Sound | None,
    span: tuple[float, float],
    progress: Progress,
) -> None:
    """Push every decoded frame into `picture` and `sound`; damage ends or skips, it does not raise."""
    import av

    assert facts.video
    begin, end = span
    streams = [source.streams[facts.video.index]]
    if sound and facts.audio:
        streams.append(source.streams[facts.audio.index])
    if begin > facts.video.start_s + 1:
        _seek(source, streams[0], begin + facts.container_start_s, facts.container_start_s)
    coming = packets(source, *streams)
    told = 0.0
    ended: set[int] = set()
    while len(ended) < len(streams):
        try:
            packet = next(coming, None)
        except av.error.InvalidDataError:  # the end of a truncated file
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # a damaged packet: decoders have many names for it
            continue
        for frame in frames:
            if not isinstance(frame, av.VideoFrame | av.AudioFrame):
                continue
            t = None if frame.time is None else frame.time - facts.container_start_s
            if isinstance(frame, av.VideoFrame):
                picture.add(frame, t)
                done = (picture.last - begin) / max(end - begin, 1e-6)
                if done > told + 0.004:
                    told = min(done, 0.995)
                    progress(told)
            elif sound:
                sound.add(frame, t)
            if t is not None and t >= end:
                ended.add(packet.stream.index)


def _seek(source: av.container.InputContainer, stream: av.stream.Stream, at_s: float, start_s: float) -> None:
    """Go to a key frame before `at_s`, not before `start_s` (container clock). MPEG streams have no index, and seeking
    lands between key frames: then it goes further back, until one lies on the way."""
    import av

    back_s, found = 0.0, False
    while not found:
        offset = int(max(at_s - back_s, start_s) * av.time_base)
        source.seek(offset, backward=True)
        keys = (float(p.pts * p.time_base) for p in packets(source, stream) if p.is_keyframe and p.pts is not None)
        found = next(keys, math.inf) <= at_s or at_s - back_s <= start_s
        back_s = 2 * back_s or 5.0
    source.seek(offset, backward=True)


class _Picture:
    """Cuts, motion, copy and thumbnails from the decoded frames."""

    def __init__(self, path: Path, out_dir: Path, video: VideoFacts, begin: float, end: float):
        from av.video.reformatter import VideoReformatter

        self.path, self.out_dir, self.video, self.begin, self.end = path, out_dir, video, begin, end
        self._tiny, self._copier = VideoReformatter(), VideoReformatter()  # each keeps its scaler
        rate = video.rate.fraction
        self.fps = Fraction(rate / max(1, round(rate / Fraction(COPY_FPS))))
        self.width, self.height = copy_size(video.width, video.height)
        self.cuts, self.dissolves = CutFinder(float(rate)), DissolveFinder()
        self.bars = BarFinder()
        self.frames = 0
        self.start_s = 0.0
        self.decoded_s = 0.0
        self.last = begin  # time of the newest frame
        self._frame_s = float(1 / rate)
        self.early_s = self._frame_s / 4  # rounding of timestamps must not move a frame to the next place
        self._newest: av.VideoFrame | None = None
        self._small: av.VideoFrame | None = None  # of the newest, once it was wanted
        self._out: av.container.OutputContainer | None = None
        self._changes: list[tuple[float, int]] = []  # sum and count by second
        self._thumbs = 0

    def add(self, frame: av.VideoFrame, t: float | None) -> None:
        first = self._out is None
        if t is None:
            t = self.last + (0 if first else self._frame_s)
        if t < self.begin - 1e-6 or t >= self.end + 10 or (not first and t <= self.last):
            return
        if first:
            self._open(t)
        self.decoded_s += min(t - self.last, 1.0) if not first else self._frame_s
        self.last = t
        tiny = self._tiny.reformat(frame, *TINY, format="yuv420p", interpolation="FAST_BILINEAR")
        seen = features(tiny.to_ndarray())
        change = self.cuts.feed(t, seen)
        self.dissolves.feed(t, seen.blocks)
        second = int(t - self.start_s)
        while len(self._changes) <= second:
            self._changes.append((0.0, 0))
        total, count = self._changes[second]
        self._changes[second] = (total + change, count + 1)
        while self._place() < t - self.early_s:  # between two frames the earlier one stands
            self._write_copy()
        self._newest, self._small = frame, None
        if self._place() <= t + self.early_s:
            self._write_copy()

    def finish(self) -> None:
        """The copy reaches to the end of the last frame, and the encoder gives what it held back."""
        if self._out is not None:
            while self._place() < self.last + 0.75 * self._frame_s:
                self._write_copy()
            self._out.mux(self._stream.encode())

    def close(self) -> None:
        if self._out is not None:
            self._out.close()

    def motion(self) -> list[float]:
        """0..1 for each second since `start_s`: 1 is a mean change of a tenth of the range between frames."""
        return [min(1.0, 10 * total / count) if count else 0.0 for total, count in self._changes]

    def _open(self, t: float) -> None:
        import av

        self.start_s = self.last = t
        self._out = av.open(str(self.path), "w", format="mp4")
        # One thread: the same bytes every time, and the decoder has the other cores.
        options = {"preset": "ultrafast", "crf": "20", "g": "50", "threads": "1"}
        self._stream = self._out.add_stream("libx264", rate=self.fps, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        self._stream.codec_context.time_base = 1 / self.fps

    def _place(self) -> float:
        """Time of the next frame of the copy."""
        return self.start_s + float(self.frames / self.fps)

    def _write_copy(self) -> None:
        """The newest frame at the next place."""
        assert self._out is not None and self._newest is not None
        if self._small is None:
            self._small = self._shrink(self._newest)
            self._thumbnail(self._small)
            if self.frames % BARS_EVERY == 0:
                self.bars.feed(self._small.to_ndarray()[: self.height])
        self._small.pts, self._small.time_base = self.frames, 1 / self.fps
        self._small.pict_type = 0  # the encoder decides
        self._out.mux(self._stream.encode(self._small))
        self.frames += 1

    def _shrink(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Upright, square pixels, SDR, in the copy's size."""
        import av
        import numpy as np

        turned = self.video.rotation in (90, 270)
        width, height = (self.height, self.width) if turned else (self.width, self.height)
        plain = not (self.video.rotation or self.video.mirrored) and self.video.color_transfer != "smpte2084"
        kind = "yuv420p" if plain else "rgb24"
        small = self._copier.reformat(frame, width, height, format=kind, interpolation="BILINEAR")
        if plain:
            return small
        pixels: Any = small.to_ndarray()
        if self.video.color_transfer == "smpte2084":
            pixels = _pq_to_sdr()[pixels]
        pixels = np.rot90(pixels, -self.video.rotation // 90)
        if self.video.mirrored:
            pixels = pixels[:, ::-1]
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").reformat(format="yuv420p")

    def _thumbnail(self, small: av.VideoFrame) -> None:
        """The first picture, and one in the middle of each further fifth, that is not nearly black or blank."""
        if self._thumbs >= THUMBNAILS:
            return
        at = (self._place() - self.begin) / max(self.end - self.begin, 1e-6) * THUMBNAILS
        late = at >= self._thumbs + 0.95
        if at < self._thumbs + 0.5 and self._thumbs:
            return
        luma = small.to_ndarray()[: self.height]
        if float(luma.std()) < 8 and not late:
            return
        small.to_image().save(self.out_dir / f"thumb_{self._thumbs}.jpg", quality=85)
        self._thumbs += 1


class _Sound:
    """16 kHz mono on the source clock, written as it comes."""

    def __init__(self, path: Path, begin: float, end: float):
        import av

        self._written = 0
        self._begin, self._last = round(begin * AUDIO_RATE), round(end * AUDIO_RATE)
        self._out = av.open(str(path), "w", format="flac")
        self._stream = self._out.add_stream("flac", rate=AUDIO_RATE, layout="mono", format="s16")
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
        self._next: float | None = None  # where the sound that is being resampled goes on

    def add(self, frame: av.AudioFrame, t: float | None) -> None:
        import av

        due = self._next
        if t is None:
            t = 0.0 if due is None else due
        if due is None or abs(t - due) > 0.02:  # the start, a gap or a jump back: go there
            if due is not None:
                self._put(self._resampler.resample(None))
                self._resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
            self._at = round(t * AUDIO_RATE)
            self._next = t
        frame.pts = None
        self._next = (self._next or 0.0) + frame.samples / frame.sample_rate
        try:
            self._put(self._resampler.resample(frame))
        except ValueError:  # the stream changed its rate or layout on the way
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
            self._put(self._resampler.resample(frame))

    def _put(self, frames: list[av.AudioFrame]) -> None:
        import numpy as np

        for frame in frames:
            samples = frame.to_ndarray().reshape(-1)
            low, high = self._at, self._at + len(samples)
            self._at = high
            keep_from, keep_to = max(low, self._written, self._begin), min(high, self._last)
            if keep_to <= keep_from:
                continue
            self._silence(keep_from - self._written)
            self._write(np.ascontiguousarray(samples[keep_from - low : keep_to - low]))

    def _silence(self, count: int) -> None:
        import numpy as np

        while count > 0:
            self._write(np.zeros(min(count, 10 * AUDIO_RATE), np.int16))
            count -= 10 * AUDIO_RATE

    def _write(self, samples: np.ndarray) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), self._written
        self._written += len(samples)
        self._out.mux(self._stream.encode(frame))

    def finish(self) -> None:
        if self._next is not None:
            self._put(self._resampler.resample(None))
        self._out.mux(self._stream.encode())

    def close(self) -> None:
        self._out.close()


def copy_size(width: int, height: int) -> tuple[int, int]:
    """Even width and height of the copy: the shape of the source, at most `COPY_PIXELS`, never enlarged."""
    scale = min(1.0, (COPY_PIXELS / (width * height)) ** 0.5)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _pq_to_sdr() -> np.ndarray:
    """Table from 8-bit PQ code (SMPTE ST 2084) to SDR code: 203 nits is white (ITU-R BT.2408), highlights roll off."""
    import numpy as np

    code = np.linspace(0, 1, 256) ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(code - 0.8359375, 0) / (18.8515625 - 18.6875 * code)) ** (1 / 0.1593017578125)
    linear = nits / 203
    rolled = linear * (1 + linear / 25) / (1 + linear)  # Reinhard, extended: 1015 nits becomes white
    table: np.ndarray = np.clip(np.clip(rolled, 0, 1) ** (1 / 2.2) * 255 + 0.5, 0, 255).astype(np.uint8)
    return table
