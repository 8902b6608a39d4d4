"""Tests the audio of the rendered MP4: loudness, true peak, ducked music, and the times of sound effects."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest

import media_files
from carmic_assets.captions.caption_track import EmojiOverlay
from carmic_assets.media.ffmpeg import Input, locate_binary
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.edit import Edit, MediaFile, Span
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering import audio_graph
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.rendering.render import RenderReport, plan_sound_effects, render
from carmic_assets.rendering.sound_effects import (
    SoundEffect,
    drop_crowded_effects,
    find_peak_sample,
    write_effects_track,
)


def write_source(path: Path, voice: str, seconds: float, filters: str = "anull") -> Path:
    """Write a grey video with the audio of `voice`, a file or a lavfi source."""
    audio_input = ["-i", voice] if Path(voice).exists() else ["-f", "lavfi", "-i", voice]
    subprocess.run(
        [
            *(
                locate_binary(),
                "-v",
                "error",
                "-y",
                "-f",
                "lavfi",
                "-i",
                f"color=gray:s=320x180:r=25:d={seconds}",
                *audio_input,
            ),
            *("-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-af", filters, "-c:a", "aac", str(path)),
        ],
        check=True,
    )
    return path


def render_clip(
    source: Path, folder: Path, end: float, media: dict[str, MediaFile] | None = None, **audio: object
) -> tuple[Edit, RenderReport, audio_graph.Loudness]:
    facts = probe(source)
    start, end = snap_clip_bounds(facts, 0, end)
    config = msgspec.convert({"layout": {"layoutType": "fit", "aspectRatio": "1:1"}, "audio": audio}, TemplateConfig)
    shots = [LayoutShot(0, end, "fit", None, "", ())]
    edit = assemble_edit(
        ClipInputs(
            **{
                "clip_id": "c",
                "title": "t",
                "source_path": str(source),
                "source": facts,
                "start_s": start,
                "end_s": end,
            },
            **{"config": config, "words": [], "shots": shots, "media": media},
        )
    )
    report = render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache")
    meter = audio_graph.make_loudness_meter([Input(str(folder / "out.mp4"), ("-vn",))], 2)
    return edit, report, meter("[0:a]anull[x]", ["x"], True)["x"]


@pytest.mark.parametrize("filters", ["volume=-26dB", "volume=18dB"])
def test_speech_of_any_level_is_normalised_to_the_target(voice: Path, tmp_path: Path, filters: str) -> None:
    source = write_source(tmp_path / "a.mp4", str(voice), 5, filters)
    _, report, loudness = render_clip(source, tmp_path, 5)
    assert loudness.lufs == pytest.approx(-14, abs=0.4)
    assert loudness.peak_dbtp < -1
    assert report.duration_s == pytest.approx(5, abs=0.04)


def test_one_second_of_speech_is_normalised_to_the_target(voice: Path, tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mp4", str(voice), 1.2)
    _, _, loudness = render_clip(source, tmp_path, 1.0)
    assert loudness.lufs == pytest.approx(-14, abs=0.5) and loudness.peak_dbtp < -1


def test_silence_is_not_amplified_and_a_source_without_audio_gets_a_silent_track(tmp_path: Path) -> None:
    _, _, loudness = render_clip(write_source(tmp_path / "a.mp4", "anullsrc=r=44100:cl=mono", 1), tmp_path, 1)
    assert loudness.lufs <= -69
    _, _, loudness = render_clip(
        media_files.write_numbered_video(tmp_path / "b.mp4", seconds=1, sound=False), tmp_path, 1
    )
    assert loudness.lufs <= -69 and probe(tmp_path / "out.mp4").audio.channels == 2


def test_music_loops_and_is_ducked_during_speech(tmp_path: Path) -> None:
    voice = "aevalsrc='0.3*sin(2*PI*300*t)*between(t,2,4)':s=48000"
    music = tmp_path / "music.mp3"
    tone = "aevalsrc='0.4*sin(2*PI*2000*t)':d=1.5"
    subprocess.run([locate_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", tone, str(music)], check=True)
    media = {"m": MediaFile(str(music), "m", 1.5, None, None, False, True)}
    source = write_source(tmp_path / "a.mp4", voice, 6)
    _, _, loudness = render_clip(source, tmp_path, 6, media, musicTrack="m", musicVolume=50)
    assert loudness.lufs == pytest.approx(-14, abs=0.5) and loudness.peak_dbtp < -1
    samples, _ = media_files.decode_audio(tmp_path / "out.mp4")

    def measure_level_db(hertz: float, start: float, end: float) -> float:
        part = samples[int(start * 48000) : int(end * 48000)]
        tone = np.exp(-2j * np.pi * hertz * np.arange(len(part)) / 48000)
        return 20 * np.log10(abs((part * tone).mean()) + 1e-9)

    assert measure_level_db(2000, 1, 1.9) - measure_level_db(2000, 2.5, 3.9) > 6  # dB of ducking during speech
    assert (
        measure_level_db(2000, 4.6, 4.8) - measure_level_db(2000, 2.5, 3.9) > 4
    )  # after speech the music, 1.5 s long, plays on in a loop
    assert measure_level_db(300, 2.5, 3.9) - measure_level_db(2000, 2.5, 3.9) > 10


def test_volumes_set_the_ratio_of_voice_and_music(tmp_path: Path) -> None:
    music = tmp_path / "music.wav"
    tone = "aevalsrc='0.4*sin(2*PI*2000*t)':d=30"
    subprocess.run([locate_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", tone, str(music)], check=True)
    media = {"m": MediaFile(str(music), "m", 30.0, None, None, False, True)}
    source = write_source(tmp_path / "a.mp4", "aevalsrc='0.3*sin(2*PI*300*t)':s=48000", 2)

    def measure_music_over_voice_db(**audio: object) -> float:
        _, _, loudness = render_clip(source, tmp_path, 2, media, **audio)
        assert loudness.lufs == pytest.approx(-14, abs=0.6)
        spectrum = np.abs(np.fft.rfft(media_files.decode_audio(tmp_path / "out.mp4")[0][24000:72000]))
        return 20 * np.log10((spectrum[1990:2011].max() + 1e-9) / (spectrum[290:311].max() + 1e-9))

    track = {"activeTrack": {"url": "m"}}  # longer than the clip
    low = measure_music_over_voice_db(**track, musicVolume=20)
    assert measure_music_over_voice_db(**track, musicVolume=80) - low == pytest.approx(12, abs=2)
    # half the voice is 6 dB, and a quieter voice ducks the music less
    assert 5 < measure_music_over_voice_db(**track, musicVolume=20, voiceVolume=50) - low < 12
    assert measure_music_over_voice_db(**track, voiceVolume=0) > 40
    assert measure_music_over_voice_db(**track, musicVolume=0) < -40


def test_effects_track_is_deterministic_and_places_effects_at_their_times(tmp_path: Path) -> None:
    effects = drop_crowded_effects(
        [SoundEffect(1.0, "pop"), SoundEffect(1.1, "whoosh"), SoundEffect(11.0, "whoosh"), SoundEffect(0.05, "hit")]
    )
    assert [e.kind for e in effects] == ["hit", "pop", "whoosh"]
    for name in ("a.wav", "b.wav"):
        write_effects_track(effects, 12.0, tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    samples, _ = media_files.decode_audio(tmp_path / "a.wav")
    assert len(samples) == pytest.approx(12 * 48000, abs=100)
    assert np.abs(samples[48000 * 2 : 48000 * 10]).max() == 0
    loudest = int(np.abs(samples[48000 * 10 :]).argmax()) / 48000 + 10
    assert loudest == pytest.approx(11.0, abs=0.1) and find_peak_sample("whoosh") > 0


def test_only_visible_events_get_a_sound_effect(tmp_path: Path) -> None:
    fire = EmojiOverlay("fire.png", 0, 0, 10, 0.2, 0.4, reaction=True)
    caption_emoji = EmojiOverlay("fire.png", 0, 0, 10, 0.3, 0.4)
    shots = [
        LayoutShot(a, b, kind, None, "", ()) for a, b, kind in ((0, 0.6, "fit"), (0.6, 1.4, "split"), (1.4, 2, "fit"))
    ]
    elements = {"hookTitle": {"enabled": True, "text": " \u200b"}, "emojis": [{"emoji": "🔥", "startTime": 0.2}]}
    b_roll = [{"videoUrl": "b", "startTime": 0.8, "duration": 0.4}]
    source = media_files.write_numbered_video(tmp_path / "a.mp4")
    facts = probe(source)
    edit = assemble_edit(
        ClipInputs(
            **{"clip_id": "c", "title": "t", "source_path": str(source), "source": facts, "start_s": 0.0, "end_s": 2.0},
            config=msgspec.convert({"elements": elements, "b_roll": b_roll}, TemplateConfig),
            words=(),
            shots=shots,
            media={"b": MediaFile(str(source), "b", 4.0, 640, 360, True, True)},
        )
    )
    effects = [(e.peak_s, e.kind) for e in plan_sound_effects(edit, [fire, caption_emoji])]
    assert effects == [(0.8, "whoosh"), (0.2, "pop"), (0.6, "whoosh"), (1.4, "whoosh")]
    # the removed pause contains the cutaway and the split; the title has no visible characters
    without_pause = msgspec.structs.replace(edit, kept_spans=(Span(0.0, 0.4), Span(1.6, 2.0)))
    assert [(e.peak_s, e.kind) for e in plan_sound_effects(without_pause, [fire])] == [(0.2, "pop")]
