"""Cuts, faces, tracks and lips against known truth, and what it costs.

    python -m benchmarks.vision [talk.mp4 ...]     # the talks have their truth beside them
    python -m benchmarks.vision --minutes 20       # memory over a video of so many minutes; slow

Without talks, five are made by `make_talk.py` of a development checkout (`../shared`), from seeds that nothing was
tuned on. Who speaks is judged by `benchmarks.speakers`, the crops by `benchmarks.direction`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from carmic_assets.media.analysis import FRAMES_NAME, analyse
from carmic_assets.media.containers import open_media
from carmic_assets.media.probe import probe
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.vision import spatial_matrix as spatial
from carmic_assets.vision.centerface import IMAGE_PIXELS, VIDEO_PIXELS, CenterFace, overlap
from carmic_assets.vision.detectors import Detection
from carmic_assets.vision.observation import observe

SHARED = Path(__file__).resolve().parents[2] / "shared"
SEEDS = (501, 502, 503, 504, 505)
BROLL = "data/video/tears-of-steel-battle-clip-medium.webm"


def main(arguments: list[str]) -> None:
    if not SHARED.is_dir():
        _say("vision: the recordings beside the checkout (../shared) are not here; nothing to measure on")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments[:1] == ["--minutes"]:
            _memory(folder, float(arguments[1]))
            return
        _faces()
        talks = [Path(talk) for talk in arguments] or [_made(folder, seed) for seed in SEEDS]
        for talk in talks:
            _talk(talk, folder)


def _made(folder: Path, seed: int, seconds: int = 60) -> Path:
    path = folder / f"talk_{seed}.mp4"
    command = [sys.executable, str(SHARED / "tools/make_talk.py"), "--clips", str(SHARED / "data/video")]
    command += ["--broll", str(SHARED / BROLL), "--out", str(path), "--seconds", str(seconds), "--seed", str(seed)]
    subprocess.run([*command, "--size", "1920x1080"], check=True, capture_output=True)
    return path


def _faces() -> None:
    """Hand-drawn boxes (dlib's test set) found at intersection over union 0.4."""
    import cv2

    images = SHARED / "data/images"
    for name, pixels in (("video", VIDEO_PIXELS), ("picture", IMAGE_PIXELS)):
        detector = CenterFace(input_pixels=pixels)
        total = hit = extra = 0
        for image in ET.parse(images / "testing.xml").getroot().iter("image"):
            picture = cv2.imread(str(images / image.get("file", "")))[:, :, ::-1]
            height, width = picture.shape[:2]
            drawn = []
            for box in image.iter("box"):
                x, y, w, h = (float(box.get(key, 0)) for key in ("left", "top", "width", "height"))
                drawn.append(Detection(x / width, y / height, w / width, h / height, 1.0, "face"))
            found = detector.detect(picture)
            total += len(drawn)
            hit += sum(any(overlap(box, face) >= 0.4 for face in found) for box in drawn)
            extra += sum(all(overlap(box, face) < 0.2 for box in drawn) for face in found)
        _say(f"faces    input for a {name:7}: {hit} of {total} drawn boxes found at IoU 0.4, {extra} others")


def _talk(talk: Path, folder: Path) -> None:
    truth = json.loads(talk.with_suffix(".truth.json").read_text())
    out = folder / talk.stem
    out.mkdir()
    facts = probe(talk)
    bare = _bare_decode(talk)
    began = _cpu()
    analysis = analyse(talk, facts, out)
    decoded = _cpu() - began
    _cuts(talk, truth, analysis)
    detector = CenterFace()
    observe(out / FRAMES_NAME, _first(analysis, 2), detector)  # opens the network, imports what it needs
    began = _cpu()
    pieces, runs = observe(out / FRAMES_NAME, analysis, detector)
    pieces = spatial.people(pieces)
    table = spatial.table(pieces, analysis, None)
    seen = _cpu() - began
    length = analysis.duration_s
    _people(talk, truth, table)
    _say(
        f"cost     {talk.stem}: CPU s per s of video: decode alone {bare / length:.3f}, decode + analysis "
        f"{decoded / length:.3f}, detection + tracks + lips {seen / length:.3f} ({runs / length:.1f} detections/s)"
    )


def _cuts(talk: Path, truth: dict, analysis: AnalysisFacts) -> None:
    """B-roll of a film has cuts of its own, which the truth does not list: inside it nothing is called false."""
    frame = 1.01 / truth["fps"]
    true = [shot["start"] for shot in truth["shots"]][1:]
    broll = [(shot["start"], shot["end"]) for shot in truth["shots"] if shot["kind"] == "broll"]
    missed = [t for t in true if all(abs(t - cut) > frame for cut in analysis.cuts_s)]
    other = [cut for cut in analysis.cuts_s if all(abs(t - cut) > frame for t in true)]
    false = [cut for cut in other if not any(a < cut < b for a, b in broll)]
    exact = sum(any(abs(t - cut) < 1e-3 for cut in analysis.cuts_s) for t in true)
    _say(
        f"cuts     {talk.stem}: {len(true)} true, {exact} found to the frame, missed {missed}, false {false}, "
        f"{len(other) - len(false)} inside b-roll"
    )


def _people(talk: Path, truth: dict, table) -> None:
    """True faces covered (the middle of a box in the true one, and IoU 0.4), tracks per person, lips by rank."""
    width, height = truth["size"]
    tracks: dict[str, dict[int, int]] = {name: {} for name in truth["faces"]}
    covered = total = 0
    speaking: list[float] = []
    silent: list[float] = []
    rows = list(table.iter_rows(named=True))
    times = np.array([row["t"] for row in rows])
    for name, faces in truth["faces"].items():
        for face in faces:
            x, y, w, h = face["box"]
            true = Detection(x / width, y / height, w / width, h / height, 1.0, "face")
            near = [rows[i] for i in np.flatnonzero(np.abs(times - face["t"]) < 0.05)]
            boxes = [(overlap(true, Detection(r["x"], r["y"], r["w"], r["h"], 1.0, "face")), r) for r in near]
            best = max(boxes, key=lambda each: each[0], default=(0.0, None))
            total += 1
            if best[0] < 0.4 or best[1] is None:
                continue
            covered += 1
            track = best[1]["track"]
            tracks[name][track] = tracks[name].get(track, 0) + 1
            said = [s for s in truth["speaking"] if s["start"] + 0.2 < face["t"] < s["end"] - 0.2]
            if said:
                (speaking if said[0]["person"] == name else silent).append(best[1]["speaking"])
    pairs = np.array(speaking)[:, None] - np.array(silent)[None, :]
    rank = ((pairs > 0).mean() + 0.5 * (pairs == 0).mean()) if pairs.size else float("nan")
    right = (np.mean(np.array(speaking) > 0.5) + np.mean(np.array(silent) < 0.5)) / 2 if pairs.size else float("nan")
    _say(
        f"people   {talk.stem}: {100 * covered / total:.1f} % of {total} true faces covered; tracks "
        f"{ {name: dict(seen) for name, seen in tracks.items()} }; lips: area under the curve {rank:.3f}, balanced "
        f"accuracy at 0.5 {right:.3f}"
    )


def _bare_decode(path: Path) -> float:
    began = _cpu()
    with open_media(path) as source:
        for _ in source.decode(video=0):
            pass
    return _cpu() - began


def _memory(folder: Path, minutes: float) -> None:
    """A copy is looped by its packets, and the highest memory is taken at a tenth of it and at its end."""
    talk = _made(folder, SEEDS[0])
    analysis = analyse(talk, probe(talk), folder)
    rounds = round(minutes * 60 / analysis.duration_s)
    long, facts = _looped(folder / FRAMES_NAME, folder / "long.mp4", analysis, rounds)
    marks: list[tuple[float, float]] = []

    def look(done: float) -> None:
        marks.append((done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    pieces, _ = observe(long, facts, CenterFace(), progress=look)
    began = _cpu()
    table = spatial.table(spatial.people(pieces), facts, None)
    early = next(mib for done, mib in marks if done >= 0.1)
    _say(
        f"memory   {facts.duration_s / 60:.0f} minutes: {early:.0f} MiB after a tenth, {marks[-1][1]:.0f} MiB at last; "
        f"{len(pieces)} pieces, {table['track'].n_unique()} people, {table.height} rows in {_cpu() - began:.1f} s"
    )


def _looped(copy: Path, out: Path, analysis: AnalysisFacts, rounds: int) -> tuple[Path, AnalysisFacts]:
    import av
    import msgspec

    with av.open(str(out), "w") as target:
        stream = None
        for n in range(rounds):
            with open_media(copy) as source:
                if stream is None:
                    stream = target.add_stream_from_template(source.streams.video[0])
                shift = round(n * analysis.duration_s / source.streams.video[0].time_base)
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    target.mux(packet)
    one = (0.0, *analysis.cuts_s)
    cuts = tuple(n * analysis.duration_s + cut for n in range(rounds) for cut in one)[1:]
    frames, length = analysis.frames * rounds, analysis.duration_s * rounds
    return out, msgspec.structs.replace(analysis, frames=frames, duration_s=length, cuts_s=cuts)


def _first(analysis: AnalysisFacts, seconds: float) -> AnalysisFacts:
    import msgspec

    return msgspec.structs.replace(analysis, frames=round(seconds * analysis.fps), duration_s=seconds)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
