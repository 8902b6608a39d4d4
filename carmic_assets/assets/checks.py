"""Defines asset checks for faults that a viewer would notice, such as a speaker out of frame or a file too short.

The documentation states the same thresholds. A failed check is a warning in the Dagster UI and does not stop the run,
except for `BLOCKING`: a file that fails one of these is neither stored nor delivered, and the run fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import dagster as dg
import msgspec

from carmic_assets.assets.metadata_limits import first_items
from carmic_assets.model.chosen_clips import ScoredClips
from carmic_assets.model.direction import CropMetrics
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.speech import Transcript

TRANSCRIPT_CHECKS = ("words_in_order", "words_are_confident")
LAYOUT_CHECKS = ("subject_in_frame", "active_speaker_in_frame", "calm_crop", "no_wall_frames")
CLIP_CHECKS = ("clips_inside_the_video", "clips_start_and_end_between_words")
RENDER_CHECKS = ("as_long_as_the_cut", "sound_in_step")
PACKAGE_CHECKS = ("packages_parse",)
TIMELINE_EXPORT_CHECKS = ("frames_equal_the_sum", "sound_as_long_as_the_picture")
VARIANT_CHECKS = ("outside_the_box_untouched", "frames_equal_the_plan", "variant_sound_in_step")

# Checks of what a client pays for. They run before the database row says that the file is finished.
BLOCKING = ("as_long_as_the_cut", "packages_parse")

MIN_MEAN_CONFIDENCE = 0.5  # mean confidence of the words of a transcript
MIN_IN_FRAME_RATIO = 0.98  # fraction of the time in which the subject, or the speaker, is in the crop
MAX_REVERSALS_PER_S = 0.1  # changes of direction of the crop
MAX_AV_OFFSET_S = 0.04  # between the starts of video and audio; one frame at 25 fps
MIN_OUTSIDE_PSNR_DB = 45.0  # of the pixels outside the region of an AI edit, against the source
MAX_LENGTH_ERROR_FRAMES = 1.5  # difference of a file's length from that of its clip


_DESCRIPTIONS = {
    "words_in_order": "No word of the transcript overlaps the next one.",
    "words_are_confident": f"The mean confidence of the words is at least {MIN_MEAN_CONFIDENCE}.",
    "subject_in_frame": f"A tracked person is in the crop for at least {MIN_IN_FRAME_RATIO:.0%} of the time.",
    "active_speaker_in_frame": f"The speaker is in the crop for at least {MIN_IN_FRAME_RATIO:.0%} of the time.",
    "calm_crop": f"The crop changes its direction at most {MAX_REVERSALS_PER_S} times a second.",
    "no_wall_frames": "No sampled frame shows a crop without a person while one is in the video.",
    "clips_inside_the_video": "Every clip lies inside its video.",
    "clips_start_and_end_between_words": "No clip starts or ends inside a word.",
    "as_long_as_the_cut": f"Each MP4 is as long as its clip, to within {MAX_LENGTH_ERROR_FRAMES} frames.",
    "sound_in_step": f"Sound and picture of each MP4 start within {MAX_AV_OFFSET_S * 1000:.0f} ms of each other.",
    "packages_parse": "The project files of every package are well-formed and pass the FCPXML lint.",
    "frames_equal_the_sum": "Each export has the frames of its segments.",
    "sound_as_long_as_the_picture": f"Sound and picture of each export differ by at most {MAX_AV_OFFSET_S} s.",
    "outside_the_box_untouched": f"Outside its region, a variant has a PSNR of at least {MIN_OUTSIDE_PSNR_DB:.0f} dB.",
    "frames_equal_the_plan": "Each variant has the frames that its plan gives.",
    "variant_sound_in_step": f"Audio and video of each variant differ by at most {MAX_AV_OFFSET_S} s.",
}


class RenderedFile(msgspec.Struct, frozen=True):
    """A rendered MP4: its probed properties and its expected duration."""

    title: str
    facts: SourceFacts
    duration_s: float


class ExportedFile(msgspec.Struct, frozen=True):
    """An exported MP4: the probe's facts about it, its number of frames, and how many its segments have.

    `strip` are small frames of it, for the Dagster UI.
    """

    name: str
    facts: SourceFacts
    frames: int
    planned_frames: int
    strip: tuple[Path, ...] = ()


class VariantFile(msgspec.Struct, frozen=True):
    """A variant's MP4: the probe's facts, its frames, how many the plan gives, and what is outside its region.

    `psnr_outside_db` is None if the edit has no region. `has_sound` says whether the range had sound.
    """

    name: str
    facts: SourceFacts
    frames: int
    planned_frames: int
    psnr_outside_db: float | None
    has_sound: bool


def check_specs(asset: str, names: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Return the Dagster specs of the named checks on one asset."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=_DESCRIPTIONS[name], blocking=name in BLOCKING)
        for name in names
    ]


def _build_check_result(name: str, passed: bool, **metadata: float | list[str]) -> dg.AssetCheckResult:
    limited = {key: first_items(value) if isinstance(value, list) else value for key, value in metadata.items()}
    severity = dg.AssetCheckSeverity.ERROR if name in BLOCKING else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(check_name=name, passed=bool(passed), severity=severity, metadata=limited)


def check_transcript(transcript: Transcript) -> list[dg.AssetCheckResult]:
    """Check that words do not overlap and that their mean confidence is high enough."""
    words = transcript.words
    misordered_words = [a.text for a, b in pairwise(words) if a.end_s > b.start_s + 0.001 or a.end_s < a.start_s]
    mean = sum(word.confidence for word in words) / max(1, len(words))
    return [
        _build_check_result("words_in_order", not misordered_words, wrong=len(misordered_words)),
        _build_check_result("words_are_confident", mean >= MIN_MEAN_CONFIDENCE, mean=round(mean, 3)),
    ]


def check_layout(metrics: CropMetrics) -> list[dg.AssetCheckResult]:
    """Check that subject and active speaker are in the crop, and that the crop seldom changes direction."""
    return [
        _build_check_result(
            "subject_in_frame",
            metrics.subject_in_frame >= MIN_IN_FRAME_RATIO,
            share=round(metrics.subject_in_frame, 4),
        ),
        _build_check_result(
            "active_speaker_in_frame",
            metrics.active_speaker_in_frame >= MIN_IN_FRAME_RATIO,
            share=round(metrics.active_speaker_in_frame, 4),
        ),
        _build_check_result(
            "calm_crop",
            metrics.reversals_per_s <= MAX_REVERSALS_PER_S,
            reversals_per_s=round(metrics.reversals_per_s, 4),
            travel_px_per_s=round(metrics.travel_px_per_s, 2),
        ),
        _build_check_result("no_wall_frames", metrics.wall_frames == 0, frames=metrics.wall_frames),
    ]


def check_clips(scored: ScoredClips, transcript: Transcript) -> list[dg.AssetCheckResult]:
    """Check that clips lie inside the video and that none starts or ends inside a word."""
    outside = [clip.title for clip in scored.clips if clip.start_s < 0 or clip.end_s > transcript.duration_s + 0.5]
    inside_word = [
        clip.title
        for clip in scored.clips
        for bound_s in (clip.start_s, clip.end_s)
        if any(word.start_s + 0.02 < bound_s < word.end_s - 0.02 for word in transcript.words)
    ]
    return [
        _build_check_result("clips_inside_the_video", not outside, outside=outside),
        _build_check_result("clips_start_and_end_between_words", not inside_word, torn=inside_word),
    ]


def has_wrong_length(file: RenderedFile) -> bool:
    """Return whether the picture's length differs from the clip's by more than MAX_LENGTH_ERROR_FRAMES."""
    video = file.facts.video
    if video is None:
        return True
    return abs(video.duration_s - file.duration_s) > MAX_LENGTH_ERROR_FRAMES / float(video.rate.fraction)


def check_rendered_files(files: Sequence[RenderedFile]) -> list[dg.AssetCheckResult]:
    """Check that each MP4 is as long as its clip and that audio and video start together."""
    wrong_length, out_of_sync = [], []
    for file in files:
        video, audio = file.facts.video, file.facts.audio
        if has_wrong_length(file):
            wrong_length.append(file.title)
        if video is None or audio is None or abs(audio.start_s - video.start_s) > MAX_AV_OFFSET_S:
            out_of_sync.append(file.title)
    return [
        _build_check_result("as_long_as_the_cut", not wrong_length, off=wrong_length),
        _build_check_result("sound_in_step", not out_of_sync, apart=out_of_sync),
    ]


def check_packages(problems: Sequence[str]) -> list[dg.AssetCheckResult]:
    """Check that the project files of every package parse; `problems` holds one sentence each."""
    return [_build_check_result("packages_parse", not problems, problems=list(problems))]


def check_exported_files(files: Sequence[ExportedFile]) -> list[dg.AssetCheckResult]:
    """Check that each export has the frames of its segments, and audio as long as its video."""
    wrong = [file.name for file in files if file.frames != file.planned_frames]
    unequal = []
    for file in files:
        video, audio = file.facts.video, file.facts.audio
        if video is None or audio is None or abs(audio.duration_s - video.duration_s) > MAX_AV_OFFSET_S:
            unequal.append(file.name)
    return [
        _build_check_result("frames_equal_the_sum", not wrong, wrong=wrong),
        _build_check_result("sound_as_long_as_the_picture", not unequal, unequal=unequal),
    ]


def check_variants(files: Sequence[VariantFile]) -> list[dg.AssetCheckResult]:
    """Check that a region edit leaves the rest of the picture, and that variants have their frames and their sound."""
    touched = [
        file.name for file in files if file.psnr_outside_db is not None and file.psnr_outside_db < MIN_OUTSIDE_PSNR_DB
    ]
    wrong = [file.name for file in files if file.frames != file.planned_frames]
    unequal = []
    for file in files:
        video, audio = file.facts.video, file.facts.audio
        is_silent = audio is None and not file.has_sound
        if not is_silent and (
            video is None or audio is None or abs(audio.duration_s - video.duration_s) > MAX_AV_OFFSET_S
        ):
            unequal.append(file.name)
    return [
        _build_check_result("outside_the_box_untouched", not touched, touched=touched),
        _build_check_result("frames_equal_the_plan", not wrong, wrong=wrong),
        _build_check_result("variant_sound_in_step", not unequal, apart=unequal),
    ]
