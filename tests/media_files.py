"""Test videos with known content: every frame carries its number, and flashes coincide with beeps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 12
RATE = 48_000
BEEP_S = 0.04


def write_numbered_video(
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
    """Write a video whose frame n shows n as `BITS` black and white blocks along the top, most significant first.

    The rest of the frame is grey. It is white in the frame that starts each whole second, where the audio has a beep of
    `BEEP_S`. Frames in `skip` are omitted.
    """
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
            is_flash = n == -(-int(n / fps) * fps // 1) and n / fps == int(n / fps)
            if is_flash:
                first = int(n / fps * RATE)
                t = np.arange(int(BEEP_S * RATE)) / RATE
                beeps[first : first + len(t)] = 0.5 * np.sin(2 * np.pi * 1000 * t)[: len(beeps) - first]
            if n in skip:
                continue
            picture = _draw_number(n, width, height, background=255 if is_flash else 90)
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


def _draw_number(number: int, width: int, height: int, background: int) -> np.ndarray:
    picture = np.full((height, width, 3), background, np.uint8)
    block = width // BITS
    for bit in range(BITS):
        is_set = number >> (BITS - 1 - bit) & 1
        picture[: height // 6, bit * block : (bit + 1) * block] = 235 if is_set else 20
    return picture


def read_frame_number(picture: np.ndarray, box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> int:
    """Return the number on a frame of a numbered video that fills `box` (fractions of the image: x, y, w, h)."""
    height, width = picture.shape[:2]
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    value = 0
    for bit in range(BITS):
        cx, cy = int(x + (bit + 0.5) * w / BITS * (640 // BITS * BITS / 640)), int(y + h / 12)
        value = value << 1 | int(picture[cy - 2 : cy + 3, cx - 2 : cx + 3].mean() > 128)
    return value


def decode_frames(path: Path) -> list[np.ndarray]:
    """Return all frames of a file as rgb24, converted by the file's own colour labels."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24", src_colorspace=f.colorspace) for f in container.decode(video=0)]


def decode_audio(path: Path) -> tuple[np.ndarray, float]:
    """Return the audio of a file as mono float32 at 48 kHz, and the time of its first sample."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        parts, first_s = [], None
        for frame in container.decode(audio=0):
            if first_s is None:
                first_s = float(frame.pts * frame.time_base)
            parts += [resampled.to_ndarray()[0] for resampled in resampler.resample(frame)]
    return np.concatenate(parts), first_s or 0.0


def find_beeps_s(samples: np.ndarray) -> list[float]:
    """Return the start times of the beeps of a numbered video."""
    level = np.abs(samples)
    starts, last_loud = [], -RATE
    for index in np.flatnonzero(level > 0.25 * level.max()):
        if index - last_loud > RATE // 10:
            starts.append(index / RATE)
        last_loud = index
    return starts
