"""Defines the assets that describe speech and people: the transcript, the spatial matrix and the layout timeline."""

import time
from typing import TYPE_CHECKING

import dagster as dg

from carmic_assets.assets import checks
from carmic_assets.assets.ingest import analysis_media
from carmic_assets.assets.metadata_images import store_picture
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.video_step import (
    OWNERS,
    StepResult,
    VideoStep,
    cost_metadata,
    location_metadata,
    open_video_step,
    video_partitions,
)
from carmic_assets.model.direction import CANVAS_SIZES, LayoutTimeline
from carmic_assets.model.errors import NoSpeechError
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Speakers, Transcript
from resources import artifacts

if TYPE_CHECKING:
    import polars as pl

CONTACT_SHEET_FRAMES = 15  # frames on the sheet with crops
TEXT_PREVIEW_WORDS = 300  # words of the transcript that are shown in the asset metadata


@dg.asset(
    partitions_def=video_partitions,
    deps=[analysis_media],
    group_name="understanding",
    code_version="2",
    pool="models",
    owners=OWNERS,
    kinds={"json"},
    check_specs=checks.check_specs("transcript", checks.TRANSCRIPT_CHECKS),
)
def transcript(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Transcribe the speech: words with times, confidence and language, and speaker turns from the audio alone."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.speech.transcription import TranscriptionOptions, transcribe

        facts = step.load_artifact(artifacts.SOURCE_FACTS, SourceFacts)
        if facts.audio is None or not step.has_artifact(artifacts.ANALYSIS_AUDIO):
            raise NoSpeechError("This video has no audio, and clips are selected by speech. Upload it with its audio.")
        settings = step.platform.settings
        with step.open_artifact(artifacts.ANALYSIS_AUDIO) as audio:
            result: Transcript = transcribe(
                audio,
                TranscriptionOptions(
                    model=settings.whisper_model,
                    device=settings.device,
                    language=step.project.language,
                    language_mode="multi" if step.project.language_mode == "multi" else "single",
                    span=step.trim_span_s,
                    threads=settings.threads,
                    cache_dir=settings.cache_dir / "whisper",
                ),
                progress=step.progress_reporter("TRANSCRIBING", "Transcribing", 20, 55),
            )
        step.save_artifact(artifacts.TRANSCRIPT, result)
        step.advance("PROCESSING", 55, "Preparing the frames")
        confidence = sum(word.confidence for word in result.words) / max(1, len(result.words))
        preview = " ".join(word.text for word in result.words[:TEXT_PREVIEW_WORDS])
        return dg.MaterializeResult(
            check_results=checks.check_transcript(result),
            metadata={
                **cost_metadata(started_s, result.duration_s),
                **location_metadata(step, artifacts.TRANSCRIPT),
                "dagster/row_count": len(result.words),
                "words": len(result.words),
                "language": result.language,
                "model": result.model,
                "speech_s": round(result.speech_s, 1),
                "voices": len({turn.speaker for turn in result.voices}),
                "mean confidence": round(confidence, 3),
                "text": dg.MetadataValue.md(preview),
            },
        )


@dg.asset(
    partitions_def=video_partitions,
    deps=[analysis_media, transcript],
    group_name="understanding",
    code_version="3",
    owners=OWNERS,
    kinds={"parquet"},
    pool="models",
)
def spatial_matrix(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Track faces and people, and find who of them speaks: one row per track and sampled frame."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.vision.spatial_matrix import VisionOptions, build_matrix
        from carmic_assets.vision.vision_plots import draw_contact_sheet, draw_speaker_timeline

        analysis = step.load_artifact(artifacts.ANALYSIS_FACTS, AnalysisFacts)
        settings = step.platform.settings
        step.advance("FACE_TRACKING", 56, "Finding who is where")
        with (
            step.open_artifact(artifacts.ANALYSIS_FRAMES) as frames,
            step.open_artifact(artifacts.ANALYSIS_AUDIO) as audio,
        ):
            result = build_matrix(
                frames,
                audio,
                analysis,
                step.load_artifact(artifacts.TRANSCRIPT, Transcript),
                VisionOptions(
                    weights=settings.yolo_weights,
                    device=settings.device,
                    asd_weights=settings.asd_weights or None,
                    threads=settings.threads,
                    cache=settings.cache_dir / "weights",
                ),
                progress=step.progress_reporter("FACE_TRACKING", "Finding who is where", 56, 85),
            )
            sheet = draw_contact_sheet(frames, analysis, result.matrix)
        path = step.scratch_dir / "matrix.parquet"
        result.matrix.write_parquet(path, compression="zstd", statistics=False)
        key = step.artifact_key(artifacts.SPATIAL_MATRIX)
        step.platform.store.put_file(key, path, "application/vnd.apache.parquet")
        step.save_artifact(artifacts.SPEAKERS, result.speakers)
        step.save_artifact(artifacts.MATRIX_FACTS, result.facts)
        timeline = draw_speaker_timeline(result.speakers, analysis)
        return dg.MaterializeResult(
            metadata={
                **cost_metadata(started_s, analysis.duration_s),
                **location_metadata(step, artifacts.SPATIAL_MATRIX),
                "dagster/row_count": result.matrix.height,
                "dagster/column_schema": _describe_columns(result.matrix),
                "detector": result.facts.detector,
                "detector reason": result.facts.why,
                "tracks": result.facts.tracks,
                "turns": len(result.speakers.turns),
                "contact sheet": dg.MetadataValue.md(store_picture(step, "contact-sheet", sheet, "contact sheet")),
                "speakers": dg.MetadataValue.md(store_picture(step, "speakers", timeline, "who speaks when")),
            }
        )


def _describe_columns(matrix: "pl.DataFrame") -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, str(dtype)) for name, dtype in matrix.schema.items()])


@dg.asset(
    partitions_def=video_partitions,
    deps=[spatial_matrix],
    group_name="understanding",
    code_version="3",
    owners=OWNERS,
    kinds={"json"},
    check_specs=checks.check_specs("layout_timeline", checks.LAYOUT_CHECKS),
)
def layout_timeline(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Direct the video: shots, layouts and crop paths for every aspect ratio, each with a reason."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.direction.crop_metrics import find_missed_targets, measure_crops
        from carmic_assets.direction.direction_plots import draw_crop_path, draw_crop_sheet
        from carmic_assets.direction.director import DIRECTOR_VERSION, direct
        from carmic_assets.vision.analysis_frames import choose_even_times, read_frames

        scene = _load_scene(step)
        shots_by_aspect = {aspect: direct(scene, aspect) for aspect in CANVAS_SIZES}
        metrics_by_aspect = {aspect: measure_crops(shots, scene) for aspect, shots in shots_by_aspect.items()}
        step.save_artifact(artifacts.SCENE, scene)
        step.save_artifact(
            artifacts.LAYOUT_TIMELINE, LayoutTimeline(DIRECTOR_VERSION, shots_by_aspect, metrics_by_aspect)
        )
        step.advance("FACE_TRACKING", 88, "Choosing the clips", visual_pipeline_ready=True)
        shots, metrics = shots_by_aspect["9:16"], metrics_by_aspect["9:16"]
        analysis = step.load_artifact(artifacts.ANALYSIS_FACTS, AnalysisFacts)
        times = choose_even_times(analysis, CONTACT_SHEET_FRAMES)
        with step.open_artifact(artifacts.ANALYSIS_FRAMES) as path:
            # A video with a damaged end has fewer frames than times.
            frames = list(zip(times, read_frames(path, analysis, times), strict=False))
        sheet = store_picture(step, "crops", draw_crop_sheet(frames, shots, scene), "crops, 9:16")
        path_plot = store_picture(step, "crop-path", draw_crop_path(shots, scene), "crop path, 9:16")
        return dg.MaterializeResult(
            check_results=checks.check_layout(metrics),
            metadata={
                **cost_metadata(started_s, scene.end_s - scene.start_s),
                **location_metadata(step, artifacts.LAYOUT_TIMELINE),
                "shots": len(shots),
                "subject in frame": round(metrics.subject_in_frame, 4),
                "active speaker in frame": round(metrics.active_speaker_in_frame, 4),
                "reversals per second": round(metrics.reversals_per_s, 4),
                "pixels per second": round(metrics.travel_px_per_s, 2),
                "wall frames": metrics.wall_frames,
                "missed targets": "; ".join(find_missed_targets(metrics).values()) or "none",
                "crops": dg.MetadataValue.md(sheet),
                "crop path": dg.MetadataValue.md(path_plot),
            },
        )


def _load_scene(step: VideoStep) -> Scene:
    """Return the director's input, built from the stored artifacts."""
    import polars as pl

    from carmic_assets.vision.spatial_matrix import MatrixFacts, build_scene

    facts = step.load_artifact(artifacts.SOURCE_FACTS, SourceFacts)
    analysis = step.load_artifact(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    speakers = step.load_artifact(artifacts.SPEAKERS, Speakers)
    with step.open_artifact(artifacts.SPATIAL_MATRIX) as path:
        matrix = pl.read_parquet(path)
    return build_scene(matrix, speakers, facts, analysis, step.load_artifact(artifacts.MATRIX_FACTS, MatrixFacts))
