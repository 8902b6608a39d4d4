"""Tracks people: joins boxes into tracklets within a shot, and tracklets of one person across shots.

Boxes are associated by position, size and appearance, as an assignment problem (Kuhn 1955). Tracklets are associated by
appearance. Two people who are visible at the same time are never joined.
"""

from __future__ import annotations

from math import hypot, log

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from carmic_assets.vision.detection import Detection

MAX_GAP_S = 1.5  # a person who is not detected for longer starts a new tracklet
MAX_COST = 1.0  # a box joins a tracklet only below this cost; a distance of about one face width reaches it
IMPOSSIBLE_COST = 10.0  # cost of a pair that must not be joined
MAX_PREDICTION_S = 0.6  # an undetected box is moved on at its last speed for at most this time
MAX_SAME_PERSON_DISTANCE = 0.3  # `appearance_distance` below which two tracklets are one person
MIN_DETECTIONS = 2  # a tracklet with fewer detections is noise
MAX_AVERAGED = 25  # number of detections that the running mean of a tracklet's appearance covers
MAX_PERSON_AVERAGED = 400  # number of detections that the running mean of a person's appearance covers
FACE_SIDE_PX = 24  # side of the aligned face in an appearance vector
FACE_PIXELS = FACE_SIDE_PX * FACE_SIDE_PX
COLOUR_VALUES = 144  # colour values in an appearance vector: 3 zones x 16 patches x L, a, b
UNKNOWN_COLOUR_DISTANCE = 0.1  # taken if two appearances have no zone in common
UNKNOWN_CORRELATION = 0.4  # taken if too little of a face is visible


class Tracklet:
    """One person within one shot: boxes (x, y, w, h, in fractions of the frame) at ascending `times`.

    `motion` holds (time, change of the mouth, change of the upper face) of each frame. `crops` holds the face crops
    that the audio-visual model has not scored yet; `model_scores` holds its results (time, probability of speaking).
    """

    def __init__(self, shot: int, kind: str) -> None:
        self.shot, self.kind = shot, kind
        self.times: list[float] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.scores: list[float] = []
        self.landmarks: list[tuple[float, ...] | None] = []
        self.motion: list[tuple[float, float, float]] = []
        self.appearance: np.ndarray  # running mean over the detections
        self.crops: list[tuple[float, np.ndarray]] = []
        self.model_scores: list[tuple[float, float]] = []
        self.track = -1  # track id of the person, set by `assign_track_ids`

    def add(self, t: float, detection: Detection, appearance: np.ndarray) -> None:
        """Append the detection at `t`."""
        self.times.append(t)
        self.boxes.append((detection.x, detection.y, detection.w, detection.h))
        self.scores.append(detection.score)
        self.landmarks.append(detection.landmarks)
        if len(self.times) == 1:
            self.appearance = appearance
        else:
            weight = 1 / min(len(self.times), MAX_AVERAGED)
            self.appearance = blend_appearances(self.appearance, appearance, weight)

    def predict_box(self, t: float) -> tuple[float, float, float, float]:
        """Return the expected box at `t`: the last box, moved on at its mean speed over the last four boxes."""
        x, y, w, h = self.boxes[-1]
        if len(self.boxes) < 2 or self.times[-1] - self.times[-2] > MAX_GAP_S:
            return x, y, w, h
        first = max(len(self.boxes) - 4, 0)
        duration_s = self.times[-1] - self.times[first]
        ahead_s = min(t - self.times[-1], MAX_PREDICTION_S)
        return (
            x + (x - self.boxes[first][0]) / duration_s * ahead_s,
            y + (y - self.boxes[first][1]) / duration_s * ahead_s,
            w,
            h,
        )


class ShotTracker:
    """Joins the boxes of one shot into tracklets; frames must be added in time order."""

    def __init__(self, shot: int) -> None:
        self.shot = shot
        self.tracklets: list[Tracklet] = []

    def step(self, t: float, detections: list[Detection], picture: np.ndarray) -> list[Tracklet]:
        """Add the boxes of the frame at `t`; return the tracklet of each box."""
        appearances = [describe_appearance(picture, detection) for detection in detections]
        active = [tracklet for tracklet in self.tracklets if t - tracklet.times[-1] <= MAX_GAP_S]
        matches: dict[int, Tracklet] = {}
        if active and detections:
            aspect = picture.shape[1] / picture.shape[0]
            cost = np.array(
                [
                    [
                        _compute_association_cost(tracklet, t, *pair, aspect)
                        for pair in zip(detections, appearances, strict=True)
                    ]
                    for tracklet in active
                ]
            )
            for row, column in zip(*linear_sum_assignment(np.minimum(cost, IMPOSSIBLE_COST)), strict=True):
                if cost[row, column] < MAX_COST:
                    matches[int(column)] = active[row]
        result = []
        for i, detection in enumerate(detections):
            tracklet = matches.get(i)
            if tracklet is None:
                tracklet = Tracklet(self.shot, detection.kind)
                self.tracklets.append(tracklet)
            tracklet.add(t, detection, appearances[i])
            result.append(tracklet)
        return result


def assign_track_ids(tracklets: list[Tracklet]) -> None:
    """Set `track` of every tracklet to the id of its person: 1, 2, ... by first appearance."""
    people: list[tuple[np.ndarray, int]] = []  # mean appearance and number of detections
    by_shot: dict[int, list[Tracklet]] = {}
    for tracklet in tracklets:
        by_shot.setdefault(tracklet.shot, []).append(tracklet)
    for shot in sorted(by_shot):
        for group in _group_simultaneous(by_shot[shot]):
            matches = _match_people(group, people)
            for i, tracklet in enumerate(group):
                count = len(tracklet.times)
                if i in matches:
                    appearance, previous_count = people[matches[i]]
                    total = previous_count + count
                    weight = count / min(total, MAX_PERSON_AVERAGED)
                    people[matches[i]] = (blend_appearances(appearance, tracklet.appearance, weight), total)
                    tracklet.track = matches[i] + 1
                else:
                    people.append((tracklet.appearance, count))
                    tracklet.track = len(people)


def _match_people(group: list[Tracklet], people: list[tuple[np.ndarray, int]]) -> dict[int, int]:
    """Return, for each tracklet of `group` (by index) that matches one of `people`, the index of that person."""
    if not people:
        return {}
    cost = np.array(
        [[appearance_distance(tracklet.appearance, appearance) for appearance, _ in people] for tracklet in group]
    )
    rows, columns = linear_sum_assignment(np.minimum(cost, 2.0))
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if cost[r, c] < MAX_SAME_PERSON_DISTANCE}


def _group_simultaneous(tracklets: list[Tracklet]) -> list[list[Tracklet]]:
    """Return the tracklets of one shot in groups, in time order; tracklets that overlap in time share a group."""
    groups: list[list[Tracklet]] = []
    end_s = -1.0
    for tracklet in sorted(tracklets, key=lambda other: other.times[0]):
        if groups and tracklet.times[0] <= end_s:
            groups[-1].append(tracklet)
        else:
            groups.append([tracklet])
        end_s = max(end_s, tracklet.times[-1])
    return groups


def describe_appearance(picture: np.ndarray, box: Detection) -> np.ndarray:
    """Return the appearance of the person at `box`, as a flat float32 vector.

    It holds first the colours of hair, face and clothes (3 x 16 x 3 values in Lab / 255, NaN outside the frame), then
    the aligned face (`FACE_PIXELS` values, zero mean, unit standard deviation).
    """
    height, width = picture.shape[:2]
    x, y, w, h = box.x * width, box.y * height, box.w * width, box.h * height
    if box.kind == "person":  # the head is about the top sixth
        x, w, h = x + 0.25 * w, 0.5 * w, min(h / 6, w / 2)
    # Hair, face and clothes: left, top, right and bottom in fractions of the head box.
    zones = ((0.0, -0.3, 1.0, 0.12), (0.2, 0.3, 0.8, 0.9), (-0.3, 1.25, 1.3, 1.8))
    parts: list[np.ndarray] = []
    for left, top, right, bottom in zones:
        x0, x1 = round(max(x + left * w, 0)), round(min(x + right * w, width))
        y0, y1 = round(max(y + top * h, 0)), round(min(y + bottom * h, height))
        if x1 - x0 < 4 or y1 - y0 < max(2, 0.5 * (bottom - top) * h):
            parts.append(np.full(COLOUR_VALUES // 3, np.nan, np.float32))
            continue
        patch = cv2.resize(picture[y0:y1, x0:x1], (4, 4), interpolation=cv2.INTER_AREA)
        parts.append(cv2.cvtColor(patch, cv2.COLOR_RGB2LAB).astype(np.float32).ravel() / 255)
    parts.append(_align_face(picture, box, (x, y, w, h)).ravel())
    return np.concatenate(parts)


def _align_face(picture: np.ndarray, box: Detection, head: tuple[float, float, float, float]) -> np.ndarray:
    """Return the grey face, normalised in brightness and scaled to one distance from eyes to mouth.

    Pixels outside the frame are NaN. `head` is the head box in pixels; it is used if there are no landmarks.
    """
    height, width = picture.shape[:2]
    x, y, w, h = head
    if box.landmarks is not None:
        points = np.array(box.landmarks, np.float32).reshape(5, 2) * (width, height)
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        centre, eyes_to_mouth = (eyes + mouth) / 2, max(float(np.hypot(*(mouth - eyes))), 1.0)
    else:
        centre, eyes_to_mouth = np.array([x + w / 2, y + 0.55 * h]), 0.38 * h
    scale = 11 / eyes_to_mouth  # eyes and mouth are 11 of the 24 pixels apart
    matrix = np.array([[scale, 0, 12 - scale * centre[0]], [0, scale, 12 - scale * centre[1]]], np.float32)
    margin_px = 1.4 * eyes_to_mouth
    top, bottom = max(int(centre[1] - margin_px), 0), max(int(centre[1] + margin_px) + 2, 1)
    left, right = max(int(centre[0] - margin_px), 0), max(int(centre[0] + margin_px) + 2, 1)
    patch = picture[top:bottom, left:right]
    if patch.size == 0:
        return np.zeros((FACE_SIDE_PX, FACE_SIDE_PX), np.float32)
    matrix[:, 2] += scale * np.array([left, top])
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
    if scale < 0.7:  # averaging before shrinking avoids aliasing
        kernel = min(2 * round(0.5 / scale) + 1, 15)
        grey = cv2.blur(grey, (kernel, kernel))
    face: np.ndarray = cv2.warpAffine(
        grey.astype(np.float32),
        matrix,
        (FACE_SIDE_PX, FACE_SIDE_PX),
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float("nan"),
    )
    inside = face[~np.isnan(face)]
    if len(inside) < FACE_PIXELS / 3:
        return np.full((FACE_SIDE_PX, FACE_SIDE_PX), np.nan, np.float32)
    normalised: np.ndarray = (face - inside.mean()) / max(float(inside.std()), 1.0)
    return normalised


def blend_appearances(old: np.ndarray, new: np.ndarray, weight: float) -> np.ndarray:
    """Return the running mean in which `new` has `weight`; a value that is NaN in one is taken from the other."""
    mean = old + weight * (new - old)
    return np.where(np.isnan(old), new, np.where(np.isnan(new), old, mean))


def appearance_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the distance of two appearances: 0 if equal, about 0.1 for one person, above 0.5 for two people."""
    by_zone = np.abs(a[:COLOUR_VALUES] - b[:COLOUR_VALUES]).reshape(3, -1).mean(1)
    is_visible = ~np.isnan(by_zone)
    # Weights of hair, face and clothes; see docs/vision.md for the tuning.
    weights = np.array([1.0, 2.0, 1.5])
    colour = float((by_zone[is_visible] * weights[is_visible]).mean()) if is_visible.any() else UNKNOWN_COLOUR_DISTANCE
    return 4 * colour + 0.5 * (1 - _correlate_faces(a[COLOUR_VALUES:], b[COLOUR_VALUES:]))


def _correlate_faces(a: np.ndarray, b: np.ndarray) -> float:
    """Return the highest correlation of two aligned faces over small shifts and scales.

    Shifts and scales are needed because detectors place landmarks differently in large and small faces. The result is
    `UNKNOWN_CORRELATION` if too little of one face is visible.
    """
    face = a.reshape(FACE_SIDE_PX, FACE_SIDE_PX).astype(np.float32)
    middle = (FACE_SIDE_PX - 1) / 2
    variants = []
    for scale in (0.85, 1.0, 1.18):
        for dx in (-1.5, 0.0, 1.5):
            for dy in (-1.5, 0.0, 1.5):
                matrix = np.array(
                    [[scale, 0, middle * (1 - scale) + dx], [0, scale, middle * (1 - scale) + dy]], np.float32
                )
                size = (FACE_SIDE_PX, FACE_SIDE_PX)
                variants.append(cv2.warpAffine(face, matrix, size, borderValue=float("nan")).ravel())
    first, second = np.stack(variants), b.astype(np.float32)
    is_visible = ~np.isnan(first) & ~np.isnan(second)
    count = is_visible.sum(1)
    if count.max() < FACE_PIXELS / 3:
        return UNKNOWN_CORRELATION
    first, second = np.where(is_visible, first, 0), np.where(is_visible, second, 0)
    divisor = np.maximum(count, 1)
    mean_first, mean_second = first.sum(1) / divisor, second.sum(1) / divisor
    deviation = np.sqrt(((first**2).sum(1) / divisor - mean_first**2) * ((second**2).sum(1) / divisor - mean_second**2))
    correlation = ((first * second).sum(1) / divisor - mean_first * mean_second) / np.maximum(deviation, 1e-3)
    return float(correlation[count >= FACE_PIXELS / 3].max())


def _compute_association_cost(
    tracklet: Tracklet, t: float, detection: Detection, appearance: np.ndarray, aspect: float
) -> float:
    """Return the cost of joining the detection to the tracklet: about 0 for a clear match, `MAX_COST` at the limit."""
    if detection.kind != tracklet.kind:
        return IMPOSSIBLE_COST
    x, y, w, h = tracklet.predict_box(t)
    dx = (detection.x + detection.w / 2 - x - w / 2) * aspect
    dy = detection.y + detection.h / 2 - y - h / 2
    distance = hypot(dx, dy) / max(h, detection.h, 1e-6)
    distance /= 1 + (t - tracklet.times[-1])  # a person who was not detected for a while may have moved
    growth = abs(log(max(detection.h, 1e-6) / max(h, 1e-6)))
    return 0.7 * distance + 0.5 * growth + 0.5 * appearance_distance(tracklet.appearance, appearance)
