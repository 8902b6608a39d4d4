"""Speech: what the voice says is read back by Whisper, and its pace and loudness are measured."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest

from api_server import Server
from carmic_assets.generation.phonemes import compare, phonemize
from carmic_assets.media import ffmpeg
from carmic_assets.rendering.audio_graph import make_loudness_meter
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe
from generation_client import GenerationClient, install_voices

TEXT = "On March 3rd, 40 percent of our customers left. The lesson is simple. Confusion is a cost."
SAMPLES = {
    "es": "Buenos días a todos. Hoy hablamos de la lluvia y de las montañas.",
    "fr": "Bonjour à tous. Aujourd'hui nous parlons de la pluie et des montagnes.",
    "it": "Buongiorno a tutti. Oggi parliamo della pioggia e delle montagne.",
    "pt": "Bom dia a todos. Hoje falamos da chuva e das montanhas.",
}


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> GenerationClient:
    install_voices(tmp_path_factory.mktemp("voices"))
    return GenerationClient(server)


@pytest.fixture(autouse=True)
def run_in_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that the test executes itself use the server's home."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)


def speak(client: GenerationClient, folder: Path, **fields: object) -> tuple[dict[str, object], Path]:
    """Generate speech; returns the completed job and its WAV file."""
    job_id = client.start("voice", **fields)
    result = client.run(job_id)
    job = client.get_job(job_id)
    assert result.success and job["status"] == "completed", job
    path = folder / f"{job_id}.wav"
    path.write_bytes(httpx.get(job["outputUrl"]).content)
    return job["metadata"], path


def measure_loudness(path: Path) -> float:
    meter = make_loudness_meter([ffmpeg.Input(str(path))], 2)
    return meter("[0:a]anull[out]", ["out"], False)["out"].lufs


def test_a_text_is_spoken_word_for_word_at_one_loudness(client: GenerationClient, tmp_path: Path) -> None:
    before = client.get_credits()
    facts, path = speak(client, tmp_path, text=TEXT)
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 24_000, 2)
        seconds = file.getnframes() / file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert facts["durationSeconds"] == pytest.approx(seconds, abs=0.01) and 4 < seconds < 12
    assert (facts["model"], facts["language"], facts["voiceId"], facts["sentences"]) == ("kokoro", "en", "af_heart", 3)
    transcript = " ".join(word.text for word in transcribe(path, TranscriptionOptions(language="en")).words)
    assert compare(*phonemize([TEXT, transcript], "en")) <= 0.12, transcript
    assert measure_loudness(path) == pytest.approx(-16, abs=1)
    assert np.abs(samples).max() < 32_000  # nothing is clipped
    assert client.get_credits() == before - 80


def test_a_text_without_words_fails_and_is_refunded(client: GenerationClient) -> None:
    before = client.get_credits()
    job_id = client.start("voice", text="?! ...")
    assert not client.run(job_id).success
    job = client.get_job(job_id)
    assert (job["status"], job["errorCode"], job["creditsRefunded"]) == ("failed", "INPUT_UNREADABLE", 80)
    assert client.get_credits() == before


@pytest.mark.rare
@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_changes_the_duration_and_nothing_else(client: GenerationClient, tmp_path: Path, speed: float) -> None:
    normal, _ = speak(client, tmp_path, text=TEXT)
    facts, path = speak(client, tmp_path, text=TEXT, speed=speed)
    assert float(str(facts["durationSeconds"])) * speed == pytest.approx(
        float(str(normal["durationSeconds"])), rel=0.05
    )
    assert measure_loudness(path) == pytest.approx(-16, abs=1)


@pytest.mark.rare
@pytest.mark.parametrize("language", list(SAMPLES))
def test_other_languages_are_understood(client: GenerationClient, tmp_path: Path, language: str) -> None:
    facts, path = speak(client, tmp_path, text=SAMPLES[language], language=language)
    transcript = " ".join(word.text for word in transcribe(path, TranscriptionOptions(language=language)).words)
    assert compare(*phonemize([SAMPLES[language], transcript], language)) <= 0.25, transcript
    assert facts["language"] == language
