"""The colour grade: its formula, and the ffmpeg filters that compute it in float for previews, exports and `.cube`.

On R'G'B' in 0..1 after BT.709 limited to full range, in this order:

1. Temperature: each channel times (w_c / (0.2126 w_R + 0.7152 w_G + 0.0722 w_B)) ** (1 / 2.4), where w is the linear
   BT.709 colour of CIE daylight at 1e6 / (1e6 / 6504 + 80 * temperature) K over that at 6504 K. A gain in linear light
   is a gain of the power-law code value, so no conversion is needed.
2. Brightness and contrast around middle grey p = 0.18 ** (1 / 2.4): p + (v + brightness / 2 - p) * 2 ** contrast,
   clipped to 0..1.
3. Gamma: v ** (2 ** -gamma).
4. Hue and saturation: the chroma plane turned by `hue_shift` degrees and scaled by 1 + saturation, BT.709 luma kept;
   clipped to 0..1.

Steps 1 to 3 are one curve per channel and step 4 is one 3x3 matrix, so nothing is interpolated in three dimensions.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carmic_assets.media.ffmpeg import quote
from carmic_assets.model.timeline import Grade

CURVE_ENTRIES = 65536  # with fewer entries, gamma +1 is up to one code value off near black
MIDDLE_GREY = 0.18 ** (1 / 2.4)  # code value of 18 % reflectance, with the display gamma 2.4 of BT.1886
LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
MIRED_PER_UNIT = 80.0  # range of `temperature`, design rule: about 4300 to 13,600 K
WHITE_K = 6504.0  # correlated colour temperature of D65
_MIXER_LIMIT = 2.0  # the largest coefficient that ffmpeg's colorchannelmixer accepts

# CIE XYZ to linear BT.709 (IEC 61966-2-1).
_XYZ_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)


def channel_gains(temperature: float) -> NDArray[np.float64]:
    """Return the gains of R', G', B' for a temperature in -1 (cooler) .. 1 (warmer); luma of white stays 1."""
    white = _daylight(1e6 / (1e6 / WHITE_K + MIRED_PER_UNIT * temperature)) / _daylight(WHITE_K)
    return np.asarray((white / (LUMA @ white)) ** (1 / 2.4), dtype=np.float64)


def curves(grade: Grade, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply steps 1 to 3 to code values in 0..1. The result has shape (len(values), 3)."""
    channels = values[:, None] * channel_gains(grade.temperature)[None, :]
    channels = MIDDLE_GREY + (channels + grade.brightness / 2 - MIDDLE_GREY) * 2.0**grade.contrast
    return np.asarray(np.clip(channels, 0, 1) ** (2.0**-grade.gamma), dtype=np.float64)


def chroma_matrix(hue_shift: float, saturation: float) -> NDArray[np.float64]:
    """Return step 4 as a 3x3 matrix on R'G'B'; rows are outputs and sum to 1, so greys stay grey."""
    to_ycc = np.array([LUMA, (np.array([0, 0, 1]) - LUMA) / 1.8556, (np.array([1, 0, 0]) - LUMA) / 1.5748])
    angle = math.radians(hue_shift)
    turn = np.array(
        [[1, 0, 0], [0, math.cos(angle), -math.sin(angle)], [0, math.sin(angle), math.cos(angle)]], dtype=np.float64
    )
    turn[1:, 1:] *= 1 + saturation
    return np.asarray(np.linalg.inv(to_ycc) @ turn @ to_ycc, dtype=np.float64)


def apply(grade: Grade, rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the formula to full-range R'G'B' of shape (..., 3) in float64. The filters are tested against it."""
    flat = rgb.reshape(-1, 3)
    channels = flat * channel_gains(grade.temperature)[None, :]
    channels = MIDDLE_GREY + (channels + grade.brightness / 2 - MIDDLE_GREY) * 2.0**grade.contrast
    channels = np.clip(channels, 0, 1) ** (2.0**-grade.gamma)
    graded = np.clip(channels @ chroma_matrix(grade.hue_shift, grade.saturation).T, 0, 1)
    return np.asarray(graded.reshape(rgb.shape), dtype=np.float64)


def filters(grade: Grade, folder: Path, high_depth: bool = False) -> tuple[str, ...]:
    """Return filters for BT.709 limited-range frames; writes the curve files to `folder`. A neutral grade has none.

    The output is 4:2:0 with 8 bits, or with 10 bits if `high_depth`.
    """
    if grade.is_neutral:
        return ()
    curve, clip = folder / "grade-curve.cube", folder / "clip.cube"
    _write_curve(curve, curves(grade, np.linspace(0, 1, CURVE_ENTRIES)))
    # The float mixer does not clip, and values beyond the range would wrap in the conversion back.
    clip.write_text("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n")
    return (
        "zscale=min=709:rin=limited:tin=709:pin=709:cin=center:m=gbr:r=full:t=709:p=709:f=point",
        "format=gbrpf32le",
        f"lut1d=file={quote(str(curve))}:interp=linear",
        *_mixers(grade),
        f"lut1d=file={quote(str(clip))}",
        "zscale=min=gbr:rin=full:tin=709:pin=709:m=709:r=limited:t=709:p=709:f=point",
        "format=yuv444p16le",
        "scale=flags=area+accurate_rnd:sws_dither=none",
        f"format={'yuv420p10le' if high_depth else 'yuv420p'}",
    )


def write_cube(grade: Grade, size: int) -> str:
    """Return the grade as a 3D LUT in the `.cube` format, for editing programs. The header states its largest error.

    The error is the largest difference from the formula at the midpoints between the grid's nodes. The mean of the
    corners (trilinear interpolation) approximates the tetrahedral interpolation of editing programs.
    """
    axis = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = apply(grade, np.stack([red, green, blue], axis=-1))
    middle = (axis[:-1] + axis[1:]) / 2
    blue, green, red = np.meshgrid(middle, middle, middle, indexing="ij")
    exact = apply(grade, np.stack([red, green, blue], axis=-1))
    corners = [
        table[i : size - 1 + i, j : size - 1 + j, k : size - 1 + k] for i in (0, 1) for j in (0, 1) for k in (0, 1)
    ]
    error = float(np.abs(np.mean(corners, axis=0) - exact).max() * 255)
    lines = [
        f"# Grade: {_numbers(grade)}",
        f"# Largest error against the formula between nodes: {error:.2f} of 255. Domain: BT.709 R'G'B', full range.",
        'TITLE "Carmic grade"',
        f"LUT_3D_SIZE {size}",
        *(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table.reshape(-1, 3)),
    ]
    return "\n".join(lines) + "\n"


def _mixers(grade: Grade) -> tuple[str, ...]:
    if grade.hue_shift == 0 and grade.saturation == 0:
        return ()
    matrix = chroma_matrix(grade.hue_shift, grade.saturation)
    if np.abs(matrix).max() <= _MIXER_LIMIT:
        return (_mixer(matrix),)
    # Half of the transform is applied twice, to stay within the limit; in float, nothing clips between the two.
    half = chroma_matrix(grade.hue_shift / 2, math.sqrt(1 + grade.saturation) - 1)
    return (_mixer(half), _mixer(half))


def _mixer(matrix: NDArray[np.float64]) -> str:
    names = [out + channel for out in "rgb" for channel in "rgb"]
    return "colorchannelmixer=" + ":".join(f"{n}={v:.9f}" for n, v in zip(names, matrix.ravel(), strict=True))


def _write_curve(path: Path, table: NDArray[np.float64]) -> None:
    # One format operation is four times as fast as one per line, and every preview of a grade waits for it.
    rows = ("%.9f %.9f %.9f\n" * len(table)) % tuple(table.ravel().tolist())
    path.write_text(f"LUT_1D_SIZE {len(table)}\n{rows}")


def _daylight(kelvin: float) -> NDArray[np.float64]:
    """Linear BT.709 of CIE daylight at a correlated colour temperature (CIE 15:2004, 3.1), of luminance 1."""
    t = kelvin
    if t <= 7000:
        x = -4.6070e9 / t**3 + 2.9678e6 / t**2 + 0.09911e3 / t + 0.244063
    else:
        x = -2.0064e9 / t**3 + 1.9018e6 / t**2 + 0.24748e3 / t + 0.237040
    y = -3.0 * x * x + 2.870 * x - 0.275
    return np.asarray(_XYZ_TO_RGB @ np.array([x / y, 1.0, (1 - x - y) / y]), dtype=np.float64)


def _numbers(grade: Grade) -> str:
    return ", ".join(f"{name} {getattr(grade, name):g}" for name in Grade.__struct_fields__)
