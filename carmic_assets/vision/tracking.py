"""One identity per person: boxes joined through a shot, and the pieces of one person joined across shots.

Association is by place, size and looks, solved as an assignment (Kuhn 1955); identities by looks, never two at once.
Knows nothing of speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmic_assets.vision.detectors import Detection

if TYPE_CHECKING:
    import numpy as np

MAX_GAP_S = 1.5  # a person not seen for longer starts anew, and is told by looks
MAX_STEP = 1.0  # cost above which a box is not the same person's: about one face width away
SAME_PERSON = 0.3  # distance of looks below which two pieces are one person
FACE = 24  # px, side of the levelled face
COLOURS = 144  # 3 zones x 16 patches x L, a, b
MIN_SEEN = 2  # detections that make a piece; a single one is noise


class Piece:
    """One person within one shot. `boxes` are x, y, w, h by `times`; `motion` is what `lips` measured by frame."""

    def __init__(self, shot: int, kind: str):
        self.shot, self.kind = shot, kind
        self.times: list[float] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.scores: list[float] = []
        self.landmarks: list[tuple[float, ...] | None] = []
        self.motion: list[tuple[float, float, float]] = []
        self.looks: np.ndarray  # running mean
        self.look_count = 0
        self.crops: list[tuple[float, np.ndarray]] = []  # not yet scored by the audio-visual model
        self.heard: list[tuple[float, float]] = []  # its scores: time, probability of speaking
        self.track = -1

    def predicted(self, t: float) -> tuple[float, float, float, float]:
        """Where the box would be at `t` at its last speed, slowing down."""
        x, y, w, h = self.boxes[-1]
        if len(self.boxes) < 2 or self.times[-1] - self.times[-2] > MAX_GAP_S:
            return x, y, w, h
        back = max(len(self.boxes) - 4, 0)
        span = self.times[-1] - self.times[back]
        ahead = min(t - self.times[-1], 0.6)
        return (
            x + (x - self.boxes[back][0]) / span * ahead,
            y + (y - self.boxes[back][1]) / span * ahead,
            w,
            h,
        )


class ShotTracker:
    """Joins the boxes of one shot, fed in time order."""

    def __init__(self, shot: int):
        self.shot = shot
        self.pieces: list[Piece] = []

    def step(self, t: float, found: list[Detection], picture: np.ndarray) -> list[Piece]:
        """Take the boxes of the picture at `t`; returns the piece that each box went to."""
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        looks = [describe(picture, d) for d in found]
        alive = [p for p in self.pieces if t - p.times[-1] <= MAX_GAP_S]
        owner: dict[int, Piece] = {}
        if alive and found:
            aspect = picture.shape[1] / picture.shape[0]
            cost = np.array(
                [[_cost(p, t, d, look, aspect) for d, look in zip(found, looks, strict=True)] for p in alive]
            )
            for row, column in zip(*linear_sum_assignment(np.minimum(cost, 10.0)), strict=True):
                if cost[row, column] < MAX_STEP:
                    owner[int(column)] = alive[row]
        joined = []
        for i, detection in enumerate(found):
            piece = owner.get(i)
            if piece is None:
                piece = Piece(self.shot, detection.kind)
                self.pieces.append(piece)
            piece.times.append(t)
            piece.boxes.append((detection.x, detection.y, detection.w, detection.h))
            piece.scores.append(detection.score)
            piece.landmarks.append(detection.landmarks)
            piece.look_count += 1
            weight = 1 / min(piece.look_count, 25)
            piece.looks = looks[i] if piece.look_count == 1 else blend(piece.looks, looks[i], weight)
            joined.append(piece)
        return joined


def identify(pieces: list[Piece]) -> None:
    """Give every piece its `track`: 1, 2, ... by first appearance. Pieces seen at once are never one person."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    people: list[tuple[np.ndarray, int]] = []  # looks and how often seen
    by_shot: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_shot.setdefault(piece.shot, []).append(piece)
    for shot in sorted(by_shot):
        groups = _together(by_shot[shot])
        for group in groups:
            taken: dict[int, int] = {}
            if people:
                cost = np.array([[distance(p.looks, looks) for looks, _ in people] for p in group])
                rows, columns = linear_sum_assignment(np.minimum(cost, 2.0))
                taken = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if cost[r, c] < SAME_PERSON}
            for i, piece in enumerate(group):
                if i in taken:
                    piece.track = taken[i] + 1
                    looks, seen = people[taken[i]]
                    total = seen + piece.look_count
                    people[taken[i]] = (blend(looks, piece.looks, piece.look_count / min(total, 400)), total)
                else:
                    people.append((piece.looks, piece.look_count))
                    piece.track = len(people)


def _together(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces of one shot in order; those that overlap in time are in one group."""
    groups: list[list[Piece]] = []
    until = -1.0
    for piece in sorted(pieces, key=lambda p: p.times[0]):
        if groups and piece.times[0] <= until:
            groups[-1].append(piece)
        else:
            groups.append([piece])
        until = max(until, piece.times[-1])
    return groups


def describe(picture: np.ndarray, box: Detection) -> np.ndarray:
    """Looks of the person at `box`: colours of hair, face and clothes, 3 x 16 x 3 (Lab / 255, NaN outside the picture),
    then the levelled face 24 x 24 (zero mean, unit deviation), flat."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    x, y, w, h = box.x * width, box.y * height, box.w * width, box.h * height
    if box.kind == "person":  # the head is about the top sixth
        x, w, h = x + 0.25 * w, 0.5 * w, min(h / 6, w / 2)
    zones = ((0.0, -0.3, 1.0, 0.12), (0.2, 0.3, 0.8, 0.9), (-0.3, 1.25, 1.3, 1.8))
    parts: list[np.ndarray] = []
    for left, top, right, bottom in zones:
        x0, x1 = round(max(x + left * w, 0)), round(min(x + right * w, width))
        y0, y1 = round(max(y + top * h, 0)), round(min(y + bottom * h, height))
        if x1 - x0 < 4 or y1 - y0 < max(2, 0.5 * (bottom - top) * h):
            parts.append(np.full(48, np.nan, np.float32))
            continue
        patch = cv2.resize(picture[y0:y1, x0:x1], (4, 4), interpolation=cv2.INTER_AREA)
        parts.append(cv2.cvtColor(patch, cv2.COLOR_RGB2LAB).astype(np.float32).ravel() / 255)
    parts.append(_level_face(picture, box, (x, y, w, h)).ravel())
    return np.concatenate(parts)


def _level_face(picture: np.ndarray, box: Detection, pixels: tuple[float, float, float, float]) -> np.ndarray:
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    x, y, w, h = pixels
    if box.landmarks is not None:
        points = np.array(box.landmarks, np.float32).reshape(5, 2) * (width, height)
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        middle, size = (eyes + mouth) / 2, max(float(np.hypot(*(mouth - eyes))), 1.0)
    else:
        middle, size = np.array([x + w / 2, y + 0.55 * h]), 0.38 * h
    scale = 11 / size  # eyes to mouth is 11 of 24 px
    matrix = np.array([[scale, 0, 12 - scale * middle[0]], [0, scale, 12 - scale * middle[1]]], np.float32)
    low, high = max(int(middle[1] - 1.4 * size), 0), max(int(middle[1] + 1.4 * size) + 2, 1)
    left, right = max(int(middle[0] - 1.4 * size), 0), max(int(middle[0] + 1.4 * size) + 2, 1)
    patch = picture[low:high, left:right]
    if patch.size == 0:
        return np.zeros((FACE, FACE), np.float32)
    matrix[:, 2] += scale * np.array([left, low])
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
    if scale < 0.7:  # average before shrinking
        step = min(2 * round(0.5 / scale) + 1, 15)
        grey = cv2.blur(grey, (step, step))
    face: np.ndarray = cv2.warpAffine(
        grey.astype(np.float32), matrix, (FACE, FACE), borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan")
    )
    known = face[~np.isnan(face)]
    if len(known) < FACE * FACE / 3:
        return np.full((FACE, FACE), np.nan, np.float32)
    return (face - known.mean()) / max(float(known.std()), 1.0)


def blend(old: np.ndarray, new: np.ndarray, weight: float) -> np.ndarray:
    """Running mean; what one of them does not know, the other says."""
    import numpy as np

    mixed = old + weight * (new - old)
    return np.where(np.isnan(old), new, np.where(np.isnan(new), old, mixed))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Difference of looks: 0 the same picture, about 0.1 the same person, above 0.5 surely another."""
    import numpy as np

    colours = np.abs(a[:COLOURS] - b[:COLOURS]).reshape(3, -1).mean(1)
    known = ~np.isnan(colours)
    colour = float((colours[known] * np.array([1.0, 2.0, 1.5])[known]).mean()) if known.any() else 0.1
    return 4 * colour + 0.5 * (1 - _alike(a[COLOURS:], b[COLOURS:]))


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two levelled faces at the best of small shifts and scales: detectors place landmarks a little
    differently in large and small faces. 0.4 (no telling) where too little of one is known."""
    import cv2
    import numpy as np

    face = a.reshape(FACE, FACE).astype(np.float32)
    middle = (FACE - 1) / 2
    moved = []
    for scale in (0.85, 1.0, 1.18):
        for dx in (-1.5, 0.0, 1.5):
            for dy in (-1.5, 0.0, 1.5):
                matrix = np.array(
                    [[scale, 0, middle * (1 - scale) + dx], [0, scale, middle * (1 - scale) + dy]], np.float32
                )
                moved.append(cv2.warpAffine(face, matrix, (FACE, FACE), borderValue=float("nan")).ravel())
    one, other = np.stack(moved), b.astype(np.float32)
    both = ~np.isnan(one) & ~np.isnan(other)
    count = both.sum(1)
    if count.max() < FACE * FACE / 3:
        return 0.4
    one, other = np.where(both, one, 0), np.where(both, other, 0)
    enough = np.maximum(count, 1)
    mean_one, mean_other = one.sum(1) / enough, other.sum(1) / enough
    spread = np.sqrt(((one**2).sum(1) / enough - mean_one**2) * ((other**2).sum(1) / enough - mean_other**2))
    alike = ((one * other).sum(1) / enough - mean_one * mean_other) / np.maximum(spread, 1e-3)
    return float(alike[count >= FACE * FACE / 3].max())


def _cost(piece: Piece, t: float, detection: Detection, look: np.ndarray, aspect: float) -> float:
    """About 0 for the same person a moment later, 1 at the limit."""
    from math import hypot, log

    x, y, w, h = piece.predicted(t)
    across = (detection.x + detection.w / 2 - x - w / 2) * aspect
    down = detection.y + detection.h / 2 - y - h / 2
    size = max(h, detection.h, 1e-6)
    away = hypot(across, down) / size
    waited = t - piece.times[-1]
    away /= 1 + waited  # someone not seen for a while may have moved
    grown = abs(log(max(detection.h, 1e-6) / max(h, 1e-6)))
    if detection.kind != piece.kind:
        return 10.0
    return 0.7 * away + 0.5 * grown + 0.5 * distance(piece.looks, look)
