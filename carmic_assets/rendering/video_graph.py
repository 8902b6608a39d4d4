"""The picture half of the filter graph: source to canvas, then everything that is laid over it.

Writes filter text and commands; runs nothing. All times in it are on the output clock, all sizes canvas pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.safe_zone import safe_zone
from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.media.containers import LIBRARY_FORMATS
from carmic_assets.media.ffmpeg import Input, quote
from carmic_assets.media.picture_filters import declared, even, finished, scale, turned, wide_gamut, working
from carmic_assets.media.probe import facts_of
from carmic_assets.model.edit import Cutaway, Edit
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import SourceFacts, VideoFacts
from carmic_assets.rendering.crop_plan import GAUSS, Drawn, Layer, Plan, turned_size

BAR_PX = 14  # height of the progress bar on a 1080-wide canvas
MARK_SHARE = 0.16  # of the canvas's shorter side: the watermark's longer side
UNUSED = 16  # pixels: what a layer draws while it is not shown
# Demuxers without an index land between key frames when they seek: they are given time to find one.
PREROLL_S = {"mpegts": 6.0, "mpeg": 6.0, "mpegvideo": 6.0, "h264": 6.0, "hevc": 6.0}
ON_PICTURE = "scale={w}:{h}:flags=bicubic:out_color_matrix=bt709:out_range=tv,format=yuva420p"


class Overlaid(msgspec.Struct, frozen=True):
    """A picture file on the canvas in output frames `[first, end)`: `x`, `y` its top left corner."""

    path: str
    x: float
    y: float
    w: int
    h: int
    first: int
    end: int


class Graph:
    """Filter text that grows: chains, the inputs they need, and the label of the picture so far."""

    def __init__(self, edit: Edit, first_input: int) -> None:
        self.edit = edit
        self.chains: list[str] = []
        self.inputs: list[Input] = []
        self._first_input = first_input
        self._labels = 0

    def add_input(self, each: Input, shared: bool = True) -> int:
        """The number by which the graph speaks of this input; the same file and options are opened once if `shared`.

        Chains that show a video at different times do not share it: the later ones would hold all its frames.
        """
        if shared and each in self.inputs and each.format is None:
            return self._first_input + self.inputs.index(each)
        self.inputs.append(each)
        return self._first_input + len(self.inputs) - 1

    def label(self) -> str:
        self._labels += 1
        return f"g{self._labels}"

    def chain(self, source: str, filters: Sequence[str], more: str = "") -> str:
        """Append `[source][more]filters[new]`; the new label."""
        new = self.label()
        second = f"[{more}]" if more else ""
        self.chains.append(f"[{source}]{second}{','.join(filters) or 'null'}[{new}]")
        return new

    def text(self) -> str:
        return ";\n".join(self.chains)


def canvas(graph: Graph, plan: Plan, source: str, commands: Path) -> str:
    """Layers of the plan, cut from `source` (upright frames on the output clock), on the canvas; the label.

    Sizes and places that change over time are written to files in the folder `commands` (ffmpeg's `sendcmd`).
    """
    edit = graph.edit
    video = edit.source.video
    assert video is not None
    labels = [source]
    if len(plan.layers) > 1:
        labels = [graph.label() for _ in plan.layers]
        graph.chains.append(f"[{source}]split={len(labels)}" + "".join(f"[{each}]" for each in labels))
    base = ""
    for number, (layer, label) in enumerate(zip(plan.layers, labels, strict=True)):
        drawn = graph.chain(label, _layer(edit, layer, number, commands))
        if number == 0:
            base = drawn
            continue
        step = 1 / float(edit.rate.fraction)
        spans = [(a * step, b * step) for a, b in layer.spans(plan.end)]
        first = _settings(layer.changes[0][1])
        place = f"overlay@o{number}=x={first['x']}:y={first['y']}:format={_overlay_format(video)}"
        base = graph.chain(base, (f"{place}:eof_action=pass:{_enabled(spans, step)}",), drawn)
    return graph.chain(base, finished(video))


def _layer(edit: Edit, layer: Layer, number: int, commands: Path) -> list[str]:
    """The filters of one layer, from the upright frame to a picture that lies on the canvas."""
    video = edit.source.video
    first = _settings(layer.changes[0][1])
    filters = []
    script = _script(layer, number, float(edit.rate.fraction))
    if script:
        path = commands / f"layer{number}.txt"
        path.write_text(script)
        filters.append(f"sendcmd=filename={quote(str(path))}")
    # To the pixel where that can be: at odd places ffmpeg's crop reads the colours of 16-bit formats a byte off.
    exact = 0 if video is None or wide_gamut(video) else 1
    rough = f"w={first['cw']}:h={first['ch']}:x={first['cx']}:y={first['cy']}"
    filters += [
        f"crop@c{number}={rough}:exact={exact if number else 0}",
        scale(first["sw"], first["sh"], f"s{number}"),
    ]
    if number > 0:
        return filters
    if any(drawn is not None and drawn.small is not None for _, drawn in layer.changes):
        # Passes on what has this size already.
        filters.append(f"scale@e0={first['ew']}:{first['eh']}:flags=gauss:param0={GAUSS}")
    return [*filters, f"crop@k0=w={edit.width}:h={edit.height}:x={first['ox']}:y={first['oy']}:exact={exact}"]


def _settings(drawn: Drawn | None) -> dict[str, int]:
    """The numbers that can change: c crop, s scale, e enlarged after the blur, o exact cut, x and y place."""
    if drawn is None:
        return {**dict.fromkeys(("cw", "ch", "sw", "sh", "ew", "eh"), UNUSED), **dict.fromkeys(("cx", "cy", *"xy"), 0)}
    small = drawn.small or drawn.scaled
    return {
        **{"cw": drawn.crop.w, "ch": drawn.crop.h, "cx": drawn.crop.x, "cy": drawn.crop.y},
        **{"sw": small[0], "sh": small[1], "ew": drawn.scaled[0], "eh": drawn.scaled[1]},
        **{"ox": drawn.cut.x, "oy": drawn.cut.y, "x": drawn.place[0], "y": drawn.place[1]},
    }


# Which filter and which of its commands each number goes to.
_TARGETS = {
    **{f"c{p}": ("crop@c{n}", p) for p in "whxy"},
    **{f"s{p}": ("scale@s{n}", p) for p in "wh"},
    **{p: ("overlay@o{n}", p) for p in "xy"},
}
_BASE_TARGETS = {
    **{f"{p}{q}": _TARGETS[f"{p}{q}"] for p, qs in (("c", "whxy"), ("s", "wh")) for q in qs},
    **{f"e{p}": ("scale@e0", p) for p in "wh"},
    **{f"o{p}": ("crop@k0", p) for p in "xy"},
}


def _script(layer: Layer, number: int, rate: float) -> str:
    """Commands that carry a layer from setting to setting, each a half frame before its frame."""
    lines = []
    targets = _TARGETS if number else _BASE_TARGETS
    for (_, before), (frame, after) in zip(layer.changes, layer.changes[1:], strict=False):
        old, new = _settings(before), _settings(after)
        changed = [
            f"{target.format(n=number)} {name} {new[key]}"
            for key, (target, name) in targets.items()
            if old.get(key) != new.get(key)
        ]
        if changed:
            lines.append(f"{(frame - 0.5) / rate:.6f} {', '.join(changed)};")
    return "\n".join(lines)


def _enabled(spans: Sequence[tuple[float, float]], step: float) -> str:
    """`enable=` for the frames of spans `[a, b)` given in seconds; `step` is a frame."""
    terms = "+".join(f"between(t,{a - step / 2:.6f},{b - step / 2:.6f})" for a, b in spans)
    return f"enable='{terms or '0'}'"


def _overlay_format(video: VideoFacts) -> str:
    return "yuv420p10" if wide_gamut(video) else "yuv420"


def on_output_clock(edit: Edit, cutaway: Cutaway) -> tuple[float, float]:
    """Start and end of a cutaway on the output clock, on its frame grid."""
    clock, grid = OutputClock(edit.keeps), float(edit.rate.fraction)
    start = round(clock.at(cutaway.start_s) * grid) / grid
    return start, round(clock.at(cutaway.start_s + cutaway.duration_s) * grid) / grid


def cutaways(graph: Graph, base: str) -> str:
    """B-roll over the whole canvas, each filling it; where two overlap, the one that starts later is on top.

    Those that do not overlap are joined into one layer: only the one that is shown is decoded, however many there are.
    """
    edit = graph.edit
    rate = edit.rate.fraction
    layers: list[list[tuple[Cutaway, int, int]]] = []
    for cutaway in edit.cutaways:
        first, last = (round(t * rate) for t in on_output_clock(edit, cutaway))
        if last > first:
            under = [n for n, layer in enumerate(layers) if any(a < last and first < b for _, a, b in layer)]
            place = max(under, default=-1) + 1
            layers[place:] = layers[place:] or [[]]
            layers[place].append((cutaway, first, last))
    for layer in layers:
        joined = _joined(graph, layer)
        spans = [(float(first / rate), float(last / rate)) for _, first, last in layer]
        base = graph.chain(base, (f"overlay=eof_action=repeat:{_enabled(spans, float(1 / rate))}",), joined)
    return base


def _joined(graph: Graph, layer: Sequence[tuple[Cutaway, int, int]]) -> str:
    """Cutaways one after the other, each at its frames (cutaway, first, last) of the output; nothing between them."""
    rate = graph.edit.rate
    parts = "".join(f"[{_b_roll(graph, cutaway, last - first)}]" for cutaway, first, last in layer)
    # Frames are counted through all parts; behind each part the count jumps over the gap to the next one.
    count, place = 0, [f"N+{layer[0][1]}"]
    for (_, first, last), (_, following, _) in pairwise(layer):
        count += last - first
        place.append(f"gte(N,{count})*{following - last}")
    label = graph.label()
    graph.chains.append(
        f"{parts}concat=n={len(layer)}:v=1:a=0,settb={rate.den}/{rate.num},setpts='{'+'.join(place)}'[{label}]"
    )
    return label


def _b_roll(graph: Graph, cutaway: Cutaway, frames: int) -> str:
    """So many frames of a cutaway on the canvas; its last one stands where the file ends early."""
    edit, media = graph.edit, cutaway.media
    facts = facts_of(media.path, LIBRARY_FORMATS, RenderFailed)
    video = facts.video
    if video is None:
        raise RenderFailed(f"The b-roll {media.name} has no picture. Choose another one.")
    from_s = cutaway.source_start_s
    still = media.duration_s is None
    options: tuple[str, ...] = ("-noautorotate", "-copyts")
    begin = from_s - early_s(facts)
    if begin > 0 and not still:
        options += ("-ss", f"{begin:.6f}", "-noaccurate_seek")
    number = graph.add_input(Input(media.path, options), shared=False)
    width, height = turned_size(video)
    wide = video.width * edit.height > video.height * edit.width
    # Cut to the canvas's proportion first: only what is seen is scaled. By shares: pixel aspect does not matter.
    part = (edit.width * video.height) / (edit.height * video.width)
    cut_w, cut_h = (even(width * part), height & ~1) if wide else (width & ~1, even(height / part))
    clock = (
        ("trim=end_frame=1", "setpts=0")
        if still
        else (
            f"setpts=PTS-{facts.container_start_s + from_s:.6f}/TB",
            f"fps={edit.rate.num}/{edit.rate.den}:start_time=0",
            f"trim=end_frame={frames}",
        )
    )
    chain = (
        *declared(video),
        *clock,
        *turned(video),
        f"crop={min(cut_w, width)}:{min(cut_h, height)}",
        scale(edit.width, edit.height),
        *working(video),
        *finished(video),
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={frames}",
    )
    return graph.chain(f"{number}:{video.index}", chain)


def pictures(graph: Graph, base: str, overlaid: Sequence[Overlaid]) -> str:
    """PNGs over the picture. One that is shown several times at the same place is opened and drawn once."""
    step = 1 / float(graph.edit.rate.fraction)
    times: dict[tuple[str, float, float, int, int], list[tuple[float, float]]] = {}
    for each in overlaid:
        times.setdefault((each.path, each.x, each.y, each.w, each.h), []).append((each.first * step, each.end * step))
    for (path, x, y, w, h), spans in times.items():
        drawn = graph.chain(f"{graph.add_input(Input(path))}:v", (ON_PICTURE.format(w=w, h=h),))
        base = graph.chain(base, (f"overlay=x={x:.0f}:y={y:.0f}:{_enabled(spans, step)}",), drawn)
    return base


def watermark(graph: Graph, base: str) -> str:
    """The workspace's picture in the upper right corner of the safe zone, for the whole clip, as opaque as asked."""
    edit = graph.edit
    mark = edit.watermark
    opacity = edit.config.elements.watermark.opacity / 100
    if mark is None or opacity <= 0:
        return base
    facts = facts_of(mark.path, LIBRARY_FORMATS, RenderFailed)
    assert facts.video is not None
    longest = MARK_SHARE * min(edit.width, edit.height)
    part = longest / max(facts.video.width, facts.video.height)
    w, h = even(facts.video.width * part), even(facts.video.height * part)
    zone = safe_zone(edit.width, edit.height)
    filters = ["trim=end_frame=1", ON_PICTURE.format(w=w, h=h)]
    if opacity < 1:
        filters.append(f"lut=a=val*{opacity:.4f}")
    drawn = graph.chain(f"{graph.add_input(Input(mark.path))}:{facts.video.index}", filters)
    x, y = round(zone.right - w) & ~1, round(zone.y) & ~1
    return graph.chain(base, (f"overlay=x={x}:y={y}",), drawn)


def progress_bar(graph: Graph, base: str, duration_s: float) -> str:
    """A bar that grows from left to right and is full at the last frame, on the canvas' edge."""
    edit = graph.edit
    bar = edit.config.elements.progress_bar
    if not bar.enabled:
        return base
    colour = parse_colour(bar.color)
    height = even(BAR_PX * edit.width / 1080)
    y = 0 if bar.position == "top" else edit.height - height
    step = 1 / float(edit.rate.fraction)
    drawn = graph.label()
    paint = f"0x{colour.r:02x}{colour.g:02x}{colour.b:02x}@{colour.a:.3f}"
    filters = (
        f"color=c={paint}:s={edit.width}x{height}:r=1:d=1,format=rgba",
        ON_PICTURE.format(w=edit.width, h=height),
    )
    graph.chains.append(f"{','.join(filters)}[{drawn}]")
    share = f"(t+{step:.6f})/{duration_s:.6f}"
    return graph.chain(base, (f"overlay=x='-W+round(W*min(1,{share}))':y={y}:eval=frame",), drawn)


def captions(graph: Graph, base: str, ass_path: str, fonts_dir: str) -> str:
    """Captions and hook title: one `ass` filter, fonts from our own folder."""
    return graph.chain(base, (f"ass=filename={quote(ass_path)}:fontsdir={quote(fonts_dir)}",))


def safe_zone_overlay(graph: Graph, base: str) -> str:
    """A thin frame around what apps leave uncovered, where asked for: for people who place things, not for viewers."""
    if not graph.edit.config.layout.safe_zone_overlay:
        return base
    zone = safe_zone(graph.edit.width, graph.edit.height)
    x, y, w, h = round(zone.x) & ~1, round(zone.y) & ~1, round(zone.w) & ~1, round(zone.h) & ~1
    return graph.chain(base, (f"drawbox=x={x}:y={y}:w={w}:h={h}:color=0x00e5ff@0.8:t=4",))


def source_frames(edit: Edit, source_input: int, frames: Sequence[int], first: int, end: int, label: str) -> str:
    """The chain from the source to upright frames `[first, end)` of the output clock, constant rate, pauses gone.

    The input must have been sought to before the clip's start with `-copyts`. The last picture is held where the
    source ends early, even before the clip (its sound may go on), so that there are always as many frames as the edit
    says.
    """
    video = edit.source.video
    assert video is not None
    num, den = edit.rate.num, edit.rate.den
    lead = frames[first]
    at = edit.source.container_start_s + min(edit.start_s + lead * den / num, last_picture_s(video))
    filters = [
        *declared(video),
        f"setpts=PTS-{at:.6f}/TB",
        f"fps={num}/{den}:start_time=0:round=near",
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={frames[end - 1] - lead + 1}",
    ]
    spans = _runs(frames[first:end], lead)
    if len(spans) > 1 or spans[0][0] > 0:
        filters.append("select='" + "+".join(f"between(n,{a},{b})" for a, b in spans) + "'")
    if len(spans) > 1 or spans[0][0] > 0 or first:
        filters.append(f"setpts=(N+{first})*{den}/({num}*TB)")
    return f"[{source_input}:{video.index}]{','.join([*filters, *working(video), *turned(video)])}[{label}]"


def last_picture_s(video: VideoFacts) -> float:
    """When the last picture of a source appears, source clock."""
    return video.start_s + video.duration_s - 1 / float(video.rate.fraction)


def early_s(source: SourceFacts) -> float:
    """How long before the first frame that is wanted of it a file is opened."""
    video = source.video
    assert video is not None
    preroll = max((PREROLL_S.get(name, 0.0) for name in source.container.split(",")), default=0.0)
    return preroll + (2.0 if video.variable_rate else 1.5 / float(video.rate.fraction))


def _runs(frames: Sequence[int], lead: int) -> list[tuple[int, int]]:
    """First and last of each unbroken run of frame numbers, counted from `lead`."""
    runs: list[tuple[int, int]] = []
    for n in frames:
        if runs and runs[-1][1] == n - lead - 1:
            runs[-1] = (runs[-1][0], n - lead)
        else:
            runs.append((n - lead, n - lead))
    return runs
