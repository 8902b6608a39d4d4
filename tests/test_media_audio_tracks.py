"""Tests of the selection of audio tracks, and of the repair of channels that would cancel out in a mono mix."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

import media_files
from carmic_assets.assets import ingest
from carmic_assets.assets.video_step import VideoStep
from carmic_assets.media.analysis import AUDIO_FILENAME, analyse
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.proxy import is_proxy, make_proxy
from carmic_assets.media.source_audio import choose_track, describe_audio, list_used_tracks, select_audio_track
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.errors import CarmicError, RenderError
from carmic_assets.model.media import AudioFacts, SourceFacts
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit
from carmic_assets.rendering.render import render
from carmic_assets.speech.voice_activity import find_speech_in_file, total_s
from resources.platform import Platform
from test_assets_runs import create_project, platform

__all__ = ["platform"]  # the fixture

SPEECH_S = 2.5  # minimum speech in the first 5 s of the recording; 3.0 s are detected in the original file
SILENCE = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")


def write_talk(folder: Path, voice: Path, *options: str, inputs: tuple[str, ...] = ()) -> Path:
    """Write 5 s of a recorded voice with a numbered video; further inputs are numbered from 2."""
    picture = media_files.write_numbered_video(folder / "picture.mp4", seconds=5, sound=False)
    path = folder / "talk.mp4"
    line = ["-i", str(picture), "-t", "5", "-i", str(voice), *inputs, "-c:v", "copy", "-map", "0:v", *options]
    subprocess.run([locate_binary(), "-v", "error", "-y", *line, "-t", "5", str(path)], check=True)
    return path


@pytest.fixture
def step(platform: Platform, tmp_path: Path) -> VideoStep:
    """The step of `source_video` for a project that selects its audio track by speech."""
    return VideoStep(platform, create_project(platform), "run", tmp_path)


def read_source(step: VideoStep, path: Path, audio_track: str = "auto") -> SourceFacts:
    step.project = msgspec.structs.replace(step.project, audio_track=audio_track)
    return ingest._read_source(step, path)


def measure_speech_s(path: Path, facts: SourceFacts, folder: Path) -> float:
    analyse(path, facts, folder)
    return total_s(find_speech_in_file(folder / AUDIO_FILENAME))


def render_sound(path: Path, facts: SourceFacts, folder: Path, audio_track: str | int = "auto") -> np.ndarray:
    """Return the audio of the rendered clip: float, shape (2, samples)."""
    edit = assemble_edit(
        ClipInputs(
            clip_id="clip",
            title="A clip",
            source_path=str(path),
            source=facts,
            start_s=0.0,
            end_s=5.0,
            config=msgspec.convert({"audio_track": audio_track}, TemplateConfig),
            words=(),
            shots=[LayoutShot(0, 5.0, "fit", None, "", ())],
        )
    )
    report = render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache")
    assert report.notes == describe_audio(edit.source)
    return read_stereo(folder / "out.mp4")


def read_stereo(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def test_the_voice_is_found_behind_a_silent_default_track(step: VideoStep, voice: Path, tmp_path: Path) -> None:
    tracks = ("-map", "2:a", "-map", "1:a", "-c:a", "aac", "-disposition:a:0", "default", "-disposition:a:1", "0")
    path = write_talk(tmp_path, voice, *tracks, inputs=SILENCE)
    facts = read_source(step, path)
    assert describe_audio(facts) == ("The audio is audio track 1 of 2, counted from 0.",)
    assert measure_speech_s(path, facts, tmp_path) > SPEECH_S
    assert np.abs(render_sound(path, facts, tmp_path)).max() > 0.3
    assert np.abs(render_sound(path, facts, tmp_path, 0)).max() < 0.001
    assert np.abs(render_sound(path, facts, tmp_path, "mix")).max() > 0.3
    with pytest.raises(RenderError, match="`audio_track` is 2, but the video has 2 audio tracks"):
        render_sound(path, facts, tmp_path, 2)
    assert not is_proxy(path, facts)
    make_proxy(path, facts, tmp_path / "proxy.mp4")
    assert np.abs(read_stereo(tmp_path / "proxy.mp4")).max() > 0.3

    assert read_source(step, path, "0").audio == facts.audio_tracks[0]
    mixed = read_source(step, path, "mix")
    assert mixed.mixes_audio and measure_speech_s(path, mixed, tmp_path) > SPEECH_S
    with pytest.raises(CarmicError, match="Use a number from 0 to 1, or auto or mix"):
        read_source(step, path, "7")


def test_tracks_of_two_speakers_are_mixed_and_of_two_languages_are_not() -> None:
    tracks = tuple(AudioFacts(n, "aac", 48000, 2, 0.0, 60.0) for n in (1, 2))
    facts = SourceFacts("", 0, "mp4", 60.0, 0.0, None, tracks[0], audio_tracks=tracks)
    host, guest = ((0.0, 10.0), (30.0, 40.0)), ((10.0, 29.0), (41.0, 59.0))
    assert list_used_tracks(choose_track(facts, [host, guest])) == tracks
    assert list_used_tracks(choose_track(facts, [(), guest])) == (tracks[1],)
    assert list_used_tracks(choose_track(facts, [guest, guest])) == (tracks[0],)
    assert list_used_tracks(choose_track(facts, [(), ()])) == (tracks[0],)
    languages = tuple(
        msgspec.structs.replace(track, language=name) for track, name in zip(tracks, ("eng", "deu"), strict=True)
    )
    dubbed = msgspec.structs.replace(facts, audio=languages[0], audio_tracks=languages)
    assert list_used_tracks(choose_track(dubbed, [host, guest])) == (languages[1],)
    assert select_audio_track(facts, 1, RenderError).audio == tracks[1]


@pytest.mark.parametrize(
    ("sound", "note"),
    [
        ("pan=stereo|c0=c0|c1=-1*c0", "opposite phase"),
        ("pan=stereo|c0=c0|c1=0*c0", "Only the left channel"),
        ("pan=stereo|c0=0*c0|c1=c0", "Only the right channel"),
        ("pan=5.1|FL=0*c0|FR=0*c0|FC=c0|LFE=0*c0|BL=0*c0|BR=0*c0", ""),
        ("volume=-45dB", ""),
    ],
)
def test_a_voice_that_a_mix_to_mono_would_destroy_is_heard_and_played_on_both_sides(
    step: VideoStep, voice: Path, tmp_path: Path, sound: str, note: str
) -> None:
    path = write_talk(tmp_path, voice, "-map", "1:a", "-af", sound, "-c:a", "aac")
    facts = read_source(step, path)
    assert note in "".join(describe_audio(facts)) and bool(note) == bool(describe_audio(facts))
    assert measure_speech_s(path, facts, tmp_path) > SPEECH_S
    left, right = render_sound(path, facts, tmp_path)
    assert np.abs(left).max() > 0.2 and np.corrcoef(left, right)[0, 1] > 0.95
