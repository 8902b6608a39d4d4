"""Choosing the clips, and choosing again: the partitioned asset, and the op that goes over the library at night."""

import time

import dagster as dg
import msgspec

from carmic_assets.assets.platform import PlatformResource
from carmic_assets.assets.stage import Stage, cost, stage, videos
from carmic_assets.assets.understanding import layout_timeline, transcript
from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers, Transcript
from resources import artifacts, projects
from resources import clips as clip_rows

SCORER = "1"


@dg.asset(partitions_def=videos, deps=[transcript, layout_timeline], group_name="clips", code_version=SCORER)
def scored_clips(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """The clips worth cutting, best first, each with its score, its sub-scores and the reason in a sentence."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.scoring.features import ScoringFeatures, extract_features
        from carmic_assets.scoring.sound import sound_features

        at.advance("FACE_TRACKING", 90, "Choosing the clips")
        said = at.load(artifacts.TRANSCRIPT, Transcript)
        with at.local(artifacts.ANALYSIS_AUDIO) as audio:
            sound = sound_features(audio)
        features: ScoringFeatures = extract_features(said, sound, threads=at.platform.settings.threads)
        at.save(artifacts.SCORING_FEATURES, features)
        scored = score(at, said, features)
        publish(at, scored)
        return dg.MaterializeResult(
            metadata={
                **cost(started, at.project.duration_s or 0),
                "clips": len(scored.clips),
                "best score": scored.clips[0].score if scored.clips else 0,
            }
        )


def score(at: Stage, said: Transcript, features: object) -> ScoredClips:
    """Score from stored artifacts alone."""
    from carmic_assets.scoring.brief import Brief
    from carmic_assets.scoring.score import score_clips

    project = at.project
    analysis = at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    brief = Brief(
        custom_instructions=project.custom_instructions or "",
        video_type=project.video_type,
        language=project.language,
        span=at.span,
    )
    if project.clip_bounds:
        brief = msgspec.structs.replace(brief, **project.clip_bounds)
    return score_clips(
        said,
        at.load(artifacts.SPEAKERS, Speakers),
        features=features,
        motion=analysis.motion,
        cuts=analysis.cuts_s,
        brief=brief,
    )


def publish(at: Stage, scored: ScoredClips) -> None:
    """Keep the choice, then make it the project's clips and the project ready, in one transaction."""
    at.save(artifacts.SCORED_CLIPS, scored)
    with at.platform.database.write() as connection:
        clip_rows.add(connection, at.project.id, at.project.workspace_id, [row(clip) for clip in scored.clips])
        from resources.database.engine import now

        projects.advance(connection, at.project.id, "CLIPS_READY", 100, "Clips ready", clips_ready_at=now())


def row(clip: ScoredClip) -> clip_rows.NewClip:
    return clip_rows.NewClip(
        title=clip.title,
        start_s=clip.start_s,
        end_s=clip.end_s,
        virality_score=clip.score,
        score_breakdown=clip.breakdown,
        reasoning=clip.reasoning,
        hashtags=list(clip.hashtags),
        broll_suggestions=[msgspec.to_builtins(b) for b in clip.broll],
    )
