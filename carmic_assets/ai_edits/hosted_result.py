"""Edits of hosted models: the inputs that a model receives, and its result put back into the range.

The result is conformed to the size, the rate and the number of frames of the range. With a box, only the tracked,
feathered box shows it; the rest of the picture is the source. The sound is that of the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np

from carmic_assets.ai_edits.edit_plan import HOSTED, EditPlan, EditStep
from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.region_masks import (
    PixelBox,
    cut_patch,
    feathered_mask,
    put_patch,
    to_pixels,
    window_around,
)
from carmic_assets.ai_edits.region_tracking import smooth_boxes, track_box
from carmic_assets.ai_edits.score_sampling import ScoreInputs
from carmic_assets.ai_edits.source_comparison import compare
from carmic_assets.ai_edits.step_rendering import TARGET_GROWTH
from carmic_assets.ai_edits.variant_score import measure_step, score_variant
from carmic_assets.ai_edits.variants import Variant
from carmic_assets.ai_edits.working_clip import (
    Planes,
    WorkingClip,
    encode_variant,
    extract_picture,
    read_frames,
    write_frames,
)
from carmic_assets.editing.footage import Footage
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Box
from carmic_assets.model.errors import CarmicError
from carmic_assets.model.timeline import Canvas, Effects

_WHITE, _BLACK, _GREY = 235, 16, 128  # code values of limited range


def track_region(source: WorkingClip, box: Box) -> list[PixelBox]:
    """Return the box in each frame, following what is in it.

    Raises:
        LostTargetError: the content of the box is lost.
    """
    pixels = to_pixels(box, source.width, source.height)
    tracked = track_box(read_frames(source.path), pixels, float(source.rate.fraction))
    return [each.grow(TARGET_GROWTH) for each in smooth_boxes(tracked, 1)]


def write_model_input(source: WorkingClip, out_path: Path) -> None:
    """Write the range as an MP4 without sound, which the models do not need."""
    encode_variant(msgspec.structs.replace(source, sound=None), out_path)


def write_mask(source: WorkingClip, boxes: list[PixelBox], folder: Path, out_path: Path) -> None:
    """Write the mask as an MP4 of the range's frames: white inside the boxes, black elsewhere."""
    grey = np.full((source.height // 2, source.width // 2), _GREY, np.uint8)

    def frames() -> Iterator[Planes]:
        for box in boxes:
            luma = np.full((source.height, source.width), _BLACK, np.uint8)
            window = window_around(box, source.width, source.height, 0)
            luma[window.top : window.bottom, window.left : window.right] = _WHITE
            yield Planes(luma, grey, grey)

    mask = write_frames(msgspec.structs.replace(source, sound=None), frames(), folder / "mask-frames.mp4")
    encode_variant(mask, out_path)


def build_hosted_variant(
    prompt: str, source: WorkingClip, boxes: list[PixelBox] | None, result: Path, out_path: Path
) -> Variant:
    """Put the file `result` back into the range, and score it. `boxes` is None if the whole picture was edited.

    Raises:
        AiEditError: the file is not a video that can be decoded.
    """
    conformed = _conform(result, source, out_path.parent)
    if boxes is not None:
        merged = _merge(source, conformed, boxes)
        conformed = write_frames(source, merged, out_path.parent / "merged.mp4")
    clip = msgspec.structs.replace(conformed, sound=source.sound)
    encode_variant(clip, out_path)
    plan = EditPlan((EditStep(HOSTED, text=prompt),))
    covered = [] if boxes is None else [[box] for box in boxes]
    inputs = ScoreInputs(plan, source, msgspec.structs.replace(clip, path=out_path), None, covered)
    score = score_variant(inputs, {HOSTED: measure_step(plan.steps[0], inputs)})
    return Variant(str(out_path), "hosted model", plan, clip.count, score, compare(inputs))


def _conform(result: Path, source: WorkingClip, folder: Path) -> WorkingClip:
    try:
        footage = Footage(str(result), probe(result))
        canvas = Canvas(source.width, source.height, source.rate)
        target = folder / "conformed"
        target.mkdir()
        if footage.facts.video is None:
            raise AiEditError("The hosted model returned a file without a picture. Try again.")
        return extract_picture(Shot(footage, Fraction(0), source.count, Effects(), canvas), target)
    except CarmicError as error:
        raise AiEditError("The hosted model returned a file that is not a readable video. Try again.") from error


def _merge(source: WorkingClip, edited: WorkingClip, boxes: list[PixelBox]) -> Iterator[Planes]:
    for before, after, box in zip(read_frames(source.path), read_frames(edited.path), boxes, strict=True):
        window = window_around(box, source.width, source.height)
        if window.is_empty:
            yield before
        else:
            yield put_patch(before, window, cut_patch(after, window), feathered_mask(box, window))
