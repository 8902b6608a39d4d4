"""Builds the narration of a voice job: sentences, speech that is transcribed back, and one WAV file.

Imports the computing packages at its top; `generation_pipeline` imports it inside the assets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from carmic_assets.assets.generation_step import GenerationStep
from carmic_assets.generation import narration
from carmic_assets.generation.errors import GenerationError
from carmic_assets.generation.kokoro import MIN_PACE, Samples, Synthesizer, load_synthesizer
from carmic_assets.generation.narration import MAX_ERROR_RATE, SECOND_PACE, SpokenSentence
from carmic_assets.generation.phonemes import Sentence, split_sentences
from carmic_assets.generation.voice_weights import find_weights, join_model
from carmic_assets.generation.voices import choose_voice
from carmic_assets.speech import whisper_models

SCRIPT, NARRATION, SPEECH = "artifacts/script.json", "artifacts/narration.json", "artifacts/speech.wav"
SPOKEN_PERCENT, CHECKED_PERCENT = 75, 95  # of the job's progress


class Script(msgspec.Struct, frozen=True):
    """What is to be spoken, and how."""

    sentences: tuple[Sentence, ...]
    voice: str
    language: str
    speed: float


class Narration(msgspec.Struct, frozen=True):
    """The spoken sentences, and the duration and loudness of the file."""

    sentences: tuple[SpokenSentence, ...]
    duration_s: float
    loudness_lufs: float


def write_script(step: GenerationStep) -> Script:
    """Split the text into sentences with their phonemes, and store them.

    Raises:
        GenerationError: the text holds nothing that can be spoken.
    """
    request = step.job.request
    language = request["language"]
    sentences = split_sentences(request["text"], language)
    if not sentences:
        raise GenerationError("INPUT_UNREADABLE", "the text has no word that the voice can speak")
    script = Script(tuple(sentences), choose_voice(request["voiceId"], language), language, request["speed"])
    step.save_artifact(SCRIPT, script)
    return script


def narrate(step: GenerationStep) -> Narration:
    """Speak the script, check it, and store one WAV file.

    Sentences that an earlier attempt spoke are read from the store. A sentence whose transcription differs too much is
    spoken again, slower, and the better take is kept.
    """
    script = step.load_artifact(SCRIPT, Script)
    synthesizer = _load_synthesizer(step)
    pace, tempo = narration.split_speed(script.speed)
    report = step.report_progress(1, SPOKEN_PERCENT)
    takes = []
    for number in range(len(script.sentences)):
        takes.append(_speak_once(step, synthesizer, script, number, pace))
        report((number + 1) / len(script.sentences))
    errors = _check(step, script.sentences, takes, pace, script.language)
    step.advance(CHECKED_PERCENT)
    counts = [1] * len(takes)
    wrong = [number for number, error in enumerate(errors) if error > MAX_ERROR_RATE]
    if wrong:
        slower = max(MIN_PACE, pace * SECOND_PACE)
        second_takes = [_speak(synthesizer, script.sentences[number], script.voice, slower) for number in wrong]
        second_errors = _check(
            step, [script.sentences[number] for number in wrong], second_takes, slower, script.language
        )
        for number, take, error in zip(wrong, second_takes, second_errors, strict=True):
            counts[number] = 2
            if error < errors[number]:
                takes[number], errors[number] = take, error
    samples, spans_s = narration.join_sentences(takes, pace)
    raw, wav = step.scratch_dir / "raw.wav", step.scratch_dir / "speech.wav"
    narration.write_wav(raw, samples)
    loudness = narration.master(raw, wav, tempo, step.platform.settings.threads)
    spoken = tuple(
        SpokenSentence(sentence.text, round(start / tempo, 3), round(end / tempo, 3), round(error, 3), count)
        for sentence, (start, end), error, count in zip(script.sentences, spans_s, errors, counts, strict=True)
    )
    result = Narration(spoken, round(narration.measure_duration_s(wav), 3), round(loudness, 2))
    step.platform.store.put_file(step.store_key(SPEECH), wav, "audio/wav")
    step.save_artifact(NARRATION, result)
    return result


def describe_voice(step: GenerationStep) -> dict[str, Any]:
    """Return the metadata of the finished job."""
    script, spoken = step.load_artifact(SCRIPT, Script), step.load_artifact(NARRATION, Narration)
    letters = sum(len(sentence.text) for sentence in spoken.sentences)
    errors = sum(sentence.error_rate * len(sentence.text) for sentence in spoken.sentences)
    return {
        "model": step.job.model,
        "durationSeconds": spoken.duration_s,
        "language": script.language,
        "voiceId": script.voice,
        "speed": script.speed,
        "sentences": len(spoken.sentences),
        "spokenAgain": sum(sentence.takes > 1 for sentence in spoken.sentences),
        "phonemeErrorRate": round(errors / max(letters, 1), 3),
    }


def _load_synthesizer(step: GenerationStep) -> Synthesizer:
    settings = step.platform.settings
    weights = find_weights(settings.cache_dir)
    if weights is None:
        raise GenerationError("INTERNAL", "the voices are not installed: run `carmic fetch-voices`")
    model = join_model(weights, settings.cache_dir)
    return load_synthesizer(model, weights.vocabulary, weights.voices, settings.threads)


def _speak_once(step: GenerationStep, synthesizer: Synthesizer, script: Script, number: int, pace: float) -> Samples:
    """Speak a sentence, unless the store holds it from an earlier attempt."""
    key = step.store_key(f"artifacts/sentences/{number}.f32")
    store = step.platform.store
    if store.stat(key) is not None:
        return np.frombuffer(store.get_bytes(key), np.float32)
    samples = _speak(synthesizer, script.sentences[number], script.voice, pace)
    store.put_bytes(key, samples.tobytes())
    return samples


def _speak(synthesizer: Synthesizer, sentence: Sentence, voice: str, pace: float) -> Samples:
    return np.concatenate([synthesizer.speak(part, voice, pace) for part in sentence.phonemes])


def _check(
    step: GenerationStep,
    sentences: tuple[Sentence, ...] | list[Sentence],
    takes: list[Samples],
    pace: float,
    language: str,
) -> list[float]:
    """Return the phoneme error rate of each take, transcribed back."""
    settings = step.platform.settings
    samples, spans_s = narration.join_sentences(takes, pace)
    path: Path = step.scratch_dir / "check.wav"
    narration.write_wav(path, samples)
    weights = whisper_models.find_weights(settings.whisper_model, settings.cache_dir / "whisper")
    whisper = whisper_models.load_model(weights, settings.device, settings.threads)
    return narration.check_sentences(path, sentences, spans_s, whisper, language)
