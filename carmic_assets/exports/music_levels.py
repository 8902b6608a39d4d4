"""How loud the music is at every frame, as keyframes an editor can move: faded in and out, down while somebody speaks.

The renderer ducks by listening (a compressor keyed by the voice); here the words say when. Nothing is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.exports.nle_timeline import Bed, Level
from carmic_assets.exports.package_media import Sound
from carmic_assets.model.edit import Edit
from carmic_assets.rendering.audio_graph import MUSIC_FADE_S

DUCKED = 10 ** (-10 / 20)  # what the renderer's compressor does under a voice at the target
GAP_S = 0.8  # shorter silences do not bring the music back
DOWN_S, UP_S = 0.1, 0.45


def music_beds(edit: Edit, music: Sound, frames: int, rate: Fraction) -> tuple[Bed, ...]:
    """The music from the start, again from its beginning when it is over."""
    length = max(1, math.floor(music.duration * rate))
    levels = music_levels(edit, frames, rate)
    beds = []
    for start in range(0, frames, length):
        end = min(start + length, frames)
        inside = [Level(each.frame - start, each.gain) for each in levels if start < each.frame < end - 1]
        ends = [Level(0, gain_at(levels, start)), Level(end - 1 - start, gain_at(levels, end - 1))]
        own = [ends[0], *inside, *(ends[1:] if end - 1 > start else [])]
        if all(each.gain == own[0].gain for each in own):
            own = own[:1]
        beds.append(Bed(start, end, music.name, Fraction(0), tuple(own)))
    return tuple(beds)


def music_levels(edit: Edit, frames: int, rate: Fraction) -> tuple[Level, ...]:
    """Keyframes over the whole sequence."""
    full = edit.config.audio.music_volume / 100
    duck = _ducking(edit, frames, rate)
    fade = min(round(MUSIC_FADE_S * rate), frames // 4)
    fades = [
        Level(0, 0.0),
        Level(max(1, fade // 4), 1.0),
        Level(max(2, frames - 1 - fade), 1.0),
        Level(frames - 1, 0.0),
    ]
    fades = [each for at, each in enumerate(fades) if at == 0 or each.frame > fades[at - 1].frame]
    at = sorted({each.frame for each in (*duck, *fades) if each.frame < frames})
    return tuple(Level(frame, full * gain_at(duck, frame) * gain_at(fades, frame)) for frame in at)


def _ducking(edit: Edit, frames: int, rate: Fraction) -> list[Level]:
    """1 where nobody speaks, `DUCKED` where somebody does."""
    down, up, gap = max(1, round(DOWN_S * rate)), max(1, round(UP_S * rate)), round(GAP_S * rate)
    levels = [Level(0, 1.0)]
    for a, b in _spoken(edit, max(gap, down + up + 1), rate):
        for frame, gain in ((a - down, 1.0), (a, DUCKED), (b, DUCKED), (b + up, 1.0)):
            frame = min(max(frame, 0), frames)
            if frame > levels[-1].frame:
                levels.append(Level(frame, gain))
            else:
                levels[-1] = Level(levels[-1].frame, min(levels[-1].gain, gain))
    return levels


def _spoken(edit: Edit, gap: int, rate: Fraction) -> list[tuple[int, int]]:
    """Frames of the sequence with words, silences up to `gap` frames closed."""
    clock = OutputClock(edit.keeps)
    spans: list[tuple[int, int]] = []
    for word in edit.words:
        a, b = round(clock.at(word.start_s) * rate), round(clock.at(word.end_s) * rate)
        if a == b:  # cut out, or outside the clip
            continue
        if spans and a - spans[-1][1] <= gap:
            spans[-1] = (spans[-1][0], max(spans[-1][1], b))
        else:
            spans.append((a, b))
    return spans


def gain_at(levels: Sequence[Level], frame: int) -> float:
    """Linear between levels, held before the first and after the last."""
    if frame <= levels[0].frame:
        return levels[0].gain
    for a, b in pairwise(levels):
        if frame <= b.frame:
            return a.gain + (b.gain - a.gain) * (frame - a.frame) / (b.frame - a.frame)
    return levels[-1].gain
