"""Tests the recognition of composed frames (webcam over a screen, gallery) and of burnt-in text, on drawn frames."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from carmic_assets.model.direction import Box
from carmic_assets.model.scene import Composition
from carmic_assets.vision.composition import CompositionDetector
from carmic_assets.vision.detection import Detection

WIDTH, HEIGHT, FPS, STEP = 640, 360, 12.5, 5  # of the analysis copy; the detector runs on every fifth frame

Rect = tuple[int, int, int, int]  # x, y, width, height
Draw = Callable[[float], tuple[np.ndarray, list[Rect]]]  # luma, and the faces in it


def draw_page(rng: np.random.Generator) -> np.ndarray:
    page = np.full((HEIGHT, WIDTH), 245, np.uint8)
    for row in range(9):
        text = "the quick brown fox jumps over it"[: int(rng.integers(12, 32))]
        cv2.putText(page, text, (40, 40 + 34 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 20, 1, cv2.LINE_AA)
    return page


def draw_camera(frame: np.ndarray, rect: Rect, t: float, seed: int = 0) -> Rect:
    """Draw a shaded room with a head that sways, cut at the lower border. Returns the face."""
    x, y, w, h = rect
    room = np.linspace(60 + 20 * seed, 120, w)[None, :] * np.ones((h, 1))
    centre = (int(w / 2 + 3 * np.sin(5 * t + seed)), int(h * 0.48))
    cv2.ellipse(room, (centre[0], h), (int(0.3 * w), int(0.3 * h)), 0, 0, 360, 40, -1)
    cv2.ellipse(room, centre, (int(0.16 * h), int(0.22 * h)), 0, 0, 360, 180, -1)
    mouth = (int(0.05 * h), int(0.01 * h + 0.02 * h * (1 + np.sin(20 * t))))
    cv2.ellipse(room, (centre[0], centre[1] + int(0.12 * h)), mouth, 0, 0, 360, 60, -1)
    frame[y : y + h, x : x + w] = room
    return x + centre[0] - int(0.16 * h), y + centre[1] - int(0.22 * h), int(0.32 * h), int(0.44 * h)


def detect(draw: Draw, duration_s: float, cuts_s: tuple[float, ...] = ()) -> CompositionDetector:
    detector = CompositionDetector()
    shot = 0
    for n in range(round(duration_s * FPS)):
        t = n / FPS
        if sum(cut <= t for cut in cuts_s) != shot:
            detector.end_shot()
            shot += 1
        luma, faces = draw(t)
        detector.add_frame(t, cv2.resize(luma, (160, 90), interpolation=cv2.INTER_AREA))
        if n % STEP == 0:
            boxes = [Detection(x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT, 0.9, "face") for x, y, w, h in faces]
            detector.add_sample(t, luma, boxes)
    return detector


def compositions_of(draw: Draw, duration_s: float, cuts_s: tuple[float, ...] = ()) -> tuple[Composition, ...]:
    return detect(draw, duration_s, cuts_s).finish(duration_s, cuts_s)


def assert_near(box: Box, rect: Rect) -> None:
    pixels = (box.x * WIDTH, box.y * HEIGHT, box.w * WIDTH, box.h * HEIGHT)
    assert pixels == pytest.approx(rect, abs=8)


def test_finds_a_webcam_over_a_screen_when_it_moves_and_when_it_goes() -> None:
    page = draw_page(np.random.default_rng(3))
    places: list[Rect | None] = [(460, 220, 160, 120), (20, 20, 160, 120), None]

    def draw(t: float) -> tuple[np.ndarray, list[Rect]]:
        frame, place = page.copy(), places[int(t / 8)]
        return frame, [] if place is None else [draw_camera(frame, place, t)]

    first, second = compositions_of(draw, 24)
    written = np.argwhere(page < 200)
    top, left, bottom, right = *written.min(0), *written.max(0)
    for screen in (first.screen, second.screen):
        assert screen is not None
        assert screen.x * WIDTH <= left and (screen.x + screen.w) * WIDTH >= right
        assert screen.y * HEIGHT <= top and (screen.y + screen.h) * HEIGHT >= bottom
    for part, place in ((first, (460, 220, 160, 120)), (second, (20, 20, 160, 120))):
        assert_near(part.cameras[0], place)
    assert (first.start_s, first.end_s, second.end_s) == pytest.approx((0, 8, 16), abs=0.25)
    assert second.start_s == first.end_s


def test_shows_the_side_of_the_slide_alone_where_the_camera_lies_beside_it() -> None:
    slide = cv2.resize(draw_page(np.random.default_rng(4)), (400, 225))

    def draw(t: float) -> tuple[np.ndarray, list[Rect]]:
        frame = np.full((HEIGHT, WIDTH), 30, np.uint8)
        frame[60:285, 16:416] = slide
        return frame, [draw_camera(frame, (440, 90, 180, 170), t)]

    (part,) = compositions_of(draw, 6)
    assert part.screen is not None
    x0, y0 = part.screen.x * WIDTH, part.screen.y * HEIGHT
    x1, y1 = x0 + part.screen.w * WIDTH, y0 + part.screen.h * HEIGHT
    assert 0 <= x0 <= 16 and 416 <= x1 <= 432 and 40 <= y0 <= 60 and 285 <= y1 <= 305


def test_finds_the_tiles_of_a_gallery_row_by_row() -> None:
    tiles: list[Rect] = [(4, 4, 312, 172), (324, 4, 312, 172), (4, 184, 312, 172), (324, 184, 312, 172)]

    def draw(t: float) -> tuple[np.ndarray, list[Rect]]:
        frame = np.full((HEIGHT, WIDTH), 20, np.uint8)
        return frame, [draw_camera(frame, tile, t, seed) for seed, tile in enumerate(tiles)]

    (part,) = compositions_of(draw, 6)
    assert part.screen is None
    for camera, tile in zip(part.cameras, tiles, strict=True):
        assert_near(camera, tile)


def test_takes_neither_an_ordinary_camera_nor_a_poster_for_a_composition() -> None:
    poster = np.zeros((HEIGHT, WIDTH), np.uint8)
    poster_face = draw_camera(poster, (30, 30, 120, 120), 0)

    def draw(t: float) -> tuple[np.ndarray, list[Rect]]:
        frame = np.zeros((HEIGHT, WIDTH), np.uint8)
        face = draw_camera(frame, (0, 0, WIDTH, HEIGHT), t)
        frame[30:150, 30:150] = poster[30:150, 30:150]
        return frame, [face, poster_face]

    assert compositions_of(draw, 6) == ()


def test_finds_the_band_of_burnt_in_captions_whose_words_change() -> None:
    def draw(t: float) -> tuple[np.ndarray, list[Rect]]:
        frame = np.zeros((HEIGHT, WIDTH), np.uint8)
        face = draw_camera(frame, (0, 0, WIDTH, HEIGHT), t)
        words = ("what a day it was here", "and nobody knew of it", "until the very next one")[int(t / 2) % 3]
        cv2.rectangle(frame, (130, 305), (510, 340), 0, -1)
        cv2.putText(frame, words, (150, 330), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
        return frame, [face]

    (band,) = detect(draw, 12).text_bands.finish(12.0)
    assert (band.start_s, band.end_s) == (0, 12)
    assert 0.75 < band.box.y < 0.86 and band.box.y + band.box.h > 0.92
