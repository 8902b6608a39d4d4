"""Local AI edits on scenes with ground truth: tracking, filling, unchanged pixels, and the length of the result."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from msgspec.structs import replace

import media_files
from benchmarks.talk_videos import compose_talk
from carmic_assets.ai_edits.edit_plan import EditPlan
from carmic_assets.ai_edits.errors import AiEditError, LostTargetError
from carmic_assets.ai_edits.grammar import parse_prompt
from carmic_assets.ai_edits.range_extraction import box_on_clip, choose_canvas, extract_range
from carmic_assets.ai_edits.region_masks import FEATHER_PX, PixelBox, Window, cut_patch
from carmic_assets.ai_edits.region_tracking import to_rgb, track_box
from carmic_assets.ai_edits.temporal_fill import FillReport, fill_spatial, fill_temporal
from carmic_assets.ai_edits.variants import Variant, render_variants
from carmic_assets.ai_edits.working_clip import Planes, extract_clip, read_frames
from carmic_assets.editing.footage import Footage, natural_canvas, whole_segment
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Box
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas
from carmic_assets.vision.centerface import CenterFace

pytestmark = pytest.mark.rare

WIDTH, HEIGHT, FPS, COUNT = 640, 360, 25, 40
OBJECT_W, OBJECT_H = 90, 70


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """A natural-looking frame in Y, U, V: noise of three sizes."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for size, amount in ((40, 60), (12, 40), (4, 25)):
        noise = rng.standard_normal((height // size + 2, width // size + 2, 3)).astype(np.float32)
        picture += amount * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture[..., 1:] *= 0.35
    return np.clip(picture + np.array([125, 128, 128]), 16, 235).astype(np.uint8)


def planes_of(picture: np.ndarray) -> Planes:
    small = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return Planes(*(np.ascontiguousarray(p) for p in (picture[..., 0], small[..., 1], small[..., 2])))


def moving_scene(pan: float, *, plain: bool = False) -> tuple[list[Planes], list[Planes], list[PixelBox]]:
    """Frames of an object that moves in front of a background, the background alone, and the boxes of the object."""
    background, thing = texture(HEIGHT + 100, WIDTH + 300, 1), texture(OBJECT_H, OBJECT_W, 9)
    if plain:
        thing[:] = (180, 90, 200)
    rng = np.random.default_rng(5)
    frames, clean, boxes = [], [], []
    for n in range(COUNT):
        shift = np.array([[1, 0, -20 - pan * n], [0, 1, -20 - pan * n / 2]], dtype=np.float64)
        picture = cv2.warpAffine(background, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        clean.append(planes_of(picture))
        picture = picture.copy()
        x, y = 40 + 9 * n, round(120 + 40 * np.sin(n / 8))
        picture[y : y + OBJECT_H, x : x + OBJECT_W] = thing
        noisy = picture + rng.normal(0, 2, picture.shape)
        frames.append(planes_of(np.clip(noisy, 0, 255).astype(np.uint8)))
        boxes.append(PixelBox(x, y, OBJECT_W, OBJECT_H))
    return frames, clean, boxes


def write_video(path: Path, frames: list[Planes]) -> Footage:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "qp": "0"}
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1  # BT.709, limited
        for planes in frames:
            data = np.concatenate([planes.y.reshape(-1), planes.u.reshape(-1), planes.v.reshape(-1)])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(data.reshape(-1, WIDTH), format="yuv420p")))
        out.mux(stream.encode())
    return Footage(str(path), probe(path))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.square(a.astype(float) - b).mean())))


def inside(planes: Planes, box: PixelBox) -> np.ndarray:
    return planes.y[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)]


def cover(tracked: PixelBox, truth: PixelBox) -> float:
    w = min(tracked.x + tracked.w, truth.x + truth.w) - max(tracked.x, truth.x)
    h = min(tracked.y + tracked.h, truth.y + truth.h) - max(tracked.y, truth.y)
    return max(w, 0) * max(h, 0) / (truth.w * truth.h)


def fractions(box: PixelBox) -> Box:
    return Box(box.x / WIDTH, box.y / HEIGHT, box.w / WIDTH, box.h / HEIGHT)


def plan_of(prompt: str) -> EditPlan:
    plan = parse_prompt(prompt)
    assert isinstance(plan, EditPlan), plan
    return plan


def edit(
    prompt: str, footage: Footage, folder: Path, box: Box | None = None, span: tuple[int, int] = (0, COUNT)
) -> list[Variant]:
    (folder / "source").mkdir(parents=True, exist_ok=True)
    source = extract_clip(footage, span, folder / "source")
    takes = list(render_variants(plan_of(prompt), source, box, folder))
    variants = [take.variant for take in takes if take.variant is not None]
    if not variants:
        raise takes[-1].error
    return sorted(variants, key=lambda variant: -variant.score.overall)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Footage, list[Planes], list[Planes], list[PixelBox]]:
    frames, clean, boxes = moving_scene(1.3)
    return write_video(tmp_path_factory.mktemp("scene") / "scene.mp4", frames), frames, clean, boxes


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    path = media_files.write_numbered_video(tmp_path_factory.mktemp("numbered") / "n.mp4", seconds=4, fps=Fraction(FPS))
    return Footage(str(path), probe(path))


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("pan", [0.0, 1.3])
def test_a_track_covers_a_moving_object_in_every_frame(pan: float, plain: bool) -> None:
    frames, _, boxes = moving_scene(pan, plain=plain)
    tracked = track_box(frames, boxes[0], FPS)
    assert min(cover(t.grow(0.08), b) for t, b in zip(tracked, boxes, strict=True)) >= 0.99


def test_an_object_that_leaves_the_picture_fails_the_track_by_name() -> None:
    background = texture(HEIGHT, WIDTH, 1)
    thing = texture(OBJECT_H, OBJECT_W, 9)
    frames = []
    for n in range(60):
        picture = background.copy()
        x = WIDTH - OBJECT_W - 20 + 8 * n
        if x < WIDTH:
            width = min(OBJECT_W, WIDTH - x)
            picture[100 : 100 + OBJECT_H, x : x + width] = thing[:, :width]
        frames.append(planes_of(picture))
    with pytest.raises(LostTargetError, match=r"`bounding_box` was lost at"):
        track_box(frames, PixelBox(WIDTH - OBJECT_W - 20, 100, OBJECT_W, OBJECT_H), FPS)


@pytest.mark.parametrize("pan", [0.0, 1.3])
def test_removal_is_three_decibels_better_than_inpainting_at_no_more_than_twice_its_cost(pan: float) -> None:
    frames, clean, boxes = moving_scene(pan)
    holes = [box.grow(0.08) for box in boxes]
    report: list[FillReport] = []
    started = time.process_time()
    temporal = list(fill_temporal(lambda: frames, holes, report))
    cost_s, started = time.process_time() - started, time.process_time()
    spatial = list(fill_spatial(frames, holes))
    spatial_cost_s = time.process_time() - started
    gain = [
        psnr(inside(t, b), inside(c, b)) - psnr(inside(s, b), inside(c, b))
        for t, s, c, b in zip(temporal, spatial, clean, boxes, strict=True)
    ]
    assert np.mean(gain) >= 3
    assert report[0].unseen_ratio < 0.05
    assert cost_s <= 2 * spatial_cost_s + 0.2
    for before, after, hole in zip(frames, temporal, holes, strict=True):
        outside = np.ones(before.y.shape, bool)
        margin = FEATHER_PX + 1
        outside[
            int(hole.y) - margin : int(hole.y + hole.h) + margin, int(hole.x) - margin : int(hole.x + hole.w) + margin
        ] = False
        assert (before.y[outside] == after.y[outside]).all()


def test_a_tracked_blur_covers_its_target_and_leaves_the_rest_as_it_was(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    footage, frames, _, boxes = scene
    variants = edit("blur the sign", footage, tmp_path / "blur", fractions(boxes[0]))
    assert 1 <= len(variants) <= 3
    assert [v.score.overall for v in variants] == sorted((v.score.overall for v in variants), reverse=True)
    for variant in variants:
        rendered = list(read_frames(Path(variant.path)))
        assert len(rendered) == variant.frames == COUNT
        for before, after, box in zip(frames, rendered, boxes, strict=True):
            old, new = (cv2.Laplacian(inside(p, box).astype(np.float32), cv2.CV_32F) for p in (before, after))
            assert np.square(new).mean() <= 0.25 * np.square(old).mean()
            outside = np.ones(before.y.shape, bool)
            margin = FEATHER_PX + 8  # the box grows by 8 % with its target
            outside[
                max(0, int(box.y) - margin) : int(box.y + box.h) + margin,
                max(0, int(box.x) - margin) : int(box.x + box.w) + margin,
            ] = False
            assert psnr(before.y[outside], after.y[outside]) >= 45
        assert variant.comparison.is_outside_untouched
        assert variant.comparison.ssim_inside < variant.comparison.ssim_outside


def test_a_grade_in_a_box_stays_in_the_box(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    footage, frames, _, _ = scene
    box = Box(0.25, 0.25, 0.5, 0.5)
    variants = edit("make it much brighter", footage, tmp_path / "grade", box)
    assert {v.label for v in variants} == {"as asked", "stronger", "weaker"}
    for before, after in zip(frames, read_frames(Path(variants[0].path)), strict=True):
        middle = (slice(100, 260), slice(180, 460))
        assert after.y[middle].mean() - before.y[middle].mean() > 8
        outside = np.ones(before.y.shape, bool)
        outside[90 - FEATHER_PX : 270 + FEATHER_PX, 160 - FEATHER_PX : 480 + FEATHER_PX] = False
        assert psnr(before.y[outside], after.y[outside]) >= 45


def test_removal_offers_three_methods_and_the_best_first(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    footage, _, clean, boxes = scene
    variants = edit("remove the sign", footage, tmp_path / "remove", fractions(boxes[0]))
    assert variants[0].label == "background of other frames"
    assert len(variants) == 3
    rendered = list(read_frames(Path(variants[0].path)))
    assert np.mean([psnr(inside(m, b), inside(c, b)) for m, c, b in zip(rendered, clean, boxes, strict=True)]) > 28


def test_a_recolour_turns_the_hue_of_the_object_and_keeps_its_luma(tmp_path: Path) -> None:
    frames, _, boxes = moving_scene(0.0, plain=True)
    footage = write_video(tmp_path / "plain.mp4", frames)
    variants = edit("make the car green", footage, tmp_path / "recolour", fractions(boxes[0]))
    assert variants[0].score.measures["fidelity_recolour"] > 0.9
    after = list(read_frames(Path(variants[0].path)))[20]
    window = Window(
        int(boxes[20].x) // 2 * 2 + 20,
        int(boxes[20].y) // 2 * 2 + 20,
        int(boxes[20].x) // 2 * 2 + 60,
        int(boxes[20].y) // 2 * 2 + 50,
    )
    y, u, v = cut_patch(after, window).reshape(-1, 3).mean(axis=0)
    assert y == pytest.approx(180, abs=3)
    assert u < 122 and v < 122  # green lies where both are below grey


def test_a_grey_object_has_no_hue_to_turn(numbered: Footage, tmp_path: Path) -> None:
    with pytest.raises(AiEditError, match="which has no hue to change"):
        edit("make the wall green", numbered, tmp_path / "grey", Box(0.3, 0.4, 0.3, 0.3), (5, 20))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("reverse it", list(range(39, 9, -1))),
        ("speed it up 2x", list(range(10, 40, 2))),
        ("freeze the last frame for 1 second", [*range(10, 40), *[39] * 25]),
        ("freeze frame at 0.4 seconds for 0.4 seconds", [*range(10, 20), *[20] * 11, *range(21, 40)]),
    ],
)
def test_time_operations_show_the_right_frames_with_sound_of_the_same_length(
    prompt: str, expected: list[int], numbered: Footage, tmp_path: Path
) -> None:
    variant = edit(prompt, numbered, tmp_path / "time", span=(10, 40))[0]
    numbers = [media_files.read_frame_number(f) for f in media_files.decode_frames(Path(variant.path))]
    if "2x" in prompt:
        assert len(numbers) == len(expected)
        assert max(abs(a - b) for a, b in zip(numbers, expected, strict=True)) <= 1
    else:
        assert numbers == expected
    sound, first_s = media_files.decode_audio(Path(variant.path))
    assert first_s + len(sound) / media_files.RATE == pytest.approx(len(expected) / FPS, abs=0.03)


def test_slow_motion_has_exactly_the_asked_length(numbered: Footage, tmp_path: Path) -> None:
    variants = edit("slow it down 2x", numbered, tmp_path / "slow", span=(10, 30))
    assert {v.label for v in variants} == {"motion interpolated", "frames blended"}
    assert all(len(media_files.decode_frames(Path(v.path))) == 40 for v in variants)


@pytest.mark.parametrize(
    "prompt",
    [
        "make it warmer", "cinematic look", "sepia", "add a vignette", "add film grain", "denoise", "sharpen it",
        "mirror it", "stabilise", "zoom in slowly", "zoom in 2x on the left", "pixelate it",
        'add a title "It\'s {50%}: a, b" at the top left', "fade in", "fade out to white", "mute", "make it louder",
        "quieter", "clean up the audio", "brighten it, slow it down 2x and fade out",
    ],
)  # fmt: skip
def test_every_other_operation_renders_and_scores_itself(
    prompt: str, scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], numbered: Footage, tmp_path: Path
) -> None:
    is_of_sound = any(word in prompt for word in ("mute", "louder", "quieter", "audio"))
    variants = edit(prompt, numbered if is_of_sound else scene[0], tmp_path / "each", span=(0, 12))
    assert variants[0].score.fidelity >= 50, variants[0].score
    assert variants[0].score.details.endswith(".")
    assert all(Path(v.path).stat().st_size > 0 for v in variants)


def test_deflickering_evens_out_the_brightness(tmp_path: Path) -> None:
    picture = texture(HEIGHT, WIDTH, 1)
    rng = np.random.default_rng(2)
    frames = [
        planes_of(np.clip(picture + np.array([rng.normal(0, 6), 0, 0]), 0, 255).astype(np.uint8)) for _ in range(20)
    ]
    variant = edit("remove the flicker", write_video(tmp_path / "f.mp4", frames), tmp_path / "out", span=(0, 20))[0]
    before, after = (np.std([p.y.mean() for p in f]) for f in (frames, read_frames(Path(variant.path))))
    assert after < 0.6 * before
    assert variant.score.measures["fidelity_deflicker"] > 0.9


def test_two_renders_give_the_same_bytes_and_the_same_score(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    first, second = (edit("black and white", scene[0], tmp_path / name, span=(0, 12))[0] for name in "ab")
    assert Path(first.path).read_bytes() == Path(second.path).read_bytes()
    assert first.score == second.score


def test_a_comparison_with_the_source_gives_ssim_and_vmaf(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    variant = edit("black and white", scene[0], tmp_path / "vmaf")[0]
    assert 0.5 < variant.comparison.ssim < 1
    assert 60 < variant.comparison.vmaf_neg <= 100


def test_faces_are_covered_in_every_frame(tmp_path: Path) -> None:
    path = compose_talk(tmp_path / "talk.mp4", seed=1, seconds=10, size="640x360", people=1)
    footage = Footage(str(path), probe(path))
    variants = edit("blur all faces", footage, tmp_path / "faces", span=(10, 35))
    assert [v.label for v in variants] == ["blurred", "pixelated"]  # the method that the prompt names comes first
    assert variants[0].score.measures["fidelity_blur_faces"] > 0.9


def test_a_background_without_a_face_is_refused_with_what_to_do(
    scene: tuple[Footage, list[Planes], list[Planes], list[PixelBox]], tmp_path: Path
) -> None:
    with pytest.raises(AiEditError, match="No face was detected at"):
        edit("blur the background", scene[0], tmp_path / "bg", span=(0, 12))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("androidx_internal_emulator_transformer_output_270_rotated.mp4", (720, 1280)),
        ("androidx_bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4", None),
        ("androidx_sample_video_only.mp4", (1080, 720)),
        ("torchcodec_testsrc2_odd_height_and_width_vp9.mp4", (322, 242)),
        ("androidx_hdr10-av1.mp4", (720, 1280)),
        ("autoeditor_SAR-2by3.mp4", None),
    ],
)
def test_odd_sources_are_edited_upright_with_all_their_frames(
    name: str, size: tuple[int, int] | None, shared: Path, tmp_path: Path
) -> None:
    path = shared / "data" / "odd" / name
    footage = Footage(str(path), probe(path))
    segment = replace(whole_segment(footage.facts, "a", "s"), in_frame=2, out_frame=10)
    canvas = choose_canvas((segment,), {"a": footage}, natural_canvas(footage.facts))
    clip = extract_range((segment,), {"a": footage}, canvas, tmp_path)
    assert clip.count == 8 and (clip.sound is None) == (footage.facts.audio is None)
    assert size is None or all(abs(a - b) <= 2 for a, b in zip(size, (clip.width, clip.height), strict=True))
    (take, *_) = render_variants(plan_of("make it darker"), clip, Box(0.25, 0.25, 0.5, 0.5), tmp_path)
    assert take.variant is not None and take.variant.comparison.is_outside_untouched
    facts = probe(take.variant.path)
    assert facts.video is not None and (facts.video.width, facts.video.height) == (clip.width, clip.height)
    assert Footage(take.variant.path, facts).rate == segment.rate and take.variant.frames == 8


def test_a_reframe_keeps_the_face_and_captions_show_what_is_said(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "video" / "grid_bbaf2n.mpg"
    footage = Footage(str(path), probe(path))
    reframed = edit("make it vertical", footage, tmp_path / "reframe", span=(10, 35))[0]
    frames = list(read_frames(Path(reframed.path)))
    assert frames[0].y.shape[1] / frames[0].y.shape[0] == pytest.approx(9 / 16, abs=0.01)
    assert all(CenterFace().detect(to_rgb(frame)) for frame in frames[::8])
    captioned = edit("add captions", footage, tmp_path / "captions", span=(0, 70))[0]
    assert captioned.score.measures["fidelity_captions"] == 1
    with pytest.raises(AiEditError, match="No speech was recognised"):
        edit("add captions", footage, tmp_path / "silence", span=(0, 5))


def test_a_box_is_mapped_from_the_canvas_to_footage_that_bars_surround() -> None:
    wide, tall = Canvas(1920, 1080, FrameRate(25, 1)), Canvas(480, 360, FrameRate(25, 1))
    box = box_on_clip(Box(0.5, 0.25, 0.1875, 0.5), tall, wide)  # the picture spans 0.125 to 0.875 of the canvas
    assert (box.x, box.y, box.w, box.h) == pytest.approx((0.5, 0.25, 0.25, 0.5))
    with pytest.raises(AiEditError, match="black bars"):
        box_on_clip(Box(0, 0, 0.1, 1), tall, wide)
