"""An `Edit` becomes an MP4: one ffmpeg process, one filter graph, no Python per frame.

Everything in the picture and the sound is decided by the edit. Leaves a whole file or none.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from carmic_assets.captions.caption_track import CaptionTrack, Picture, write_ass
from carmic_assets.captions.tokens import clean
from carmic_assets.captions.word_timing import OutputClock, first_frame
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import REPEATABLE, Input
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.rendering import audio_graph
from carmic_assets.rendering import video_graph as picture
from carmic_assets.rendering.crop_plan import Plan, make_plan, output_frames
from carmic_assets.rendering.sound_effects import Effect, thinned, write_track
from carmic_assets.rendering.video_graph import Graph, Overlaid, early_s, last_picture_s

Encoder = Literal["libx264", "h264_nvenc", "h264_videotoolbox", "h264_vaapi"]

VAAPI_DEVICE = "/dev/dri/renderD128"
LIMIT = (600.0, 60.0)  # seconds that a render may take: at least, and per second of the clip


class RenderReport(msgspec.Struct, frozen=True):
    """What was made and what it cost. `duration_s` is the MP4's; `notes` are sentences for the user."""

    duration_s: float
    frames: int
    size_bytes: int
    wall_s: float
    cpu_s: float
    max_rss_bytes: int
    gain_db: float
    limited: bool
    encoder: str
    notes: tuple[str, ...] = ()


def render(
    edit: Edit,
    out_path: str | Path,
    work_dir: str | Path,
    progress: Progress = ignore,
    encoder: Encoder = "libx264",
    threads: int = 2,
    *,
    cache: str | Path | None = None,
) -> RenderReport:
    """Write the clip to `out_path`: H.264 High 4:2:0 and AAC 48 kHz stereo, fast start, constant rate.

    `work_dir` holds what is needed on the way and is left as it was; `cache` keeps fonts and emoji pictures, which all
    clips may share (a folder in `work_dir` when not given). Raises `RenderFailed`; then there is no file.
    """
    started = time.monotonic()
    out_path, work_dir = Path(out_path), Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    aside = out_path.with_name(f".{out_path.name}.part")
    folder = Path(tempfile.mkdtemp(prefix="render-", dir=work_dir))
    try:
        frames = output_frames(edit)
        track = draw_captions(edit, folder, Path(cache) if cache is not None else folder / "cache")
        plan = make_plan(edit, frames)
        inputs, heard = _sound_inputs(edit, folder, len(frames) / edit.rate.fraction, track)
        levels = audio_graph.find_levels(edit, heard, audio_graph.measure_with(_without_picture(inputs), threads))
        progress(0.03)
        graph = picture_graph(edit, plan, frames, folder, track, len(inputs))
        graph.chains.append(audio_graph.mix(edit, heard, levels, "sound"))
        shown = graph.chain("shown", encoder_filters(encoder))
        text = folder / "graph.txt"
        text.write_text(graph.text())
        duration_s = float(len(frames) / edit.rate.fraction)
        line = ffmpeg.command(
            [*inputs, *graph.inputs],
            [
                *("-map", f"[{shown}]", "-map", "[sound]"),
                *encoder_options(encoder, edit, threads),
                *("-fps_mode", "passthrough", "-frames:v", str(len(frames))),
                *("-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"),
                *(*REPEATABLE, "-movflags", "+faststart", "-f", "mp4", str(aside)),
            ],
            graph=text,
            threads=threads,
        )
        done = ffmpeg.run(
            line,
            duration_s=duration_s,
            progress=lambda part: progress(0.03 + 0.97 * part),
            limit_s=max(LIMIT[0], LIMIT[1] * duration_s),
        )
        size = aside.stat().st_size
        aside.replace(out_path)
        return RenderReport(
            duration_s=duration_s,
            frames=len(frames),
            size_bytes=size,
            wall_s=time.monotonic() - started,
            cpu_s=done.cpu_s,
            max_rss_bytes=done.max_rss_bytes,
            gain_db=round(levels.voice + levels.whole, 2),
            limited=levels.limited,
            encoder=encoder,
            notes=(*edit.notes, *track.notes),
        )
    finally:
        aside.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def draw_captions(edit: Edit, folder: Path, cache: Path) -> CaptionTrack:
    """Captions, hook title and emoji of an edit; what cannot be drawn as asked is a `RenderFailed`."""
    try:
        return write_ass(edit, folder, cache)
    except ValueError as cause:
        raise RenderFailed(str(cause)) from cause


def source_input(edit: Edit, at_s: float) -> Input:
    """The source, sought to before `at_s` (clip clock) so that the picture that stands at that moment is decoded."""
    video = edit.source.video
    assert video is not None
    begin = min(edit.start_s + at_s, last_picture_s(video)) - early_s(edit.source)
    seek = ("-ss", f"{begin:.6f}", "-noaccurate_seek") if begin > 0 else ()
    return Input(edit.source_path, ("-noautorotate", "-copyts", *seek))


def picture_graph(
    edit: Edit, plan: Plan, frames: list[int], folder: Path, track: CaptionTrack, first_input: int
) -> Graph:
    """Everything that is seen, as filter text; the picture comes out as `[shown]`."""
    graph = Graph(edit, first_input)
    duration_s = float(len(frames) / edit.rate.fraction)
    graph.chains.append(picture.source_frames(edit, 0, frames, plan.first, plan.end, "upright"))
    base = picture.canvas(graph, plan, "upright", folder)
    base = picture.cutaways(graph, base)
    base = picture.watermark(graph, base)
    base = picture.progress_bar(graph, base, duration_s)
    base = picture.captions(graph, base, track.ass_path, track.fonts_dir)
    base = picture.pictures(graph, base, [_overlaid(each, edit.rate.fraction) for each in track.pictures])
    base = picture.safe_zone_overlay(graph, base)
    graph.chains.append(f"[{base}]null[shown]")
    return graph


def _overlaid(each: Picture, rate: Fraction) -> Overlaid:
    size = max(2, round(each.size))
    first, end = first_frame(each.start_s, rate), first_frame(each.end_s, rate)
    return Overlaid(each.path, round(each.x), round(each.y), size, size, first, end)


def _sound_inputs(
    edit: Edit, folder: Path, duration_s: Fraction, track: CaptionTrack
) -> tuple[list[Input], audio_graph.Inputs]:
    """The inputs that carry sound, the source first, and their numbers."""
    inputs = [source_input(edit, 0.0)]
    music = effects = None
    if edit.music is not None and edit.config.audio.music_volume > 0:
        music = len(inputs)
        inputs.append(Input(edit.music.path, ("-stream_loop", "-1", "-vn")))
    if edit.config.audio.auto_sfx_enabled:
        found = thinned(effects_of(edit, track.pictures))
        if found:
            path = folder / "effects.wav"
            write_track(found, float(duration_s), path)
            effects = len(inputs)
            inputs.append(Input(str(path)))
    return inputs, audio_graph.Inputs(0, music, effects)


def effects_of(edit: Edit, pictures: Iterable[Picture]) -> list[Effect]:
    """Where sound effects belong: the hook title, each cutaway, each reaction among `pictures`, and changes of layout,
    all where they are seen: what lies in a removed pause is not heard either."""
    effects: list[Effect] = []
    title = edit.config.elements.hook_title
    if title.enabled and clean(title.text):
        effects.append(Effect(0.05, "hit"))
    for cutaway in edit.cutaways:
        start, end = picture.on_output_clock(edit, cutaway)
        if start < end:
            effects.append(Effect(start, "whoosh"))
    effects += [Effect(each.start_s, "pop") for each in pictures if each.reaction]
    clock = OutputClock(edit.keeps)
    seen = [shot for shot in edit.shots if clock.at(shot.start_time) < clock.at(shot.end_time)]
    for before, after in pairwise(seen):
        if before.layout != after.layout:
            effects.append(Effect(clock.at(after.start_time), "whoosh"))
    return [e for e in effects if e.at_s < clock.duration_s]


def _without_picture(inputs: list[Input]) -> list[Input]:
    return [Input(each.path, (*each.options, *(() if "-vn" in each.options else ("-vn",)))) for each in inputs]


def encoder_filters(encoder: Encoder) -> tuple[str, ...]:
    return ("format=nv12", "hwupload") if encoder == "h264_vaapi" else ("format=yuv420p",)


def encoder_options(encoder: Encoder, edit: Edit, threads: int) -> list[str]:
    """Constant quality, about the same with each encoder; a key frame every two seconds, so that players can seek."""
    gop = str(max(1, round(edit.rate.fraction * 2)))
    common = ["-c:v", encoder, "-g", gop, "-profile:v", "high"]
    if encoder == "h264_nvenc":
        return [*common, "-preset", "p4", "-rc", "vbr", "-cq", "22", "-b:v", "0", "-pix_fmt", "yuv420p"]
    if encoder == "h264_videotoolbox":
        return [*common, "-q:v", "60", "-pix_fmt", "yuv420p"]
    if encoder == "h264_vaapi":
        return ["-vaapi_device", VAAPI_DEVICE, *common, "-qp", "22"]
    # veryfast: a third of the CPU of medium at a size that no phone network minds (measured: benchmarks/render.py).
    return [*common, "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", str(threads)]
