"""The colour grade: the filters compute the published formula."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from carmic_assets.editing import colour_grade
from carmic_assets.media import ffmpeg
from carmic_assets.model.timeline import Grade

GRADES = [
    Grade(brightness=0.4),
    Grade(brightness=-1),
    Grade(contrast=1),
    Grade(contrast=-1),
    Grade(temperature=1),
    Grade(temperature=-1),
    Grade(gamma=1),
    Grade(gamma=-1),
    Grade(saturation=-1),
    Grade(saturation=1, hue_shift=90),
    Grade(hue_shift=180),
    Grade(0.1, 0.1, 0.1, 0.1, 0.1, 10),
    Grade(1, 1, 1, 1, 1, -120),
]


def ycc_to_rgb(ycc: np.ndarray, scale: float = 1.0) -> np.ndarray:
    y, cb, cr = (
        (ycc[..., i] / scale - offset) / size for i, offset, size in ((0, 16, 219), (1, 128, 224), (2, 128, 224))
    )
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    return np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], axis=-1)


def rgb_to_ycc(rgb: np.ndarray, scale: float = 1.0) -> np.ndarray:
    luma = rgb @ colour_grade.LUMA
    blue, red = (rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748
    return np.stack([16 + 219 * luma, 128 + 224 * blue, 128 + 224 * red], axis=-1) * scale


def colours() -> np.ndarray:
    """Legal YCbCr colours of all hues as 2x2 blocks, so that 4:2:0 holds them exactly: shape (64, 256, 3), uint8."""
    rng = np.random.default_rng(7)
    ycc = np.round(rgb_to_ycc(rng.random((32, 128, 3))))
    return np.repeat(np.repeat(ycc, 2, axis=0), 2, axis=1).astype(np.uint8)


def run_filters(frame: np.ndarray, filters: tuple[str, ...], folder: Path, pix_fmt: str = "yuv420p") -> np.ndarray:
    height, width, _ = frame.shape
    planes = [frame[..., 0], frame[::2, ::2, 1], frame[::2, ::2, 2]]
    raw = folder / "in.nut"
    source = [
        ffmpeg.locate_binary(),
        "-v",
        "error",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-s",
        f"{width}x{height}",
    ]
    subprocess.run(
        [*source, "-i", "-", "-c:v", "rawvideo", str(raw)], input=b"".join(p.tobytes() for p in planes), check=True
    )
    command = [
        ffmpeg.locate_binary(),
        "-v",
        "error",
        "-i",
        str(raw),
        "-vf",
        ",".join(filters) or "null",
        "-pix_fmt",
        pix_fmt,
    ]
    out = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    data = np.frombuffer(out, np.uint8)
    luma = data[: height * width].reshape(height, width)
    chroma = data[height * width :].reshape(2, height // 2, width // 2)
    return np.stack([luma, *(np.repeat(np.repeat(c, 2, axis=0), 2, axis=1) for c in chroma)], axis=-1)


@pytest.mark.parametrize("grade", GRADES, ids=str)
def test_the_filters_compute_the_formula_within_a_code(grade: Grade, tmp_path: Path) -> None:
    frame = colours()
    expected = rgb_to_ycc(colour_grade.apply(grade, np.clip(ycc_to_rgb(frame.astype(float)), 0, 1)))
    graded = run_filters(frame, colour_grade.filters(grade, tmp_path), tmp_path).astype(float)
    # Colours that round to just outside of R'G'B' 0..1 are clipped by the curve in ffmpeg as in the formula.
    assert np.abs(graded - expected).max() <= 1.0


def test_a_neutral_grade_has_no_filters_and_its_formula_is_the_identity() -> None:
    assert colour_grade.filters(Grade(), Path("unused")) == ()
    rgb = np.random.default_rng(1).random((100, 3))
    assert np.abs(colour_grade.apply(Grade(), rgb) - rgb).max() < 1e-9


def test_channel_gains_follow_daylight() -> None:
    assert colour_grade.channel_gains(1) == pytest.approx([1.122, 0.979, 0.786], abs=0.001)
    assert colour_grade.channel_gains(-1) == pytest.approx([0.888, 1.004, 1.224], abs=0.001)


def test_the_cube_states_its_error_and_is_the_formula_at_its_nodes() -> None:
    grade = Grade(0.1, 0.2, 0.3, 0.1, -0.2, 15)
    lines = colour_grade.write_cube(grade, 17).splitlines()
    rows = np.array([[float(x) for x in line.split()] for line in lines if line[:1].isdigit()])
    assert len(rows) == 17**3
    axis = np.linspace(0, 1, 17)
    n = 5 + 17 * 7 + 17 * 17 * 11  # red fastest
    node = np.array([[axis[5], axis[7], axis[11]]])
    assert rows[n] == pytest.approx(colour_grade.apply(grade, node)[0], abs=1e-6)
    assert any("Largest error" in line for line in lines[:3])
