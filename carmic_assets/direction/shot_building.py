"""Converts each planned view to a layout shot: layout, regions with keyframes, reason."""

from __future__ import annotations

import msgspec
import numpy as np

from carmic_assets.direction.canvas import CropShape
from carmic_assets.direction.crop_path import AxisKeyframe, find_whip_pans
from carmic_assets.direction.crop_sampling import slice_shots
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.framing import (
    CropBounds,
    CropConstraints,
    SubjectSet,
    build_keyframes,
    choose_zoom,
    join_subjects,
)
from carmic_assets.direction.order_statistics import median
from carmic_assets.direction.reasons import explain_shot
from carmic_assets.direction.scene_context import NEARLY_ALL_RATIO, DirectionOptions, SceneContext
from carmic_assets.direction.subjects import SPEECH_WEIGHT, SourceSpan
from carmic_assets.direction.view_planning import MIN_VIEW_S, ViewInterval
from carmic_assets.direction.views import collect_subjects, compute_crop_bounds
from carmic_assets.model.direction import Keyframe, Layout, LayoutShot, Region

SPLIT_FACE_HEIGHT = 0.34  # desired height of a face, as a fraction of its half of a split
MAX_CENTRED_WIDTH = 1.1  # widest crop of a half; 1 is the widest crop that is centred on its person
MAX_SPLIT_SIZE_RATIO = 1.2  # height of the larger face in a split, divided by that of the smaller
MIN_SPEECH_S = 0.05  # shorter speech in a view interval is ignored


class ShotBuilder:
    """Builds the shots of one video or clip, in time order.

    The builder stores the last still crop of every set of subjects, and their next shot reuses it if possible.
    Otherwise a person would shift by a few pixels from shot to shot.
    """

    def __init__(self, context: SceneContext, options: DirectionOptions, grid: FrameGrid) -> None:
        self._context, self._options, self._grid = context, options, grid
        self._still_crops: dict[str, Keyframe] = {}

    def build(self, span: SourceSpan, interval: ViewInterval) -> LayoutShot:
        """Build the shot that shows the view of `interval`."""
        view = interval.view
        speech_s = _sum_speech_by_speaker(span, interval)
        layout: Layout = "face-track"
        if view.kind == "split":
            layout = "split"
            regions = self._build_split(span, interval)
        elif view.kind == "full" and (self._options.layout == "fit" or self._context.kept_ratio < NEARLY_ALL_RATIO):
            layout = "fit"
            regions = ()
        else:
            regions = (self._build_single(span, interval, speech_s),)
        speaker = max(speech_s, key=lambda name: speech_s[name]) if speech_s else None
        reason = explain_shot(span, view, speech_s, self._options, self._context)
        return LayoutShot(interval.start_s, interval.end_s, layout, speaker, reason, regions)

    def _build_single(self, span: SourceSpan, interval: ViewInterval, speech_s: dict[str, float]) -> Region:
        """Return one region around the members of the view, or in the middle of the frame if it has none."""
        members, shape = interval.view.members, self._context.single
        span_subject_set = collect_subjects(span, members) if members else None
        if span_subject_set is None:
            return Region(None, (Keyframe(interval.start_s, (1 - shape.w) / 2, (1 - shape.h) / 2, shape.w, shape.h),))
        subjects = [span.subjects[k] for k in members]
        subject_set = join_subjects(subjects, span.times, interval.start_s, interval.end_s) or span_subject_set
        other_faces = tuple(
            (median(s.x0), median(s.x1)) for k, s in enumerate(span.subjects) if k not in members and s.visible.any()
        )
        names = [s.name for s in subjects]
        constraints = CropConstraints(shape, choose_zoom(span_subject_set, shape), avoided_faces=other_faces)
        keyframes = self._build_keyframes("+".join(names), subject_set, constraints, interval)
        main = max((n for n in names if n in speech_s), key=lambda n: speech_s[n], default=names[0])
        return Region(main, keyframes)

    def _build_split(self, span: SourceSpan, interval: ViewInterval) -> tuple[Region, ...]:
        """Return the two regions of a split, top first."""
        pair = _order_pair(span, (interval.view.members[0], interval.view.members[1]), self._options.top_speaker)
        halves = self._context.halves
        bounds = [compute_crop_bounds(span, k, pair) for k in pair]
        scales = _choose_split_scales(
            [_find_subject_set(span, k, span.start_s, span.end_s) for k in pair], halves, bounds
        )
        regions = []
        for position, k, half, scale, crop_bounds in zip(("top", "bottom"), pair, halves, scales, bounds, strict=True):
            name = span.subjects[k].name
            subject_set = _find_subject_set(span, k, interval.start_s, interval.end_s)
            constraints = CropConstraints(half, scale, crop_bounds)
            regions.append(
                Region(name, self._build_keyframes(f"{position} of {name}", subject_set, constraints, interval))
            )
        return tuple(regions)

    def _build_keyframes(
        self, name: str, subject_set: SubjectSet, constraints: CropConstraints, interval: ViewInterval
    ) -> tuple[Keyframe, ...]:
        """Return the keyframes of one region, and store its crop under `name` if it stands still."""
        keyframes = build_keyframes(
            subject_set, constraints, self._grid, interval.start_s, interval.end_s, self._still_crops.get(name)
        )
        if len(keyframes) == 1:
            self._still_crops[name] = keyframes[0]
        return keyframes


def _sum_speech_by_speaker(span: SourceSpan, interval: ViewInterval) -> dict[str, float]:
    """Return the seconds of speech of each speaker within `interval`, on or off screen.

    An attention interval is speech if its weight is `SPEECH_WEIGHT`; leads and pauses have smaller weights.
    """
    speech_s: dict[str, float] = {}
    for attention in span.attention:
        duration_s = min(attention.end_s, interval.end_s) - max(attention.start_s, interval.start_s)
        if attention.weight == SPEECH_WEIGHT and attention.speaker and duration_s > MIN_SPEECH_S:
            speech_s[attention.speaker] = speech_s.get(attention.speaker, 0.0) + duration_s
    return speech_s


def _choose_split_scales(
    subject_sets: list[SubjectSet], halves: tuple[CropShape, CropShape], bounds: list[CropBounds]
) -> list[float]:
    """Return the scales of both crops of a split.

    They give the faces a height near `SPLIT_FACE_HEIGHT`, and make the taller face at most `MAX_SPLIT_SIZE_RATIO` times
    as tall as the other.
    """
    scales = []
    for subject_set, half, crop_bounds in zip(subject_sets, halves, bounds, strict=True):
        desired = subject_set.face_height / (SPLIT_FACE_HEIGHT * half.h)
        # The half shows at least 1.5 times the horizontal range of the subject.
        required = 1.5 * float(np.max(subject_set.x1) - np.min(subject_set.x0)) / half.w
        centre = median(subject_set.x0 + subject_set.x1) / 2
        centred = MAX_CENTRED_WIDTH * 2 * min(centre - crop_bounds.low, crop_bounds.high - centre) / half.w
        limit = min((crop_bounds.high - crop_bounds.low) / half.w, max(required, centred))
        scales.append(min(1.0, max(half.min_scale, min(limit, max(desired, required)))))
    face_heights = [
        s.face_height / (scale * half.h) for s, scale, half in zip(subject_sets, scales, halves, strict=True)
    ]
    return [
        max(half.min_scale, scale * min(1.0, MAX_SPLIT_SIZE_RATIO * face_height / max(face_heights)))
        for scale, face_height, half in zip(scales, face_heights, halves, strict=True)
    ]


def _find_subject_set(span: SourceSpan, k: int, start_s: float, end_s: float) -> SubjectSet:
    """Return the boxes of subject `k` between two times, or over the whole span if it is not visible between them.

    Raises:
        ValueError: the subject is not visible in the span at all.
    """
    subject_set = join_subjects([span.subjects[k]], span.times, start_s, end_s) or collect_subjects(span, (k,))
    if subject_set is None:
        raise ValueError(f"Subject {k} is never visible in this span, so no view can show it.")
    return subject_set


def _order_pair(span: SourceSpan, pair: tuple[int, int], top_speaker: str) -> tuple[int, int]:
    """Return the pair with `top_speaker` first, or else with the person on the left first."""
    speakers = [span.subjects[k].speaker for k in pair]
    if top_speaker in speakers:
        first = speakers.index(top_speaker)
    else:
        first = int(np.argmin([median(span.subjects[k].x0) for k in pair]))
    return pair[first], pair[1 - first]


def cut_whip_pans(shot: LayoutShot, grid: FrameGrid) -> list[LayoutShot]:
    """Return the shot, cut into several at whip pans of its crop.

    If a cut would leave a shot shorter than `MIN_VIEW_S`, the shot is not cut. It then keeps only the keyframes of the
    longer part.
    """
    for number, region in enumerate(shot.regions):
        keyframes = region.keyframes
        whip_pans = find_whip_pans(tuple(AxisKeyframe(k.t, k.x) for k in keyframes), keyframes[0].w)
        if not whip_pans:
            continue
        before, after = keyframes[: whip_pans[0]], keyframes[whip_pans[0] :]
        cut_s = grid.snap((before[-1].t + after[0].t) / 2)
        cut_s = cut_s if cut_s > before[-1].t else after[0].t
        if cut_s - shot.start_time >= MIN_VIEW_S and shot.end_time - cut_s >= MIN_VIEW_S:
            (first,) = slice_shots([_replace_keyframes(shot, number, before)], shot.start_time, cut_s)
            (second,) = slice_shots([_replace_keyframes(shot, number, after)], cut_s, shot.end_time)
            second = msgspec.structs.replace(second, reason=f"{second.reason} Fast movement: cut instead of a pan.")
            return [first, *cut_whip_pans(second, grid)]
        longer = after if cut_s - shot.start_time < shot.end_time - cut_s else before
        return cut_whip_pans(_replace_keyframes(shot, number, longer), grid)
    return [shot]


def _replace_keyframes(shot: LayoutShot, number: int, keyframes: tuple[Keyframe, ...]) -> LayoutShot:
    """Return the shot with other keyframes in one region."""
    regions = list(shot.regions)
    regions[number] = Region(regions[number].subject, keyframes)
    return msgspec.structs.replace(shot, regions=tuple(regions))
