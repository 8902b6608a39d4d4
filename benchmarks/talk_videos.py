"""Composes talk videos with ground truth from portraits and voices that come with the dependencies.

    python -m benchmarks.talk_videos TALK.mp4 --seed 7 --seconds 60 --people 2 --broll --pauses

A talk shows one to three people: portraits of scikit-image, ultralytics and matplotlib, voices of eSpeak NG.
A mouth opens with the loudness of its voice, heads sway, shots are separated by hard cuts, and the picture has grain.
The ground truth of `talk.mp4` is in `talk.truth.json` beside it: faces, sentences, words, shots and cuts. The same
arguments give the same ground truth and the same pictures.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import synthetic_speech
from benchmarks.harness import create_parser

FPS = 25
SAMPLE_RATE = synthetic_speech.SAMPLE_RATE
FACES_PER_S = 5  # ground-truth boxes per second
MAX_SENTENCES_PER_TURN = 3
PAUSE_S = (0.2, 0.8)
LONG_PAUSE_S = (2.0, 3.0)  # one pause in five, with `has_pauses`
SHOT_S = (3.0, 7.0)
BROLL_S = (2.0, 4.0)
# Kinds of shots by how often they are drawn.
SHOT_KINDS = ("speaker",) * 5 + ("wide",) * 3 + ("listener",)

MOUTH_LEVELS = 9  # pictures of a mouth from closed to open
MOUTH_OPENING = 0.16  # of the height of the face
LOUD = 0.12  # root mean square of a voice at which the mouth is open
SWAY_RATIO = 0.012  # of the height of the portrait
GRAIN_LEVELS = 1.5  # standard deviation of the noise of the camera

SENTENCES = (
    *synthetic_speech.TALK_LINES,
    "Most of our mistakes came from being in a hurry.",
    "I would rather explain a small number than defend a large one.",
    "The factory in the harbour closed on a Friday, and we bought its machines on Monday.",
    "Do you remember the first invoice that we ever wrote?",
    "It was for ninety dollars, and the customer paid it twice.",
    "A good contract is short, and both sides can recite it.",
    "We hired slowly, and that saved us when the market turned.",
    "Nobody reads a report of forty pages, so write one page and throw the rest away.",
    "What would you tell somebody who starts today?",
    "Begin with a problem that keeps you awake at night.",
    "Then find three people who pay you before the product exists.",
    "The hardest part was to say no to our friends.",
    "Every spring we sit down and ask which work we could simply stop.",
    "Last year that question removed a third of our meetings.",
    "Trust grows when bad news travels faster than good news.",
    "Our best engineer came from a bakery, and she still wakes up at four.",
    "When the storm took the roof, the whole street came to help.",
    "That evening I understood what the shop meant to them.",
    "Prices are a message, so think about who is meant to read it.",
    "If you cannot measure it yet, write down what you expect to see.",
    "The river froze that winter, and the trucks drove across the ice.",
)

GroundTruth = dict[str, Any]  # decoded JSON
Picture = NDArray[np.uint8]  # rgb24
BoxPx = tuple[float, float, float, float]  # x, y, width, height


class Portrait(msgspec.Struct, frozen=True):
    """A photograph of one person in a package, annotated by hand. All lengths are pixels of the file."""

    package: str
    path: str
    crop: tuple[int, int, int, int]  # the part that shows nobody else: left, top, right, bottom
    face: BoxPx  # hairline to chin
    mouth: tuple[float, float, float]  # centre, and half the width
    voice: str  # of eSpeak NG


PORTRAITS = {
    "A": Portrait(
        "skimage", "data/astronaut.png", (0, 0, 512, 512), (177, 62, 94, 110), (224, 144, 22), "en-us+f3"
    ),
    "B": Portrait(
        "ultralytics", "assets/zidane.jpg", (690, 0, 1280, 720), (905, 105, 150, 178), (992, 232, 30), "en-us"
    ),
    "C": Portrait(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (0, 0, 512, 600), (165, 140, 200, 195), (268, 279, 40),
        "en-gb-x-rp+f2",
    ),
}  # fmt: skip


class Sentence(msgspec.Struct, frozen=True):
    """A spoken sentence; times are those of its sound."""

    person: str
    turn: int
    text: str
    start_s: float
    end_s: float
    words: list[synthetic_speech.TimedWord]


class Shot(msgspec.Struct, frozen=True):
    """Frames between two cuts. `kind` is wide, broll or close_ and a name."""

    start: int  # frame
    end: int  # frame, excluded
    kind: str
    visible: tuple[str, ...]


class TalkOptions(msgspec.Struct, frozen=True):
    """What a talk is composed of. `has_pauses`: some pauses last 2 to 3 s."""

    seed: int
    seconds: int = 60
    size: tuple[int, int] = (1920, 1080)
    people: int = 2
    has_broll: bool = False
    has_pauses: bool = False


def compose_talk(
    path: Path,
    *,
    seed: int,
    seconds: int = 60,
    size: str = "1920x1080",
    people: int = 2,
    has_broll: bool = False,
    has_pauses: bool = False,
) -> Path:
    """Compose a talk at `path` with its ground truth beside it. `has_pauses`: some pauses last 2 to 3 s."""
    width, height = (int(side) for side in size.split("x"))
    options = TalkOptions(seed, seconds, (width, height), people, has_broll, has_pauses)
    dice = random.Random(seed)
    sentences, samples = speak_sentences(options, dice)
    shots = plan_shots(options, sentences, dice)
    loudness = {person: measure_loudness(sentences, samples, person, seconds * FPS) for person in name_people(options)}
    cameras = {person: Camera(PORTRAITS[person], dice.random()) for person in name_people(options)}
    with av.open(str(path), "w") as out:
        write_streams(out, options, draw_frames(options, shots, cameras, loudness), samples)
    truth = describe_talk(options, sentences, shots, cameras)
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    return path


def read_ground_truth(video: Path) -> GroundTruth:
    """Read the ground truth of a talk video."""
    truth: GroundTruth = json.loads(video.with_suffix(".truth.json").read_text())
    return truth


def name_people(options: TalkOptions) -> tuple[str, ...]:
    """Return the names of the people, from left to right."""
    return tuple(PORTRAITS)[: options.people]


def speak_sentences(options: TalkOptions, dice: random.Random) -> tuple[list[Sentence], NDArray[np.float32]]:
    """Speak turns until the talk is full; return the sentences and the sound, 16 kHz with room tone."""
    samples = np.zeros(options.seconds * SAMPLE_RATE, np.float32)
    people = name_people(options)
    texts = dice.sample(SENTENCES, len(SENTENCES))
    sentences: list[Sentence] = []
    person, turn, left, clock_s = dice.choice(people), 0, dice.randint(1, MAX_SENTENCES_PER_TURN), 0.5
    while True:
        text = texts[len(sentences) % len(texts)]
        sound, words = synthetic_speech.synthesise(text, PORTRAITS[person].voice, 165)
        first = round(clock_s * SAMPLE_RATE)
        if first + len(sound) > len(samples):
            break
        samples[first : first + len(sound)] = 0.5 * sound
        timed = [
            synthetic_speech.TimedWord(word.text, round(clock_s + word.start_s, 3), round(clock_s + word.end_s, 3))
            for word in words
        ]
        sentences.append(Sentence(person, turn, text, timed[0].start_s, timed[-1].end_s, timed))
        is_long = options.has_pauses and len(sentences) % 5 == 0
        clock_s += len(sound) / SAMPLE_RATE + dice.uniform(*(LONG_PAUSE_S if is_long else PAUSE_S))
        left -= 1
        if left == 0:
            turn, left = turn + 1, dice.randint(1, MAX_SENTENCES_PER_TURN)
            person = dice.choice([other for other in people if other != person] or people)
    noise = np.random.default_rng(options.seed).standard_normal(len(samples))
    return sentences, (samples + 1e-3 * noise).astype(np.float32)


def plan_shots(options: TalkOptions, sentences: Sequence[Sentence], dice: random.Random) -> list[Shot]:
    """Divide the talk into shots, of which neighbours differ."""
    people, last = name_people(options), options.seconds * FPS
    shots: list[Shot] = []
    kinds = SHOT_KINDS + (("broll",) * 2 if options.has_broll else ())
    start = 0
    while start < last:
        speaker = next((s.person for s in sentences if s.end_s * FPS > start), sentences[-1].person)
        others = [person for person in people if person != speaker]
        kind = dice.choice(kinds)
        if kind == "speaker" or (kind == "listener" and not others):
            kind = f"close_{speaker}"
        elif kind == "listener":
            kind = f"close_{dice.choice(others)}"
        if shots and shots[-1].kind == kind:
            kind = "wide" if kind != "wide" else f"close_{speaker}"
        end = start + round(dice.uniform(*(BROLL_S if kind == "broll" else SHOT_S)) * FPS)
        end = last if last - end < SHOT_S[0] * FPS else end
        visible = {"wide": people, "broll": ()}.get(kind, (kind[-1],))
        shots.append(Shot(start, end, kind, visible))
        start = end
    return shots


def measure_loudness(
    sentences: Sequence[Sentence], samples: NDArray[np.float32], person: str, frames: int
) -> NDArray[np.float64]:
    """Return how open (0..1) the mouth of a person is in each frame: the level of the voice while they speak."""
    size = SAMPLE_RATE // FPS
    level = np.sqrt((samples[: frames * size].reshape(frames, size).astype(np.float64) ** 2).mean(axis=1))
    times = (np.arange(frames) + 0.5) / FPS
    speaks = np.zeros(frames, bool)
    for sentence in sentences:
        speaks |= (sentence.person == person) & (times >= sentence.start_s) & (times <= sentence.end_s)
    return np.where(speaks, np.clip(level / LOUD, 0, 1), 0.0)


class Camera:
    """The portrait of one person: a picture for each opening of the mouth, and a head that sways."""

    def __init__(self, portrait: Portrait, phase: float) -> None:
        image = cv2.imread(str(_locate(portrait)))
        if image is None:
            raise RuntimeError(f"{portrait.package}/{portrait.path} does not exist")
        left, top, right, bottom = portrait.crop
        self._face = (portrait.face[0] - left, portrait.face[1] - top, *portrait.face[2:])
        mouth = (portrait.mouth[0] - left, portrait.mouth[1] - top, portrait.mouth[2])
        still = np.ascontiguousarray(image[top:bottom, left:right, ::-1])
        openings = np.linspace(0, MOUTH_OPENING * portrait.face[3], MOUTH_LEVELS)
        self._pictures = [open_mouth(still, mouth, opening) for opening in openings]
        self._height, self._width = still.shape[:2]
        self._phase = phase

    def fit(self, height: int) -> int:
        """Return the width of the portrait at a height, even."""
        return round(self._width * height / self._height / 2) * 2

    def draw_backdrop(self, width: int, height: int) -> Picture:
        """Draw the portrait blurred, as large as the frame: the background of a close shot."""
        still = self._pictures[0]
        band = min(round(self._width * height / width), self._height)
        small = cv2.resize(still[self._height - band :], (width // 16, height // 16), interpolation=cv2.INTER_AREA)
        backdrop: Picture = cv2.resize(cv2.blur(small, (9, 9)), (width, height), interpolation=cv2.INTER_LINEAR)
        return backdrop

    def draw(self, t: float, opening: float, height: int) -> Picture:
        """Draw the portrait at a time."""
        scale, x, y = self._place(t, height)
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float64)
        picture = self._pictures[round(opening * (MOUTH_LEVELS - 1))]
        size = (self.fit(height), height)
        drawn: Picture = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return drawn

    def face(self, t: float, height: int) -> BoxPx:
        """Return the box of the face in the drawn portrait."""
        scale, dx, dy = self._place(t, height)
        x, y, w, h = self._face
        return x * scale + dx, y * scale + dy, w * scale, h * scale

    def _place(self, t: float, height: int) -> tuple[float, float, float]:
        sway = SWAY_RATIO * height
        angle = 2 * np.pi * self._phase
        return height / self._height, sway * np.sin(1.1 * t + angle), sway * np.sin(0.7 * t + 2 * angle)


def open_mouth(still: Picture, mouth: tuple[float, float, float], opening: float) -> Picture:
    """Return the portrait with the lower lip and the jaw lowered by `opening` pixels; the gap is dark."""
    if opening < 0.25:
        return still
    x, y, half_width = mouth
    rows, columns = np.mgrid[: still.shape[0], : still.shape[1]].astype(np.float32)
    sideways = np.clip(1 - ((columns - x) / (1.3 * half_width)) ** 2, 0, 1)
    below = np.clip(1 - (rows - y) / (2.6 * half_width), 0, 1)
    lowered = (opening * sideways).astype(np.float32)
    shift = np.where(rows >= y + lowered, lowered * below, np.maximum(rows - y, 0))
    warped = cv2.remap(still, columns, (rows - shift).astype(np.float32), cv2.INTER_LINEAR)
    gap = (rows > y) & (rows < y + lowered) & (lowered > 0.5)
    softness = cv2.GaussianBlur(gap.astype(np.float32), (0, 0), 0.8)[..., None]
    opened: Picture = (warped * (1 - softness) + np.array([46, 18, 18]) * softness).astype(np.uint8)
    return opened


def draw_frames(
    options: TalkOptions, shots: Sequence[Shot], cameras: dict[str, Camera], loudness: dict[str, NDArray[np.float64]]
) -> Iterator[Picture]:
    """Yield the frames of the talk."""
    width, height = options.size
    rng = np.random.default_rng(options.seed)
    grain = np.repeat(rng.normal(0, GRAIN_LEVELS, (height + 64, width + 64, 1)).astype(np.int16), 3, axis=2)
    wall = _draw_wall(width, height)
    for number, shot in enumerate(shots):
        landscape = _draw_landscape(width, height, rng) if shot.kind == "broll" else None
        backdrop = cameras[shot.visible[0]].draw_backdrop(width, height) if len(shot.visible) == 1 else wall
        for frame in range(shot.start, shot.end):
            canvas = backdrop.copy() if landscape is None else _pan(landscape, frame - shot.start, width, number)
            for person, (x, y, pane_height) in place_panes(options, shot, cameras).items():
                pane = cameras[person].draw(frame / FPS, loudness[person][frame], pane_height)
                canvas[y : y + pane_height, x : x + pane.shape[1]] = pane
            dx, dy = rng.integers(0, 64, 2)
            frame_grain = grain[dy : dy + height, dx : dx + width]
            yield cv2.add(canvas, frame_grain, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def place_panes(options: TalkOptions, shot: Shot, cameras: dict[str, Camera]) -> dict[str, tuple[int, int, int]]:
    """Return the left edge, the top edge and the height (px) of each portrait in a shot."""
    width, height = options.size
    pane_height = height if shot.kind.startswith("close_") else round(height * 0.5 / 2) * 2
    widths = [cameras[person].fit(pane_height) for person in shot.visible]
    gap = (width - sum(widths)) / (len(widths) + 1)
    panes = {}
    for index, person in enumerate(shot.visible):
        left = round((gap * (index + 1) + sum(widths[:index])) / 2) * 2
        panes[person] = (left, (height - pane_height) // 2, pane_height)
    return panes


def describe_talk(
    options: TalkOptions, sentences: Sequence[Sentence], shots: Sequence[Shot], cameras: dict[str, Camera]
) -> GroundTruth:
    """Return the ground truth: times in seconds, boxes in pixels of the frame."""
    faces: dict[str, list[GroundTruth]] = {person: [] for person in cameras}
    for shot in shots:
        for person, (left, top, pane_height) in place_panes(options, shot, cameras).items():
            for frame in range(-(-shot.start // FACES_PER_S) * FACES_PER_S, shot.end, FPS // FACES_PER_S):
                x, y, w, h = cameras[person].face(frame / FPS, pane_height)
                box = [round(value, 1) for value in (left + x, top + y, w, h)]
                faces[person].append({"t": frame / FPS, "box": box})
    return {
        "fps": FPS,
        "size": list(options.size),
        "duration": options.seconds,
        "seed": options.seed,
        "people": {person: PORTRAITS[person].path for person in cameras},
        "shots": [
            {"start": shot.start / FPS, "end": shot.end / FPS, "kind": shot.kind, "visible": list(shot.visible)}
            for shot in shots
        ],
        "speaking": [{"start": s.start_s, "end": s.end_s, "person": s.person} for s in sentences],
        "sentences": [
            {"start": s.start_s, "end": s.end_s, "speaker": s.person, "turn": s.turn, "text": s.text} for s in sentences
        ],
        "words": [{"start": w.start_s, "end": w.end_s, "text": w.text} for s in sentences for w in s.words],
        "faces": faces,
    }


def write_streams(
    out: av.container.OutputContainer, options: TalkOptions, frames: Iterator[Picture], samples: NDArray[np.float32]
) -> None:
    """Encode the pictures as H.264 and the sound as AAC."""
    video, audio = out.add_stream("libx264", rate=FPS), out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    video.width, video.height = options.size
    video.pix_fmt = "yuv420p"
    video.options = {"preset": "ultrafast", "crf": "20", "g": "50"}
    size = SAMPLE_RATE // FPS
    for number, picture in enumerate(frames):
        out.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        chunk = av.AudioFrame.from_ndarray(samples[None, number * size : (number + 1) * size].copy(), "fltp", "mono")
        chunk.sample_rate, chunk.pts, chunk.time_base = SAMPLE_RATE, number * size, Fraction(1, SAMPLE_RATE)
        out.mux(audio.encode(chunk))
    out.mux(video.encode())
    out.mux(audio.encode())


def _locate(portrait: Portrait) -> Path:
    spec = importlib.util.find_spec(portrait.package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"package {portrait.package} is not installed")
    return Path(spec.submodule_search_locations[0]) / portrait.path


def _draw_wall(width: int, height: int) -> Picture:
    """The background of a wide shot: a dark gradient."""
    rows, columns = np.mgrid[:height, :width]
    light = 30 + 25 * rows / height + 15 * columns / width
    return np.stack([0.8 * light, 0.9 * light, 1.1 * light], axis=-1).astype(np.uint8)


def _draw_landscape(width: int, height: int, rng: np.random.Generator) -> Picture:
    """B-roll without people: soft clouds of colour, wider than the frame."""
    coarse = rng.integers(70, 170, (5, 11, 3)).astype(np.uint8)
    landscape: Picture = cv2.resize(coarse, (width * 5 // 4, height), interpolation=cv2.INTER_CUBIC)
    return landscape


def _pan(landscape: Picture, frame: int, width: int, number: int) -> Picture:
    room = landscape.shape[1] - width
    offset = min(2 * frame, room)
    offset = offset if number % 2 else room - offset
    return landscape[:, offset : offset + width].copy()


def main(arguments: list[str]) -> None:
    """Compose one talk."""
    parser = create_parser("talk_videos", __doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--people", type=int, choices=range(1, len(PORTRAITS) + 1), default=2)
    parser.add_argument("--broll", action="store_true")
    parser.add_argument("--pauses", action="store_true")
    options = parser.parse_args(arguments)
    compose_talk(
        options.out,
        seed=options.seed,
        seconds=options.seconds,
        size=options.size,
        people=options.people,
        has_broll=options.broll,
        has_pauses=options.pauses,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
