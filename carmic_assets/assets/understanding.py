"""What is said and who is where: transcript, spatial matrix, layout timeline."""

import time

import dagster as dg
import msgspec

from carmic_assets.assets import checks
from carmic_assets.assets.ingest import analysis_media
from carmic_assets.assets.metadata_images import png
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.video_step import cost, stage, videos
from carmic_assets.model.direction import CANVAS, LayoutTimeline
from carmic_assets.model.errors import NoSpeech
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.scene import Scene
from carmic_assets.model.speech import Speakers, Transcript
from resources import artifacts

PICTURES = 15  # of the sheet that shows the crops


@dg.asset(
    partitions_def=videos,
    deps=[analysis_media],
    group_name="understanding",
    code_version="2",
    pool="models",
    check_specs=checks.specs("transcript", checks.WORDS),
)
def transcript(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """Words with times, confidence and language; voices told apart."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.speech.transcription import transcribe

        facts = at.load(artifacts.SOURCE_FACTS, SourceFacts)
        if facts.audio is None or at.platform.store.stat(at.key(artifacts.ANALYSIS_AUDIO)) is None:
            raise NoSpeech("This video has no sound, and clips are cut by what is said. Upload it with its sound.")
        settings = at.platform.settings
        with at.local(artifacts.ANALYSIS_AUDIO) as audio:
            said: Transcript = transcribe(
                audio,
                model=settings.whisper_model,
                device=settings.device,
                language=at.project.language,
                language_mode="multi" if at.project.language_mode == "multi" else "single",
                span=at.span,
                threads=settings.threads,
                cache=settings.cache_dir / "whisper",
                progress=at.progress("TRANSCRIBING", "Transcribing", 20, 55),
            )
        at.save(artifacts.TRANSCRIPT, said)
        at.advance("PROCESSING", 55, "Preparing the pictures")
        confidence = sum(word.confidence for word in said.words) / max(1, len(said.words))
        return dg.MaterializeResult(
            check_results=checks.of_words(said),
            metadata={
                **cost(started, said.duration_s),
                "words": len(said.words),
                "language": said.language,
                "model": said.model,
                "speech_s": round(said.speech_s, 1),
                "voices": len({turn.speaker for turn in said.voices}),
                "mean confidence": round(confidence, 3),
                "text": dg.MetadataValue.md(" ".join(word.text for word in said.words[:300])),
            },
        )


@dg.asset(
    partitions_def=videos,
    deps=[analysis_media, transcript],
    group_name="understanding",
    code_version="2",
    kinds={"parquet"},
    pool="models",
)
def spatial_matrix(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """Who is where at every moment, and who of them speaks."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.vision.spatial_matrix import build_matrix
        from carmic_assets.vision.vision_plots import contact_sheet, speaker_timeline

        analysis = at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts)
        said = at.load(artifacts.TRANSCRIPT, Transcript)
        settings = at.platform.settings
        at.advance("FACE_TRACKING", 56, "Finding who is where")
        with at.local(artifacts.ANALYSIS_FRAMES) as frames, at.local(artifacts.ANALYSIS_AUDIO) as audio:
            made = build_matrix(
                frames,
                audio,
                analysis,
                said,
                weights=settings.yolo_weights,
                device=settings.device,
                asd_weights=settings.asd_weights or None,
                threads=settings.threads,
                cache=settings.cache_dir / "weights",
                progress=at.progress("FACE_TRACKING", "Finding who is where", 56, 85),
            )
            sheet = contact_sheet(frames, analysis, made.matrix)
        path = at.scratch / "matrix.parquet"
        made.matrix.write_parquet(path, compression="zstd", statistics=False)
        at.platform.store.put_file(at.key(artifacts.SPATIAL_MATRIX), path, "application/vnd.apache.parquet")
        at.save(artifacts.SPEAKERS, made.speakers)
        at.save(artifacts.MATRIX_FACTS, made.facts)
        return dg.MaterializeResult(
            metadata={
                **cost(started, analysis.duration_s),
                "detector": made.facts.detector,
                "why this detector": made.facts.why,
                "tracks": made.facts.tracks,
                "turns": len(made.speakers.turns),
                "rows": made.matrix.height,
                "contact sheet": dg.MetadataValue.md(png(sheet, "contact sheet")),
                "speakers": dg.MetadataValue.md(png(speaker_timeline(made.speakers, analysis), "who speaks when")),
            }
        )


@dg.asset(
    partitions_def=videos,
    deps=[spatial_matrix],
    group_name="understanding",
    code_version="2",
    check_specs=checks.specs("layout_timeline", checks.CROP),
)
def layout_timeline(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """The auto-director: shots, layouts and crop paths for every aspect ratio, with a reason for each."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.direction.direction_plots import contact_sheet, crop_path
        from carmic_assets.direction.director import DIRECTOR_VERSION, direct
        from carmic_assets.direction.measures import measure, shortfalls
        from carmic_assets.vision.vision_plots import even_times, frames_at

        scene = _scene(at)
        aspects = {aspect: direct(scene, aspect) for aspect in CANVAS}
        metrics = {aspect: measure(shots, scene) for aspect, shots in aspects.items()}
        at.save(artifacts.SCENE, scene)
        at.save(artifacts.LAYOUT_TIMELINE, LayoutTimeline(DIRECTOR_VERSION, aspects, metrics))
        at.advance("FACE_TRACKING", 88, "Choosing the clips", visual_pipeline_ready=True)
        upright = metrics["9:16"]
        analysis = at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts)
        times = even_times(analysis, PICTURES)
        with at.local(artifacts.ANALYSIS_FRAMES) as path:
            frames = list(zip(times, frames_at(path, analysis, times), strict=False))  # fewer where the end is damaged
        sheet = contact_sheet(frames, aspects["9:16"], scene)
        return dg.MaterializeResult(
            check_results=checks.of_crop(upright),
            metadata={
                **cost(started, scene.end_s - scene.start_s),
                "shots": len(aspects["9:16"]),
                "subject in frame": round(upright.subject_in_frame, 4),
                "active speaker in frame": round(upright.active_speaker_in_frame, 4),
                "reversals per second": round(upright.reversals_per_s, 4),
                "pixels per second": round(upright.travel_px_per_s, 2),
                "wall frames": upright.wall_frames,
                "what a viewer would complain about": "; ".join(shortfalls(upright).values()) or "nothing",
                "crops": dg.MetadataValue.md(png(sheet, "crops, 9:16")),
                "crop path": dg.MetadataValue.md(png(crop_path(aspects["9:16"], scene), "crop path, 9:16")),
            },
        )


def _scene(at) -> Scene:
    """The director's view of the video, out of the artifacts."""
    import polars as pl

    from carmic_assets.vision.spatial_matrix import MatrixFacts, scene_of

    facts = at.load(artifacts.SOURCE_FACTS, SourceFacts)
    analysis = at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    speakers = at.load(artifacts.SPEAKERS, Speakers)
    with at.local(artifacts.SPATIAL_MATRIX) as path:
        matrix = pl.read_parquet(path)
    detector = at.load(artifacts.MATRIX_FACTS, MatrixFacts).detector
    return msgspec.structs.replace(scene_of(matrix, speakers, facts, analysis), detector=detector)
