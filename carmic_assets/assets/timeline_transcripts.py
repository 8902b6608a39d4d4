"""Transcripts of a timeline's footage: that of the Carmic project it came from, or one that is made when needed."""

from __future__ import annotations

import msgspec

from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.media import ffmpeg
from carmic_assets.media.source_audio import build_source_audio
from carmic_assets.model.errors import NoSpeechError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.progress import ProgressCallback
from carmic_assets.model.speech import Word
from carmic_assets.speech.audio_reader import SAMPLE_RATE
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe
from resources import artifacts
from resources.timeline_assets import TimelineAsset, asset_prefix


class SpokenWords(msgspec.Struct, frozen=True):
    """The words of a file, on the clock of the file. The fields are those of `Transcript`; others are ignored."""

    words: tuple[Word, ...]


def find_words(step: TimelineStep, asset: TimelineAsset) -> tuple[Word, ...] | None:
    """Return the words of an asset's transcript, or None if there is none. Footage without sound has no words."""
    if msgspec.convert(asset.facts, SourceFacts).audio is None:
        return ()
    project_id = asset.origin.get("carmic_project_id")
    keys = [artifacts.artifact_key(asset.workspace_id, project_id, artifacts.TRANSCRIPT)] if project_id else []
    for key in (*keys, _transcript_key(asset)):
        if step.platform.store.stat(key) is not None:
            with step.platform.store.local_file(key) as path:
                return msgspec.json.decode(path.read_bytes(), type=SpokenWords).words
    return None


def load_words(step: TimelineStep, asset: TimelineAsset, report: ProgressCallback) -> tuple[Word, ...]:
    """Return the words that are spoken in an asset. A transcript that is made here is stored for the next export."""
    words = find_words(step, asset)
    if words is None:
        words = _transcribe(step, asset, msgspec.convert(asset.facts, SourceFacts), report)
        content = msgspec.json.encode(SpokenWords(words))
        step.platform.store.put_bytes(_transcript_key(asset), content, "application/json")
    return words


def _transcript_key(asset: TimelineAsset) -> str:
    return asset_prefix(asset.workspace_id, asset.timeline_id, asset.id) + "transcript.json"


def _transcribe(
    step: TimelineStep, asset: TimelineAsset, facts: SourceFacts, report: ProgressCallback
) -> tuple[Word, ...]:
    settings = step.platform.settings
    audio = step.scratch_dir / f"{asset.id}.flac"
    with step.platform.store.local_file(asset.object_key) as path:
        chains, head = build_source_audio(facts, 0, f"{facts.container_start_s:.6f}")
        line = ffmpeg.build_command(
            [ffmpeg.Input(str(path), ("-vn", "-copyts"))],
            ["-map", "[a]", "-ar", str(SAMPLE_RATE), "-ac", "1", "-c:a", "flac", "-f", "flac", str(audio)],
            graph=";".join([*chains, f"{head}[a]"]),
            threads=settings.threads,
        )
        ffmpeg.run(line)
    options = TranscriptionOptions(
        model=settings.whisper_model,
        device=settings.device,
        threads=settings.threads,
        cache_dir=settings.cache_dir / "whisper",
    )
    try:
        return transcribe(audio, options, progress=report).words
    except NoSpeechError:
        return ()
    finally:
        audio.unlink()
