"""Test videos with known content: frames that carry their number, flashes that coincide with beeps, and odd files."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from carmic_assets.media.ffmpeg import locate_binary

BITS = 12
RATE = 48_000
BEEP_S = 0.04
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

# Of each odd file: the picture, its encoding, and the options with which the result is copied into the file.
ODD_VIDEOS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "rotated.mp4": ("100x60:r=24", X264, ("-display_rotation", "-90")),
    "rotated_and_mirrored.mp4": ("640x360:r=30000/1001", X264, ("-display_rotation", "-90", "-display_hflip")),
    "upside_down.mp4": ("640x360:r=30", X264, ("-display_rotation", "180")),
    "sar_2_3.mp4": ("640x360:r=30,setsar=2/3", X264, ()),
    "wide_pixels.mp4": ("800x640:r=30,setsar=1137/800", X264, ()),
    "odd_sides_vp9.mp4": ("642x482:r=25,scale=321:241", ("-c:v", "libvpx-vp9", "-deadline", "realtime"), ()),
    "flash.flv": ("640x360:r=30", ("-c:v", "flv"), ()),
    "mpeg4.avi": ("640x360:r=24000/1001", ("-c:v", "mpeg4"), ()),
    "h263.3gp": ("176x144:r=15", ("-c:v", "h263"), ()),
    "hdr10.mp4": (
        "320x240:r=30000/1001",
        (
            *("-vf", "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:hdr10=1"),
            *("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"),
        ),
        (),
    ),
    "full_range.mp4": (
        "320x240:r=60",
        (
            *("-vf", "scale=out_range=pc:out_color_matrix=bt601,format=yuvj420p", *X264[:4]),
            *("-color_range", "pc", "-colorspace", "smpte170m"),
        ),
        (),
    ),
}  # fmt: skip


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


def write_odd_video(folder: Path, name: str) -> Path:
    """Write two seconds of one of `ODD_VIDEOS`, with sound."""
    picture, encoding, copying = ODD_VIDEOS[name]
    path, encoded = folder / name, folder / f"encoded_{name}"
    sound = ("-f", "lavfi", "-i", "sine=440:r=44100")
    codec = ("-c:a", "libopus") if "vp9" in name else ("-ac", "1", "-ar", "8000") if "3gp" in name else ()
    run_ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={picture}", *sound, "-t", "2", *encoding, *codec, str(encoded))
    run_ffmpeg(*copying, "-i", str(encoded), "-c", "copy", str(path))
    encoded.unlink()
    return path


def run_ffmpeg(*arguments: str) -> None:
    """Run ffmpeg; an error fails the test."""
    subprocess.run([locate_binary(), "-v", "error", "-y", *arguments], check=True)


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
