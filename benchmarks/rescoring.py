"""How quick a library is scored again: `rescore_clips` in this process over stored one-hour videos.

    python -m benchmarks.rescoring [--videos 1000]

A few talks of an hour are spoken (espeak) and their artifacts made once; every project gets a copy of one of them with
its rows, and clips of an older scorer that all differ from the new ones, so that every row and event is written. Prints
videos a minute, CPU and memory of that run; of a second run, which has nothing to do; of one with a broken artifact.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
from sqlalchemy import func, select

from benchmarks.clip_selection.talks import PARTS, load
from benchmarks.synthetic_speech import RATE, talk
from carmic_assets.assets.scored_clips import publish
from carmic_assets.assets.video_step import Stage
from carmic_assets.cli import home as homes
from carmic_assets.model.clips import ScoredClips
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers, Transcript, Turn, Word
from carmic_assets.scoring.audio_features import measured
from carmic_assets.scoring.clip_scoring import score_clips
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from resources import accounts, artifacts, passwords, projects
from resources.database import tables
from resources.platform import Platform, open_platform
from resources.run_submission import VIDEOS

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OLDER = "0"  # a scorer version that no scorer has


class Talk(msgspec.Struct, frozen=True):
    """What is stored of a video that re-scoring reads, and its clips as an older scorer had chosen them."""

    transcript: Transcript
    speakers: Speakers
    facts: AnalysisFacts
    features: ScoringFeatures
    clips: ScoredClips


def spoken(lines: Sequence[str]) -> Talk:
    """The artifacts of a talk: espeak says the lines; the words of each are spread over the time it takes."""
    sound, _, turns = talk(lines)
    words: list[Word] = []
    said: list[Turn] = []
    for line, (start, end, voice) in zip(lines, turns, strict=True):
        tokens = line.split()
        share = (end - start) / sum(len(token) for token in tokens)
        at = start
        for token in tokens:
            words.append(Word(token, round(at, 3), round(at + share * len(token) - 0.01, 3), 0.95, voice))
            at += share * len(token)
        said.append(Turn(start, end, voice))
    length = len(sound) / RATE
    speech = tuple((turn.start_s, turn.end_s) for turn in said)
    transcript = Transcript("en", 1.0, "written", length, length, tuple(words), tuple(said), speech)
    speakers = Speakers(tuple(said), {})
    facts = AnalysisFacts(5.0, 640, 360, int(length * 5), 0.0, length, RATE, (), tuple([0.3] * int(length)))
    minutes = (sound[i : i + 60 * RATE] for i in range(0, len(sound), 60 * RATE))
    features = extract_features(transcript, measured(minutes))
    scored = score_clips(transcript, speakers, features=features, motion=facts.motion)
    older = tuple(msgspec.structs.replace(clip, score=max(1, clip.score - 3)) for clip in scored.clips)
    clips = msgspec.structs.replace(scored, scorer_version=OLDER, clips=older)
    return Talk(transcript, speakers, facts, features, clips)


def hour_of_talk(number: int) -> list[str]:
    """An hour and more of the selection benchmark's sentences; each number begins with another talk."""
    talks = [written for part in PARTS for written in load(part)]
    lines: list[str] = []
    seconds = 0.0
    for written in cycle([*talks[number:], *talks[:number]]):
        words = written.transcript.words
        for start, end in written.sentences:
            lines.append(" ".join(word.text for word in words if start <= word.start_s < end))
        seconds += written.transcript.duration_s
        if seconds > 3600:
            break
    return lines


def stock(platform: Platform, instance: dg.DagsterInstance, talks: Sequence[Talk], count: int) -> list[str]:
    """A library of so many videos with their clips; the ids of its projects."""
    with platform.database.write() as connection:
        user, workspace = accounts.register(connection, "library@example.com", passwords.hashed("a long password 1"))
    made = []
    for number, each in enumerate(islice(cycle(talks), count)):
        new = projects.NewProject(f"Episode {number}", f"episode-{number}.mp4", "video/mp4")
        with platform.database.write() as connection:
            project = projects.create(connection, workspace, user.id, new, ".mp4")
        at = Stage(platform, project, "", platform.settings.scratch_dir)
        at.save(artifacts.TRANSCRIPT, each.transcript)
        at.save(artifacts.SPEAKERS, each.speakers)
        at.save(artifacts.ANALYSIS_FACTS, each.facts)
        at.save(artifacts.SCORING_FEATURES, each.features)
        publish(at, each.clips, {})
        made.append(project.id)
    instance.add_dynamic_partitions(VIDEOS, made)
    return made


def rescore(instance: dg.DagsterInstance, **config: Any) -> dict[str, Any]:
    """Run the job in this process; what its op says of itself, `failed` among it."""
    from carmic_assets.definitions import defs

    done = defs.resolve_job_def("rescore_clips").execute_in_process(
        instance=instance,
        run_config={"ops": {"rescore_all": {"config": config}}, **QUIET},
        raise_on_error=False,
    )
    for event in done.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            return {name: value.value for name, value in failure.metadata.items()} if failure else {}
        if event.event_type_value == "STEP_OUTPUT":
            return {name: value.value for name, value in event.step_output_data.metadata.items()}
    raise AssertionError("the job neither ended nor failed")


def told(platform: Platform) -> int:
    """How many events the outbox has had."""
    with platform.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(tables.events)) or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--videos", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ.update(homes.environment(home))
        homes.prepare(home)
        platform = open_platform()
        with dg.DagsterInstance.get() as instance:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:  # an hour of sound is memory
                talks = list(aside.map(spoken, [hour_of_talk(number) for number in (0, 8, 16)]))
            for each in talks:
                say(f"{each.transcript.duration_s / 60:.0f} min, {len(each.features.sentences)} sentences")
            library = stock(platform, instance, talks, asked.videos)
            before = peak_mb()
            timed("the library", platform, asked.videos, lambda: rescore(instance))
            say(f"memory: {before:.0f} MB before, {peak_mb():.0f} MB at most")
            timed("again", platform, asked.videos, lambda: rescore(instance))
            some = library[:20]
            with platform.database.read() as connection:
                broken = projects.get(connection, some[10])
            assert broken is not None
            key = artifacts.key(broken.workspace_id, broken.id, artifacts.TRANSCRIPT)
            platform.store.put_bytes(key, b'{"language": "en", "wor', "application/json")
            found = timed(
                "20, one of them broken", platform, 20, lambda: rescore(instance, project_ids=some, again=True)
            )
            say(f"named as failed: {found['failed'] == [broken.id]}")


def timed(name: str, platform: Platform, videos: int, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run, and say what it took."""
    events_before, began, cpu = told(platform), time.monotonic(), time.process_time()
    found = run()
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    each = f"{1000 * cpu / videos:.0f} ms of CPU each, {told(platform) - events_before} events"
    say(f"{name}: {found}; {took:.1f} s, {60 * videos / took:.0f} videos a minute, {each}")
    return found


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
