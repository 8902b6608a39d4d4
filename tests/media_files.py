"""Test media with known truth: every frame carries its number, and flashes and beeps fall together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

BITS = 12
RATE = 48_000


def counted(
    path: Path,
    *,
    seconds: float = 4.0,
    fps: Fraction = Fraction(25),
    size: tuple[int, int] = (640, 360),
    first_pts_s: float = 0.0,
    skip: tuple[int, ...] = (),
    codec: str = "libx264",
    container: str | None = None,
    sound: bool = True,
) -> Path:
    """Frame n shows n as `BITS` black and white blocks along the top, most significant first. The rest is grey, white
    in the frame that each whole second begins with, where the sound beeps for 40 ms. Frames in `skip` are left out."""
    import av

    width, height = size
    with av.open(str(path), "w", format=container) as out:
        video = out.add_stream(codec, rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        tick = Fraction(1, 90_000) if codec == "libx264" else 1 / fps
        video.codec_context.time_base = tick
        if codec == "libx264":
            video.options = {"preset": "ultrafast", "crf": "12", "g": "60", "bf": "2"}
        audio = out.add_stream("aac", rate=RATE, layout="mono") if sound else None
        beeps = np.zeros(int(seconds * RATE), np.float32)
        for n in range(int(seconds * fps)):
            flash = n == -(-int(n / fps) * fps // 1) and n / fps == int(n / fps)
            if flash:
                at = int(n / fps * RATE)
                t = np.arange(int(0.04 * RATE)) / RATE
                beeps[at : at + len(t)] = 0.5 * np.sin(2 * np.pi * 1000 * t)[: len(beeps) - at]
            if n in skip:
                continue
            picture = np.full((height, width, 3), 255 if flash else 90, np.uint8)
            block = width // BITS
            for bit in range(BITS):
                on = n >> (BITS - 1 - bit) & 1
                picture[: height // 6, bit * block : (bit + 1) * block] = 235 if on else 20
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts = round((n / fps + Fraction(first_pts_s).limit_denominator(1000)) / tick)
            frame.time_base = tick
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            for start in range(0, len(beeps), 1024):
                chunk = av.AudioFrame.from_ndarray(beeps[None, start : start + 1024].copy(), "fltp", "mono")
                chunk.sample_rate = RATE
                chunk.pts = start + round(first_pts_s * RATE)
                chunk.time_base = Fraction(1, RATE)
                out.mux(audio.encode(chunk))
            out.mux(audio.encode())
    return path


def number(picture: np.ndarray, box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> int:
    """The number on a frame of `counted` that fills `box` (shares of the picture: x, y, w, h)."""
    height, width = picture.shape[:2]
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    value = 0
    for bit in range(BITS):
        cx, cy = int(x + (bit + 0.5) * w / BITS * (640 // BITS * BITS / 640)), int(y + h / 12)
        value = value << 1 | int(picture[cy - 2 : cy + 3, cx - 2 : cx + 3].mean() > 128)
    return value


def frames(path: Path) -> list[np.ndarray]:
    """All pictures of a file, rgb24, by its own colour labels."""
    import av

    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24", src_colorspace=f.colorspace) for f in container.decode(video=0)]


def samples(path: Path) -> tuple[np.ndarray, float]:
    """The sound of a file as mono float32 at 48 kHz, and the time of its first sample."""
    import av

    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        parts, first = [], None
        for frame in container.decode(audio=0):
            if first is None:
                first = float(frame.pts * frame.time_base)
            parts += [r.to_ndarray()[0] for r in resampler.resample(frame)]
    return np.concatenate(parts), first or 0.0


def beeps(sound: np.ndarray) -> list[float]:
    """Where the beeps of `counted` begin, seconds."""
    level = np.abs(sound)
    loud = level > 0.25 * level.max()
    starts, quiet_since = [], -RATE
    for at in np.flatnonzero(loud):
        if at - quiet_since > RATE // 10:
            starts.append(at / RATE)
        quiet_since = at
    return starts
