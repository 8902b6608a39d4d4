"""Measures the throughput of the job `rescore_clips` over a library of stored one-hour videos.

    python -m benchmarks.library_rescoring [--videos 1000]

espeak speaks three talks of an hour, and their artifacts are computed once. Each project gets a copy of one of them,
with rows and clips of an older scorer that all differ from the new ones, so that every row and event is written.
Prints videos per minute, CPU and memory of that run, of a second run without any work, and of a run over 20 videos of
which one has a broken artifact. The job runs in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from typing import Any

import dagster as dg
import msgspec
from sqlalchemy import func, select

from benchmarks.clip_selection.talks import SPLITS, load_talks
from benchmarks.harness import create_parser, measure_peak_memory_mib, measure_usage, print_line
from benchmarks.synthetic_speech import SAMPLE_RATE, synthesise_talk
from benchmarks.temporary_platform import open_temporary_platform
from carmic_assets.assets.clip_publishing import publish_clips
from carmic_assets.assets.video_step import VideoStep
from carmic_assets.definitions import defs
from carmic_assets.model.chosen_clips import ScoredClips
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers, Transcript, Turn, Word
from carmic_assets.scoring.audio_features import measure_blocks
from carmic_assets.scoring.clip_scoring import score_clips
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from resources import accounts, artifacts, passwords, projects
from resources.database import tables
from resources.platform import Platform
from resources.run_intents import VIDEO_PARTITIONS

NO_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OLDER_VERSION = "0"  # a version that no scorer has
FIRST_TALKS = (0, 8, 16)  # the written talk that each spoken hour begins with
MIN_TALK_S = 3600
BROKEN_RUN_VIDEOS = 20

Metadata = dict[str, Any]  # of a Dagster step, by label


class StoredTalk(msgspec.Struct, frozen=True):
    """The artifacts of a video that re-scoring reads, and its clips as an older scorer selected them."""

    transcript: Transcript
    speakers: Speakers
    facts: AnalysisFacts
    features: ScoringFeatures
    clips: ScoredClips


def speak_talk(lines: Sequence[str]) -> StoredTalk:
    """Compute the artifacts of a spoken talk; the words of a line are spread over its time by their length."""
    samples, _, line_turns = synthesise_talk(lines)
    words: list[Word] = []
    turns: list[Turn] = []
    for line, (start_s, end_s, voice) in zip(lines, line_turns, strict=True):
        tokens = line.split()
        character_s = (end_s - start_s) / sum(len(token) for token in tokens)
        word_start_s = start_s
        for token in tokens:
            word_end_s = word_start_s + character_s * len(token)
            words.append(Word(token, round(word_start_s, 3), round(word_end_s - 0.01, 3), 0.95, voice))
            word_start_s = word_end_s
        turns.append(Turn(start_s, end_s, voice))
    duration_s = len(samples) / SAMPLE_RATE
    speech = tuple((turn.start_s, turn.end_s) for turn in turns)
    transcript = Transcript("en", 1.0, "written", duration_s, duration_s, tuple(words), tuple(turns), speech)
    speakers = Speakers(tuple(turns), {})
    motion = tuple([0.3] * int(duration_s))
    facts = AnalysisFacts(5.0, 640, 360, int(duration_s * 5), 0.0, duration_s, SAMPLE_RATE, (), motion)
    minute = 60 * SAMPLE_RATE
    features = extract_features(
        transcript, measure_blocks(samples[i : i + minute] for i in range(0, len(samples), minute))
    )
    scored_clips = score_clips(transcript, speakers, features=features, motion=facts.motion)
    older_clips = tuple(msgspec.structs.replace(clip, score=max(1, clip.score - 3)) for clip in scored_clips.clips)
    clips = msgspec.structs.replace(scored_clips, scorer_version=OLDER_VERSION, clips=older_clips)
    return StoredTalk(transcript, speakers, facts, features, clips)


def compose_hour(first_talk: int) -> list[str]:
    """Return sentences of the written talks for at least an hour, starting with the talk of this number."""
    talks = [talk for split in SPLITS for talk in load_talks(split)]
    lines: list[str] = []
    duration_s = 0.0
    for talk in cycle([*talks[first_talk:], *talks[:first_talk]]):
        words = talk.transcript.words
        for start_s, end_s in talk.sentences:
            lines.append(" ".join(word.text for word in words if start_s <= word.start_s < end_s))
        duration_s += talk.transcript.duration_s
        if duration_s > MIN_TALK_S:
            break
    return lines


def create_library(
    platform: Platform, instance: dg.DagsterInstance, talks: Sequence[StoredTalk], count: int
) -> list[str]:
    """Store `count` videos with their artifacts and clips; return the ids of their projects."""
    with platform.database.write() as connection:
        password = passwords.hash_password("a long password 1")
        user, workspace = accounts.register(connection, "library@example.com", password)
    project_ids = []
    for number, talk in enumerate(islice(cycle(talks), count)):
        new = projects.NewProject(f"Episode {number}", f"episode-{number}.mp4", "video/mp4")
        with platform.database.write() as connection:
            project = projects.create(connection, workspace, user.id, new, ".mp4")
        step = VideoStep(platform, project, "", platform.settings.scratch_dir)
        step.save_artifact(artifacts.TRANSCRIPT, talk.transcript)
        step.save_artifact(artifacts.SPEAKERS, talk.speakers)
        step.save_artifact(artifacts.ANALYSIS_FACTS, talk.facts)
        step.save_artifact(artifacts.SCORING_FEATURES, talk.features)
        publish_clips(step, talk.clips, {})
        project_ids.append(project.id)
    instance.add_dynamic_partitions(VIDEO_PARTITIONS, project_ids)
    return project_ids


def run_rescoring(instance: dg.DagsterInstance, **config: object) -> Metadata:
    """Run the job in this process; return the metadata of its op, also when the op fails."""
    result = defs.resolve_job_def("rescore_clips").execute_in_process(
        instance=instance,
        run_config={"ops": {"rescore_all": {"config": config}}, **NO_LOGS},
        raise_on_error=False,
    )
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            return {label: value.value for label, value in failure.metadata.items()} if failure else {}
        if event.event_type_value == "STEP_OUTPUT":
            return {label: value.value for label, value in event.step_output_data.metadata.items()}
    raise AssertionError("the job neither succeeded nor failed")


def count_events(platform: Platform) -> int:
    """Return the number of events in the outbox."""
    with platform.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(tables.events)) or 0


def break_transcript(platform: Platform, project_id: str) -> None:
    """Truncate the stored transcript of a project."""
    with platform.database.read() as connection:
        project = projects.get(connection, project_id)
    assert project is not None
    key = artifacts.artifact_key(project.workspace_id, project.id, artifacts.TRANSCRIPT)
    platform.store.put_bytes(key, b'{"language": "en", "wor', "application/json")


def print_run(name: str, platform: Platform, videos: int, run: Callable[[], Metadata]) -> Metadata:
    """Run the job and print what it cost; return its metadata."""
    events_before = count_events(platform)
    with measure_usage() as usage:
        metadata = run()
    per_video = f"{1000 * usage.cpu_s / videos:.0f} ms of CPU a video, {count_events(platform) - events_before} events"
    videos_per_minute = 60 * videos / usage.wall_s
    print_line(f"{name}: {metadata}; {usage.wall_s:.1f} s, {videos_per_minute:.0f} videos per minute, {per_video}")
    return metadata


def main() -> None:
    """Create the library and run the job three times."""
    parser = create_parser("library_rescoring", __doc__)
    parser.add_argument("--videos", type=int, default=1000, help="size of the library")
    videos = parser.parse_args().videos
    with open_temporary_platform() as platform, dg.DagsterInstance.get() as instance:
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn")
        ) as pool:  # keeps hours of audio out of this process
            talks = list(pool.map(speak_talk, [compose_hour(first_talk) for first_talk in FIRST_TALKS]))
        for talk in talks:
            print_line(f"talk: {talk.transcript.duration_s / 60:.0f} min, {len(talk.features.sentences)} sentences")
        project_ids = create_library(platform, instance, talks, videos)
        memory_before_mib = measure_peak_memory_mib()
        print_run("first run", platform, videos, lambda: run_rescoring(instance))
        print_line(
            f"peak memory: {memory_before_mib:.0f} MiB before the run, {measure_peak_memory_mib():.0f} MiB after it"
        )
        print_run("second run", platform, videos, lambda: run_rescoring(instance))
        subset = project_ids[:BROKEN_RUN_VIDEOS]
        broken_id = subset[len(subset) // 2]
        break_transcript(platform, broken_id)
        metadata = print_run(
            "one broken artifact",
            platform,
            len(subset),
            lambda: run_rescoring(instance, project_ids=subset, again=True),
        )
        print_line(f"the broken video is reported: {metadata['failed'] == [broken_id]}")


if __name__ == "__main__":
    main()
