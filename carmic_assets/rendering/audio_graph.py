"""Builds the audio part of the filter graph: voice, music, sound effects and loudness normalisation.

The graph runs twice. `solve_gains` runs it alone and measures its loudness; the render then runs it with the gains that
bring this loudness to the target.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from carmic_assets.media import ffmpeg
from carmic_assets.media.source_audio import build_source_audio
from carmic_assets.model.edit import Edit

SAMPLE_RATE = 48_000
TARGET_LUFS = -14.0  # the playback loudness of TikTok, YouTube and Spotify
LOUDNESS_TOLERANCE_LU = 0.15  # difference from the target at which the limiter passes end
LIMITER_CEILING_DBTP = -1.9  # AAC at 192 kbit/s adds up to about 0.8 dB to a peak (measured here)
MAX_GAIN_DB = 48.0  # limits the amplification of nearly silent audio
MAX_LIMITER_PASSES = 3  # measurements of the mix through the limiter
# DB of loudness per dB of gain into an active limiter (0.5 to 0.8 for speech, measured here)
INITIAL_LIMITER_SLOPE = 0.65
MIN_LIMITER_SLOPE = 0.2  # ffmpeg reports loudness in tenths: the slope between two close readings is unreliable
SILENCE_LUFS = -69.0  # R128 ignores audio below its absolute gate of -70 LUFS: a level near it means silence
CUT_FADE_S = 0.004  # on both sides of a removed pause; prevents clicks
MUSIC_FADE_S = 1.2  # at the end of the clip; the fade-in takes a quarter of it
DUCKING_OPTIONS = "threshold=0.03:ratio=4:attack=25:release=450:knee=4"  # about 10 dB under a voice at the target


class Loudness(msgspec.Struct, frozen=True):
    """EBU R128 integrated loudness (LUFS) and true peak (dBTP)."""

    lufs: float
    peak_dbtp: float


class AudioGains(msgspec.Struct, frozen=True):
    """The gains of the voice, the music and the mix in dB, and whether the mix needs a limiter."""

    voice_db: float = 0.0
    music_db: float = 0.0
    master_db: float = 0.0
    uses_limiter: bool = False


class AudioInputs(msgspec.Struct, frozen=True):
    """The index of each input on the ffmpeg command line; None where there is no such input."""

    source: int = 0
    music: int | None = None
    effects: int | None = None


# `meter(graph, labels, with_peaks)` runs an audio graph and returns the loudness at each label. Without peaks the
# measurement costs half as much.
LoudnessMeter = Callable[[str, Sequence[str], bool], dict[str, Loudness]]


def build_mix(edit: Edit, inputs: AudioInputs, gains: AudioGains, output: str, *, true_peak: bool = True) -> str:
    """Return the filter text of the clip's audio, labelled `output`: 48 kHz stereo, exactly as long as the video.

    Without `true_peak` the limiter does not oversample. The loudness is the same at half the cost, so measurements use
    this.
    """
    volume = edit.config.audio.voice_volume / 100
    chains = build_voice_chains(edit, inputs.source, volume * 10 ** (gains.voice_db / 20), "voice")
    mixed_labels = ["voice"]
    length = count_output_samples(edit)
    if inputs.music is not None:
        chains[-1:] = [*chains[-1:], "[voice]asplit[speech][sidechain]"]
        chains.append(f"{build_music_chain(inputs.music, length, gains.music_db)}[music]")
        chains.append(f"[music][sidechain]sidechaincompress={DUCKING_OPTIONS}[ducked_music]")
        mixed_labels = ["speech", "ducked_music"]
    if inputs.effects is not None:
        chains.append(
            f"[{inputs.effects}:a]aresample={SAMPLE_RATE},aformat=sample_fmts=fltp:channel_layouts=stereo,"
            f"apad,atrim=end_sample={length}[effects]"
        )
        mixed_labels.append("effects")
    master_filters = [f"volume={gains.master_db:.3f}dB"]
    if gains.uses_limiter:
        limit = 10 ** (LIMITER_CEILING_DBTP / 20)
        limiter = f"alimiter=limit={limit:.5f}:attack=3:release=80:level=0:latency=1"
        # At four times the rate the limiter also sees the peaks between the samples (ITU-R BS.1770-5 annex 2).
        master_filters += (
            [f"aresample={4 * SAMPLE_RATE}", limiter, f"aresample={SAMPLE_RATE}"] if true_peak else [limiter]
        )
    master_filters += [f"aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_sample={length}"]
    pads = "".join(f"[{label}]" for label in mixed_labels)
    mixer = f"{pads}amix=inputs={len(mixed_labels)}:duration=first:normalize=0," if len(mixed_labels) > 1 else pads
    chains.append(f"{mixer}{','.join(master_filters)}[{output}]")
    return ";\n".join(chains)


def build_voice_chains(edit: Edit, source_input: int, amplitude: float, output: str) -> list[str]:
    """Return the chains of the source's own audio, multiplied by `amplitude`, without the removed pauses.

    The result is silence if the source has no audio.
    """
    total = count_samples_before(edit, edit.duration_s)
    if edit.source.audio is None:
        return [f"anullsrc=r={SAMPLE_RATE}:cl=stereo,atrim=end_sample={count_output_samples(edit)}[{output}]"]
    start_s = edit.source.container_start_s + edit.start_s
    track_chains, head = build_source_audio(edit.source, source_input, f"{start_s:.6f}")
    source_chain = (
        f"{head},aformat=sample_fmts=fltp:channel_layouts=stereo,volume={amplitude:.6f},apad,atrim=end_sample={total}"
    )
    spans = [
        (count_samples_before(edit, span.start_s), count_samples_before(edit, span.end_s)) for span in edit.kept_spans
    ]
    if spans == [(0, total)]:
        return [*track_chains, f"{source_chain}[{output}]"]
    chains = [*track_chains, f"{source_chain},asplit={len(spans)}" + "".join(f"[part{n}]" for n in range(len(spans)))]
    fade = round(CUT_FADE_S * SAMPLE_RATE)
    for n, (start, end) in enumerate(spans):
        chains.append(
            f"[part{n}]atrim=start_sample={start}:end_sample={end},asetpts=PTS-STARTPTS,"
            f"afade=t=in:ss=0:ns={fade},afade=t=out:ss={max(0, end - start - fade)}:ns={fade}[kept{n}]"
        )
    chains.append("".join(f"[kept{n}]" for n in range(len(spans))) + f"concat=n={len(spans)}:v=0:a=1[{output}]")
    return chains


def build_music_chain(input_index: int, length: int, gain_db: float) -> str:
    """Return the chain of a looping music input, trimmed to `length` samples and faded in and out.

    The caller appends the output label.
    """
    fade = min(round(MUSIC_FADE_S * SAMPLE_RATE), length // 4)
    return (
        f"[{input_index}:a]aresample={SAMPLE_RATE},aformat=sample_fmts=fltp:channel_layouts=stereo,asetpts=N/SR/TB,"
        f"volume={gain_db:.3f}dB,apad,atrim=end_sample={length},"
        f"afade=t=in:ss=0:ns={max(1, fade // 4)},afade=t=out:ss={length - fade}:ns={max(1, fade)}"
    )


def count_samples_before(edit: Edit, t: float) -> int:
    """Return how many samples precede the frame at `t` (clip clock)."""
    return round(round(t * edit.rate.fraction) * SAMPLE_RATE / edit.rate.fraction)


def count_output_samples(edit: Edit) -> int:
    """Return the length of the clip's audio after pause removal, in samples."""
    return sum(
        count_samples_before(edit, span.end_s) - count_samples_before(edit, span.start_s) for span in edit.kept_spans
    )


def solve_gains(edit: Edit, inputs: AudioInputs, meter: LoudnessMeter) -> AudioGains:
    """Measure the clip's audio and return the gains that bring it to `TARGET_LUFS`.

    Voice and music are first normalised to the same loudness, so that `musicVolume` means the same for every recording.
    Then their mix is measured. If a peak would exceed `LIMITER_CEILING_DBTP`, the mix is measured again through the
    limiter.
    """
    gains = AudioGains()
    if inputs.music is not None:
        length = count_output_samples(edit)
        graph = ";\n".join(
            [
                *build_voice_chains(edit, inputs.source, 1.0, "voice"),
                f"{build_music_chain(inputs.music, length, 0.0)}[music]",
            ]
        )
        loudness = meter(graph, ["voice", "music"], True)
        volume = max(edit.config.audio.music_volume, 1e-3) / 100
        gains = AudioGains(
            voice_db=_compute_gain_to_target(loudness["voice"]),
            music_db=_compute_gain_to_target(loudness["music"]) + 20 * math.log10(volume),
        )
    loudness = meter(build_mix(edit, inputs, gains, "out"), ["out"], True)
    gains = msgspec.structs.replace(gains, master_db=_compute_gain_to_target(loudness["out"]))
    if loudness["out"].lufs <= SILENCE_LUFS or loudness["out"].peak_dbtp + gains.master_db <= LIMITER_CEILING_DBTP:
        return gains
    return _solve_limited_gain(edit, inputs, msgspec.structs.replace(gains, uses_limiter=True), meter)


def _solve_limited_gain(edit: Edit, inputs: AudioInputs, gains: AudioGains, meter: LoudnessMeter) -> AudioGains:
    """Return `gains` with the master gain that brings the limiter's output to `TARGET_LUFS` (secant method)."""
    # A point is (gain in dB, loudness of the output in LUFS).
    slope, previous_point = INITIAL_LIMITER_SLOPE, None
    for _ in range(MAX_LIMITER_PASSES):
        lufs = meter(build_mix(edit, inputs, gains, "out", true_peak=False), ["out"], False)["out"].lufs
        if abs(TARGET_LUFS - lufs) <= LOUDNESS_TOLERANCE_LU:
            break
        if previous_point is not None and abs(gains.master_db - previous_point[0]) > 1e-6:
            slope = min(max((lufs - previous_point[1]) / (gains.master_db - previous_point[0]), MIN_LIMITER_SLOPE), 1.0)
        previous_point = gains.master_db, lufs
        gains = msgspec.structs.replace(
            gains, master_db=min(gains.master_db + (TARGET_LUFS - lufs) / slope, MAX_GAIN_DB)
        )
    return gains


def _compute_gain_to_target(loudness: Loudness) -> float:
    """Return the gain in dB that brings `loudness` to `TARGET_LUFS`.

    Audio that is too short or too quiet for R128 is normalised to a peak of -6 dBTP. Silence keeps its level.
    """
    if loudness.lufs > SILENCE_LUFS:
        return min(TARGET_LUFS - loudness.lufs, MAX_GAIN_DB)
    return min(-6.0 - loudness.peak_dbtp, MAX_GAIN_DB) if loudness.peak_dbtp > -60 else 0.0


def add_meters(graph: str, labels: Sequence[str], with_peaks: bool) -> tuple[str, list[str]]:
    """Return `graph` with an `ebur128` meter on each label, and the output options that discard the audio."""
    peak = "true" if with_peaks else "none"
    meters = [f"[{label}]ebur128@{label}=peak={peak}:framelog=quiet[m{label}]" for label in labels]
    output = [option for label in labels for option in ("-map", f"[m{label}]", "-f", "null", "-")]
    return ";\n".join([graph, *meters]), output


def parse_loudness(log: Sequence[str], labels: Sequence[str]) -> dict[str, Loudness]:
    """Return the loudness at each label, from the summaries that the meters of `add_meters` log at the end of a run."""
    starts = [n for n, line in enumerate(log) if "ebur128@" in line and "Summary" in line]
    result = {label: Loudness(-70.0, -120.0) for label in labels}
    for start, end in pairwise([*starts, len(log)]):
        name = re.search(r"ebur128@(\w+)", log[start])
        text = "\n".join(log[start:end])
        lufs = re.search(r"\bI:\s+(-?[\d.]+|-inf|nan) LUFS", text)
        peak = re.search(r"Peak:\s+(-?[\d.]+|-inf|nan) dBFS", text)
        if name and name[1] in result and lufs:
            result[name[1]] = Loudness(_parse_level(lufs[1], -70.0), _parse_level(peak[1] if peak else "-inf", -120.0))
    return result


def _parse_level(text: str, floor: float) -> float:
    return max(floor, float(text)) if text not in ("-inf", "nan") else floor


def make_loudness_meter(inputs: Sequence[ffmpeg.Input], threads: int) -> LoudnessMeter:
    """Return a meter for `solve_gains` that runs graphs on `inputs`."""

    def meter(graph: str, labels: Sequence[str], with_peaks: bool) -> dict[str, Loudness]:
        text, output = add_meters(graph, labels, with_peaks)
        log = ffmpeg.run(ffmpeg.build_command(inputs, output, graph=text, threads=threads)).log
        return parse_loudness(log, labels)

    return meter
