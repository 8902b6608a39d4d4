"""What a user would notice, checked where it is made: words in order, the speaker in frame, files as long as the cut.

The thresholds are the promises of the documentation. A miss is a warning by name in the UI; nothing is stopped by it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dagster as dg
import msgspec

from carmic_assets.model.clips import ScoredClips
from carmic_assets.model.direction import CropMetrics
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.speech import Transcript

WORDS = ("words_in_order", "words_are_confident")
CROP = ("subject_in_frame", "active_speaker_in_frame", "calm_crop", "no_wall_frames")
CLIPS = ("clips_inside_the_video", "clips_start_and_end_between_words")
FILES = ("as_long_as_the_cut", "sound_in_step")
PACKAGES = ("packages_parse",)

IN_STEP_S = 0.04


class Made(msgspec.Struct, frozen=True):
    """A rendered file: what the probe says of it, and how long it was to be."""

    title: str
    facts: SourceFacts
    duration_s: float


def specs(asset: str, names: Sequence[str]) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name, asset=asset) for name in names]


def _result(name: str, passed: bool, **metadata: Any) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, passed=bool(passed), severity=dg.AssetCheckSeverity.WARN, metadata=metadata
    )


def of_words(said: Transcript) -> list[dg.AssetCheckResult]:
    pairs = zip(said.words, said.words[1:], strict=False)
    wrong = [a.text for a, b in pairs if a.end_s > b.start_s + 0.001 or a.end_s < a.start_s]
    sure = sum(word.confidence for word in said.words) / max(1, len(said.words))
    return [
        _result("words_in_order", not wrong, wrong=len(wrong)),
        _result("words_are_confident", sure >= 0.5, mean=round(sure, 3)),
    ]


def of_crop(metrics: CropMetrics) -> list[dg.AssetCheckResult]:
    return [
        _result("subject_in_frame", metrics.subject_in_frame >= 0.98, share=round(metrics.subject_in_frame, 4)),
        _result(
            "active_speaker_in_frame",
            metrics.active_speaker_in_frame >= 0.98,
            share=round(metrics.active_speaker_in_frame, 4),
        ),
        _result(
            "calm_crop",
            metrics.reversals_per_s <= 0.1,
            reversals_per_s=round(metrics.reversals_per_s, 4),
            travel_px_per_s=round(metrics.travel_px_per_s, 2),
        ),
        _result("no_wall_frames", metrics.wall_frames == 0, frames=metrics.wall_frames),
    ]


def of_clips(scored: ScoredClips, said: Transcript) -> list[dg.AssetCheckResult]:
    outside = [clip.title for clip in scored.clips if clip.start_s < 0 or clip.end_s > said.duration_s + 0.5]
    torn = [
        clip.title
        for clip in scored.clips
        for edge in (clip.start_s, clip.end_s)
        if any(word.start_s + 0.02 < edge < word.end_s - 0.02 for word in said.words)
    ]
    return [
        _result("clips_inside_the_video", not outside, outside=outside),
        _result("clips_start_and_end_between_words", not torn, torn=torn),
    ]


def of_files(made: Sequence[Made]) -> list[dg.AssetCheckResult]:
    off, apart = [], []
    for file in made:
        video, audio = file.facts.video, file.facts.audio
        if video is None or abs(video.duration_s - file.duration_s) > 1.5 / float(video.rate.fraction):
            off.append(file.title)
        if video is None or audio is None or abs(audio.start_s - video.start_s) > IN_STEP_S:
            apart.append(file.title)
    return [
        _result("as_long_as_the_cut", not off, off=off),
        _result("sound_in_step", not apart, apart=apart),
    ]


def of_packages(problems: Sequence[str]) -> list[dg.AssetCheckResult]:
    return [_result("packages_parse", not problems, problems=list(problems))]


def problems_of(package: Path) -> list[str]:
    """What is wrong with the project files of a package, a sentence each."""
    from carmic_assets.exports.fcpxml_lint import lint

    found = []
    with zipfile.ZipFile(package) as archive:
        for name in archive.namelist():
            if not name.endswith((".xml", ".fcpxml")):
                continue
            text = archive.read(name).decode()
            try:
                ElementTree.fromstring(text)
            except ElementTree.ParseError as error:
                found.append(f"{name}: {error}")
                continue
            if name.endswith(".fcpxml"):
                found += [f"{name}: {problem}" for problem in lint(text)]
    return found
