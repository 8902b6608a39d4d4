"""Measures the peaks of an audio file for drawing its waveform. The file is decoded as a stream: memory stays small."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from carmic_assets.media.containers import open_media
from carmic_assets.media.demuxers import AUDIO_FORMATS, SOURCE_FORMATS
from carmic_assets.model.errors import CorruptVideoError

SAMPLE_RATE = 16_000
MAX_PEAK = 255


def measure_peaks(path: str | Path, peaks_per_s: int) -> list[int]:
    """Return the largest amplitude of each interval of 1/`peaks_per_s` s, from 0 to 255 (full scale).

    Raises:
        CorruptVideoError: the file has no audio stream, or cannot be read.
    """
    interval = SAMPLE_RATE // peaks_per_s  # samples
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    peaks: list[int] = []
    rest = np.zeros(0, np.int16)
    with open_media(path, formats=(*AUDIO_FORMATS, *SOURCE_FORMATS)) as container:
        if not container.streams.audio:
            raise CorruptVideoError("The video has no audio, so it has no waveform.")
        for frame in container.decode(audio=0):
            blocks = [resampled.to_ndarray()[0] for resampled in resampler.resample(frame)]
            rest = np.concatenate((rest, *blocks))
            count = len(rest) // interval
            if count:
                intervals, rest = rest[: count * interval].reshape(count, interval), rest[count * interval :]
                peaks += _scale(np.abs(intervals.astype(np.int32)).max(axis=1))
    if len(rest):
        peaks += _scale(np.abs(rest.astype(np.int32)).max(keepdims=True))
    return peaks


def _scale(amplitudes: np.ndarray) -> list[int]:
    scaled: list[int] = np.minimum(amplitudes * MAX_PEAK // 32_767, MAX_PEAK).tolist()
    return scaled
