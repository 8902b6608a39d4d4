"""Measures the timeline editor: previews of long footage, strips, grades, exports from chunks, smart copy and edits.

    python -m benchmarks.timeline [--hours 2] [--seed-s 20]

The long footage is a test pattern that is repeated by copying its packets: 1080p with a keyframe each 250 frames, and
its editing proxy. Each row compares the CPU time of two pieces of work, with all of their child processes, in one run.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from api_server import Member, run_server
from benchmarks.harness import create_parser, measure_cpu_s, print_line
from carmic_assets.editing import segment_edits, smart_copy, stored_segments
from carmic_assets.editing.export_chunks import encode_chunk, join_chunks, plan_chunks, write_sound
from carmic_assets.editing.footage import Footage, natural_canvas, whole_segment
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.editing.still_frames import draw_frame, draw_strip
from carmic_assets.editing.timeline_clock import active
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.probe import read_facts
from carmic_assets.media.proxy import EDITING, make_proxy
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas, Effects, Grade, Segment, Segments
from resources import timeline_assets, timelines
from resources.timeline_assets import AcceptedFootage, NewAsset

GRADES = tuple(Grade(0.1, 0.1, 0.1 * n, 0.2, -0.1, 10) for n in range(1, 6))
STRIP_FRAMES = 60
RATE = FrameRate(25, 1)


def main() -> None:
    """Print the table of ratios."""
    parser = create_parser("timeline", __doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="length of the long footage")
    parser.add_argument("--seed-s", type=int, default=20, help="length of the pattern that is repeated")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed = write_pattern(folder / "seed.mp4", "1920x1080", arguments.seed_s, 250)
        print_line(f"{'work':55} {'CPU s':>8} {'of':>8} {'ratio':>7}   demand")
        measure_previews(folder, seed, arguments.hours)
        measure_grade(folder, seed)
        measure_exports(folder, seed)
        measure_smart_copy(folder)
    measure_edits()


def print_ratio(work: str, cpu_s: float, reference_s: float, demand: str) -> None:
    """Print one row."""
    print_line(f"{work:55} {cpu_s:8.3f} {reference_s:8.3f} {cpu_s / reference_s:7.3f}   {demand}")


def write_pattern(path: Path, size: str, seconds: int, keyframe_interval: int) -> Path:
    """Render a moving pattern with a tone, as H.264 with closed groups of pictures."""
    command = [locate_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}"]
    command += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds}", "-ac", "2", "-c:v", "libx264", "-preset", "veryfast"]
    command += ["-g", str(keyframe_interval), "-keyint_min", str(keyframe_interval), "-sc_threshold", "0"]
    command += ["-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path


def repeat(path: Path, out: Path, seconds: float) -> Path:
    """Repeat a file by copying its packets."""
    command = [locate_binary(), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(path)]
    subprocess.run([*command, "-t", str(seconds), "-c", "copy", str(out)], check=True)
    return out


def open_footage(path: Path) -> Footage:
    """Return a file as footage. The audio is not examined, which would decode all of it."""
    return Footage(str(path), read_facts(path))


def measure_previews(folder: Path, seed: Path, hours: float) -> None:
    """Measure single frames and a strip of long footage, from its editing proxy."""
    long_source = repeat(seed, folder / "long.mp4", hours * 3600)
    seed_proxy = folder / "seed-proxy.mp4"
    make_proxy(seed, read_facts(seed), seed_proxy, profile=EDITING)
    long_proxy = open_footage(repeat(seed_proxy, folder / "long-proxy.mp4", hours * 3600))
    minute_proxy = open_footage(repeat(seed_proxy, folder / "minute-proxy.mp4", 60))

    def draw(footage: Footage, places: Sequence[float]) -> float:
        """Return the CPU time of frames at these fractions of the footage."""
        canvas = natural_canvas(footage.facts)
        shots = [Shot(footage, Fraction(int(footage.frames * p)) / 25, 1, Effects(), canvas) for p in places]
        return measure_cpu_s(lambda: [draw_frame(shot, folder / "frame.jpg") for shot in shots])

    places = [0.137, 0.291, 0.443, 0.619, 0.778, 0.913]
    long_s, minute_s = draw(long_proxy, places) / len(places), draw(minute_proxy, places) / len(places)
    print_ratio("preview frame, long : one minute", long_s, minute_s, "<= 1.5")

    def seek(second: float) -> None:
        command = [
            locate_binary(),
            "-v",
            "error",
            "-y",
            "-ss",
            f"{second:.3f}",
            "-i",
            str(long_source),
            "-threads",
            "1",
        ]
        subprocess.run([*command, "-frames:v", "1", "-q:v", "3", str(folder / "seek.jpg")], check=True)

    length_s = hours * 3600
    seek_s = measure_cpu_s(lambda: [seek(length_s * place) for place in places]) / len(places)
    print_ratio("preview frame, long : ffmpeg -ss on the source", long_s, seek_s, "<= 1/6 = 0.167")
    step = long_proxy.frames // STRIP_FRAMES
    strip = folder / "strip"
    strip.mkdir()
    shot = Shot(long_proxy, Fraction(0), 1, Effects(), natural_canvas(long_proxy.facts))
    offsets = [7 + step * n for n in range(STRIP_FRAMES)]
    started_s = time.perf_counter()
    strip_s = measure_cpu_s(lambda: draw_strip(shot, offsets, strip, 320))
    wall_s = time.perf_counter() - started_s
    print_ratio(f"strip of 60 ({wall_s:.2f} s wall) : 60 calls on the source", strip_s, 60 * seek_s, "<= 1/30 = 0.033")


def measure_grade(folder: Path, seed: Path) -> None:
    """Measure new grade numbers on a frame that was previewed before, at the size of the source."""
    footage = open_footage(seed)
    canvas, ungraded = natural_canvas(footage.facts), folder / "ungraded.mkv"
    shots = [Shot(footage, Fraction(246, 25), 1, Effects(grade), canvas) for grade in GRADES]
    first_s = measure_cpu_s(lambda: draw_frame(shots[0], folder / "g.jpg", ungraded_path=ungraded))
    started_s = time.perf_counter()
    again_s = measure_cpu_s(lambda: [draw_frame(s, folder / "g.jpg", ungraded_path=ungraded) for s in shots[1:]])
    wall_ms = (time.perf_counter() - started_s) / 4 * 1000
    print_ratio(f"new grade numbers, 1080p ({wall_ms:.0f} ms wall) : first", again_s / 4, first_s, "<= 400 ms")


def measure_exports(folder: Path, seed: Path) -> None:
    """Measure a graded export, an unchanged one, and one with a changed chunk."""
    footage = open_footage(seed)
    canvas = natural_canvas(footage.facts)
    plain = segment_edits.append((), whole_segment(footage.facts, "a", "a"))
    graded, _ = segment_edits.grade(plain, "a", GRADES[1], lambda: "g")
    plain_s = measure_cpu_s(lambda: export(plain, footage, canvas, folder / "plain"))
    graded_s = measure_cpu_s(lambda: export(graded, footage, canvas, folder / "graded"))
    print_ratio("graded export, 1080p : ungraded", graded_s, plain_s, "<= 1.7")
    small = open_footage(repeat(write_pattern(folder / "small.mp4", "640x360", 20, 50), folder / "ten.mp4", 600))
    canvas = natural_canvas(small.facts)
    ten = segment_edits.append((), whole_segment(small.facts, "a", "a"))
    first_s = measure_cpu_s(lambda: export(ten, small, canvas, folder / "ten"))
    print_ratio(
        "unchanged export of 60 chunks : first",
        measure_cpu_s(lambda: export(ten, small, canvas, folder / "ten")),
        first_s,
        "<= 0.05",
    )
    ids = (f"n{n}" for n in count())
    changed, left, _ = segment_edits.split(ten, "a", 10.0, lambda: next(ids))
    changed, _ = segment_edits.grade(changed, left.id, GRADES[1], lambda: next(ids))
    print_ratio(
        "export with one changed chunk of 60 : first",
        measure_cpu_s(lambda: export(changed, small, canvas, folder / "ten")),
        first_s,
        "<= 0.08",
    )


def export(segments: Segments, footage: Footage, canvas: Canvas, folder: Path) -> None:
    """Export as the pipeline does: encode the chunks and the sound that `folder` does not hold, then join them."""
    folder.mkdir(exist_ok=True)
    chunks = plan_chunks(segments, {"a": footage}, canvas)
    for chunk in chunks:
        path = folder / f"{chunk.key}.mp4"
        if not path.exists():
            encode_chunk(chunk, path)
    spans = [(s.in_frame, s.out_frame) for s in active(segments)]
    sound = folder / f"sound-{abs(hash(tuple(spans)))}.mp4"
    if not sound.exists():
        write_sound(segments, {"a": footage}, canvas, sound)
    join_chunks([folder / f"{chunk.key}.mp4" for chunk in chunks], sound, canvas.rate, folder / "out.mp4")


def measure_smart_copy(folder: Path) -> None:
    """Measure an export of four minutes with two cuts, by copying and by encoding."""
    source = repeat(write_pattern(folder / "gop50.mp4", "1280x720", 20, 50), folder / "four.mp4", 240)
    footage = open_footage(source)
    canvas = natural_canvas(footage.facts)
    ids = (f"n{n}" for n in count())
    segments = segment_edits.append((), whole_segment(footage.facts, "a", "a"))
    segments, _, right = segment_edits.split(segments, "a", 71.3, lambda: next(ids))
    segments, middle, last = segment_edits.split(segments, right.id, 160.7, lambda: next(ids))
    segments, _ = segment_edits.trim(segments, middle.id, 80.5, 160.7)
    segments, _ = segment_edits.trim(segments, last.id, 170.1, 240.0)
    kept = active(segments)
    results: list[smart_copy.CopiedExport] = []

    def copy() -> None:
        plan = smart_copy.plan_copy(kept, {"a": footage}, canvas)
        write_sound(kept, {"a": footage}, canvas, folder / "copy-sound.mp4")
        results.append(smart_copy.write_copy(plan, folder / "copy-sound.mp4", folder / "copy.mp4"))

    copied_s = measure_cpu_s(copy)
    encoded_s = measure_cpu_s(lambda: export(kept, footage, canvas, folder / "encoded"))
    copied_ratio = results[0].frames_copied / results[0].frames
    print_ratio(f"smart copy, two cuts ({copied_ratio:.1%} copied) : encoding", copied_s, encoded_s, "<= 1/15 = 0.067")


def measure_edits() -> None:
    """Measure splits, trims and deletions over HTTP, on timelines of 5 and of 490 segments."""
    with tempfile.TemporaryDirectory() as name, run_server(Path(name)) as server:
        member = server.create_member("ENTERPRISE")
        few, many = (percentile(measure_requests(member, segments)) for segments in (5, 490))
    print_line(
        f"split, trim, delete over HTTP, p95: 490 segments {many * 1000:.1f} ms, 5 segments {few * 1000:.1f} ms, "
        f"ratio {many / few:.2f}   <= 3, 50 ms"
    )


def percentile(times_s: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return sorted(times_s)[int(len(times_s) * 0.95)]


def measure_requests(member: Member, segment_count: int) -> list[float]:
    """Return the wall times of edits at the start of a timeline, which move all later segments."""
    ids = fill_timeline(member, segment_count)
    times_s = []
    with httpx.Client(base_url=member.server.base, headers=member.headers, timeout=30) as client:

        def edit(method: str, path: str, body: dict[str, float] | None = None) -> dict[str, Any]:
            started_s = time.perf_counter()
            response = client.request(method, path, json=body)
            times_s.append(time.perf_counter() - started_s)
            assert response.status_code == 200, response.text
            answer: dict[str, Any] = response.json()
            return answer

        edit("POST", f"/segment/{ids[0]}/trim", {"new_start_ts": 0, "new_end_ts": 40})  # warms the server up
        times_s.clear()
        left = ids[1]
        for n in range(30):
            end_s = 40 - n / 25  # each round takes a frame off the second segment
            halves = edit("POST", f"/segment/{left}/split", {"split_ts": 40 + end_s - 1 / 25})
            edit("DELETE", f"/segment/{halves['right']['id']}")
            left = halves["left"]["id"]
            edit("POST", f"/segment/{ids[0]}/trim", {"new_start_ts": n / 25, "new_end_ts": 40})
    return times_s


def fill_timeline(member: Member, segment_count: int) -> list[str]:
    """Store a timeline of 40 s segments; returns their ids in order."""
    segments: Segments = ()
    with member.server.database.write() as connection:
        timeline = timelines.create(connection, member.workspace_id, member.user_id, "Cut", "", None)
        new = NewAsset("a.mp4", "video/mp4", ".mp4", {"kind": "upload"}, "awaiting_upload")
        asset = timeline_assets.create(connection, timeline, new)
        for n in range(segment_count):
            first = n * 1000
            part = Segment(str(uuid.uuid4()), asset.id, RATE, first, first + 1000, first, first + 1000, 0)
            segments = segment_edits.append(segments, part)
        canvas = {"width": 640, "height": 360, "rate": {"num": 25, "den": 1}}
        footage = AcceptedFootage({}, canvas, stored_segments.compare((), segments))
        timeline_assets.accept(connection, timeline, asset, footage, None)
    return [segment.id for segment in segments]


if __name__ == "__main__":
    main()
