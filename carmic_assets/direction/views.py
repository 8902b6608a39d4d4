"""Lists the possible views of one source shot with their costs; `view_planning` chooses among them."""

from __future__ import annotations

from itertools import combinations

import msgspec
import numpy as np

from carmic_assets.direction.framing import CropBounds, SubjectSet, fits_crop, is_restless, join_subjects
from carmic_assets.direction.order_statistics import median
from carmic_assets.direction.scene_context import SAME_SHAPE_RATIO, DirectionOptions, SceneContext
from carmic_assets.direction.subjects import SPEECH_WEIGHT, SourceSpan
from carmic_assets.direction.view_planning import FULL_PICTURE_COST, SECONDARY_COST, SPLIT_COST, WALL_COST, View

MIN_SPLIT_DISTANCE = 0.18  # fraction of the frame's width; two faces closer together are not split
MIN_SPLIT_FACE_HEIGHT = 0.06  # fraction of the frame's height; a smaller face is blurred when enlarged for a split
MIN_SPLIT_SPEECH_S = 0.5  # a shot is split automatically only if each of the two people speaks at least this long
MIN_SHARED_RATIO = 0.5  # subjects of one view must be visible together for this fraction of the shot
RESTLESS_COST = 1.0  # cost per second of a crop that would have to move back and forth
MAX_PAIRED_SUBJECTS = 5  # with more, pairs of subjects in one crop are not tried


def list_views(span: SourceSpan, context: SceneContext, options: DirectionOptions) -> list[View]:
    """Return every view that this span allows; the full frame is the last."""
    if options.layout == "fit" or (options.layout in ("auto", "face-track") and context.kept_ratio >= SAME_SHAPE_RATIO):
        return [View("full", (), 0.0)]
    speech_s = _sum_speech_by_subject(span)
    views = [*_list_singles(span, context, speech_s), *_list_groups(span, context), View("full", (), FULL_PICTURE_COST)]
    pairs = combinations(range(len(span.subjects)), 2)
    splits: list[View] = []
    if options.layout == "split":
        views = [msgspec.structs.replace(view, cost_per_s=view.cost_per_s + WALL_COST) for view in views]
        splits = [View("split", pair, 0.0) for pair in pairs if _can_split(span, pair, context)]
    elif options.follow_speaker:
        splits = [
            View("split", pair, SPLIT_COST)
            for pair in pairs
            if min(speech_s[k] for k in pair) >= MIN_SPLIT_SPEECH_S and _can_split(span, pair, context)
        ]
    return [*views[:-1], *splits, views[-1]]


def _list_singles(span: SourceSpan, context: SceneContext, speech_s: list[float]) -> list[View]:
    """Return a view for each subject who fits into a crop alone."""
    views = []
    for k in range(len(span.subjects)):
        subject_set = collect_subjects(span, (k,))
        if subject_set is not None and fits_crop(subject_set, context.single):
            cost = SECONDARY_COST * (1 - _rank_subject(span, k, speech_s))
            views.append(View("single", (k,), cost + RESTLESS_COST * is_restless(subject_set, context.single)))
    return views


def _list_groups(span: SourceSpan, context: SceneContext) -> list[View]:
    """Return a view for each set of subjects that fits into one crop: everybody, and pairs."""
    count = len(span.subjects)
    groups: list[tuple[int, ...]] = [tuple(range(count))] if count > 1 else []
    groups += list(combinations(range(count), 2)) if 2 < count <= MAX_PAIRED_SUBJECTS else []
    views = []
    for members in groups:
        all_visible = np.all([span.subjects[k].visible for k in members], axis=0)
        if float(all_visible.mean()) < MIN_SHARED_RATIO:
            continue
        subject_set = collect_subjects(span, members)
        if (
            subject_set is not None
            and fits_crop(subject_set, context.single)
            and not is_restless(subject_set, context.single)
        ):
            views.append(View("group", members, 0.0 if len(members) == count else SECONDARY_COST / 4))
    return views


def _sum_speech_by_subject(span: SourceSpan) -> list[float]:
    """Return the seconds of speech of each subject in this span."""
    speech_s = [0.0] * len(span.subjects)
    for interval in span.attention:
        if interval.subject is not None and interval.weight == SPEECH_WEIGHT:
            speech_s[interval.subject] += interval.end_s - interval.start_s
    return speech_s


def _rank_subject(span: SourceSpan, k: int, speech_s: list[float]) -> float:
    """Return the rank of a subject in the shot, 0..1: half by speech, half by importance."""
    most_s = max(speech_s)
    speech_share = speech_s[k] / most_s if most_s > 0 else 0.0
    return 0.5 * speech_share + 0.5 * span.subjects[k].importance


def collect_subjects(span: SourceSpan, members: tuple[int, ...]) -> SubjectSet | None:
    """Return the box around `members` over the whole span; None if none of them is ever visible in it."""
    return join_subjects([span.subjects[k] for k in members], span.times, span.start_s, span.end_s)


def _can_split(span: SourceSpan, pair: tuple[int, int], context: SceneContext) -> bool:
    """Return whether two subjects can be shown in a split.

    Both are visible for half of the shot, far enough apart, large enough, and neither crop shows the other person.
    """
    a, b = (span.subjects[k] for k in pair)
    both = a.visible & b.visible
    if float(both.mean()) < MIN_SHARED_RATIO or min(a.height, b.height) < MIN_SPLIT_FACE_HEIGHT:
        return False
    if abs(median((a.x0 + a.x1 - b.x0 - b.x1)[both])) / 2 < MIN_SPLIT_DISTANCE:
        return False
    for k, shape in zip(pair, context.halves, strict=True):
        subject_set, bounds = collect_subjects(span, (k,)), compute_crop_bounds(span, k, pair)
        if subject_set is None or not fits_crop(subject_set, shape):
            return False
        if shape.min_scale * shape.w > bounds.high - bounds.low + 1e-9:
            return False
    return True


def compute_crop_bounds(span: SourceSpan, k: int, pair: tuple[int, int]) -> CropBounds:
    """Return the range of x that the crop of subject `k` in a split may cover.

    It ends halfway between this face and the next one on either side. A face outside the pair limits the range only if
    half a face width remains free beside this face.
    """
    own = span.subjects[k]
    low, high = 0.0, 1.0
    width = median(own.x1 - own.x0)
    for j, other in enumerate(span.subjects):
        both = own.visible & other.visible
        if j == k or not both.any():
            continue
        is_left = median((other.x0 - own.x0)[both]) < 0
        if is_left:
            border = (float(np.max(other.x1[both])) + float(np.min(own.x0[both]))) / 2
            if j in pair or border < median(own.x0) - width / 2:
                low = max(low, border)
        else:
            border = (float(np.min(other.x0[both])) + float(np.max(own.x1[both]))) / 2
            if j in pair or border > median(own.x1) + width / 2:
                high = min(high, border)
    return CropBounds(low, high)
