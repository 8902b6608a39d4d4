"""Measures the accuracy and cost of cut detection, face detection, tracking and lip motion, against ground truth.

    python -m benchmarks.vision [TALK.mp4 ...]     # the talks have their ground truth beside them
    python -m benchmarks.vision --minutes 20       # memory over a video of this length; slow

Without a talk, three of half a minute are composed from seeds that nothing was tuned on. `benchmarks.speakers` measures
who speaks, `benchmarks.direction` measures the crops.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import polars as pl

from benchmarks.annotated_faces import read_dlib_pictures, read_packaged_pictures
from benchmarks.harness import RECORDINGS, measure_peak_memory_mib, measure_usage, print_line
from benchmarks.talk_videos import GroundTruth, compose_talk, read_ground_truth
from carmic_assets.media.analysis import FRAMES_FILENAME, analyse
from carmic_assets.media.containers import open_media
from carmic_assets.media.probe import probe
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.vision.centerface import IMAGE_PIXELS, VIDEO_PIXELS, CenterFace
from carmic_assets.vision.detection import Detection, intersection_over_union
from carmic_assets.vision.observation import observe
from carmic_assets.vision.spatial_matrix import build_table, select_people

SEEDS = (501, 502, 503)
HIT_IOU, FALSE_IOU = 0.4, 0.2  # a box hits a face from the first on, and is false below the second
FRAME_TOLERANCE = 1.01  # frames between a ground-truth cut and a detected one
TURN_MARGIN_S = 0.2  # at both ends of a turn, in which lip motion is not evaluated
EARLY_PROGRESS = 0.1  # fraction of the video after which memory is first measured


def main(arguments: list[str]) -> None:
    """Measure faces and talks, or memory (`--minutes`)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments[:1] == ["--minutes"]:
            print_memory(folder, float(arguments[1]))
            return
        print_face_detection()
        for talk in [Path(argument) for argument in arguments] or [_compose_talk(folder, seed) for seed in SEEDS]:
            measure_talk(talk, folder)


def _compose_talk(folder: Path, seed: int) -> Path:
    return compose_talk(folder / f"talk_{seed}.mp4", seed=seed, seconds=30, size="1280x720", has_broll=True)


def print_face_detection() -> None:
    """Print how many hand-drawn boxes are detected, in the pictures of packages and in dlib's test set."""
    sets = {"packages": list(read_packaged_pictures())}
    if RECORDINGS.is_dir():
        sets["dlib"] = list(read_dlib_pictures(RECORDINGS / "data/images"))
    for name, pictures in sets.items():
        for kind, pixels in (("video", VIDEO_PIXELS), ("image", IMAGE_PIXELS)):
            detector = CenterFace(input_pixels=pixels)
            total = hits = false_positives = 0
            for image, boxes in pictures:
                faces = detector.detect(image)
                total += len(boxes)
                hits += sum(any(intersection_over_union(box, face) >= HIT_IOU for face in faces) for box in boxes)
                false_positives += sum(
                    all(intersection_over_union(box, face) < FALSE_IOU for box in boxes) for face in faces
                )
            print_line(
                f"faces    {name}, input size for {kind:5}: {hits} of {total} faces detected at IoU {HIT_IOU}, "
                f"{false_positives} false positives"
            )


def measure_talk(talk: Path, folder: Path) -> None:
    """Print the cuts, the people and the cost of one talk."""
    truth = read_ground_truth(talk)
    out = folder / talk.stem
    out.mkdir()
    facts = probe(talk)
    with measure_usage() as decoding:
        _decode(talk)
    with measure_usage() as analysing:
        analysis = analyse(talk, facts, out)
    print_cuts(talk.stem, truth, analysis)
    detector = CenterFace()
    observe(out / FRAMES_FILENAME, _shorten(analysis, 2), detector)  # loads the network
    with measure_usage() as observing:
        tracklets, detector_runs = observe(out / FRAMES_FILENAME, analysis, detector)
        table = build_table(select_people(tracklets), analysis, None)
    print_people(talk.stem, truth, table)
    duration_s = analysis.duration_s
    print_line(
        f"cost     {talk.stem}: CPU s per s of video: decoding alone {decoding.cpu_s / duration_s:.3f}, decoding and "
        f"analysis {analysing.cpu_s / duration_s:.3f}, detection, tracking and lip motion "
        f"{observing.cpu_s / duration_s:.3f} ({detector_runs / duration_s:.1f} detector runs/s)"
    )


def print_cuts(name: str, truth: GroundTruth, analysis: AnalysisFacts) -> None:
    """Print the detected, missed and false cuts.

    B-roll from a film has cuts of its own that are not in the ground truth: cuts inside it are counted separately.
    """
    tolerance_s = FRAME_TOLERANCE / truth["fps"]
    true_cuts = [shot["start"] for shot in truth["shots"]][1:]
    broll = [(shot["start"], shot["end"]) for shot in truth["shots"] if shot["kind"] == "broll"]
    missed = [t for t in true_cuts if all(abs(t - cut) > tolerance_s for cut in analysis.cuts_s)]
    unmatched = [cut for cut in analysis.cuts_s if all(abs(t - cut) > tolerance_s for t in true_cuts)]
    false_cuts = [cut for cut in unmatched if not any(a < cut < b for a, b in broll)]
    exact = sum(any(abs(t - cut) < 1e-3 for cut in analysis.cuts_s) for t in true_cuts)
    print_line(
        f"cuts     {name}: {len(true_cuts)} true, {exact} detected on the exact frame, missed {missed}, false "
        f"{false_cuts}, {len(unmatched) - len(false_cuts)} inside b-roll"
    )


def print_people(name: str, truth: GroundTruth, table: pl.DataFrame) -> None:
    """Print the coverage of the ground-truth faces, the tracks of each person, and the ROC AUC of lip motion."""
    tracks: dict[str, dict[int, int]] = {person: {} for person in truth["faces"]}
    covered = total = 0
    speaking: list[float] = []
    silent: list[float] = []
    rows = list(table.iter_rows(named=True))
    times = np.array([row["t"] for row in rows])
    for person, faces in truth["faces"].items():
        for face in faces:
            total += 1
            nearby = [rows[i] for i in np.flatnonzero(np.abs(times - face["t"]) < 0.05)]
            row = _find_row(face["box"], truth["size"], nearby)
            if row is None:
                continue
            covered += 1
            tracks[person][row["track"]] = tracks[person].get(row["track"], 0) + 1
            turn = next(
                (
                    turn
                    for turn in truth["speaking"]
                    if turn["start"] + TURN_MARGIN_S < face["t"] < turn["end"] - TURN_MARGIN_S
                ),
                None,
            )
            if turn is not None:
                (speaking if turn["person"] == person else silent).append(row["speaking"])
    auc, balanced_accuracy = _compare_lip_motion(np.array(speaking), np.array(silent))
    print_line(
        f"people   {name}: {100 * covered / total:.1f} % of {total} ground-truth faces covered; tracks {tracks}; "
        f"lip motion: ROC AUC {auc:.3f}, balanced accuracy at 0.5 {balanced_accuracy:.3f}"
    )


def _find_row(box: list[float], size: tuple[int, int], rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the row with the highest IoU with a ground-truth face, if it hits one."""
    (x, y, w, h), (width, height) = box, size
    face = Detection(x / width, y / height, w / width, h / height, 1.0, "face")

    def iou(row: dict[str, Any]) -> float:
        return intersection_over_union(face, Detection(row["x"], row["y"], row["w"], row["h"], 1.0, "face"))

    best = max(rows, key=iou, default=None)
    return best if best is not None and iou(best) >= HIT_IOU else None


def _compare_lip_motion(speaking: np.ndarray, silent: np.ndarray) -> tuple[float, float]:
    """Return the ROC AUC and the balanced accuracy at 0.5 of the two groups of values; NaN when a group is empty."""
    differences = speaking[:, None] - silent[None, :]
    if not differences.size:
        return float("nan"), float("nan")
    auc = (differences > 0).mean() + 0.5 * (differences == 0).mean()
    return float(auc), float((np.mean(speaking > 0.5) + np.mean(silent < 0.5)) / 2)


def _decode(path: Path) -> None:
    with open_media(path) as source:
        for _ in source.decode(video=0):
            pass


def print_memory(folder: Path, minutes: float) -> None:
    """Print the peak memory after a tenth and at the end of a long video: the packets of a short one, repeated."""
    talk = _compose_talk(folder, SEEDS[0])
    analysis = analyse(talk, probe(talk), folder)
    repeats = round(minutes * 60 / analysis.duration_s)
    long_video, long_analysis = _repeat(folder / FRAMES_FILENAME, folder / "long.mp4", analysis, repeats)
    samples: list[tuple[float, float]] = []
    tracklets, _ = observe(
        long_video,
        long_analysis,
        CenterFace(),
        progress=lambda done: samples.append((done, measure_peak_memory_mib())),
    )
    with measure_usage() as usage:
        table = build_table(select_people(tracklets), long_analysis, None)
    early_mib = next(mib for done, mib in samples if done >= EARLY_PROGRESS)
    print_line(
        f"memory   {long_analysis.duration_s / 60:.0f} minutes: {early_mib:.0f} MiB after a tenth, "
        f"{samples[-1][1]:.0f} MiB at the end; {len(tracklets)} tracklets, {table['track'].n_unique()} people, "
        f"{table.height} rows in {usage.cpu_s:.1f} s CPU"
    )


def _repeat(frames: Path, out: Path, analysis: AnalysisFacts, repeats: int) -> tuple[Path, AnalysisFacts]:
    """Write the packets of a video several times in a row; return the file and its facts."""
    with av.open(str(out), "w") as target:
        stream = None
        for n in range(repeats):
            with open_media(frames) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = target.add_stream_from_template(video)
                assert video.time_base is not None
                offset = round(n * analysis.duration_s / video.time_base)
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                    target.mux(packet)
    shot_starts_s = (0.0, *analysis.cuts_s)
    cuts_s = tuple(n * analysis.duration_s + start_s for n in range(repeats) for start_s in shot_starts_s)[1:]
    frame_count, duration_s = analysis.frames * repeats, analysis.duration_s * repeats
    return out, msgspec.structs.replace(analysis, frames=frame_count, duration_s=duration_s, cuts_s=cuts_s)


def _shorten(analysis: AnalysisFacts, seconds: float) -> AnalysisFacts:
    """Return the facts of the first seconds."""
    return msgspec.structs.replace(analysis, frames=round(seconds * analysis.fps), duration_s=seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
