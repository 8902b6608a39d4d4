"""Scores a video from its stored artifacts and stores the result as the project's clips.

The module imports the computing packages at its top, so `scored_clips` imports it inside the asset and the op only.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from PIL import Image

from carmic_assets.assets.video_step import VideoStep
from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.clip_scoring import SCORER_VERSION, score_clips
from carmic_assets.scoring.llm import Endpoint, Refinement, refine_clips
from carmic_assets.scoring.rescoring import StoredClip, reconcile_clips
from carmic_assets.scoring.talk_features import FEATURES_VERSION, ScoringFeatures, extract_features
from carmic_assets.vision.analysis_frames import read_frames
from resources import artifacts, outbox, projects
from resources import clips as clip_rows
from resources.database.engine import now

FRAMES_PER_CLIP = 3  # frames of each clip that are sent to a multimodal model
THUMBNAIL_POSITION = 1 / 3  # time of the thumbnail, as a fraction of the clip's duration


def build_brief(step: VideoStep) -> Brief:
    """Return the user's settings of the project: instructions, video type, limits of the clips."""
    project = step.project
    return Brief(
        custom_instructions=project.custom_instructions or "",
        video_type=project.video_type,
        language=project.language,
        span=step.trim_span_s,
        **(project.clip_bounds or {}),
    )


def score_from_artifacts(
    step: VideoStep, transcript: Transcript, features: ScoringFeatures, brief: Brief
) -> ScoredClips:
    """Return the scored clips of the video. No media file is read."""
    analysis = step.load_artifact(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    speakers = step.load_artifact(artifacts.SPEAKERS, Speakers)
    return score_clips(transcript, speakers, features=features, motion=analysis.motion, brief=brief)


def rescore(step: VideoStep) -> ScoredClips:
    """Score a stored video with the current scorer. Features of an older version are computed again."""
    transcript = step.load_artifact(artifacts.TRANSCRIPT, Transcript)
    features = step.load_artifact(artifacts.SCORING_FEATURES, ScoringFeatures)
    if features.version != FEATURES_VERSION:
        features = extract_features(transcript, features.sound)
        step.save_artifact(artifacts.SCORING_FEATURES, features)
    return score_from_artifacts(step, transcript, features, build_brief(step))


def has_current_scores(step: VideoStep) -> bool:
    """Return whether the video's clips come from the current version of the scorer."""
    return step.load_artifact(artifacts.SCORED_CLIPS, ScoredClips).scorer_version == SCORER_VERSION


def refine_with_language_model(
    step: VideoStep, scored: ScoredClips, transcript: Transcript, brief: Brief
) -> Refinement | None:
    """Return the ratings of the configured language model, or None if none is configured. It never fails the run."""
    settings = step.platform.settings
    if step.project.enable_multimodal and settings.gemini_api_key:
        url = settings.gemini_url.rstrip("/") + "/v1beta"
        gemini = Endpoint("gemini", url, settings.gemini_model, settings.gemini_api_key)
        return refine_clips(scored, transcript, brief, gemini, _read_clip_frames(step, scored))
    if settings.llm_url:
        text_model = Endpoint("openai", settings.llm_url.rstrip("/"), settings.llm_model, settings.llm_api_key)
        return refine_clips(scored, transcript, brief, text_model)
    return None


def _read_clip_frames(step: VideoStep, scored: ScoredClips) -> dict[int, list[bytes]]:
    """Return FRAMES_PER_CLIP evenly spaced JPEGs of each clip, by the clip's rank."""
    frames = {}
    for rank, clip in enumerate(scored.clips):
        length_s = clip.end_s - clip.start_s
        times = [clip.start_s + length_s * (i + 0.5) / FRAMES_PER_CLIP for i in range(FRAMES_PER_CLIP)]
        frames[rank] = _read_jpegs(step, times)
    return frames


def _read_jpegs(step: VideoStep, times: Sequence[float]) -> list[bytes]:
    """Return the frames of the analysis copy at `times` (source clock, ascending) as JPEG files."""
    jpegs = []
    analysis = step.load_artifact(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    with step.open_artifact(artifacts.ANALYSIS_FRAMES) as path:
        for picture in read_frames(path, analysis, list(times)):
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "JPEG", quality=85)
            jpegs.append(buffer.getvalue())
    return jpegs


def save_clip_thumbnails(step: VideoStep, scored: ScoredClips) -> dict[str, str]:
    """Store a thumbnail of each clip. Returns the store keys by clip id."""

    def thumbnail_time_s(clip: ScoredClip) -> float:
        return clip.start_s + (clip.end_s - clip.start_s) * THUMBNAIL_POSITION

    by_time = sorted(scored.clips, key=thumbnail_time_s)
    jpegs = _read_jpegs(step, [thumbnail_time_s(clip) for clip in by_time])
    keys = {}
    for clip, jpeg in zip(by_time, jpegs, strict=True):
        clip_id = _derive_clip_id(step.project.id, clip)
        keys[clip_id] = step.artifact_key(artifacts.clip_thumbnail_name(clip_id))
        step.platform.store.put_bytes(keys[clip_id], jpeg, "image/jpeg")
    return keys


def publish_clips(step: VideoStep, scored: ScoredClips, thumbnail_keys: Mapping[str, str]) -> int:
    """Store the scored clips, then update the project's clips and its state in one transaction.

    Clips that a user rendered or edited keep their id and bounds. Each changed score is published as `clip.rescored`.
    Returns how many clips were changed, added or retired.
    """
    step.save_artifact(artifacts.SCORED_CLIPS, scored)
    project = step.project
    with step.platform.database.write() as connection:
        stored_clips = [
            StoredClip(
                c.id, c.start_s, c.end_s, c.title, c.virality_score, is_protected=c.edited or c.status != "DETECTED"
            )
            for c in clip_rows.list_for_project(connection, project.id)
        ]
        protected_ids = {clip.id for clip in stored_clips if clip.is_protected}
        changes = reconcile_clips(stored_clips, scored)
        clip_rows.retire(connection, changes.retired)
        for change in changes.changed:
            new_clip = _build_new_clip(change.clip)
            # On PostgreSQL a client may have edited the clip after it was read. Such a clip also keeps its bounds.
            if change.id in protected_ids or not clip_rows.redefine(connection, change.id, new_clip):
                clip_rows.rescore(connection, change.id, new_clip)
            payload = {
                "clip_id": change.id, "project_id": project.id, "title": change.clip.title,
                "old_score": change.old_score, "virality_score": change.clip.score,
                "scorer_version": scored.scorer_version,
            }  # fmt: skip
            outbox.record(connection, project.workspace_id, f"clip:{change.id}", "clip.rescored", payload)
        new_clips = [
            msgspec.structs.replace(
                _build_new_clip(clip), thumbnail_key=thumbnail_keys.get(_derive_clip_id(project.id, clip))
            )
            for clip in changes.added
        ]
        clip_rows.add(connection, project.id, project.workspace_id, new_clips)
        summaries = [_summarise_clip(clip) for clip in clip_rows.list_for_project(connection, project.id)]
        columns: dict[str, Any] = {"clips_ready_at": now(), "extra": {"clips": summaries}}
        became_ready = projects.advance(connection, project.id, "CLIPS_READY", 100, "Clips ready", **columns)
        if not became_ready and (changes.added or changes.retired):
            projects.refresh_listing(connection, project.id)
    return len(changes.changed) + len(changes.added) + len(changes.retired)


def digest_clips(scored: ScoredClips) -> str:
    """Return the SHA-256 of the clips' encoding: the asset's data version."""
    return hashlib.sha256(msgspec.json.encode(scored, order="deterministic")).hexdigest()


def _summarise_clip(clip: clip_rows.Clip) -> dict[str, Any]:
    """Return the fields of a clip that the event stream and the webhook list."""
    return {
        "id": clip.id, "title": clip.title, "start_time": clip.start_s, "end_time": clip.end_s,
        "virality_score": clip.virality_score,
    }  # fmt: skip


def _derive_clip_id(project_id: str, clip: ScoredClip) -> str:
    return clip_rows.clip_id(project_id, clip.start_s, clip.end_s)


def _build_new_clip(clip: ScoredClip) -> clip_rows.NewClip:
    return clip_rows.NewClip(
        title=clip.title, start_s=clip.start_s, end_s=clip.end_s, virality_score=clip.score,
        score_breakdown=clip.breakdown, reasoning=clip.reasoning, hashtags=list(clip.hashtags),
        broll_suggestions=[msgspec.to_builtins(suggestion) for suggestion in clip.broll],
    )  # fmt: skip
