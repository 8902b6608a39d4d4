"""Where each artifact of a video lies in the store. The names are the contract between the assets and the API."""

from __future__ import annotations

from resources.projects import prefix

# One object each, under the project's prefix
SOURCE_FACTS = "artifacts/source.json"
ANALYSIS_FACTS = "artifacts/analysis.json"
ANALYSIS_AUDIO = "artifacts/audio.flac"
ANALYSIS_FRAMES = "artifacts/frames.mp4"
PROXY = "artifacts/proxy.mp4"
TRANSCRIPT = "artifacts/transcript.json"
SPATIAL_MATRIX = "artifacts/matrix.parquet"
SPEAKERS = "artifacts/speakers.json"
MATRIX_FACTS = "artifacts/matrix.json"
SCENE = "artifacts/scene.msgpack"
LAYOUT_TIMELINE = "artifacts/layout.json"
SCORING_FEATURES = "artifacts/features.msgpack"
SCORED_CLIPS = "artifacts/clips.json"


def key(workspace_id: str, project_id: str, name: str) -> str:
    return prefix(workspace_id, project_id) + name


def thumbnail(number: int) -> str:
    return f"artifacts/thumb_{number}.jpg"


def clip_thumbnail(clip_id: str) -> str:
    return f"thumbnails/{clip_id}.jpg"


def rendered(render_id: str, suffix: str) -> str:
    """`suffix`: .mp4, .srt, .vtt or .jpg."""
    return f"renders/{render_id}/clip{suffix}"


def package(export_id: str) -> str:
    return f"exports/{export_id}.zip"
