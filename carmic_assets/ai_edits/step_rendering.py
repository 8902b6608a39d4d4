"""Carries out one step of a plan: reads a working clip, writes the next. `_HANDLERS` maps operations to functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from msgspec.structs import replace

from carmic_assets.ai_edits.edit_plan import EditStep
from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.person_mask import person_masks
from carmic_assets.ai_edits.reframing import reframe
from carmic_assets.ai_edits.region_effects import (
    blur_patch,
    dominant_hue,
    pixelate_patch,
    recolour_patch,
)
from carmic_assets.ai_edits.region_masks import (
    Patch,
    PixelBox,
    Window,
    cut_patch,
    feathered_mask,
    put_patch,
    to_pixels,
    window_around,
)
from carmic_assets.ai_edits.region_tracking import smooth_boxes, to_rgb, track_box, track_faces
from carmic_assets.ai_edits.speech_captions import draw_captions
from carmic_assets.ai_edits.temporal_fill import FillReport, fill_spatial, fill_temporal
from carmic_assets.ai_edits.working_clip import (
    SAMPLE_RATE,
    Planes,
    WorkingClip,
    filter_picture,
    filter_sound,
    read_frames,
    read_reversed,
    read_samples,
    write_frames,
    write_samples,
)
from carmic_assets.captions.ass import Event, NamedStyle, format_script
from carmic_assets.captions.ass_syntax import escape_text
from carmic_assets.captions.fonts import build_face, build_fonts_dir
from carmic_assets.editing import colour_grade
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import quote
from carmic_assets.model.direction import Box
from carmic_assets.model.timeline import Grade
from carmic_assets.speech.transcription import TranscriptionOptions
from carmic_assets.vision.centerface import CenterFace

MAX_OUTPUT_S = 300.0  # maximum length of one variant
DEFAULT_FACTOR = {"slow_motion": 2.0, "speed_up": 2.0, "zoom_in": 1.5, "louder": 2.0, "quieter": 2.0}
FREEZE_S = 2.0
DEFAULT_ASPECT = "9:16"
FADE_S = 1.0
TITLE_FONT, TITLE_WEIGHT = "Inter", 700
TARGET_GROWTH = 0.08  # a tracked box is enlarged by this ratio, so that its content stays inside
_ALIGNMENT = {
    "bottom left": 1, "bottom": 2, "bottom right": 3, "left": 4, "centre": 5, "right": 6,
    "top left": 7, "top": 8, "top right": 9,
}  # fmt: skip
_PLACES = {
    "left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "bottom": (0.5, 1.0), "centre": (0.5, 0.5),
    "top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0), "bottom right": (1.0, 1.0),
}  # fmt: skip


class StepContext(msgspec.Struct):
    """The state that the steps of one variant share: the box of the request, a folder, and measurements.

    `covered` holds the boxes of the last region step, in pixels, for the score; `notes` are sentences for the client.
    `speech` are the options of speech recognition.
    """

    box: Box | None
    folder: Path
    number: int = 0
    covered: list[list[PixelBox]] = msgspec.field(default_factory=list)
    unseen_ratio: float | None = None
    key_hue: float | None = None
    notes: list[str] = msgspec.field(default_factory=list)
    speech: TranscriptionOptions = TranscriptionOptions()

    def path(self, suffix: str = ".mp4") -> Path:
        """Return a new file path in the folder."""
        self.number += 1
        return self.folder / f"step-{self.number}{suffix}"


def apply_step(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    """Carry out a step and return the resulting working clip.

    Raises:
        AiEditError: the step cannot be carried out on this footage.
    """
    return _HANDLERS[step.operation](clip, step, context)


def scale_grade(grade: Grade, strength: float) -> Grade:
    """Return the grade scaled by `strength`, each number clamped to -1..1."""
    numbers = {name: max(-1.0, min(1.0, getattr(grade, name) * strength)) for name in Grade.__struct_fields__}
    return Grade(**numbers)


def step_grade(step: EditStep) -> Grade:
    """Return the grade of a step. Black and white ignores the strength."""
    grade = BY_NAME[step.operation].grade
    return grade if step.operation == "black_and_white" else scale_grade(grade, step.strength)


# Full-frame filters; if there is a box, only its content is replaced by the filtered frame


def _grade(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    folder = context.path("")
    folder.mkdir()
    return _filtered(clip, colour_grade.filters(step_grade(step), folder), context)


def _filter_step(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    s = step.strength
    rate = float(clip.rate.fraction)
    filters = {
        "sepia": (
            "scale=flags=bicubic+accurate_rnd:in_color_matrix=bt709:in_range=tv",
            "format=gbrp",
            _sepia_mixer(min(1.0, 0.85 * s)),
            "scale=flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv",
        ),
        "vignette": (f"vignette=angle={min(1.2, math.pi / 5 * (0.6 + 0.4 * s)):.4f}",),
        "grain": (f"noise=alls={round(12 * s)}:allf=t:all_seed=7",),
        "denoise": (f"fftdnoiz=sigma={7 * s:.2f}:block=32",),
        "sharpen": (f"unsharp=5:5:{0.9 * s:.2f}:5:5:0",),
        "deflicker": (f"deflicker=size={max(3, min(129, round(rate / 2)))}:mode=pm",),
        "mirror": ("hflip",),
    }[step.operation]
    return _filtered(clip, filters, context)


def _sepia_mixer(share: float) -> str:
    tone = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    matrix = np.eye(3) * (1 - share) + tone * share
    names = [out + channel for out in "rgb" for channel in "rgb"]
    return "colorchannelmixer=" + ":".join(f"{n}={v:.5f}" for n, v in zip(names, matrix.ravel(), strict=True))


def _filtered(clip: WorkingClip, filters: tuple[str, ...], context: StepContext) -> WorkingClip:
    if not filters:
        return clip
    edited = filter_picture(clip, filters, context.path())
    if context.box is None:
        return edited
    box = to_pixels(context.box, clip.width, clip.height)
    window = window_around(box, clip.width, clip.height)
    mask = feathered_mask(box, window)
    pairs = zip(read_frames(clip.path), read_frames(edited.path), strict=True)
    merged = (put_patch(before, window, cut_patch(after, window), mask) for before, after in pairs)
    return write_frames(clip, merged, context.path())


def _stabilise(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    shakes = context.path(".trf")
    detect = f"vidstabdetect=shakiness=6:accuracy=12:result={quote(str(shakes))}"
    line = ffmpeg.build_command([ffmpeg.Input(str(clip.path))], ["-vf", detect, "-an", "-f", "null", "-"])
    ffmpeg.run(line, error=AiEditError)
    smoothing = round(float(clip.rate.fraction) * 0.6 * step.strength)
    transform = f"vidstabtransform=input={quote(str(shakes))}:smoothing={smoothing}:optzoom=1:interpol=bicubic"
    context.notes.append("Stabilising enlarges the image to hide its moving edges.")
    return filter_picture(clip, (transform,), context.path())


def _zoom(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    factor = min(8.0, step.factor or (DEFAULT_FACTOR["zoom_in"] - 1) * step.strength + 1)
    if factor <= 1:
        raise AiEditError("The factor of a zoom must be above 1. Ask for another factor.")
    if context.box is not None:
        centre = (context.box.x + context.box.w / 2, context.box.y + context.box.h / 2)
        if step.factor is None:
            factor = min(8.0, max(1.05, 1 / max(context.box.w, context.box.h)))
    elif step.place == "face":
        centre = _face_centre(clip)
    else:
        centre = _PLACES[step.place or "centre"]

    def frames() -> Iterator[Planes]:
        for number, planes in enumerate(read_frames(clip.path)):
            progress = number / max(1, clip.count - 1) if step.gradual else 1.0
            eased = progress * progress * (3 - 2 * progress)
            yield _enlarge(planes, factor**eased, centre)

    return write_frames(clip, frames(), context.path())


def _enlarge(planes: Planes, factor: float, centre: tuple[float, float]) -> Planes:
    def plane(data: np.ndarray, border: int) -> np.ndarray:
        height, width = data.shape
        left = min(max(centre[0] * width - width / factor / 2, 0), width - width / factor)
        top = min(max(centre[1] * height - height / factor / 2, 0), height - height / factor)
        # Pixel centres have coordinates .5: the window's edge, not the centre of its first pixel, maps to the frame's
        # edge.
        shift_x, shift_y = (left - 0.5) * -factor - 0.5, (top - 0.5) * -factor - 0.5
        matrix = np.array([[factor, 0, shift_x], [0, factor, shift_y]])
        return cv2.warpAffine(data, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    return Planes(plane(planes.y, 16), plane(planes.u, 128), plane(planes.v, 128))


def _reframe(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    width, _, height = (step.aspect or DEFAULT_ASPECT).partition(":")
    reframed = reframe(clip, int(width) / int(height), context.box, context.path())
    context.notes.append(
        f"The picture is {reframed.width} x {reframed.height}. "
        f"Set the project's canvas to that size to show it without bars."
    )
    return reframed


def _captions(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    folder = context.path("")
    folder.mkdir()
    return draw_captions(clip, context.speech, folder, context.path())


def _face_centre(clip: WorkingClip) -> tuple[float, float]:
    detector = CenterFace()
    centres = []
    for number, planes in enumerate(read_frames(clip.path)):
        if number % max(1, clip.count // 8) == 0 and (faces := detector.detect(to_rgb(planes))):
            best = max(faces, key=lambda face: face.w * face.h)
            centres.append((best.x + best.w / 2, best.y + best.h / 2))
    if not centres:
        raise AiEditError("There is no face in the range to zoom on. Draw a `bounding_box` or name a place.")
    x, y = np.median(np.array(centres), axis=0)
    return float(x), float(y)


# Regions


def _region(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    """Blur, pixelate or recolour the tracked box, or the full frame."""
    fps = float(clip.rate.fraction)
    if context.box is None:
        full_frame = PixelBox(0, 0, clip.width, clip.height)
        boxes = [[full_frame]] * clip.count
    else:
        tracked = track_box(read_frames(clip.path), to_pixels(context.box, clip.width, clip.height), fps)
        boxes = [[box.grow(TARGET_GROWTH)] for box in smooth_boxes(tracked, 1)]
    context.covered = boxes
    if step.operation == "recolour":
        context.key_hue = _find_key(clip, boxes[0][0])
    effect = _region_effect(step, context)
    return write_frames(clip, _draw_regions(read_frames(clip.path), boxes, effect, ellipse=False), context.path())


def _find_key(clip: WorkingClip, box: PixelBox) -> float:
    window = window_around(box, clip.width, clip.height, 0)
    key = None if window.is_empty else dominant_hue(next(iter(read_frames(clip.path))), window)
    if key is None:
        raise AiEditError(
            "The content of `bounding_box` is white, black or grey, which has no hue to change. "
            "Draw the box around a coloured object."
        )
    return key


def _region_effect(step: EditStep, context: StepContext) -> Callable[[Patch, PixelBox], Patch]:
    if step.operation == "recolour":
        key, name = context.key_hue or 0.0, step.colour or "red"
        return lambda patch, box: recolour_patch(patch, key, name)
    if step.operation == "pixelate" or step.style == "pixelate":
        return lambda patch, box: pixelate_patch(patch, box, step.strength)
    return lambda patch, box: blur_patch(patch, box, step.strength)


def _draw_regions(
    frames: Iterable[Planes], boxes: list[list[PixelBox]], effect: Callable[[Patch, PixelBox], Patch], *, ellipse: bool
) -> Iterator[Planes]:
    for planes, frame_boxes in zip(frames, boxes, strict=True):
        height, width = planes.y.shape
        edited = planes
        for box in frame_boxes:
            window = window_around(box, width, height)
            if not window.is_empty:
                mask = feathered_mask(box, window, ellipse=ellipse)
                edited = put_patch(edited, window, effect(cut_patch(planes, window), box), mask)
        yield edited


def _faces(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    boxes = track_faces(read_frames(clip.path), CenterFace(), float(clip.rate.fraction))
    if context.box is not None:
        limit = to_pixels(context.box, clip.width, clip.height)
        boxes = [[box for box in frame if _centre_in(box, limit)] for frame in boxes]
    if not any(boxes):
        raise AiEditError("There is no face in the range. Draw a `bounding_box` and ask for blur.")
    context.covered = boxes
    effect = _region_effect(step, context)
    return write_frames(clip, _draw_regions(read_frames(clip.path), boxes, effect, ellipse=True), context.path())


def _centre_in(box: PixelBox, limit: PixelBox) -> bool:
    x, y = box.x + box.w / 2, box.y + box.h / 2
    return limit.x <= x <= limit.x + limit.w and limit.y <= y <= limit.y + limit.h


def _remove(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    if context.box is None:
        raise AiEditError("`bounding_box` is missing. Draw a box around the object to remove.")
    box = to_pixels(context.box, clip.width, clip.height)
    tracked = track_box(read_frames(clip.path), box, float(clip.rate.fraction))
    boxes = [b.grow(TARGET_GROWTH) for b in smooth_boxes(tracked, 1)]
    context.covered = [[b] for b in boxes]
    if step.style == "blur":
        effect = _region_effect(step, context)
        blurred = _draw_regions(read_frames(clip.path), context.covered, effect, ellipse=False)
        return write_frames(clip, blurred, context.path())
    if step.style == "spatial":
        return write_frames(clip, fill_spatial(read_frames(clip.path), boxes), context.path())
    report: list[FillReport] = []
    filled = write_frames(clip, fill_temporal(lambda: read_frames(clip.path), boxes, report), context.path())
    context.unseen_ratio = report[0].unseen_ratio
    if context.unseen_ratio > 0.3:
        context.notes.append(
            f"The background behind the object is never visible in {context.unseen_ratio:.0%} of its area; "
            "that part is inpainted from its surroundings."
        )
    return filled


def _background_blur(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    window = Window(0, 0, clip.width, clip.height)
    size = PixelBox(0, 0, clip.width / 3, clip.height / 3)

    def frames() -> Iterator[Planes]:
        masks = person_masks(read_frames(clip.path), CenterFace(), float(clip.rate.fraction))
        for planes, person in zip(read_frames(clip.path), masks, strict=True):
            full_frame = cut_patch(planes, window)
            mask = 1 - cv2.resize(person, (clip.width, clip.height), interpolation=cv2.INTER_LINEAR)
            yield put_patch(
                planes, window, blur_patch(full_frame, size, 0.3 * step.strength), np.asarray(mask, np.float32)
            )

    return write_frames(clip, frames(), context.path())


# Time


def _retime(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    factor = min(16.0, step.factor or DEFAULT_FACTOR[step.operation] ** step.strength)
    is_slower = step.operation == "slow_motion"
    stretch = factor if is_slower else 1 / factor
    count = max(1, round(clip.count * stretch))
    if count / clip.rate.fraction > MAX_OUTPUT_S:
        raise AiEditError(f"The result would be longer than {MAX_OUTPUT_S:.0f} s. Choose a shorter range.")
    rate = f"{clip.rate.num}/{clip.rate.den}"
    between = {
        None: f"minterpolate=fps={rate}:mi_mode=mci:mc_mode=aobmc:vsbmc=1",
        "interpolated": f"minterpolate=fps={rate}:mi_mode=mci:mc_mode=aobmc:vsbmc=1",
        "blended": f"framerate=fps={rate}:scene=100:interp_start=0:interp_end=255",
        "repeated": f"fps={rate}",
    }[step.style]
    # The last frame is repeated, because interpolation ends at its start, before its duration is over.
    stretch_filters = ("tpad=stop=2:stop_mode=clone", f"setpts=PTS*{stretch:.9f}", between) if is_slower else (
        f"setpts=PTS*{stretch:.9f}", f"fps={rate}:round=near",
    )  # fmt: skip
    filters = (*stretch_filters, "tpad=stop=-1:stop_mode=clone", f"trim=end_frame={count}")
    retimed = filter_picture(clip, filters, context.path(), count)
    return filter_sound(retimed, _tempo_filters(1 / stretch), context.path(".wav"))


def _tempo_filters(tempo: float) -> tuple[str, ...]:
    """Return rubberband filters for `tempo`; each pass changes it by a factor of at most 8."""
    passes = max(1, math.ceil(abs(math.log(tempo, 8))))
    return tuple(f"rubberband=tempo={tempo ** (1 / passes):.9f}" for _ in range(passes))


def _reverse(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    reversed_clip = write_frames(clip, read_reversed(clip), context.path())
    if clip.sound is None:
        return reversed_clip
    return replace(reversed_clip, sound=write_samples(context.path(".wav"), read_samples(clip.sound)[::-1]))


def _freeze(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    rate = clip.rate.fraction
    extra = max(1, round((step.duration_s if step.duration_s is not None else FREEZE_S) * rate))
    at_end = step.place == "end" or step.at_s is None
    frame = clip.count - 1 if at_end or step.at_s is None else round(step.at_s * rate)
    if not 0 <= frame < clip.count:
        raise AiEditError(f"The range is {clip.duration_s:.1f} s long. Freeze a time inside it.")
    if (clip.count + extra) / rate > MAX_OUTPUT_S:
        raise AiEditError(f"The result would be longer than {MAX_OUTPUT_S:.0f} s. Hold the frame for less time.")

    def frames() -> Iterator[Planes]:
        for number, planes in enumerate(read_frames(clip.path)):
            yield planes
            if number == frame:
                yield from itertools.repeat(planes, extra)

    frozen = write_frames(clip, frames(), context.path(), clip.count + extra)
    if clip.sound is None:
        return frozen
    samples = read_samples(clip.sound)
    cut = round((frame + 1) * SAMPLE_RATE / rate)
    silence = np.zeros((frozen.samples - clip.samples, 2), np.int16)
    joined = np.concatenate([samples[:cut], silence, samples[cut:]])
    return replace(frozen, sound=write_samples(context.path(".wav"), joined))


# Overlays and audio


def _fade(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    seconds = min(step.duration_s or FADE_S, clip.duration_s)
    frames = max(1, round(seconds * clip.rate.fraction))
    is_in = step.operation == "fade_in"
    kind, start = ("in", 0) if is_in else ("out", clip.count - frames)
    colour = step.colour if step.colour in ("white", "black") else "black"
    faded = filter_picture(clip, (f"fade=t={kind}:s={start}:n={frames}:color={colour}",), context.path())
    start_s = 0.0 if is_in else clip.duration_s - seconds
    return filter_sound(faded, (f"afade=t={kind}:st={start_s:.6f}:d={seconds:.6f}",), context.path(".wav"))


def _title(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    cache = context.folder / "fonts"
    cache.mkdir(exist_ok=True)
    face = build_face(TITLE_FONT, TITLE_WEIGHT, cache)
    size = min(clip.width, clip.height) / 11
    margin = round(min(clip.width, clip.height) * 0.07)
    end_s = min(step.duration_s or clip.duration_s, clip.duration_s)
    place = step.place or "centre"
    x = {"left": margin, "right": clip.width - margin}.get(place.split()[-1], clip.width / 2)
    y = {"top": margin, "bottom": clip.height - margin}.get(place.split()[0], clip.height / 2)
    tags = f"{{\\an{_ALIGNMENT[place]}\\pos({x:.0f},{y:.0f})\\q0\\bord{size / 16:.1f}\\3c&H000000&\\1c&HFFFFFF&}}"
    event = Event(0, 0.0, end_s, "title", tags + escape_text(step.text or ""))
    script = context.path(".ass")
    script.write_text(format_script(clip.width, clip.height, [NamedStyle("title", face, size)], [event]))
    fonts = build_fonts_dir([face], cache)
    burn_in = f"ass=filename={quote(str(script))}:fontsdir={quote(str(fonts))}"
    return filter_picture(clip, (burn_in,), context.path())


def _sound(clip: WorkingClip, step: EditStep, context: StepContext) -> WorkingClip:
    if clip.sound is None:
        raise AiEditError("The range has no sound.")
    gain = step.factor or DEFAULT_FACTOR.get(step.operation, 1.0) ** step.strength
    filters = {
        "mute": ("volume=0",),
        "louder": (f"volume={min(gain, 16.0):.4f}", "alimiter=limit=0.95:level=0"),
        "quieter": (f"volume={1 / gain:.4f}",),
        "clean_voice": ("highpass=f=80", f"afftdn=nr={min(40.0, 20 * step.strength):.1f}:nf=-30"),
    }[step.operation]
    return filter_sound(clip, filters, context.path(".wav"))


_Handler = Callable[[WorkingClip, EditStep, StepContext], WorkingClip]
_HANDLERS: dict[str, _Handler] = {
    **{name: _grade for name, operation in BY_NAME.items() if operation.family == "grade"},
    **dict.fromkeys(("sepia", "vignette", "grain", "denoise", "sharpen", "deflicker", "mirror"), _filter_step),
    **dict.fromkeys(("blur", "pixelate", "recolour"), _region),
    **dict.fromkeys(("slow_motion", "speed_up"), _retime),
    **dict.fromkeys(("fade_in", "fade_out"), _fade),
    **dict.fromkeys(("mute", "louder", "quieter", "clean_voice"), _sound),
    "stabilise": _stabilise,
    "zoom_in": _zoom,
    "reframe": _reframe,
    "captions": _captions,
    "blur_faces": _faces,
    "background_blur": _background_blur,
    "remove": _remove,
    "reverse": _reverse,
    "freeze": _freeze,
    "title": _title,
}
