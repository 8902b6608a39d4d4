"""Reads single frames of the analysis copy by their time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from carmic_assets.media.containers import open_media
from carmic_assets.model.media import AnalysisFacts


def choose_even_times(analysis: AnalysisFacts, count: int) -> list[float]:
    """Return the midpoints of `count` equal parts of the video, in seconds on the source clock."""
    return [analysis.start_s + analysis.duration_s * (i + 0.5) / count for i in range(count)]


def read_frames(frames_path: str | Path, analysis: AnalysisFacts, times: list[float]) -> list[np.ndarray]:
    """Return RGB frames of the analysis copy at ascending `times` (source clock): uint8, height x width x 3.

    The function seeks, so that a few frames of a long video are cheap to read. If the end of the copy is damaged, it
    returns fewer frames than times.
    """
    frames = []
    with open_media(frames_path) as container:
        stream = container.streams.video[0]
        for t in times:
            position_s = max(0.0, t - analysis.start_s)
            container.seek(int(position_s * av.time_base), backward=True)
            nearest = None
            for frame in container.decode(stream):
                nearest = frame
                if frame.time is None or frame.time >= position_s - 0.5 / analysis.fps:
                    break
            if nearest is not None:
                frames.append(nearest.to_ndarray(format="rgb24"))
    return frames
