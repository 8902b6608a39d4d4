"""The sound half of the filter graph: voice, cuts, music under it, effects, and the loudness of it all.

Writes filter text and reads ffmpeg's measurements. The same graph is measured first (sound only) and rendered then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from carmic_assets.media import ffmpeg
from carmic_assets.model.edit import Edit

RATE = 48_000
TARGET_LUFS = -14.0  # what TikTok, YouTube and Spotify play at
CLOSE_ENOUGH_LU = 0.15
CEILING_DBTP = -1.9  # of the limiter: AAC at 192 kbit/s adds up to about 0.8 dB to a peak (measured here)
MOST_GAIN_DB = 48.0
MOST_PASSES = 3  # through the limiter
LIMITER_SLOPE = 0.65  # dB louder for each dB of gain into a limiter that works, about (talks: 0.5-0.8, measured here)
LEAST_SLOPE = 0.2  # loudness is told in tenths: two near readings say little
SILENT_LUFS = -69.0  # EBU R128's gate is at -70: nothing was measured
FADE_S = 0.004  # on either side of a removed pause, against clicks
MUSIC_FADE_S = 1.2
DUCKING = "threshold=0.03:ratio=4:attack=25:release=450:knee=4"  # about 10 dB under a voice at the target


class Loudness(msgspec.Struct, frozen=True):
    """EBU R128 integrated loudness (LUFS) and true peak (dBTP)."""

    lufs: float
    peak: float


class Levels(msgspec.Struct, frozen=True):
    """Gains in dB, found by measuring."""

    voice: float = 0.0
    music: float = 0.0
    whole: float = 0.0
    limited: bool = False


class Inputs(msgspec.Struct, frozen=True):
    """Numbers of the inputs in the command line."""

    source: int = 0
    music: int | None = None
    effects: int | None = None


def mix(edit: Edit, inputs: Inputs, levels: Levels, output: str, *, to_hear: bool = True) -> str:
    """The whole sound of the clip as filter text: 48 kHz stereo, exactly as long as the picture, labelled `output`.

    Where it is only measured and not `to_hear`, the limiter works between no samples: as loud, at half the cost.
    """
    volume = edit.config.audio.voice_volume / 100
    chains = voice(edit, inputs.source, volume * 10 ** (levels.voice / 20), "voice")
    parts = ["voice"]
    length = out_samples(edit)
    if inputs.music is not None:
        chains[-1:] = [*chains[-1:], "[voice]asplit[spoken][key]"]
        chains.append(f"{music_chain(inputs.music, length, levels.music)}[bed]")
        chains.append(f"[bed][key]sidechaincompress={DUCKING}[under]")
        parts = ["spoken", "under"]
    if inputs.effects is not None:
        chains.append(
            f"[{inputs.effects}:a]aresample={RATE},aformat=sample_fmts=fltp:channel_layouts=stereo,"
            f"apad,atrim=end_sample={length}[effects]"
        )
        parts.append("effects")
    after = [f"volume={levels.whole:.3f}dB"]
    if levels.limited:
        limit = 10 ** (CEILING_DBTP / 20)
        limiter = f"alimiter=limit={limit:.5f}:attack=3:release=80:level=0:latency=1"
        # it sees true peaks only between the samples: ITU-R BS.1770-5 annex 2
        after += [f"aresample={4 * RATE}", limiter, f"aresample={RATE}"] if to_hear else [limiter]
    after += [f"aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_sample={length}"]
    joined = "".join(f"[{part}]" for part in parts)
    sum_ = f"{joined}amix=inputs={len(parts)}:duration=first:normalize=0," if len(parts) > 1 else joined
    chains.append(f"{sum_}{','.join(after)}[{output}]")
    return ";\n".join(chains)


def voice(edit: Edit, source_input: int, amplitude: float, output: str) -> list[str]:
    """Chains of the talk's own sound, times `amplitude`, without removed pauses; silence where the source has none."""
    audio = edit.source.audio
    total = samples(edit, edit.duration_s)
    if audio is None:
        return [f"anullsrc=r={RATE}:cl=stereo,atrim=end_sample={out_samples(edit)}[{output}]"]
    at = edit.source.container_start_s + edit.start_s
    taken = (
        f"[{source_input}:{audio.index}]atrim=start={at:.6f},asetpts=PTS-{at:.6f}/TB,"
        f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,"
        f"volume={amplitude:.6f},apad,atrim=end_sample={total}"
    )
    spans = [(samples(edit, keep.start_s), samples(edit, keep.end_s)) for keep in edit.keeps]
    if spans == [(0, total)]:
        return [f"{taken}[{output}]"]
    chains = [f"{taken},asplit={len(spans)}" + "".join(f"[part{n}]" for n in range(len(spans)))]
    fade = round(FADE_S * RATE)
    for n, (a, b) in enumerate(spans):
        chains.append(
            f"[part{n}]atrim=start_sample={a}:end_sample={b},asetpts=PTS-STARTPTS,"
            f"afade=t=in:ss=0:ns={fade},afade=t=out:ss={max(0, b - a - fade)}:ns={fade}[kept{n}]"
        )
    chains.append("".join(f"[kept{n}]" for n in range(len(spans))) + f"concat=n={len(spans)}:v=0:a=1[{output}]")
    return chains


def music_chain(number: int, length: int, gain_db: float) -> str:
    """Music from an input that loops, cut to the clip, faded in and out."""
    fade = min(round(MUSIC_FADE_S * RATE), length // 4)
    return (
        f"[{number}:a]aresample={RATE},aformat=sample_fmts=fltp:channel_layouts=stereo,asetpts=N/SR/TB,"
        f"volume={gain_db:.3f}dB,apad,atrim=end_sample={length},"
        f"afade=t=in:ss=0:ns={max(1, fade // 4)},afade=t=out:ss={length - fade}:ns={max(1, fade)}"
    )


def samples(edit: Edit, t: float) -> int:
    """Samples up to the frame at `t`."""
    return round(round(t * edit.rate.fraction) * RATE / edit.rate.fraction)


def out_samples(edit: Edit) -> int:
    return sum(samples(edit, keep.end_s) - samples(edit, keep.start_s) for keep in edit.keeps)


Measure = Callable[[str, Sequence[str], bool], dict[str, Loudness]]


def find_levels(edit: Edit, inputs: Inputs, measure: Measure) -> Levels:
    """Gains that bring the clip to the target. `measure(graph, labels, peaks)` runs a sound graph and tells of each
    label, its peak only where asked for: that is half of what measuring costs.

    Voice and music are brought to one loudness first, so that `musicVolume` means the same for every recording; then
    the sum is measured, and once more through the limiter where that has work to do.
    """
    levels = Levels()
    if inputs.music is not None:
        length = out_samples(edit)
        graph = ";\n".join(
            [*voice(edit, inputs.source, 1.0, "voice"), f"{music_chain(inputs.music, length, 0.0)}[bed]"]
        )
        heard = measure(graph, ["voice", "bed"], True)
        volume = max(edit.config.audio.music_volume, 1e-3) / 100
        levels = Levels(
            voice=_gain(heard["voice"]),
            music=_gain(heard["bed"]) + 20 * math.log10(volume),
        )
    heard = measure(mix(edit, inputs, levels, "out"), ["out"], True)
    levels = msgspec.structs.replace(levels, whole=_gain(heard["out"]))
    if heard["out"].lufs <= SILENT_LUFS or heard["out"].peak + levels.whole <= CEILING_DBTP:
        return levels
    return _through_limiter(edit, inputs, msgspec.structs.replace(levels, limited=True), measure)


def _through_limiter(edit: Edit, inputs: Inputs, levels: Levels, measure: Measure) -> Levels:
    """The whole's gain at which what comes out of the limiter is on target: by the secant through the last two."""
    slope, before = LIMITER_SLOPE, None
    for _ in range(MOST_PASSES):
        reached = measure(mix(edit, inputs, levels, "out", to_hear=False), ["out"], False)["out"].lufs
        if abs(TARGET_LUFS - reached) <= CLOSE_ENOUGH_LU:
            break
        if before is not None and abs(levels.whole - before[0]) > 1e-6:
            slope = min(max((reached - before[1]) / (levels.whole - before[0]), LEAST_SLOPE), 1.0)
        before = levels.whole, reached
        levels = msgspec.structs.replace(
            levels, whole=min(levels.whole + (TARGET_LUFS - reached) / slope, MOST_GAIN_DB)
        )
    return levels


def _gain(heard: Loudness) -> float:
    """To the target; by its peak where it was too short or too quiet to be measured, and nothing for silence."""
    if heard.lufs > SILENT_LUFS:
        return min(TARGET_LUFS - heard.lufs, MOST_GAIN_DB)
    return min(-6.0 - heard.peak, MOST_GAIN_DB) if heard.peak > -60 else 0.0


def metered(graph: str, labels: Sequence[str], peaks: bool) -> tuple[str, list[str]]:
    """A sound graph with a meter on each label, and the output options that throw the sound away."""
    peak = "true" if peaks else "none"
    meters = [f"[{label}]ebur128@{label}=peak={peak}:framelog=quiet[m{label}]" for label in labels]
    output = [option for label in labels for option in ("-map", f"[m{label}]", "-f", "null", "-")]
    return ";\n".join([graph, *meters]), output


def measured(log: Sequence[str], labels: Sequence[str]) -> dict[str, Loudness]:
    """What the meters of `metered` wrote at the end of a run."""
    starts = [n for n, line in enumerate(log) if "ebur128@" in line and "Summary" in line]
    result = {label: Loudness(-70.0, -120.0) for label in labels}
    for a, b in pairwise([*starts, len(log)]):
        name = re.search(r"ebur128@(\w+)", log[a])
        text = "\n".join(log[a:b])
        lufs = re.search(r"\bI:\s+(-?[\d.]+|-inf|nan) LUFS", text)
        peak = re.search(r"Peak:\s+(-?[\d.]+|-inf|nan) dBFS", text)
        if name and name[1] in result and lufs:
            result[name[1]] = Loudness(_number(lufs[1], -70.0), _number(peak[1] if peak else "-inf", -120.0))
    return result


def _number(text: str, low: float) -> float:
    return max(low, float(text)) if text not in ("-inf", "nan") else low


def measure_with(inputs: Sequence[ffmpeg.Input], threads: int) -> Measure:
    """The `measure` of `find_levels` on these inputs."""

    def measure(graph: str, labels: Sequence[str], peaks: bool) -> dict[str, Loudness]:
        text, output = metered(graph, labels, peaks)
        return measured(ffmpeg.run(ffmpeg.command(inputs, output, graph=text, threads=threads)).log, labels)

    return measure
