"""Builds the shots of frames that are put together from several pictures: a webcam over a screen, or a gallery.

Every region of the layouts `screen`, `three` and `four` crops one of these pictures (`Scene.compositions`), in which
the framing of `framing` applies as in a whole frame.
"""

from __future__ import annotations

import msgspec

from carmic_assets.direction.canvas import MAX_SCREEN_HEIGHT_RATIO, CropShape, Rect, place_regions
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.framing import CropConstraints, build_keyframes, choose_zoom, join_subjects
from carmic_assets.direction.order_statistics import median
from carmic_assets.direction.reasons import list_names
from carmic_assets.direction.scene_context import SAME_SHAPE_RATIO, UPSCALE_LIMIT, DirectionOptions, SceneContext
from carmic_assets.direction.subjects import SPEECH_WEIGHT, SourceSpan, Subject
from carmic_assets.model.direction import FULL_FRAME, Box, Keyframe, Layout, LayoutShot, Region

# Largest number of canvas pixels for one source pixel of the face below a screen. A webcam in a corner is small; above
# this limit the panel becomes lower, until it shows the camera's whole width.
CAMERA_UPSCALE_LIMIT = 4.0
TRIM_RATIO = 0.02  # of a camera's size: cut off on every side, where borders and rounded corners are
FACE_ROOM = 1.5  # least height of the crop below a screen, in heights of the face
GALLERY_LAYOUTS: dict[int, Layout] = {3: "three", 4: "four"}  # by the number of people
MIN_SHARED_RATIO = 0.5  # people shown together must be visible together for this fraction of the shot


class PanelBuilder:
    """Builds the shots with panels of one video or clip, in time order.

    The builder stores the last still crop of every panel, which the next shot of the same panel reuses if possible.
    """

    def __init__(self, context: SceneContext, options: DirectionOptions, grid: FrameGrid) -> None:
        self._context, self._options, self._grid = context, options, grid
        self._still_crops: dict[tuple[str, Box], Keyframe] = {}

    def build(self, span: SourceSpan) -> LayoutShot | None:
        """Build the shot of the span in a layout with panels; None if another layout is to be chosen for it."""
        requested = self._options.layout
        if requested not in ("auto", "screen", "three", "four"):
            return None
        if requested == "auto" and self._context.kept_ratio >= SAME_SHAPE_RATIO:
            return None
        composition = span.composition
        if requested in ("auto", "screen") and composition is not None and composition.screen is not None:
            return self._build_screen(span, composition.screen, composition.cameras)
        if requested == "screen":
            main = next(iter(span.subjects), None)
            return None if main is None else self._build_screen(span, FULL_FRAME, (FULL_FRAME,))
        cameras = composition.cameras if composition is not None else ()
        layout = GALLERY_LAYOUTS.get(len(cameras))
        if layout is not None and requested in ("auto", layout):
            return self._build_gallery(span, layout, [(_find_subject(span, box), box) for box in cameras])
        return None if requested == "auto" else self._build_group(span, "three" if requested == "three" else "four")

    def _build_screen(self, span: SourceSpan, screen: Box, cameras: tuple[Box, ...]) -> LayoutShot:
        """Build the shot with the screen above and the camera of whoever speaks most below."""
        speech_s = _sum_speech(span)
        candidates = [(_find_subject(span, box), box) for box in cameras]
        subject, camera = max(candidates, key=lambda c: speech_s.get(c[0].speaker or "", 0.0) if c[0] else -1.0)
        (inner,) = place_regions("fit", self._options.aspect, self._options.padding)
        screen_ratio = screen.w * self._context.width / (screen.h * self._context.height)
        screen_height = min(inner.w / screen_ratio, MAX_SCREEN_HEIGHT_RATIO * inner.h)
        picture = _trim(camera) if camera != FULL_FRAME else camera
        rect = self._choose_camera_panel(picture, subject, inner, inner.h - screen_height)
        screen_region = Region(None, (Keyframe(span.start_s, screen.x, screen.y, screen.w, screen.h),))
        face = self._frame_picture(span, subject, picture, rect, CAMERA_UPSCALE_LIMIT)
        name = list_names([subject]) if subject is not None else "the camera"
        reason = f"A screen with a camera: the screen is shown above, {name} below."
        return self._finish(span, "screen", reason, (screen_region, face))

    def _choose_camera_panel(self, picture: Box, subject: Subject | None, inner: Rect, free_height: float) -> Rect:
        """Return the panel of the camera: as tall as the free height, or lower where the picture is too small."""
        w_px, h_px = picture.w * self._context.width, picture.h * self._context.height
        crop_w = min(w_px, h_px * inner.w / free_height)
        crop_w = min(w_px, max(crop_w, inner.w / CAMERA_UPSCALE_LIMIT))
        crop_h = min(h_px, crop_w * free_height / inner.w)
        if subject is not None:
            crop_h = min(h_px, max(crop_h, FACE_ROOM * subject.height * self._context.height))
        return Rect(0, 0, round(inner.w), max(2, round(inner.w * crop_h / crop_w)))

    def _build_gallery(self, span: SourceSpan, layout: Layout, panels: list[tuple[Subject | None, Box]]) -> LayoutShot:
        """Build the shot that shows every tile of a gallery."""
        rects = place_regions(layout, self._options.aspect, self._options.padding)
        regions = tuple(
            self._frame_picture(span, subject, _trim(box), rect, UPSCALE_LIMIT)
            for (subject, box), rect in zip(panels, rects, strict=True)
        )
        return self._finish(span, layout, f"A gallery of {layout}: everybody is shown.", regions)

    def _build_group(self, span: SourceSpan, layout: Layout) -> LayoutShot | None:
        """Build a requested `three` or `four` of people who share one picture; None if there are too few of them."""
        count = 3 if layout == "three" else 4
        subjects = span.subjects[:count]
        if len(subjects) < count:
            return None
        together = subjects[0].visible.copy()
        for subject in subjects[1:]:
            together &= subject.visible
        if float(together.mean()) < MIN_SHARED_RATIO:
            return None
        rects = place_regions(layout, self._options.aspect, self._options.padding)
        ordered = sorted(subjects, key=lambda s: median(s.x0))
        regions = tuple(
            self._frame_picture(span, subject, FULL_FRAME, rect, UPSCALE_LIMIT)
            for subject, rect in zip(ordered, rects, strict=True)
        )
        return self._finish(span, layout, f"Layout {layout}: {list_names(ordered)}.", regions)

    def _frame_picture(
        self, span: SourceSpan, subject: Subject | None, picture: Box, rect: Rect, upscale_limit: float
    ) -> Region:
        """Return the region that shows `subject` (or the middle) of one picture of the frame in a panel."""
        shape = _fit_shape(rect, picture, self._context, upscale_limit)
        inside = None if subject is None else _map_subject(subject, picture)
        subject_set = None if inside is None else join_subjects([inside], span.times, span.start_s, span.end_s)
        if inside is None or subject_set is None:
            still = Keyframe(span.start_s, (1 - shape.w) / 2, (1 - shape.h) / 2, shape.w, shape.h)
            return Region(None, (_restore(still, picture),))
        key = (inside.name, picture)
        constraints = CropConstraints(shape, choose_zoom(subject_set, shape))
        keyframes = build_keyframes(
            subject_set, constraints, self._grid, span.start_s, span.end_s, self._still_crops.get(key)
        )
        if len(keyframes) == 1:
            self._still_crops[key] = keyframes[0]
        return Region(inside.name, tuple(_restore(k, picture) for k in keyframes))

    def _finish(self, span: SourceSpan, layout: Layout, reason: str, regions: tuple[Region, ...]) -> LayoutShot:
        speech_s = _sum_speech(span)
        speaker = max(speech_s, key=lambda name: speech_s[name]) if speech_s else None
        return LayoutShot(span.start_s, span.end_s, layout, speaker, reason, regions)


def _find_subject(span: SourceSpan, camera: Box) -> Subject | None:
    """Return the most important subject whose face is in the picture of `camera`."""
    for subject in span.subjects:
        x, y = median(subject.x0 + subject.x1) / 2, median(subject.y0 + subject.y1) / 2
        if camera.x <= x <= camera.x + camera.w and camera.y <= y <= camera.y + camera.h:
            return subject
    return None


def _sum_speech(span: SourceSpan) -> dict[str, float]:
    """Return the seconds of speech of each speaker in the span."""
    speech_s: dict[str, float] = {}
    for interval in span.attention:
        if interval.weight == SPEECH_WEIGHT and interval.speaker:
            speech_s[interval.speaker] = speech_s.get(interval.speaker, 0.0) + interval.end_s - interval.start_s
    return speech_s


def _trim(box: Box) -> Box:
    dx, dy = TRIM_RATIO * box.w, TRIM_RATIO * box.h
    return Box(box.x + dx, box.y + dy, box.w - 2 * dx, box.h - 2 * dy)


def _fit_shape(rect: Rect, picture: Box, context: SceneContext, upscale_limit: float) -> CropShape:
    """Return the crops of `picture` with the aspect ratio of `rect`, in fractions of the picture."""
    width, height = picture.w * context.width, picture.h * context.height
    scale = max(rect.w / width, rect.h / height)  # canvas pixels for one source pixel of the largest crop
    return CropShape(rect.w / (scale * width), rect.h / (scale * height), min(1.0, scale / upscale_limit))


def _map_subject(subject: Subject, picture: Box) -> Subject:
    """Return the subject with its boxes in fractions of `picture`."""
    return msgspec.structs.replace(
        subject,
        x0=(subject.x0 - picture.x) / picture.w,
        x1=(subject.x1 - picture.x) / picture.w,
        y0=(subject.y0 - picture.y) / picture.h,
        y1=(subject.y1 - picture.y) / picture.h,
        width=subject.width / picture.w,
        height=subject.height / picture.h,
    )


def _restore(k: Keyframe, picture: Box) -> Keyframe:
    """Return a keyframe in fractions of `picture` in fractions of the frame."""
    return Keyframe(k.t, picture.x + k.x * picture.w, picture.y + k.y * picture.h, k.w * picture.w, k.h * picture.h)
