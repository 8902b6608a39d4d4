"""Store keys of a project's artifacts: the contract between the assets that write them and the API that serves them."""

from __future__ import annotations

from resources.projects import Project, key_prefix
from resources.settings import Settings
from resources.store.base import Store

# Names under the project's key prefix
SOURCE_FACTS = "artifacts/source.json"
CONFORMED_SOURCE = "artifacts/conformed-source"  # only for a source whose timestamps or formats change within the file
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


def artifact_key(workspace_id: str, project_id: str, name: str) -> str:
    """Return the store key of the project's artifact `name`."""
    return key_prefix(workspace_id, project_id) + name


def format_uri(settings: Settings, key: str) -> str:
    """Return the URI of a store key, for operators: a file:// or s3:// URI that names the object itself."""
    folder = "/objects/" if settings.store_url.startswith("file://") else "/"
    return settings.store_url.rstrip("/") + folder + key


def find_source_key(store: Store, project: Project) -> str:
    """Return the store key of the video that the pipeline reads: the conformed source, if any, or the upload."""
    conformed = artifact_key(project.workspace_id, project.id, CONFORMED_SOURCE)
    return project.object_key if store.stat(conformed) is None else conformed


def thumbnail_name(number: int) -> str:
    """Return the name of a thumbnail of the project."""
    return f"artifacts/thumb_{number}.jpg"


def picture_name(name: str) -> str:
    """Return the name of a picture that the metadata of a materialization links."""
    return f"pictures/{name}.jpg"


def clip_thumbnail_name(clip_id: str) -> str:
    """Return the name of a clip's thumbnail."""
    return f"thumbnails/{clip_id}.jpg"


def render_file_name(render_id: str, suffix: str) -> str:
    """Return the name of a file of a render. `suffix` is .mp4, .srt, .vtt or .jpg."""
    return f"renders/{render_id}/clip{suffix}"


def export_package_name(export_id: str) -> str:
    """Return the name of an export package."""
    return f"exports/{export_id}.zip"
