"""Asset checks on what a viewer would notice: word order, the speaker in frame, a file as long as its clip.

The thresholds are the ones the documentation states. A failed check is a warning in the Dagster UI and stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import dagster as dg
import msgspec

from carmic_assets.model.chosen_clips import ScoredClips
from carmic_assets.model.direction import CropMetrics
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.speech import Transcript

TRANSCRIPT_CHECKS = ("words_in_order", "words_are_confident")
LAYOUT_CHECKS = ("subject_in_frame", "active_speaker_in_frame", "calm_crop", "no_wall_frames")
CLIP_CHECKS = ("clips_inside_the_video", "clips_start_and_end_between_words")
RENDER_CHECKS = ("as_long_as_the_cut", "sound_in_step")
PACKAGE_CHECKS = ("packages_parse",)

MIN_MEAN_CONFIDENCE = 0.5
MIN_IN_FRAME_RATIO = 0.98
MAX_REVERSALS_PER_S = 0.1
MAX_AV_OFFSET_S = 0.04
MAX_LENGTH_ERROR_FRAMES = 1.5


class RenderedFile(msgspec.Struct, frozen=True):
    """A rendered MP4: the probe's facts about it and the duration it should have."""

    title: str
    facts: SourceFacts
    duration_s: float


def check_specs(asset: str, names: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Return the specs of the named checks on one asset."""
    return [dg.AssetCheckSpec(name, asset=asset) for name in names]


def _warn_unless(name: str, passed: bool, **metadata: float | list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, passed=bool(passed), severity=dg.AssetCheckSeverity.WARN, metadata=metadata
    )


def check_transcript(transcript: Transcript) -> list[dg.AssetCheckResult]:
    """Check that words do not overlap and that their mean confidence is high enough."""
    words = transcript.words
    misordered = [a.text for a, b in pairwise(words) if a.end_s > b.start_s + 0.001 or a.end_s < a.start_s]
    mean = sum(word.confidence for word in words) / max(1, len(words))
    return [
        _warn_unless("words_in_order", not misordered, wrong=len(misordered)),
        _warn_unless("words_are_confident", mean >= MIN_MEAN_CONFIDENCE, mean=round(mean, 3)),
    ]


def check_layout(metrics: CropMetrics) -> list[dg.AssetCheckResult]:
    """Check that the crop keeps its subject and the active speaker in frame and does not wander."""
    return [
        _warn_unless(
            "subject_in_frame",
            metrics.subject_in_frame >= MIN_IN_FRAME_RATIO,
            share=round(metrics.subject_in_frame, 4),
        ),
        _warn_unless(
            "active_speaker_in_frame",
            metrics.active_speaker_in_frame >= MIN_IN_FRAME_RATIO,
            share=round(metrics.active_speaker_in_frame, 4),
        ),
        _warn_unless(
            "calm_crop",
            metrics.reversals_per_s <= MAX_REVERSALS_PER_S,
            reversals_per_s=round(metrics.reversals_per_s, 4),
            travel_px_per_s=round(metrics.travel_px_per_s, 2),
        ),
        _warn_unless("no_wall_frames", metrics.wall_frames == 0, frames=metrics.wall_frames),
    ]


def check_clips(scored: ScoredClips, transcript: Transcript) -> list[dg.AssetCheckResult]:
    """Check that clips lie inside the video and that no bound falls inside a word."""
    outside = [clip.title for clip in scored.clips if clip.start_s < 0 or clip.end_s > transcript.duration_s + 0.5]
    inside_word = [
        clip.title
        for clip in scored.clips
        for bound_s in (clip.start_s, clip.end_s)
        if any(word.start_s + 0.02 < bound_s < word.end_s - 0.02 for word in transcript.words)
    ]
    return [
        _warn_unless("clips_inside_the_video", not outside, outside=outside),
        _warn_unless("clips_start_and_end_between_words", not inside_word, torn=inside_word),
    ]


def check_rendered_files(files: Sequence[RenderedFile]) -> list[dg.AssetCheckResult]:
    """Check that each MP4 is as long as its clip and that sound and picture start together."""
    wrong_length, out_of_sync = [], []
    for file in files:
        video, audio = file.facts.video, file.facts.audio
        if video is None or abs(video.duration_s - file.duration_s) > MAX_LENGTH_ERROR_FRAMES / float(
            video.rate.fraction
        ):
            wrong_length.append(file.title)
        if video is None or audio is None or abs(audio.start_s - video.start_s) > MAX_AV_OFFSET_S:
            out_of_sync.append(file.title)
    return [
        _warn_unless("as_long_as_the_cut", not wrong_length, off=wrong_length),
        _warn_unless("sound_in_step", not out_of_sync, apart=out_of_sync),
    ]


def check_packages(problems: Sequence[str]) -> list[dg.AssetCheckResult]:
    """Check that the project files of every package parse; `problems` holds one sentence each."""
    return [_warn_unless("packages_parse", not problems, problems=list(problems))]
