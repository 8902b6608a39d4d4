"""What the editor needs to know of a clip beyond its row: words, layout, matrix, cuts. Computed from stored artifacts
with the pure rooms, the same functions that the renderer calls, and remembered while nothing changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import msgspec

from carmic_assets.direction.director import direct_clip
from carmic_assets.direction.measures import measure
from carmic_assets.direction.scene_summary import clip_matrix, clip_shots
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.scene import Scene, SourceShot, SpatialMatrix
from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import clip_bounds
from carmic_assets.speech.clip_words import assign, on_clip
from resources import artifacts
from resources.clips import Clip
from resources.platform import Platform
from resources.store import Store

T = TypeVar("T")

VIDEOS_KEPT = 12
ANSWERS_KEPT = 512


class WordOut(msgspec.Struct):
    """Seconds from the clip's start."""

    word: str
    start: float
    end: float
    confidence: float
    speaker: str | None


class TranscriptOut(msgspec.Struct):
    language: str | None
    words: list[WordOut]


class Hydration(msgspec.Struct):
    transcript: TranscriptOut
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    advanced_spatial_matrix: SpatialMatrix | None
    shots: tuple[SourceShot, ...]
    crop_metrics: CropMetrics | None


class Video(msgspec.Struct, frozen=True):
    """The artifacts of one video, decoded. None: not made (yet)."""

    facts: SourceFacts | None
    transcript: Transcript | None
    words: tuple[Word, ...]  # with their speakers, once those are known
    scene: Scene | None


class Remembered:
    """A small cache, least recently used out first; shared by the handlers' threads."""

    def __init__(self, size: int):
        self.size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return value


class Hydrator:
    """One per process."""

    def __init__(self, platform: Platform):
        self.store: Store = platform.store
        self._videos = Remembered(VIDEOS_KEPT)
        self._answers = Remembered(ANSWERS_KEPT)

    def video(self, workspace_id: str, project_id: str) -> Video:
        """The artifacts as they are now: an artifact that was made again is read again."""
        names = (artifacts.SOURCE_FACTS, artifacts.TRANSCRIPT, artifacts.SPEAKERS, artifacts.SCENE)
        keys = [artifacts.key(workspace_id, project_id, name) for name in names]
        state = tuple((key, found and (found.size, found.modified_at)) for key, found in self._stats(keys))
        return self._videos.get(state, lambda: self._load(keys))

    def _stats(self, keys: list[str]) -> list[tuple[str, Any]]:
        return [(key, self.store.stat(key)) for key in keys]

    def _load(self, keys: list[str]) -> Video:
        said = _json(self.store, keys[1], Transcript)
        speakers = _json(self.store, keys[2], Speakers)
        return Video(
            _json(self.store, keys[0], SourceFacts),
            said,
            assign(said.words if said else (), speakers.turns if speakers else ()),
            _packed(self.store, keys[3], Scene),
        )

    def clip(self, clip: Clip, config: TemplateConfig) -> msgspec.Raw:
        """The `Hydration` of the clip as JSON."""
        video = self.video(clip.workspace_id, clip.project_id)
        key = (clip.id, clip.start_s, clip.end_s, config, id(video))
        made: tuple[Video, msgspec.Raw] = self._answers.get(
            key, lambda: (video, msgspec.Raw(msgspec.json.encode(hydrate(video, clip.start_s, clip.end_s, config))))
        )
        return made[1]


def bounds_of(video: Video, start_s: float, end_s: float) -> tuple[float, float]:
    """The clip's bounds on the source's frame grid, as the renderer takes them."""
    if video.facts is None or video.facts.video is None:
        return start_s, end_s
    try:
        return clip_bounds(video.facts, start_s, end_s)
    except RenderFailed:
        return start_s, end_s


def hydrate(video: Video, start_s: float, end_s: float, config: TemplateConfig) -> Hydration:
    """Everything of a clip that is computed. What no artifact exists for (yet) is empty."""
    start, end = bounds_of(video, start_s, end_s)
    language = video.transcript.language if video.transcript else None
    said = TranscriptOut(language, [_shown(word) for word in on_clip(video.words, start, end)])
    if video.scene is None:
        return Hydration(said, (), None, (), None)
    timeline = direct_clip(video.scene, start, end, config)
    return Hydration(
        said,
        timeline,
        clip_matrix(video.scene, start, end),
        clip_shots(video.scene, start, end),
        measure(timeline, video.scene, start),
    )


def _shown(word: Word) -> WordOut:
    return WordOut(word.text, round(word.start_s, 3), round(word.end_s, 3), word.confidence, word.speaker)


def _json(store: Store, key: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(store.get_bytes(key), type=kind)
    except KeyError:
        return None


def _packed(store: Store, key: str, kind: type[T]) -> T | None:
    try:
        return msgspec.msgpack.decode(store.get_bytes(key), type=kind)
    except KeyError:
        return None
