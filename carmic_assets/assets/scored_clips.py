"""Choosing the clips, and choosing again: the partitioned asset, and the op that goes over the library at night."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import msgspec
from pydantic import Field

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import png
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.understanding import layout_timeline, transcript
from carmic_assets.assets.video_step import Stage, cost, stage, videos
from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers, Transcript
from resources import artifacts, outbox, projects, run_intents
from resources import clips as clip_rows
from resources.database.engine import now
from resources.platform import Platform

if TYPE_CHECKING:
    from carmic_assets.scoring.brief import Brief
    from carmic_assets.scoring.llm import Refinement
    from carmic_assets.scoring.talk_features import ScoringFeatures

SCORER_CODE = "4"  # raise it with scoring.score.SCORER_VERSION: the UI then shows every video's clips as stale
FRAMES_EACH = 3  # sent to a model that looks


@dg.asset(
    partitions_def=videos,
    deps=[transcript, layout_timeline],
    group_name="clips",
    code_version=SCORER_CODE,
    check_specs=checks.specs("scored_clips", checks.CLIPS),
)
def scored_clips(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """The clips worth cutting, best first, each with its score, its sub-scores and the reason in a sentence."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.scoring.audio_features import sound_features
        from carmic_assets.scoring.score_plots import candidates_table, score_curve
        from carmic_assets.scoring.talk_features import extract_features

        at.advance("FACE_TRACKING", 90, "Choosing the clips")
        said = at.load(artifacts.TRANSCRIPT, Transcript)
        with at.local(artifacts.ANALYSIS_AUDIO) as audio:
            sound = sound_features(audio)
        features = extract_features(said, sound, threads=at.platform.settings.threads)
        at.save(artifacts.SCORING_FEATURES, features)
        asked = brief_of(at)
        scored = score(at, said, features, asked)
        at.advance("FACE_TRACKING", 96, "Choosing the clips")
        opinion = _refined(at, scored, said, asked)
        if opinion is not None:
            scored = opinion.scored
        publish(at, scored, _thumbnails(at, scored))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(_digest(scored)),
            check_results=checks.of_clips(scored, said),
            metadata={
                **cost(started, at.project.duration_s or 0),
                "clips": len(scored.clips),
                "best score": scored.clips[0].score if scored.clips else 0,
                "score curve": dg.MetadataValue.md(png(score_curve(scored), "score over the talk")),
                "candidates": dg.MetadataValue.md(candidates_table(scored)),
                **_told(opinion),
            },
        )


def brief_of(at: Stage) -> "Brief":
    """What the project's owner asked for."""
    from carmic_assets.scoring.brief import Brief

    project = at.project
    return Brief(
        custom_instructions=project.custom_instructions or "",
        video_type=project.video_type,
        language=project.language,
        span=at.span,
        **(project.clip_bounds or {}),
    )


def score(at: Stage, said: Transcript, features: "ScoringFeatures", asked: "Brief") -> ScoredClips:
    """Score from stored artifacts alone."""
    from carmic_assets.scoring.clip_scoring import score_clips

    analysis = at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts)
    speakers = at.load(artifacts.SPEAKERS, Speakers)
    return score_clips(said, speakers, features=features, motion=analysis.motion, cuts=analysis.cuts_s, brief=asked)


def _refined(at: Stage, scored: ScoredClips, said: Transcript, asked: "Brief") -> "Refinement | None":
    """A language model's second opinion, where one is configured. It never fails the run."""
    from carmic_assets.scoring.llm import Endpoint, refine

    settings = at.platform.settings
    if at.project.enable_multimodal and settings.gemini_api_key:
        url = settings.gemini_url.rstrip("/") + "/v1beta"
        looks = Endpoint("gemini", url, settings.gemini_model, settings.gemini_api_key)
        return refine(scored, said, asked, looks, _frames(at, scored))
    if settings.llm_url:
        reads = Endpoint("openai", settings.llm_url.rstrip("/"), settings.llm_model, settings.llm_api_key)
        return refine(scored, said, asked, reads)
    return None


def _told(opinion: "Refinement | None") -> dict[str, dg.MetadataValue]:
    if opinion is None:
        return {}
    return {
        "language model": dg.MetadataValue.text(opinion.model),
        "its answer": dg.MetadataValue.text(opinion.failure or "used"),
        "its cost, USD": dg.MetadataValue.float(opinion.cost_usd),
        "its seconds": dg.MetadataValue.float(opinion.seconds),
    }


def _frames(at: Stage, scored: ScoredClips) -> dict[int, list[bytes]]:
    """A few pictures of each clip, by its place."""
    found = {}
    for place, clip in enumerate(scored.clips):
        length = clip.end_s - clip.start_s
        times = [clip.start_s + length * (i + 0.5) / FRAMES_EACH for i in range(FRAMES_EACH)]
        found[place] = _jpegs(at, times)
    return found


def _jpegs(at: Stage, times: Sequence[float]) -> list[bytes]:
    import io

    from PIL import Image

    from carmic_assets.vision.vision_plots import frames_at

    made = []
    with at.local(artifacts.ANALYSIS_FRAMES) as path:
        for picture in frames_at(path, at.load(artifacts.ANALYSIS_FACTS, AnalysisFacts), list(times)):
            out = io.BytesIO()
            Image.fromarray(picture).save(out, "JPEG", quality=85)
            made.append(out.getvalue())
    return made


def _thumbnails(at: Stage, scored: ScoredClips) -> dict[str, str]:
    """A picture from the first third of each clip; its key by the clip's id."""
    ordered = sorted(scored.clips, key=lambda clip: clip.start_s + (clip.end_s - clip.start_s) / 3)
    pictures = _jpegs(at, [clip.start_s + (clip.end_s - clip.start_s) / 3 for clip in ordered])
    keys = {}
    for clip, picture in zip(ordered, pictures, strict=True):
        identity = clip_rows.clip_id(at.project.id, clip.start_s, clip.end_s)
        keys[identity] = at.key(artifacts.clip_thumbnail(identity))
        at.platform.store.put_bytes(keys[identity], picture, "image/jpeg")
    return keys


def publish(at: Stage, scored: ScoredClips, thumbnails: Mapping[str, str]) -> int:
    """Keep the choice, then make it the project's clips, and the project ready, in one transaction.

    What a person rendered or edited keeps its id and bounds; every changed score is told. Returns how many changed.
    """
    from carmic_assets.scoring.rescoring import StoredClip, reconcile

    at.save(artifacts.SCORED_CLIPS, scored)
    project = at.project
    with at.platform.database.write() as connection:
        stored = [
            StoredClip(c.id, c.start_s, c.end_s, c.title, c.virality_score, kept=c.edited or c.status != "DETECTED")
            for c in clip_rows.of_project(connection, project.id)
        ]
        kept = {clip.id for clip in stored if clip.kept}
        changes = reconcile(stored, scored)
        clip_rows.retire(connection, changes.retired)
        for change in changes.changed:
            described = row(change.clip)
            # PostgreSQL lets a client touch a clip since we looked: then it keeps its cut as well
            if change.id in kept or not clip_rows.describe(connection, change.id, described):
                clip_rows.rescore(connection, change.id, described)
            told = {
                "clip_id": change.id, "project_id": project.id, "title": change.clip.title,
                "old_score": change.old_score, "virality_score": change.clip.score,
                "scorer_version": scored.scorer_version,
            }  # fmt: skip
            outbox.record(connection, project.workspace_id, f"clip:{change.id}", "clip.rescored", told)
        new = [
            msgspec.structs.replace(row(clip), thumbnail_key=thumbnails.get(_identity(project.id, clip)))
            for clip in changes.added
        ]
        clip_rows.add(connection, project.id, project.workspace_id, new)
        found = [_listed(clip) for clip in clip_rows.of_project(connection, project.id)]
        ready: dict[str, Any] = {"clips_ready_at": now(), "extra": {"clips": found}}
        first = projects.advance(connection, project.id, "CLIPS_READY", 100, "Clips ready", **ready)
        if not first and (changes.added or changes.retired):
            projects.relist(connection, project.id)
    return len(changes.changed) + len(changes.added) + len(changes.retired)


def _listed(clip: clip_rows.Clip) -> dict[str, Any]:
    """A clip as the stream and the webhook name it."""
    return {
        "id": clip.id, "title": clip.title, "start_time": clip.start_s, "end_time": clip.end_s,
        "virality_score": clip.virality_score,
    }  # fmt: skip


def _identity(project_id: str, clip: ScoredClip) -> str:
    return clip_rows.clip_id(project_id, clip.start_s, clip.end_s)


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


def _digest(scored: ScoredClips) -> str:
    return hashlib.sha256(msgspec.json.encode(scored, order="deterministic")).hexdigest()


# --- the whole library


class Which(dg.Config):
    """Empty `project_ids` means every video. One whose clips the present scorer made is passed over unless `again`."""

    project_ids: list[str] = Field(default_factory=list)
    again: bool = False


@dg.op(pool="models")
def rescore_all(context: dg.OpExecutionContext, config: Which, platform: PlatformResource) -> None:
    """Score stored videos again, one by one, each in a transaction of its own. One that fails stops no other."""
    opened = platform.open()
    with opened.database.read() as connection:
        wanted = config.project_ids or projects.with_clips(connection)
    done = changed = passed = 0
    failed: list[str] = []
    for number, project_id in enumerate(wanted):
        try:
            outcome = rescore_one(context, opened, project_id, again=config.again)
        except dg.DagsterExecutionInterruptedError:
            raise
        except Exception as error:  # a broken artifact of one video is no reason to leave the others
            failed.append(project_id)
            context.log.exception(f"{project_id} could not be scored again: {error}")
            continue
        if outcome is None:
            passed += 1
        else:
            done += 1
            changed += outcome
        if number % 20 == 19:
            context.log.info(f"{number + 1} of {len(wanted)} videos")
            with opened.database.write() as connection:
                run_intents.beat(connection, context.run_id)
    context.add_output_metadata(
        {"scored": done, "changes": changed, "passed over": passed, "failed": dg.MetadataValue.json(failed)}
    )
    if failed:
        raise dg.Failure(
            f"{len(failed)} of {len(wanted)} videos could not be scored again; the others were.",
            metadata={"failed": dg.MetadataValue.json(failed), "scored": done},
            allow_retries=False,
        )


def rescore_one(context: dg.OpExecutionContext, platform: Platform, project_id: str, *, again: bool) -> int | None:
    """Score one stored video; how many of its clips changed, or None when there was nothing to do."""
    from carmic_assets.scoring.clip_scoring import SCORER_VERSION
    from carmic_assets.scoring.talk_features import FEATURES_VERSION, ScoringFeatures, extract_features

    with platform.database.read() as connection:
        project = projects.get(connection, project_id)
    if project is None:
        return None
    at = Stage(platform, project, context.run_id, platform.settings.scratch_dir)
    if not again and at.load(artifacts.SCORED_CLIPS, ScoredClips).scorer_version == SCORER_VERSION:
        return None
    said = at.load(artifacts.TRANSCRIPT, Transcript)
    features = at.load(artifacts.SCORING_FEATURES, ScoringFeatures)
    if features.version != FEATURES_VERSION:
        features = extract_features(said, features.sound, threads=platform.settings.threads)
        at.save(artifacts.SCORING_FEATURES, features)
    scored = score(at, said, features, brief_of(at))
    changed = publish(at, scored, {})
    context.log_event(
        dg.AssetMaterialization(
            asset_key=scored_clips.key,
            partition=project_id,
            description="Scored again from stored artifacts",
            metadata={"clips": len(scored.clips), "changes": changed},
            tags={
                "dagster/code_version": SCORER_CODE,
                "dagster/data_version": _digest(scored),
                **_inputs(context.instance, project_id),
            },
        )
    )
    return changed


def _inputs(instance: dg.DagsterInstance, project_id: str) -> dict[str, str]:
    """What a step of the asset would have noted of what it read: without it the UI takes the inputs for new, and the
    clips that were just chosen for stale."""
    tags = {}
    for key in (transcript.key, layout_timeline.key):
        of = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[project_id])
        for record in instance.fetch_materializations(of, limit=1).records:
            made = record.asset_materialization
            version = (made.tags or {}).get("dagster/data_version") if made else None
            tags[f"dagster/input_data_version/{key.to_user_string()}"] = version or "INITIAL"
            tags[f"dagster/input_event_pointer/{key.to_user_string()}"] = str(record.storage_id)
    return tags
