"""Computes the music's volume keyframes: fades at both ends, and ducking during speech.

The renderer ducks with a sidechain compressor. A project file has keyframes instead, which an editor can move; they are
set at the times of the words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.exports.nle_timeline import AudioItem, FrameRange, GainKeyframe
from carmic_assets.exports.package_media import PackagedAudio
from carmic_assets.model.edit import Edit
from carmic_assets.rendering.audio_graph import MUSIC_FADE_S

DUCKED_GAIN = 10 ** (-10 / 20)  # gain of the renderer's compressor during a voice at the target loudness
MIN_PAUSE_S = 0.8  # the music stays ducked in shorter pauses
DUCK_ATTACK_S, DUCK_RELEASE_S = 0.1, 0.45  # duration of the fades; the release equals the renderer's


def build_music_items(edit: Edit, music: PackagedAudio, frames: int, rate: Fraction) -> tuple[AudioItem, ...]:
    """Return items that fill `frames` frames of the sequence with the music, repeated from its start as needed."""
    length = max(1, math.floor(music.duration * rate))
    gains = build_music_gain(edit, frames, rate)
    items = []
    for start in range(0, frames, length):
        end = min(start + length, frames)
        item_gains = [GainKeyframe(0, interpolate_gain(gains, start))]
        item_gains += [GainKeyframe(key.frame - start, key.gain) for key in gains if start < key.frame < end - 1]
        if end - 1 > start:
            item_gains.append(GainKeyframe(end - 1 - start, interpolate_gain(gains, end - 1)))
        if all(key.gain == item_gains[0].gain for key in item_gains):
            item_gains = item_gains[:1]
        items.append(AudioItem(start, end, music.name, Fraction(0), tuple(item_gains)))
    return tuple(items)


def build_music_gain(edit: Edit, frames: int, rate: Fraction) -> tuple[GainKeyframe, ...]:
    """Return the music's volume keyframes over `frames` frames of the sequence."""
    full_gain = edit.config.audio.music_volume / 100
    ducking = _build_ducking(edit, frames, rate)
    fade_frames = min(round(MUSIC_FADE_S * rate), frames // 4)
    fade_keyframes = [
        GainKeyframe(0, 0.0),
        GainKeyframe(max(1, fade_frames // 4), 1.0),
        GainKeyframe(max(2, frames - 1 - fade_frames), 1.0),
        GainKeyframe(frames - 1, 0.0),
    ]
    fades = [key for n, key in enumerate(fade_keyframes) if n == 0 or key.frame > fade_keyframes[n - 1].frame]
    positions = sorted({key.frame for key in (*ducking, *fades) if key.frame < frames})
    return tuple(
        GainKeyframe(frame, full_gain * interpolate_gain(ducking, frame) * interpolate_gain(fades, frame))
        for frame in positions
    )


def _build_ducking(edit: Edit, frames: int, rate: Fraction) -> list[GainKeyframe]:
    """Return keyframes with a gain of 1 in pauses and of `DUCKED_GAIN` during speech."""
    attack, release = max(1, round(DUCK_ATTACK_S * rate)), max(1, round(DUCK_RELEASE_S * rate))
    pause = round(MIN_PAUSE_S * rate)
    gains = [GainKeyframe(0, 1.0)]
    for start, end in _find_speech(edit, max(pause, attack + release + 1), rate):
        ramp = ((start - attack, 1.0), (start, DUCKED_GAIN), (end, DUCKED_GAIN), (end + release, 1.0))
        for position, gain in ramp:
            frame = min(max(position, 0), frames)
            if frame > gains[-1].frame:
                gains.append(GainKeyframe(frame, gain))
            else:
                gains[-1] = GainKeyframe(gains[-1].frame, min(gains[-1].gain, gain))
    return gains


def _find_speech(edit: Edit, min_pause: int, rate: Fraction) -> list[FrameRange]:
    """Return the ranges of sequence frames with speech. Pauses of up to `min_pause` frames count as speech."""
    clock = OutputClock(edit.kept_spans)
    ranges: list[FrameRange] = []
    for word in edit.words:
        start, end = round(clock.to_output(word.start_s) * rate), round(clock.to_output(word.end_s) * rate)
        if start == end:  # inside a removed pause, or outside the clip
            continue
        if ranges and start - ranges[-1][1] <= min_pause:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], end))
        else:
            ranges.append((start, end))
    return ranges


def interpolate_gain(gains: Sequence[GainKeyframe], frame: int) -> float:
    """Return the gain at `frame`: linear between keyframes, constant outside them."""
    if frame <= gains[0].frame:
        return gains[0].gain
    for a, b in pairwise(gains):
        if frame <= b.frame:
            return a.gain + (b.gain - a.gain) * (frame - a.frame) / (b.frame - a.frame)
    return gains[-1].gain
