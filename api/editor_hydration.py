"""Computes the editor's data of a clip that is not in its row: words, layout timeline, spatial matrix, cuts.

Everything is computed from stored artifacts with the functions that the renderer calls, and is cached until the
artifacts change.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.direction.director import direct_clip
from carmic_assets.direction.scene_summary import build_clip_matrix, build_clip_shots
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.scene import Scene, SourceShot, SpatialMatrix
from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import snap_clip_bounds
from carmic_assets.speech.clip_words import assign_speakers, map_words_to_clip_clock
from resources import artifacts
from resources.clips import Clip
from resources.platform import Platform
from resources.store import Store

T = TypeVar("T")

CACHED_VIDEOS = 12  # decoded videos that are kept in memory
CACHED_HYDRATIONS = 512  # JSON texts that are kept in memory


class WordOut(msgspec.Struct):
    """One word of the transcript; times are seconds from the clip's start."""

    word: Annotated[str, Meta(description="The word as it was spoken, with its punctuation.", examples=["faster."])]
    start: Annotated[
        float, Meta(description="When the word begins, in seconds from the clip's start.", examples=[3.42])
    ]
    end: Annotated[float, Meta(description="When the word ends, in seconds from the clip's start.", examples=[3.81])]
    confidence: Annotated[float, Meta(description="How certain the recogniser is, 0 to 1.", examples=[0.97])]
    speaker: Annotated[
        str | None, Meta(description="Label of the speaker, null where nobody could be told apart.", examples=["A"])
    ]


class TranscriptOut(msgspec.Struct):
    """The words of a clip."""

    language: Annotated[
        str | None, Meta(description="Language of the speech (ISO 639-1), null before it is known.", examples=["en"])
    ]
    words: Annotated[list[WordOut], Meta(description="The words in the order in which they are spoken.")]


class Hydration(msgspec.Struct):
    """The computed part of the editor's payload."""

    transcript: TranscriptOut
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    advanced_spatial_matrix: SpatialMatrix | None
    shots: tuple[SourceShot, ...]
    crop_metrics: CropMetrics | None


class VideoArtifacts(msgspec.Struct, frozen=True):
    """The decoded artifacts of one video. An artifact that does not exist yet is None."""

    facts: SourceFacts | None
    transcript: Transcript | None
    words: tuple[Word, ...]  # with speakers once diarisation is done
    scene: Scene | None


class LRUCache:
    """A small cache, shared by the handlers' threads, that evicts the least recently used entry."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the cached value, or compute and cache it. Two threads may compute the same value."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                cached: T = self._entries[key]
                return cached
        value = compute()
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)
        return value


class Hydrator:
    """Computes and caches hydrations. One per process."""

    def __init__(self, platform: Platform) -> None:
        self.store: Store = platform.store
        self._videos = LRUCache(CACHED_VIDEOS)
        self._hydrations = LRUCache(CACHED_HYDRATIONS)

    def load_video(self, workspace_id: str, project_id: str) -> VideoArtifacts:
        """Return the current artifacts of a video. A rebuilt artifact is read again."""
        names = (artifacts.SOURCE_FACTS, artifacts.TRANSCRIPT, artifacts.SPEAKERS, artifacts.SCENE)
        keys = [artifacts.artifact_key(workspace_id, project_id, name) for name in names]
        versions = tuple(
            (key, info and (info.size, info.modified_at)) for key in keys for info in [self.store.stat(key)]
        )
        return self._videos.get(versions, lambda: self._decode_video(keys))

    def _decode_video(self, keys: list[str]) -> VideoArtifacts:
        transcript = _decode_json(self.store, keys[1], Transcript)
        speakers = _decode_json(self.store, keys[2], Speakers)
        return VideoArtifacts(
            _decode_json(self.store, keys[0], SourceFacts),
            transcript,
            assign_speakers(transcript.words if transcript else (), speakers.turns if speakers else ()),
            _decode_msgpack(self.store, keys[3], Scene),
        )

    def hydrate_clip(self, clip: Clip, config: TemplateConfig) -> msgspec.Raw:
        """Return the `Hydration` of a clip as JSON."""
        video = self.load_video(clip.workspace_id, clip.project_id)
        # The cache entry keeps a reference to the video, so that its `id()` stays unique.
        key = (clip.id, clip.start_s, clip.end_s, config, id(video))
        entry: tuple[VideoArtifacts, msgspec.Raw] = self._hydrations.get(
            key, lambda: (video, msgspec.Raw(msgspec.json.encode(hydrate(video, clip.start_s, clip.end_s, config))))
        )
        return entry[1]


def snap_bounds(video: VideoArtifacts, start_s: float, end_s: float) -> tuple[float, float]:
    """Snap a clip's bounds to the source's frames, as the renderer does. Without a video stream they are unchanged."""
    if video.facts is None or video.facts.video is None:
        return start_s, end_s
    try:
        return snap_clip_bounds(video.facts, start_s, end_s)
    except RenderError:
        return start_s, end_s


def hydrate(video: VideoArtifacts, start_s: float, end_s: float, config: TemplateConfig) -> Hydration:
    """Compute the hydration of a clip. A field is empty while the artifact that it depends on does not exist."""
    start, end = snap_bounds(video, start_s, end_s)
    language = video.transcript.language if video.transcript else None
    words = [_build_word(word) for word in map_words_to_clip_clock(video.words, start, end)]
    transcript = TranscriptOut(language, words)
    if video.scene is None:
        return Hydration(transcript, (), None, (), None)
    timeline = direct_clip(video.scene, start, end, config)
    return Hydration(
        transcript,
        timeline,
        build_clip_matrix(video.scene, start, end),
        build_clip_shots(video.scene, start, end),
        measure_crops(timeline, video.scene, start),
    )


def _build_word(word: Word) -> WordOut:
    return WordOut(word.text, round(word.start_s, 3), round(word.end_s, 3), word.confidence, word.speaker)


def _decode_json(store: Store, key: str, artifact_type: type[T]) -> T | None:
    try:
        return msgspec.json.decode(store.get_bytes(key), type=artifact_type)
    except KeyError:
        return None


def _decode_msgpack(store: Store, key: str, artifact_type: type[T]) -> T | None:
    try:
        return msgspec.msgpack.decode(store.get_bytes(key), type=artifact_type)
    except KeyError:
        return None
