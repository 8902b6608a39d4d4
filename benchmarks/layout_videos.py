"""Composes videos of mixed layouts with ground truth: screen recordings with a webcam, galleries, slides, stages.

    python -m benchmarks.layout_videos OUT_FOLDER --seed 7 [--kinds inset,gallery4] [--seconds 40]

The people and their voices come from `../shared/tools/make_talk.py`; screens, slides and stages are drawn. The ground
truth of `inset_7.mp4` is in `inset_7.truth.json` beside it:

- `segments`: `start`, `end`, `layouts` (the layouts that are right), `screen` (box of the shown content or null),
  `text` (boxes of its text) and `cameras` (box of each person's picture)
- `faces`: by person `{t, box}`, five times a second while visible; `speaking`: `start`, `end`, `person`

Boxes are x, y, width and height in pixels of the frame.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from benchmarks.harness import RECORDINGS, create_parser, print_line

FPS = 25
SIZE = (1280, 720)
CAMERA_SIZE = (640, 480)
SITTING_HEIGHT = 0.75  # of a person in a close-up of `make_talk.py`
KINDS = ("inset", "slides", "gallery3", "gallery4", "stage", "posters", "game", "lower_third")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
WORDS = (
    "Revenue", "grew", "by", "a", "third", "and", "margins", "held", "while", "churn", "fell", "for", "the", "fourth",
    "quarter", "in", "a", "row", "because", "onboarding", "changed", "the", "team", "shipped", "weekly", "customers",
    "asked", "for", "exports", "search", "alerts", "and", "a", "plan", "that", "fits", "small", "firms",
)  # fmt: skip

Pixels = np.ndarray  # uint8, (height, width, 3), RGB
PixelBox = tuple[int, int, int, int]  # x, y, width, height


class Segment(NamedTuple):
    """A part of a video with one composition; boxes in pixels."""

    start: float
    end: float
    layouts: tuple[str, ...]
    cameras: dict[int, PixelBox]  # by person
    screen: PixelBox | None = None
    text: tuple[PixelBox, ...] = ()
    corner_px: int = 0  # radius of the cameras' rounded corners
    frame_colour: tuple[int, int, int] | None = None  # of a border around the cameras
    background: Callable[[float], Pixels] | None = None


def load_talk_maker() -> ModuleType:
    """Import `make_talk.py` as a module."""
    spec = importlib.util.spec_from_file_location("make_talk", RECORDINGS / "tools/make_talk.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("../shared/tools/make_talk.py does not exist.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_talk"] = module
    spec.loader.exec_module(module)
    return module


class People:
    """The people of one video: their cameras, their voices and the times at which they speak."""

    def __init__(self, folder: Path, seed: int, seconds: float, count: int) -> None:
        self._maker = load_talk_maker()
        self._rng = np.random.default_rng(seed)
        arguments = SimpleNamespace(
            clips=RECORDINGS / "data/video", people=count, same=[], faces=folder / "faces.json", yunet=self._maker.YUNET
        )
        self._cast = self._maker.load_cast(arguments, self._rng)
        self.sentences = self._maker.plan_sentences(self._cast, [], seconds, False, self._rng)
        self.count = count
        self._cameras: dict[tuple[int, tuple[int, int]], Any] = {}
        self._seed, self._seconds = seed, seconds

    def draw(self, person: int, now: float, size: tuple[int, int] = CAMERA_SIZE) -> tuple[Pixels, np.ndarray]:
        """Return the picture of a person's camera, and the box of the face in it."""
        if (person, size) not in self._cameras:
            self._cameras[person, size] = self._open_camera(person, size)
        frame, faces = self._cameras[person, size].draw(now)
        return frame.to_ndarray(format="rgb24"), np.array(faces[0])

    def _open_camera(self, person: int, size: tuple[int, int]) -> Any:  # noqa: ANN401 - a class of make_talk.py
        own = [_replace_person(sentence) for sentence in self.sentences if sentence.person == person]
        rng = np.random.default_rng(self._seed * 10 + person)
        stage = self._maker.Stage([self._cast[person]], own, size, rng)
        stage.open(self._maker.Shot(0.0, self._seconds, "close_A", [0], self._seed * 10 + person))
        stage.push, stage.pan, stage.shake, stage.zoom = 0.0, np.zeros(2), 0.0, 0.2
        # A webcam shows more than the close-up of a talk.
        stage.places = [
            (who, x, bottom, SITTING_HEIGHT * tall, is_behind) for who, x, bottom, tall, is_behind in stage.places
        ]
        return stage

    def pose(self, person: int, now: float) -> tuple[np.ndarray, np.ndarray, Any]:
        """Return the person cut out (premultiplied YUV and alpha, planes first), the face box in it, and the clip."""
        if (person, CAMERA_SIZE) not in self._cameras:
            self._cameras[person, CAMERA_SIZE] = self._open_camera(person, CAMERA_SIZE)
        sprite, box, clip = self._cameras[person, CAMERA_SIZE].tracks[0].pose(now)
        return sprite, np.array(box), clip

    def read_sound(self, start: int, end: int) -> np.ndarray:
        """Return the voices between two samples, mono."""
        sound: np.ndarray = self._maker.sound_between(start, end, self.sentences, self._cast, self._rng)
        return sound

    @property
    def sample_rate(self) -> int:
        """Samples per second of the sound."""
        rate: int = self._maker.RATE
        return rate


def _replace_person(sentence: Any) -> Any:  # noqa: ANN401 - a class of make_talk.py
    return type(sentence)(**{**vars(sentence), "person": 0})


class Screens:
    """Draws what a screen recording shows; every picture of one object belongs to one screen."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], kind: str) -> None:
        self._rng, self._size, self._kind = rng, size, kind
        self._font = FONTS[int(rng.integers(len(FONTS)))]
        self._is_dark = kind == "code"
        ground = rng.integers(15, 45, 3) if self._is_dark else rng.integers(225, 256, 3)
        self._ground = tuple(int(v) for v in ground)
        self._ink = tuple(int(v) for v in (rng.integers(190, 250, 3) if self._is_dark else rng.integers(0, 70, 3)))
        self._pages = [self._draw_page() for _ in range(6)]
        self._page_s = float(rng.uniform(5, 9))

    @property
    def text(self) -> tuple[PixelBox, ...]:
        """The box around the text of all pages."""
        boxes = np.array([box for _, boxes in self._pages for box in boxes])
        x, y = boxes[:, 0].min(), boxes[:, 1].min()
        right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
        return ((int(x), int(y), int(right - x), int(bottom - y)),)

    def draw(self, now: float) -> Pixels:
        """Return the screen at a time: pages that change, with a moving pointer."""
        page = self._pages[int(now / self._page_s) % len(self._pages)][0].copy()
        width, height = self._size
        x = int(width * (0.5 + 0.35 * np.sin(0.7 * now)))
        y = int(height * (0.5 + 0.3 * np.cos(0.45 * now)))
        arrow = np.array([[0, 0], [0, 18], [5, 14], [12, 14]]) + np.array([x, y])
        cv2.fillPoly(page, [arrow], (0, 0, 0))
        cv2.polylines(page, [arrow], True, (255, 255, 255), 1, cv2.LINE_AA)
        return page

    def _draw_page(self) -> tuple[Pixels, list[PixelBox]]:
        rng, (width, height) = self._rng, self._size
        page = np.full((height, width, 3), self._ground, np.uint8)
        boxes: list[PixelBox] = []
        scale = height / 720
        if self._kind == "code":
            cv2.rectangle(page, (0, 0), (int(0.16 * width), height), tuple(v + 12 for v in self._ground), -1)
            for row in range(26):
                x = int((0.2 + 0.03 * rng.integers(0, 4)) * width)
                self._write(page, boxes, (x, int((34 + 26 * row) * scale)), 0.5 * scale, int(rng.integers(2, 8)))
        else:
            bar = tuple(int(v) for v in rng.integers(40, 200, 3))
            cv2.rectangle(page, (0, 0), (width, int(18 * scale)), bar, -1)
            self._write(page, boxes, (int(0.06 * width), int(90 * scale)), 1.5 * scale, 4)
            for row in range(int(rng.integers(4, 8))):
                y = int((170 + 62 * row) * scale)
                cv2.circle(page, (int(0.07 * width), y - int(9 * scale)), int(6 * scale), bar, -1)
                self._write(page, boxes, (int(0.1 * width), y), 0.85 * scale, int(rng.integers(3, 7)))
            left, base = int(0.62 * width), int(0.88 * height)
            for column in range(6):
                tall = int(rng.uniform(0.05, 0.3) * height)
                x = left + int(column * 0.05 * width)
                cv2.rectangle(page, (x, base - tall), (x + int(0.035 * width), base), bar, -1)
        return page, boxes

    def _write(self, page: Pixels, boxes: list[PixelBox], start: tuple[int, int], scale: float, count: int) -> None:
        text = " ".join(self._rng.choice(WORDS, count))
        thickness = max(1, round(1.6 * scale))
        while text:
            (w, h), _ = cv2.getTextSize(text, self._font, scale, thickness)
            if start[0] + w < 0.94 * page.shape[1]:
                break
            text = text.rpartition(" ")[0]
        cv2.putText(page, text, start, self._font, scale, self._ink, thickness, cv2.LINE_AA)
        boxes.append((start[0], start[1] - h, w, h))


def place_camera(canvas: Pixels, camera: Pixels, box: PixelBox, segment: Segment) -> tuple[float, float, float]:
    """Draw a camera's picture into a box, cropped to its shape. Returns the scale and offset from camera to frame."""
    x, y, w, h = box
    scale = max(w / camera.shape[1], h / camera.shape[0])
    size = (round(camera.shape[1] * scale), round(camera.shape[0] * scale))
    resized = cv2.resize(camera, size, interpolation=cv2.INTER_AREA)
    left, top = (resized.shape[1] - w) // 2, (resized.shape[0] - h) // 2
    part = resized[top : top + h, left : left + w]
    target = canvas[y : y + h, x : x + w]
    radius = min(segment.corner_px, w // 2, h // 2)
    if radius:
        mask = np.zeros((h, w), np.uint8)
        cv2.rectangle(mask, (radius, 0), (w - radius - 1, h - 1), 255, -1)
        cv2.rectangle(mask, (0, radius), (w - 1, h - radius - 1), 255, -1)
        for centre in (
            (radius, radius),
            (w - radius - 1, radius),
            (radius, h - radius - 1),
            (w - radius - 1, h - radius - 1),
        ):
            cv2.circle(mask, centre, radius, 255, -1, cv2.LINE_AA)
        alpha = mask[:, :, None].astype(np.uint16)
        target[:] = ((part * alpha + target * (255 - alpha)) // 255).astype(np.uint8)
    else:
        target[:] = part
    if segment.frame_colour is not None and not radius:
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), segment.frame_colour, 3)
    return scale, x - left, y - top


def compose_layout_video(folder: Path, kind: str, seed: int, seconds: float = 40.0) -> Path:
    """Compose one video of `kind` (one of `KINDS`) in `folder`, with its ground truth beside it."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    count = {"gallery3": 3, "gallery4": 4}.get(kind, 1)
    people = People(folder, seed * 100 + KINDS.index(kind), seconds, count)
    path = folder / f"{kind}_{seed}.mp4"
    segments, paint = _PLANS[kind](rng, people, seconds)
    faces = _write_video(path, people, segments, paint, seconds)
    truth = {
        "fps": FPS,
        "size": SIZE,
        "duration": seconds,
        "kind": kind,
        "segments": [
            {
                "start": s.start, "end": s.end, "layouts": s.layouts, "screen": s.screen, "text": s.text,
                "cameras": {str(person): box for person, box in s.cameras.items()},
            }
            for s in segments
        ],
        "faces": faces,
        "speaking": [{"start": s.start, "end": s.end, "person": str(s.person)} for s in people.sentences],
    }  # fmt: skip
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    return path


# Draws over the composed frame at a time, and may return the boxes of faces that it drew itself, by person.
Paint = Callable[[Pixels, float], dict[int, np.ndarray]]


def _paint_nothing(_: Pixels, __: float) -> dict[int, np.ndarray]:
    return {}


def _write_video(
    path: Path, people: People, segments: list[Segment], paint: Paint, seconds: float
) -> dict[str, list[dict[str, Any]]]:
    """Encode the frames and the sound. Returns the face boxes by person, five times a second."""
    faces: dict[str, list[dict[str, Any]]] = {str(person): [] for person in range(people.count)}
    sample, rate = 0, people.sample_rate
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "21"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = out.add_stream("aac", rate=rate, layout="stereo", options={"b": "128k"})
        for n in range(round(seconds * FPS)):
            now = n / FPS
            segment = next(s for s in reversed(segments) if s.start <= now + 1e-6)
            canvas = (
                np.zeros((SIZE[1], SIZE[0], 3), np.uint8) if segment.background is None else segment.background(now)
            )
            boxes: dict[int, np.ndarray] = {}
            for person, box in segment.cameras.items():
                camera, face = people.draw(person, now)
                scale, left, top = place_camera(canvas, camera, box, segment)
                boxes[person] = face * scale + np.array([left, top, 0, 0])
            boxes |= paint(canvas, now)
            if n % (FPS // 5) == 0:
                for person, face in boxes.items():
                    faces[str(person)].append({"t": round(now, 3), "box": [round(float(v), 1) for v in face]})
            frame = av.VideoFrame.from_ndarray(canvas, "rgb24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            out.mux(video.encode(frame))
            if (n + 1) % FPS == 0:
                end = round((n + 1) / FPS * rate)
                mono = people.read_sound(sample, end)
                piece = av.AudioFrame.from_ndarray(np.stack([mono, mono]), "fltp", "stereo")
                piece.sample_rate, piece.time_base, piece.pts, sample = rate, Fraction(1, rate), sample, end
                out.mux(audio.encode(piece))
        out.mux(video.encode())
        out.mux(audio.encode())
    return faces


def _choose_inset(rng: np.random.Generator, corner: int, is_round: bool) -> PixelBox:
    """Return the box of a webcam in one of the four corners."""
    width = int(rng.uniform(0.17, 0.3) * SIZE[0]) & ~1
    height = width if is_round else int(width / rng.choice([4 / 3, 16 / 9])) & ~1
    margin = 0 if not is_round and rng.random() < 0.3 else int(rng.integers(8, 40))
    x = margin if corner % 2 == 0 else SIZE[0] - width - margin
    y = margin if corner < 2 else SIZE[1] - height - margin
    return x, y, width, height


def _plan_inset(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A screen recording whose webcam moves once and fills the frame for a while."""
    screens = Screens(rng, SIZE, str(rng.choice(["slides", "code"])))
    shape = int(rng.integers(3))
    corners = rng.permutation(4)
    frame = (0, 0, *SIZE)
    box = _choose_inset(rng, int(corners[0]), shape == 2)
    x = box[0] if corners[1] % 2 == corners[0] % 2 else SIZE[0] - box[2] - box[0]
    y = box[1] if corners[1] // 2 == corners[0] // 2 else SIZE[1] - box[3] - box[1]
    moved = (x, y, box[2], box[3])
    corner_px = (0, 24, 999)[shape]
    border = (255, 255, 255) if rng.random() < 0.3 else None
    times = [
        round(seconds * part * FPS) / FPS for part in (0, rng.uniform(0.3, 0.4), rng.uniform(0.5, 0.6), 0.75, 0.92)
    ]
    ends = [*times[1:], seconds]

    def show(k: int, camera: PixelBox | None) -> Segment:
        cameras = {} if camera is None else {0: camera}
        layouts = ("screen",) if camera else ("fit",)
        return Segment(times[k], ends[k], layouts, cameras, frame, screens.text, corner_px, border, screens.draw)

    full = Segment(times[2], ends[2], ("face-track",), {0: frame})
    return [show(0, box), show(1, moved), full, show(3, moved), show(4, None)], _paint_nothing


def _plan_game(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A film in motion, as of a game, with a webcam over it."""
    path = RECORDINGS / "data/video/tears-of-steel-battle-clip-medium.webm"
    with av.open(str(path)) as container:
        frames = [
            cv2.resize(frame.to_ndarray(format="rgb24"), SIZE)
            for number, frame in enumerate(container.decode(video=0))
            if number < 240
        ]
    box = _choose_inset(rng, int(rng.integers(4)), False)

    def draw(now: float) -> Pixels:
        position = int(now * FPS) % (2 * len(frames) - 2)
        return frames[min(position, 2 * len(frames) - 2 - position)].copy()

    return [Segment(0, seconds, ("screen",), {0: box}, (0, 0, *SIZE), (), 0, None, draw)], _paint_nothing


def _plan_slides(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """Slides beside the speaker's picture, on a plain or shaded ground."""
    width, height = SIZE
    slide_w = int(rng.uniform(0.6, 0.72) * width) & ~1
    slide_h = int(slide_w * 9 / 16) & ~1
    is_left = rng.random() < 0.5
    style = int(rng.integers(3))
    gap = int(rng.integers(8, 24))
    if style == 0:  # the face fills the other side
        slide = (0 if is_left else width - slide_w, (height - slide_h) // 2, slide_w, slide_h)
        face = (slide_w if is_left else 0, 0, width - slide_w, height)
    else:
        slide = (gap if is_left else width - slide_w - gap, (height - slide_h) // 2, slide_w, slide_h)
        face_w = width - slide_w - 3 * gap
        face_h = int(face_w * (1.0 if style == 1 else 1.25)) & ~1
        face = (slide_w + 2 * gap if is_left else gap, (height - face_h) // 2, face_w, face_h)
    screens = Screens(rng, slide[2:], "slides")
    top, bottom = rng.integers(10, 120, 3), rng.integers(10, 160, 3)
    shade = np.linspace(top, bottom, height)[:, None, :].astype(np.uint8) * np.ones((1, width, 1), np.uint8)
    ground = shade if style else np.full((height, width, 3), top, np.uint8)

    def draw(now: float) -> Pixels:
        canvas = ground.copy()
        canvas[slide[1] : slide[1] + slide[3], slide[0] : slide[0] + slide[2]] = screens.draw(now)
        return canvas

    text = tuple((x + slide[0], y + slide[1], w, h) for x, y, w, h in screens.text)
    segments = [Segment(0, seconds, ("screen",), {0: face}, slide, text, 0, None, draw)]
    return segments, _paint_nothing


def _plan_gallery(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A video call of three or four tiles; a coloured border marks the speaker."""
    width, height = SIZE
    gap = int(rng.choice([0, 8, 14]))
    ground = np.full((height, width, 3), rng.integers(10, 60, 3), np.uint8)
    is_row = people.count == 3 and rng.random() < 0.4
    columns, rows = (3, 1) if is_row else (2, 2)
    tile_w = (width - (columns + 1) * gap) // columns & ~1
    tile_h = min((height - (rows + 1) * gap) // rows, int(tile_w * 9 / 16) if not is_row else int(tile_w * 1.2)) & ~1
    top = (height - rows * tile_h - (rows - 1) * gap) // 2
    boxes: dict[int, PixelBox] = {}
    for person in range(people.count):
        row, column = divmod(person, columns)
        is_last_alone = not is_row and people.count == 3 and person == 2
        left = (width - tile_w) // 2 if is_last_alone else gap + column * (tile_w + gap)
        boxes[person] = (left, top + row * (tile_h + gap), tile_w, tile_h)
    colour = tuple(int(v) for v in rng.integers(60, 256, 3))

    def mark(canvas: Pixels, now: float) -> dict[int, np.ndarray]:
        for sentence in people.sentences:
            if sentence.start <= now <= sentence.end + 0.4:
                x, y, w, h = boxes[sentence.person]
                cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), colour, 4)
        for person, (x, y, _, h) in boxes.items():
            cv2.putText(
                canvas, f"Person {person + 1}", (x + 10, y + h - 12), FONTS[0], 0.5, (255, 255, 255), 1, cv2.LINE_AA
            )
        return {}

    layout = "three" if people.count == 3 else "four"
    return [Segment(0, seconds, (layout,), boxes, background=lambda _: ground.copy())], mark


def _plan_stage(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A small person who walks on a wide, dark stage, beneath a screen with slides."""
    width, height = SIZE
    screens = Screens(rng, (width // 2 & ~1, height // 3 & ~1), "slides")
    shade = np.linspace(20, 60, height)[:, None, None] * np.ones((1, width, 3))
    ground = (shade * rng.uniform(0.6, 1.2, 3)).clip(0, 255).astype(np.uint8)
    floor = int(0.82 * height)
    ground[floor:] = (ground[floor:] * 0.5).astype(np.uint8)
    tall = int(rng.uniform(0.2, 0.26) * height)
    speed, phase = rng.uniform(0.15, 0.3), rng.uniform(0, 6)

    def draw(canvas: Pixels, now: float) -> dict[int, np.ndarray]:
        canvas[:] = ground
        left = (width - screens.text[0][2]) // 4
        page = screens.draw(now)
        canvas[40 : 40 + page.shape[0], left : left + page.shape[1]] = page
        sprite, box, clip = people.pose(0, now)
        scale = tall / clip.height
        w, h = round(sprite.shape[2] * scale), round(sprite.shape[1] * scale)
        resized = cv2.resize(np.moveaxis(sprite, 0, 2), (w, h), interpolation=cv2.INTER_AREA)
        x = int(width * (0.5 + 0.3 * np.sin(speed * now + phase))) - w // 2
        y = floor - int(0.5 * tall) - h
        alpha = resized[:, :, 3:].astype(np.float32) / 255
        yuv = np.dstack([resized[:, :, 0], *(np.where(alpha[:, :, 0] > 0, resized[:, :, c], 0) for c in (1, 2))])
        rgb = _to_rgb(yuv, alpha)
        target = canvas[y : y + h, x : x + w]
        target[:] = (rgb * alpha + target * (1 - alpha)).astype(np.uint8)
        body = (x + w // 6, y + h, w - w // 3, int(0.55 * tall))
        cv2.rectangle(canvas, body[:2], (body[0] + body[2], body[1] + body[3]), (28, 26, 34), -1)
        return {0: box * np.tile([w / sprite.shape[2], h / sprite.shape[1]], 2) + np.array([x, y, 0, 0])}

    return [Segment(0, seconds, ("face-track",), {})], draw


def _to_rgb(yuv: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Convert a sprite of premultiplied YUV into RGB that is not premultiplied."""
    straight = np.clip(yuv / np.maximum(alpha, 1e-3), 0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.moveaxis(straight, 2, 0)), "yuv444p")
    rgb: np.ndarray = frame.to_ndarray(format="rgb24").astype(np.float32)
    return rgb


def _plan_posters(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A person beside pictures of other people on the wall."""
    pictures = []
    names = ("2008_002470.jpg", "2008_002506.jpg", "2008_004176.jpg", "2009_004587.jpg")
    for name in rng.choice(names, 2, replace=False):
        image = cv2.imread(str(RECORDINGS / "data/images" / name))
        if image is None:
            raise FileNotFoundError(f"../shared/data/images/{name} does not exist.")
        pictures.append(cv2.resize(image[:, :, ::-1], (300, 220)))
    side = int(rng.integers(2))

    def draw(canvas: Pixels, _: float) -> dict[int, np.ndarray]:
        x = 30 if side else SIZE[0] - 330
        for row, picture in enumerate(pictures):
            top = 40 + 270 * row
            cv2.rectangle(canvas, (x - 8, top - 8), (x + 308, top + 228), (40, 30, 20), -1)
            canvas[top : top + 220, x : x + 300] = picture
        return {}

    return [Segment(0, seconds, ("face-track",), {0: (0, 0, *SIZE)})], draw


def _plan_lower_third(rng: np.random.Generator, people: People, seconds: float) -> tuple[list[Segment], Paint]:
    """A talk with burnt-in captions at the bottom and a logo in a corner."""
    lines = [" ".join(rng.choice(WORDS, 6)) for _ in range(24)]

    def draw(canvas: Pixels, now: float) -> dict[int, np.ndarray]:
        text = lines[int(now / 2.5) % len(lines)]
        (w, h), _ = cv2.getTextSize(text, FONTS[1], 1.1, 2)
        x, y = (SIZE[0] - w) // 2, 672
        cv2.rectangle(canvas, (x - 14, y - h - 12), (x + w + 14, y + 16), (0, 0, 0), -1)
        cv2.putText(canvas, text, (x, y), FONTS[1], 1.1, (255, 255, 255), 2, cv2.LINE_AA)
        return {}

    return [Segment(0, seconds, ("face-track",), {0: (0, 0, *SIZE)}, None, ((100, 630, 1080, 70),))], draw


_PLANS: dict[str, Callable[[np.random.Generator, People, float], tuple[list[Segment], Paint]]] = {
    "inset": _plan_inset,
    "slides": _plan_slides,
    "gallery3": _plan_gallery,
    "gallery4": _plan_gallery,
    "stage": _plan_stage,
    "posters": _plan_posters,
    "game": _plan_game,
    "lower_third": _plan_lower_third,
}


def main(arguments: list[str]) -> None:
    """Compose the videos of one seed."""
    parser = create_parser("layout_videos", __doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds.split(","):
        print_line(str(compose_layout_video(options.folder, kind, options.seed, options.seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
