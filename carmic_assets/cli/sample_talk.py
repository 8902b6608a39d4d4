"""Composes a sample talk for `make demo` from a photo in the package ultralytics and two voices of eSpeak NG.

The video consists of stills and the voices are synthetic, so the talk demonstrates the use of Carmic, not its quality.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import msgspec

from carmic_assets.media import ffmpeg

WIDTH, HEIGHT, FPS = 1280, 720, 25
PAUSE_S = 0.35  # after each line

# (speaker, line). The second answer is the best clip.
TALK = (
    ("A", "Welcome back to the workshop. Today we talk about the smallest change that ever saved a project of mine."),
    ("B", "Thanks for having me. Before we start, let me find my notes. They were here a minute ago."),
    ("A", "Take your time. So, what was the worst day of your career, and what did you learn from it?"),
    (
        "B",
        "The worst day was the day we lost forty percent of our customers in one hour. Nobody had attacked us. "
        "I had deleted one line of a configuration file, because I thought that nobody used it. "
        "For a month I blamed the tools. Then I counted, and nine of our ten outages began with a line that nobody "
        "understood. So we made one rule: you may not delete what you cannot explain. "
        "Outages fell by half in a year. The lesson is simple. "
        "Confusion is a cost, and you pay it later, with interest.",
    ),
    ("A", "That is a good rule. Does it slow the team down?"),
    (
        "B",
        "It does, for about a week. After that people start to write down why a thing exists, "
        "because they know they will be asked. "
        "And writing it down turned out to be the fastest way we ever found to work.",
    ),
    ("A", "Thank you. We will put the links below. See you next time."),
)
ESPEAK_VOICES = {"A": "gmw/en-US", "B": "gmw/en"}
ESPEAK_PITCHES = {"A": 40, "B": 62}  # 0..100
WORDS_PER_MINUTE = 165
# Constants of espeak-ng's speak_lib.h.
AUDIO_OUTPUT_RETRIEVAL, PARAMETER_RATE, PARAMETER_PITCH, CHARS_UTF8 = 1, 1, 3, 1
# The crop of the photo while each speaks: x, y, width and height as fractions of the photo.
CROPS = {"A": (0.06, 0.2, 0.6, 0.6), "B": (0.4, 0.0, 0.6, 0.6), "both": (0.0, 0.0, 1.0, 1.0)}


class SpokenLine(msgspec.Struct, frozen=True):
    """One line of the talk and its WAV file, with a pause of PAUSE_S at the end."""

    speaker: str
    duration_s: float
    wav: Path


def compose_talk(out: Path, scratch_dir: Path, talk: Sequence[tuple[str, str]] = TALK) -> Path:
    """Write the talk to `out` as H.264 and AAC. TALK is about 70 s long. The same talk gives the same bytes."""
    lines = _speak_in_subprocess(talk, scratch_dir)
    picture = Path(_locate_package("ultralytics")) / "assets" / "zidane.jpg"
    inputs = [ffmpeg.Input(str(picture))]
    inputs += [ffmpeg.Input(str(line.wav)) for line in lines]
    graph: list[str] = [
        f"[0:v]loop=loop=-1:size=1,settb=1/{FPS},setpts=N,split={len(lines)}"
        + "".join(f"[p{i}]" for i in range(len(lines)))
    ]
    for number, line in enumerate(lines):
        x, y, w, h = CROPS[line.speaker if number % 3 else "both"]
        frames = round(line.duration_s * FPS)
        graph.append(
            f"[p{number}]trim=end_frame={frames},setpts=PTS-STARTPTS,crop=iw*{w}:ih*{h}:iw*{x}:ih*{y},"
            f"scale={WIDTH}:{HEIGHT}:flags=bicubic,setsar=1,format=yuv420p[v{number}]"
        )
        graph.append(f"[{number + 1}:a]aresample=48000,apad=whole_dur={frames / FPS}[a{number}]")
    pairs = "".join(f"[v{i}][a{i}]" for i in range(len(lines)))
    graph.append(f"{pairs}concat=n={len(lines)}:v=1:a=1[v][a]")
    video = scratch_dir / "talk.mp4"
    output = ["-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-r", str(FPS)]
    output += ["-c:a", "aac", "-b:a", "128k", "-ac", "1", "-movflags", "+faststart", "-fflags", "+bitexact", str(video)]
    command = ffmpeg.build_command(inputs, output, graph=";".join(graph))
    ffmpeg.run(command, duration_s=sum(line.duration_s for line in lines))
    video.replace(out)
    return out


def _speak_in_subprocess(talk: Sequence[tuple[str, str]], scratch_dir: Path) -> list[SpokenLine]:
    """Return the spoken lines of the talk, from a child process.

    eSpeak NG keeps its state in global variables, and a second initialisation in one process would hang.
    """
    command = [sys.executable, "-m", "carmic_assets.cli.sample_talk", str(scratch_dir)]
    child = subprocess.run(command, input=msgspec.json.encode(talk), stdout=subprocess.PIPE, check=True, timeout=120)
    durations = msgspec.json.decode(child.stdout, type=list[tuple[str, float]])
    return [
        SpokenLine(speaker, duration_s, scratch_dir / f"line{n}.wav")
        for n, (speaker, duration_s) in enumerate(durations)
    ]


def _speak(talk: Sequence[tuple[str, str]], scratch_dir: Path) -> list[tuple[str, float]]:
    """Write `line0.wav`, `line1.wav`, ... to `scratch_dir`. Returns the speaker and duration (s) of each line."""
    data = Path(_locate_package("espeakng_loader"))
    library = ctypes.CDLL(str(next(data.glob("libespeak-ng.*"))))
    sample_rate = library.espeak_Initialize(AUDIO_OUTPUT_RETRIEVAL, 0, str(data / "espeak-ng-data").encode(), 0)
    pcm = bytearray()  # 16-bit mono
    callback_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def collect(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            pcm.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = callback_type(collect)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(PARAMETER_RATE, WORDS_PER_MINUTE, 0)
    durations = []
    for number, (speaker, text) in enumerate(talk):
        library.espeak_SetVoiceByName(ESPEAK_VOICES[speaker].encode())
        library.espeak_SetParameter(PARAMETER_PITCH, ESPEAK_PITCHES[speaker], 0)
        pcm.clear()
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, CHARS_UTF8, None, None)
        library.espeak_Synchronize()
        pcm.extend(bytes(2 * round(sample_rate * PAUSE_S)))
        with wave.open(str(scratch_dir / f"line{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(bytes(pcm))
        durations.append((speaker, len(pcm) / 2 / sample_rate))
    return durations


def _locate_package(name: str) -> str:
    """Return a package's directory without importing it (ultralytics imports torch)."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"package {name} is not installed")
    return spec.submodule_search_locations[0]


if __name__ == "__main__":
    requested = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, str]])
    sys.stdout.buffer.write(msgspec.json.encode(_speak(requested, Path(sys.argv[1]))))
