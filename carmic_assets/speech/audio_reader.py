"""Reads any part of an audio file as 16 kHz mono, without holding the file in memory.

Times are those of the file. For the analysis audio that is the source clock.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
import numpy as np

from carmic_assets.media.containers import open_media
from carmic_assets.media.demuxers import AUDIO_FORMATS, SOURCE_FORMATS
from carmic_assets.model.errors import NoSpeechError

SAMPLE_RATE = 16_000  # Hz; Whisper, Silero VAD and Resemblyzer all expect it


class AudioReader:
    """16 kHz mono audio in an uncompressed temporary file (115 MB per hour); valid inside `open_audio` only."""

    def __init__(self, raw: IO[bytes], sample_count: int) -> None:
        self._raw = raw
        self.sample_count = sample_count

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return self.sample_count / SAMPLE_RATE

    def read(self, start_s: float, end_s: float) -> np.ndarray:
        """Return the samples from `start_s` to `end_s`: float32 in -1..1, shape (n,); fewer at the end of the audio."""
        first = min(max(round(start_s * SAMPLE_RATE), 0), self.sample_count)
        last = min(max(round(end_s * SAMPLE_RATE), first), self.sample_count)
        raw = os.pread(self._raw.fileno(), 2 * (last - first), 2 * first)
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768

    def blocks(self, block_s: float, start_s: float, end_s: float) -> Iterator[np.ndarray]:
        """Yield the samples from `start_s` to `end_s` in blocks of `block_s` seconds; the last block is shorter."""
        block_start_s = start_s
        while block_start_s < min(end_s, self.duration_s):
            yield self.read(block_start_s, min(block_start_s + block_s, end_s))
            block_start_s += block_s


@contextmanager
def open_audio(path: str | Path) -> Iterator[AudioReader]:
    """Decode the first audio stream of a file, and yield a reader of it for the duration of the `with` block.

    Raises:
        NoSpeechError: the file has no audio stream, or cannot be read.
    """
    with tempfile.TemporaryFile(prefix="carmic-audio-") as raw:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        sample_count = 0
        with open_media(path, formats=AUDIO_FORMATS + SOURCE_FORMATS, error=NoSpeechError) as container:
            if not container.streams.audio:
                raise NoSpeechError("The video has no audio, so it has no speech. Upload a video with speech.")
            for frame in itertools.chain(container.decode(audio=0), (None,)):
                for resampled in resampler.resample(frame):
                    sample_count += resampled.samples
                    raw.write(resampled.to_ndarray().tobytes())
        raw.flush()
        yield AudioReader(raw, sample_count)
