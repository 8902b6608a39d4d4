"""Renders an `Edit` to an MP4 with one ffmpeg process and one filter graph.

The MP4 is written to a staging file and renamed when it is complete.
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

from carmic_assets.captions.caption_track import CaptionTrack, EmojiOverlay, write_ass
from carmic_assets.captions.unicode_text import clean_text
from carmic_assets.captions.word_timing import OutputClock, find_first_frame
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS, Input
from carmic_assets.media.output_check import check_output
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderError
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.rendering import audio_graph, video_graph
from carmic_assets.rendering.crop_plan import CropPlan, build_crop_plan, list_output_frames, require_video
from carmic_assets.rendering.sound_effects import SoundEffect, drop_crowded_effects, write_effects_track
from carmic_assets.rendering.video_graph import FilterGraph, ImageOverlay, compute_last_frame_s, compute_seek_margin_s

Encoder = Literal["libx264", "h264_nvenc", "h264_videotoolbox", "h264_vaapi"]

VAAPI_DEVICE = "/dev/dri/renderD128"
MIN_TIME_LIMIT_S = 600.0  # of a render
TIME_LIMIT_PER_CLIP_S = 60.0  # time limit of a render per second of its clip
MEASURE_PROGRESS = 0.03  # progress that is reported after the loudness measurement


class RenderReport(msgspec.Struct, frozen=True):
    """The result and the cost of a render. `duration_s` is the length of the MP4; `notes` are sentences for the user.

    `gain_db` is the gain of the voice; `limited` says whether the limiter ran.
    """

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
    progress: ProgressCallback = ignore_progress,
    encoder: Encoder = "libx264",
    threads: int = 2,
    *,
    cache: str | Path | None = None,
) -> RenderReport:
    """Render the clip to `out_path`: H.264 High 4:2:0 and AAC 48 kHz stereo, fast start, constant frame rate.

    Temporary files go to `work_dir` and are deleted. Fonts and emoji images go to `cache`, which clips may share, or to
    a temporary folder without it.

    Raises:
        RenderError: the edit cannot be rendered. No output file is written.
    """
    started = time.monotonic()
    out_path, work_dir = Path(out_path), Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    staging_path = out_path.with_name(f".{out_path.name}.part")
    folder = Path(tempfile.mkdtemp(prefix="render-", dir=work_dir))
    try:
        frames = list_output_frames(edit)
        track = write_captions(edit, folder, Path(cache) if cache is not None else folder / "cache")
        plan = build_crop_plan(edit, frames)
        duration_s = float(len(frames) / edit.rate.fraction)
        inputs, audio_inputs = _build_audio_inputs(edit, folder, duration_s, track)
        meter = audio_graph.make_loudness_meter(_without_video(inputs), threads)
        gains = audio_graph.solve_gains(edit, audio_inputs, meter)
        progress(MEASURE_PROGRESS)
        graph = build_video_graph(edit, plan, frames, folder, track, len(inputs))
        graph.chains.append(audio_graph.build_mix(edit, audio_inputs, gains, "sound"))
        video_label = graph.add_chain("canvas", build_encoder_filters(encoder))
        graph_path = folder / "graph.txt"
        graph_path.write_text(graph.text())
        command = ffmpeg.build_command(
            [*inputs, *graph.inputs],
            [
                *("-map", f"[{video_label}]", "-map", "[sound]"),
                *build_encoder_options(encoder, edit, threads),
                *("-fps_mode", "passthrough", "-frames:v", str(len(frames))),
                *("-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"),
                *(*BITEXACT_OPTIONS, "-movflags", "+faststart", "-f", "mp4", str(staging_path)),
            ],
            graph=graph_path,
            threads=threads,
        )
        result = ffmpeg.run(
            command,
            duration_s=duration_s,
            progress=lambda fraction: progress(MEASURE_PROGRESS + (1 - MEASURE_PROGRESS) * fraction),
            timeout_s=max(MIN_TIME_LIMIT_S, TIME_LIMIT_PER_CLIP_S * duration_s),
        )
        check_output(
            staging_path, RenderError, frames=range(len(frames), len(frames) + 1), duration_s=duration_s, has_audio=True
        )
        size_bytes = staging_path.stat().st_size
        staging_path.replace(out_path)
        return RenderReport(
            duration_s=duration_s,
            frames=len(frames),
            size_bytes=size_bytes,
            wall_s=time.monotonic() - started,
            cpu_s=result.cpu_s,
            max_rss_bytes=result.max_rss_bytes,
            gain_db=round(gains.voice_db + gains.master_db, 2),
            limited=gains.uses_limiter,
            encoder=encoder,
            notes=(*edit.notes, *track.notes),
        )
    finally:
        staging_path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def write_captions(edit: Edit, folder: Path, cache: Path) -> CaptionTrack:
    """Write the captions, hook title and emoji of an edit to `folder`.

    Raises:
        RenderError: the captions cannot be written, for example because the font does not exist.
    """
    try:
        return write_ass(edit, folder, cache)
    except ValueError as error:
        raise RenderError(str(error)) from error


def build_source_input(edit: Edit, time_s: float) -> Input:
    """Return the source as an input, sought early enough that the frame at `time_s` (clip clock) is decoded."""
    seek_s = min(edit.start_s + time_s, compute_last_frame_s(require_video(edit.source))) - compute_seek_margin_s(
        edit.source
    )
    seek_options = ("-ss", f"{seek_s:.6f}", "-noaccurate_seek") if seek_s > 0 else ()
    return Input(edit.source_path, ("-noautorotate", "-copyts", *seek_options))


def build_video_graph(
    edit: Edit, plan: CropPlan, frames: list[int], folder: Path, track: CaptionTrack, first_input: int
) -> FilterGraph:
    """Return the graph of the complete video, labelled `[canvas]`. The inputs that it adds start at `first_input`."""
    graph = FilterGraph(edit, first_input)
    duration_s = float(len(frames) / edit.rate.fraction)
    graph.chains.append(video_graph.build_source_chain(edit, frames, plan.first, plan.end, "upright"))
    base = video_graph.compose_canvas(graph, plan, "upright", folder)
    base = video_graph.overlay_cutaways(graph, base)
    base = video_graph.overlay_watermark(graph, base)
    base = video_graph.overlay_progress_bar(graph, base, duration_s)
    base = video_graph.burn_captions(graph, base, track.ass_path, track.fonts_dir)
    overlays = [_to_image_overlay(emoji, edit.rate.fraction) for emoji in track.overlays]
    base = video_graph.overlay_images(graph, base, overlays)
    base = video_graph.draw_safe_zone(graph, base)
    graph.chains.append(f"[{base}]null[canvas]")
    return graph


def _to_image_overlay(emoji: EmojiOverlay, rate: Fraction) -> ImageOverlay:
    size = max(2, round(emoji.size))
    first, end = find_first_frame(emoji.start_s, rate), find_first_frame(emoji.end_s, rate)
    return ImageOverlay(emoji.path, round(emoji.x), round(emoji.y), size, size, first, end)


def _build_audio_inputs(
    edit: Edit, folder: Path, duration_s: float, track: CaptionTrack
) -> tuple[list[Input], audio_graph.AudioInputs]:
    """Return the inputs that have audio, the source first, and the index of each."""
    inputs = [build_source_input(edit, 0.0)]
    music_index = effects_index = None
    if edit.music is not None and edit.config.audio.music_volume > 0:
        music_index = len(inputs)
        inputs.append(Input(edit.music.path, ("-stream_loop", "-1", "-vn")))
    if edit.config.audio.auto_sfx_enabled:
        effects = drop_crowded_effects(plan_sound_effects(edit, track.overlays))
        if effects:
            path = folder / "effects.wav"
            write_effects_track(effects, duration_s, path)
            effects_index = len(inputs)
            inputs.append(Input(str(path)))
    return inputs, audio_graph.AudioInputs(0, music_index, effects_index)


def plan_sound_effects(edit: Edit, emojis: Iterable[EmojiOverlay]) -> list[SoundEffect]:
    """Return a sound effect for the hook title, each cutaway, each emoji reaction and each layout change.

    Events inside a removed pause are not visible and have no effect.
    """
    effects: list[SoundEffect] = []
    title = edit.config.elements.hook_title
    if title.enabled and clean_text(title.text):
        # The hook title is visible from the first frame.
        effects.append(SoundEffect(0.05, "hit"))
    for cutaway in edit.cutaways:
        start, end = video_graph.compute_cutaway_output_range(edit, cutaway)
        if start < end:
            effects.append(SoundEffect(start, "whoosh"))
    effects += [SoundEffect(emoji.start_s, "pop") for emoji in emojis if emoji.reaction]
    clock = OutputClock(edit.kept_spans)
    visible = [shot for shot in edit.shots if clock.to_output(shot.start_time) < clock.to_output(shot.end_time)]
    effects += [
        SoundEffect(clock.to_output(after.start_time), "whoosh")
        for before, after in pairwise(visible)
        if before.layout != after.layout
    ]
    return [effect for effect in effects if effect.peak_s < clock.duration_s]


def _without_video(inputs: list[Input]) -> list[Input]:
    return [item if "-vn" in item.options else Input(item.path, (*item.options, "-vn")) for item in inputs]


def build_encoder_filters(encoder: Encoder) -> tuple[str, ...]:
    """Return the filters that convert frames to the encoder's pixel format."""
    return ("format=nv12", "hwupload") if encoder == "h264_vaapi" else ("format=yuv420p",)


def build_encoder_options(encoder: Encoder, edit: Edit, threads: int) -> list[str]:
    """Return the options of constant quality, similar for all encoders, with a key frame every two seconds."""
    gop = str(max(1, round(edit.rate.fraction * 2)))
    common = ["-c:v", encoder, "-g", gop, "-profile:v", "high"]
    if encoder == "h264_nvenc":
        return [*common, "-preset", "p4", "-rc", "vbr", "-cq", "22", "-b:v", "0", "-pix_fmt", "yuv420p"]
    if encoder == "h264_videotoolbox":
        return [*common, "-q:v", "60", "-pix_fmt", "yuv420p"]
    if encoder == "h264_vaapi":
        return ["-vaapi_device", VAAPI_DEVICE, *common, "-qp", "22"]
    # `veryfast` takes a third of the CPU time of `medium` at an acceptable size (measured: benchmarks/render_cost.py).
    return [*common, "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", str(threads)]
