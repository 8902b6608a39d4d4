"""Opens the analysis sound for reading in pieces, anywhere and in any order: two hours never lie in memory at once.

Times are the file's own; the media room wrote it on the source clock.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from carmic_assets.media.containers import AUDIO_FORMATS, SOURCE_FORMATS, open_media
from carmic_assets.model.errors import NoSpeech

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000


class Sound:
    """16 kHz mono sound that lies uncompressed in a temporary file (115 MB an hour) while it is open."""

    def __init__(self, raw: IO[bytes], samples: int):
        self._raw = raw
        self.samples = samples

    @property
    def length_s(self) -> float:
        return self.samples / RATE

    def read(self, start_s: float, end_s: float) -> np.ndarray:
        """The samples of `start_s`..`end_s`: float32 in -1..1, shape (n,); shorter where the sound ends."""
        import numpy as np

        first = min(max(round(start_s * RATE), 0), self.samples)
        last = min(max(round(end_s * RATE), first), self.samples)
        raw = os.pread(self._raw.fileno(), 2 * (last - first), 2 * first)
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768

    def blocks(self, block_s: float, start_s: float, end_s: float) -> Iterator[np.ndarray]:
        """`start_s`..`end_s` in order, `block_s` seconds at a time; the last one is shorter."""
        at = start_s
        while at < min(end_s, self.length_s):
            yield self.read(at, min(at + block_s, end_s))
            at += block_s


@contextmanager
def opened(path: str | Path) -> Iterator[Sound]:
    """The first sound stream of a file, for the length of the block. Raises NoSpeech where there is none."""
    import av

    with tempfile.TemporaryFile(prefix="carmic-sound-") as raw:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        samples = 0
        with open_media(path, formats=AUDIO_FORMATS + SOURCE_FORMATS, error=NoSpeech) as container:
            if not container.streams.audio:
                raise NoSpeech("The video has no sound, so there are no words to find. Upload one with speech.")
            for frame in itertools.chain(container.decode(audio=0), (None,)):
                for piece in resampler.resample(frame):
                    samples += piece.samples
                    raw.write(piece.to_ndarray().tobytes())
        raw.flush()
        yield Sound(raw, samples)
