"""Builds the video part of the filter graph: the source on the canvas, then the overlays from bottom to top.

The functions write filter text and `sendcmd` files; they do not run ffmpeg. Times are on the output clock: seconds from
the start of the MP4, after pause removal. Sizes are in canvas pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.safe_zone import compute_safe_zone
from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.media.demuxers import LIBRARY_FORMATS
from carmic_assets.media.ffmpeg import Input, quote
from carmic_assets.media.probe import read_facts
from carmic_assets.media.video_filters import (
    build_orientation_filters,
    build_output_filters,
    build_scale_filter,
    build_source_filters,
    build_working_format_filters,
    needs_gamut_conversion,
    round_to_even,
)
from carmic_assets.model.edit import Cutaway, Edit
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts, VideoFacts
from carmic_assets.rendering.crop_plan import (
    GAUSS_PARAM,
    CropPlan,
    PictureGeometry,
    PictureLayer,
    compute_upright_coded_size,
    require_video,
)

PROGRESS_BAR_PX = 14  # height on a 1080-wide canvas
WATERMARK_RATIO = 0.16  # the watermark's longer side to the canvas's shorter side
PLACEHOLDER_PX = 16  # width and height that a hidden layer is cropped and scaled to, so that it costs little
# Extra time before a seek target, by demuxer. These demuxers have no index and may land between key frames; the margin
# lets them find one.
PREROLL_S = {"mpegts": 6.0, "mpeg": 6.0, "mpegvideo": 6.0, "h264": 6.0, "hevc": 6.0}
OVERLAY_FILTER_TEMPLATE = "scale={w}:{h}:flags=bicubic:out_color_matrix=bt709:out_range=tv,format=yuva420p"


class ImageOverlay(msgspec.Struct, frozen=True):
    """An image file on the canvas in the output frames `[first, end)`. `x` and `y` are its top left corner."""

    path: str
    x: float
    y: float
    w: int
    h: int
    first: int
    end: int


class FilterGraph:
    """A filter graph under construction: its chains and the inputs they need."""

    def __init__(self, edit: Edit, first_input: int) -> None:
        self.edit = edit
        self.chains: list[str] = []
        self.inputs: list[Input] = []
        self._first_input = first_input
        self._label_count = 0

    def add_input(self, new_input: Input, shared: bool = True) -> int:
        """Add an input and return its index on the command line. An equal input is reused if it is `shared`.

        Chains that read a video at different times must not share an input: ffmpeg would buffer all frames until the
        later chain reads them.
        """
        if shared and new_input in self.inputs and new_input.format is None:
            return self._first_input + self.inputs.index(new_input)
        self.inputs.append(new_input)
        return self._first_input + len(self.inputs) - 1

    def new_label(self) -> str:
        """Return a pad label that the graph does not use yet."""
        self._label_count += 1
        return f"g{self._label_count}"

    def add_chain(self, source: str, filters: Sequence[str], second_source: str = "") -> str:
        """Append `[source][second_source]filters[label]` and return the new label."""
        label = self.new_label()
        second_pad = f"[{second_source}]" if second_source else ""
        self.chains.append(f"[{source}]{second_pad}{','.join(filters) or 'null'}[{label}]")
        return label

    def text(self) -> str:
        """Return the graph in ffmpeg's syntax."""
        return ";\n".join(self.chains)


def compose_canvas(graph: FilterGraph, plan: CropPlan, source: str, commands_dir: Path) -> str:
    """Add the chains that place the plan's layers on the canvas and return the label of the result.

    `source` is the label of upright frames on the output clock. Changes over time are written to `sendcmd` files in
    `commands_dir`.
    """
    edit = graph.edit
    video = require_video(edit.source)
    labels = [source]
    if len(plan.layers) > 1:
        labels = [graph.new_label() for _ in plan.layers]
        graph.chains.append(f"[{source}]split={len(labels)}" + "".join(f"[{label}]" for label in labels))
    base = ""
    for number, (layer, label) in enumerate(zip(plan.layers, labels, strict=True)):
        layer_label = graph.add_chain(label, _build_layer_filters(edit, layer, number, commands_dir))
        if number == 0:
            base = layer_label
            continue
        frame_s = 1 / float(edit.rate.fraction)
        ranges = [(start * frame_s, end * frame_s) for start, end in layer.visible_ranges(plan.end)]
        options = _build_geometry_options(layer.changes[0][1])
        overlay = f"overlay@o{number}=x={options['x']}:y={options['y']}:format={_choose_overlay_format(video)}"
        base = graph.add_chain(
            base, (f"{overlay}:eof_action=pass:{_build_enable_option(ranges, frame_s)}",), layer_label
        )
    return graph.add_chain(base, build_output_filters(video))


def _build_layer_filters(edit: Edit, layer: PictureLayer, number: int, commands_dir: Path) -> list[str]:
    """Return the filters of one layer, from the upright frame to the scaled image.

    The instance names (`crop@c1`, `scale@s1`) are the targets of the layer's `sendcmd` commands.
    """
    video = edit.source.video
    options = _build_geometry_options(layer.changes[0][1])
    filters = []
    script = _build_sendcmd_script(layer, number, float(edit.rate.fraction))
    if script:
        path = commands_dir / f"layer{number}.txt"
        path.write_text(script)
        filters.append(f"sendcmd=filename={quote(str(path))}")
    # With `exact=1` ffmpeg reads the chroma of 16-bit formats one byte off where the position is odd.
    exact = 0 if video is None or needs_gamut_conversion(video) else 1
    source_crop = f"w={options['cw']}:h={options['ch']}:x={options['cx']}:y={options['cy']}"
    filters += [
        f"crop@c{number}={source_crop}:exact={exact if number else 0}",
        build_scale_filter(options["sw"], options["sh"], f"s{number}"),
    ]
    if number > 0:
        return filters
    if any(geometry is not None and geometry.blur_size is not None for _, geometry in layer.changes):
        # `scale` passes frames through unchanged in shots without a blur, where the size is already right.
        filters.append(f"scale@e0={options['ew']}:{options['eh']}:flags=gauss:param0={GAUSS_PARAM}")
    return [*filters, f"crop@k0=w={edit.width}:h={edit.height}:x={options['ox']}:y={options['oy']}:exact={exact}"]


def _build_geometry_options(geometry: PictureGeometry | None) -> dict[str, int]:
    """Return the filter options that change over time; None gives those of a hidden layer.

    The keys are a filter and one of its options. `cw`, `ch`, `cx`, `cy`: source crop. `sw`, `sh`: scale. `ew`, `eh`:
    upscale after the blur. `ox`, `oy`: final crop. `x`, `y`: overlay position.
    """
    if geometry is None:
        sizes = dict.fromkeys(("cw", "ch", "sw", "sh", "ew", "eh"), PLACEHOLDER_PX)
        return {**sizes, **dict.fromkeys(("cx", "cy", *"xy"), 0)}
    scaled, crop = geometry.blur_size or geometry.scaled_size, geometry.source_crop
    return {
        **{"cw": crop.w, "ch": crop.h, "cx": crop.x, "cy": crop.y},
        **{"sw": scaled[0], "sh": scaled[1], "ew": geometry.scaled_size[0], "eh": geometry.scaled_size[1]},
        **{"ox": geometry.final_crop.x, "oy": geometry.final_crop.y},
        **{"x": geometry.position[0], "y": geometry.position[1]},
    }


# The `sendcmd` target and command of each key of `_build_geometry_options`, for overlays and for the base.
_OVERLAY_TARGETS = {
    **{f"c{p}": ("crop@c{n}", p) for p in "whxy"},
    **{f"s{p}": ("scale@s{n}", p) for p in "wh"},
    **{p: ("overlay@o{n}", p) for p in "xy"},
}
_BASE_TARGETS = {
    **{f"{p}{q}": _OVERLAY_TARGETS[f"{p}{q}"] for p, qs in (("c", "whxy"), ("s", "wh")) for q in qs},
    **{f"e{p}": ("scale@e0", p) for p in "wh"},
    **{f"o{p}": ("crop@k0", p) for p in "xy"},
}


def _build_sendcmd_script(layer: PictureLayer, number: int, fps: float) -> str:
    """Return the `sendcmd` commands that change a layer's options.

    Each command is timed half a frame before its frame, so that rounding cannot delay it by a frame.
    """
    lines = []
    targets = _OVERLAY_TARGETS if number else _BASE_TARGETS
    for (_, before), (frame, after) in pairwise(layer.changes):
        old, new = _build_geometry_options(before), _build_geometry_options(after)
        commands = [
            f"{target.format(n=number)} {command} {new[key]}"
            for key, (target, command) in targets.items()
            if old.get(key) != new.get(key)
        ]
        if commands:
            lines.append(f"{(frame - 0.5) / fps:.6f} {', '.join(commands)};")
    return "\n".join(lines)


def _build_enable_option(ranges: Sequence[tuple[float, float]], frame_s: float) -> str:
    """Return the `enable=` option for `ranges` (seconds, end exclusive). `frame_s` is the duration of a frame.

    The bounds are moved half a frame back, because `between` includes both of them.
    """
    terms = "+".join(f"between(t,{start - frame_s / 2:.6f},{end - frame_s / 2:.6f})" for start, end in ranges)
    return f"enable='{terms or '0'}'"


def _choose_overlay_format(video: VideoFacts) -> str:
    return "yuv420p10" if needs_gamut_conversion(video) else "yuv420"


def compute_cutaway_output_range(edit: Edit, cutaway: Cutaway) -> tuple[float, float]:
    """Return a cutaway's start and end on the output clock, snapped to its frame grid."""
    clock, fps = OutputClock(edit.kept_spans), float(edit.rate.fraction)
    start = round(clock.to_output(cutaway.start_s) * fps) / fps
    return start, round(clock.to_output(cutaway.start_s + cutaway.duration_s) * fps) / fps


def overlay_cutaways(graph: FilterGraph, base: str) -> str:
    """Add the b-roll, which fills the canvas. Where two cutaways overlap, the one that starts later is on top.

    Cutaways that do not overlap share one layer, so that ffmpeg decodes only the visible one.
    """
    edit = graph.edit
    rate = edit.rate.fraction
    layers: list[list[tuple[Cutaway, int, int]]] = []
    for cutaway in edit.cutaways:
        first, end = (round(t * rate) for t in compute_cutaway_output_range(edit, cutaway))
        if end > first:
            overlapped_layers = [n for n, layer in enumerate(layers) if any(a < end and first < b for _, a, b in layer)]
            number = max(overlapped_layers, default=-1) + 1
            layers[number:] = layers[number:] or [[]]
            layers[number].append((cutaway, first, end))
    for layer in layers:
        layer_label = _concat_cutaways(graph, layer)
        ranges = [(float(first / rate), float(end / rate)) for _, first, end in layer]
        base = graph.add_chain(
            base, (f"overlay=eof_action=repeat:{_build_enable_option(ranges, float(1 / rate))}",), layer_label
        )
    return base


def _concat_cutaways(graph: FilterGraph, layer: Sequence[tuple[Cutaway, int, int]]) -> str:
    """Concatenate cutaways into one stream, each at its own output time, and return the stream's label.

    `layer` holds (cutaway, first output frame, end output frame), in order.
    """
    rate = graph.edit.rate
    pads = "".join(f"[{_add_cutaway_chain(graph, cutaway, end - first)}]" for cutaway, first, end in layer)
    # N counts the frames of all cutaways. After each cutaway the timestamp skips the gap before the next one.
    count, terms = 0, [f"N+{layer[0][1]}"]
    for (_, first, end), (_, following, _) in pairwise(layer):
        count += end - first
        terms.append(f"gte(N,{count})*{following - end}")
    label = graph.new_label()
    graph.chains.append(
        f"{pads}concat=n={len(layer)}:v=1:a=0,settb={rate.den}/{rate.num},setpts='{'+'.join(terms)}'[{label}]"
    )
    return label


def _add_cutaway_chain(graph: FilterGraph, cutaway: Cutaway, frames: int) -> str:
    """Add a chain with `frames` frames of a cutaway, scaled to fill the canvas, and return its label.

    Where the file ends early, its last frame is repeated.
    """
    edit, media = graph.edit, cutaway.media
    facts = read_facts(media.path, LIBRARY_FORMATS, RenderError)
    video = facts.video
    if video is None:
        raise RenderError(f"The b-roll file {media.name} has no video. Choose a video or an image.")
    source_start_s = cutaway.source_start_s
    is_image = media.duration_s is None
    options: tuple[str, ...] = ("-noautorotate", "-copyts")
    seek_s = source_start_s - compute_seek_margin_s(facts)
    if seek_s > 0 and not is_image:
        options += ("-ss", f"{seek_s:.6f}", "-noaccurate_seek")
    input_index = graph.add_input(Input(media.path, options), shared=False)
    width, height = compute_upright_coded_size(video)
    is_wider = video.width * edit.height > video.height * edit.width
    # Cropping to the canvas's aspect ratio before scaling saves work.
    ratio = (edit.width * video.height) / (edit.height * video.width)
    crop_w, crop_h = (
        (round_to_even(width * ratio), height & ~1) if is_wider else (width & ~1, round_to_even(height / ratio))
    )
    timing = (
        ("trim=end_frame=1", "setpts=0")
        if is_image
        else (
            f"setpts=PTS-{facts.container_start_s + source_start_s:.6f}/TB",
            f"fps={edit.rate.num}/{edit.rate.den}:start_time=0",
            f"trim=end_frame={frames}",
        )
    )
    filters = (
        *build_source_filters(video),
        *timing,
        *build_orientation_filters(video),
        f"crop={min(crop_w, width)}:{min(crop_h, height)}",
        build_scale_filter(edit.width, edit.height),
        *build_working_format_filters(video),
        *build_output_filters(video),
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={frames}",
    )
    return graph.add_chain(f"{input_index}:{video.index}", filters)


def overlay_images(graph: FilterGraph, base: str, overlays: Sequence[ImageOverlay]) -> str:
    """Add images over `base`. An image that appears several times at one place is opened and scaled once."""
    frame_s = 1 / float(graph.edit.rate.fraction)
    ranges_by_placement: dict[tuple[str, float, float, int, int], list[tuple[float, float]]] = {}
    for overlay in overlays:
        placement = (overlay.path, overlay.x, overlay.y, overlay.w, overlay.h)
        ranges_by_placement.setdefault(placement, []).append((overlay.first * frame_s, overlay.end * frame_s))
    for (path, x, y, w, h), ranges in ranges_by_placement.items():
        image_label = graph.add_chain(f"{graph.add_input(Input(path))}:v", (OVERLAY_FILTER_TEMPLATE.format(w=w, h=h),))
        base = graph.add_chain(
            base, (f"overlay=x={x:.0f}:y={y:.0f}:{_build_enable_option(ranges, frame_s)}",), image_label
        )
    return base


def overlay_watermark(graph: FilterGraph, base: str) -> str:
    """Add the watermark with its opacity in the upper right corner of the safe zone, for the whole clip."""
    edit = graph.edit
    watermark = edit.watermark
    opacity = edit.config.elements.watermark.opacity / 100
    if watermark is None or opacity <= 0:
        return base
    video = read_facts(watermark.path, LIBRARY_FORMATS, RenderError).video
    if video is None:
        raise RenderError(f"The watermark file {watermark.name} is not an image. Choose an image.")
    factor = WATERMARK_RATIO * min(edit.width, edit.height) / max(video.width, video.height)
    w, h = round_to_even(video.width * factor), round_to_even(video.height * factor)
    zone = compute_safe_zone(edit.width, edit.height)
    filters = ["trim=end_frame=1", OVERLAY_FILTER_TEMPLATE.format(w=w, h=h)]
    if opacity < 1:
        filters.append(f"lut=a=val*{opacity:.4f}")
    image = graph.add_chain(f"{graph.add_input(Input(watermark.path))}:{video.index}", filters)
    x, y = round(zone.right - w) & ~1, round(zone.y) & ~1
    return graph.add_chain(base, (f"overlay=x={x}:y={y}",), image)


def overlay_progress_bar(graph: FilterGraph, base: str, duration_s: float) -> str:
    """Add the progress bar at the canvas's top or bottom. It grows from the left and is full in the last frame."""
    edit = graph.edit
    bar = edit.config.elements.progress_bar
    if not bar.enabled:
        return base
    colour = parse_colour(bar.color)
    height = round_to_even(PROGRESS_BAR_PX * edit.width / 1080)
    y = 0 if bar.position == "top" else edit.height - height
    frame_s = 1 / float(edit.rate.fraction)
    label = graph.new_label()
    paint = f"0x{colour.r:02x}{colour.g:02x}{colour.b:02x}@{colour.a:.3f}"
    filters = (
        f"color=c={paint}:s={edit.width}x{height}:r=1:d=1,format=rgba",
        OVERLAY_FILTER_TEMPLATE.format(w=edit.width, h=height),
    )
    graph.chains.append(f"{','.join(filters)}[{label}]")
    progress = f"(t+{frame_s:.6f})/{duration_s:.6f}"
    return graph.add_chain(base, (f"overlay=x='-W+round(W*min(1,{progress}))':y={y}:eval=frame",), label)


def burn_captions(graph: FilterGraph, base: str, ass_path: str, fonts_dir: str) -> str:
    """Add the captions and the hook title with one `ass` filter, which reads fonts from `fonts_dir` only."""
    return graph.add_chain(base, (f"ass=filename={quote(ass_path)}:fontsdir={quote(fonts_dir)}",))


def draw_safe_zone(graph: FilterGraph, base: str) -> str:
    """Draw the outline of the safe zone, a guide for editors, if `safeZoneOverlay` is set."""
    if not graph.edit.config.layout.safe_zone_overlay:
        return base
    zone = compute_safe_zone(graph.edit.width, graph.edit.height)
    x, y, w, h = round(zone.x) & ~1, round(zone.y) & ~1, round(zone.w) & ~1, round(zone.h) & ~1
    return graph.add_chain(base, (f"drawbox=x={x}:y={y}:w={w}:h={h}:color=0x00e5ff@0.8:t=4",))


def build_source_chain(edit: Edit, frames: Sequence[int], first: int, end: int, label: str) -> str:
    """Return the chain from input 0 to upright frames `[first, end)` on the output clock, labelled `label`.

    The chain makes the rate constant and removes the pauses. Input 0 must be sought with `-copyts` to a time before the
    clip's start. Where the source's video ends before the clip does, its last frame is repeated, so that the number of
    frames is always that of the edit.
    """
    video = require_video(edit.source)
    num, den = edit.rate.num, edit.rate.den
    origin = frames[first]
    start_s = edit.source.container_start_s + min(edit.start_s + origin * den / num, compute_last_frame_s(video))
    filters = [
        *build_source_filters(video),
        f"setpts=PTS-{start_s:.6f}/TB",
        f"fps={num}/{den}:start_time=0:round=near",
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={frames[end - 1] - origin + 1}",
    ]
    groups = _group_consecutive(frames[first:end], origin)
    drops_frames = len(groups) > 1 or groups[0][0] > 0
    if drops_frames:
        filters.append("select='" + "+".join(f"between(n,{a},{b})" for a, b in groups) + "'")
    if drops_frames or first:
        filters.append(f"setpts=(N+{first})*{den}/({num}*TB)")
    filters += [*build_working_format_filters(video), *build_orientation_filters(video)]
    return f"[0:{video.index}]{','.join(filters)}[{label}]"


def compute_last_frame_s(video: VideoFacts) -> float:
    """Return the time of a source's last frame (source clock)."""
    return video.start_s + video.duration_s - 1 / float(video.rate.fraction)


def compute_seek_margin_s(source: SourceFacts) -> float:
    """Return how far before a frame a seek must go, in seconds, so that ffmpeg decodes that frame."""
    video = require_video(source)
    preroll = max((PREROLL_S.get(name, 0.0) for name in source.container.split(",")), default=0.0)
    # A frame of a variable rate may last long, so the margin is 2 s; otherwise one and a half frames suffice.
    return preroll + (2.0 if video.variable_rate else 1.5 / float(video.rate.fraction))


def _group_consecutive(frames: Sequence[int], origin: int) -> list[tuple[int, int]]:
    """Return the first and last number of each group of consecutive frames, relative to `origin`."""
    groups: list[tuple[int, int]] = []
    for n in frames:
        if groups and groups[-1][1] == n - origin - 1:
            groups[-1] = (groups[-1][0], n - origin)
        else:
            groups.append((n - origin, n - origin))
    return groups
