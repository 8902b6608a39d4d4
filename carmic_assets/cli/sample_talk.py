"""A sample talk for `make demo`, composed from what packages ship: a picture (ultralytics) and two voices (espeak).

The pictures are stills and the voices are synthetic: it shows the way through the system, not how well it reads a face.
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
PAUSE_S = 0.35

# Who says it, and what. The second answer is the one worth cutting.
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
VOICES = {"A": "gmw/en-US", "B": "gmw/en"}
# What is seen while each speaks: a crop of the picture as x, y, width, height in parts of it
FRAMES = {"A": (0.06, 0.2, 0.6, 0.6), "B": (0.4, 0.0, 0.6, 0.6), "both": (0.0, 0.0, 1.0, 1.0)}


class Line(msgspec.Struct, frozen=True):
    speaker: str
    seconds: float
    sound: Path


def compose(out: Path, scratch: Path, talk: Sequence[tuple[str, str]] = TALK) -> Path:
    """Write the sample talk to `out` (about 70 s, H.264 and AAC). The same bytes every time."""
    lines = _speak(talk, scratch)
    picture = Path(_package("ultralytics")) / "assets" / "zidane.jpg"
    inputs = [ffmpeg.Input(str(picture))]
    inputs += [ffmpeg.Input(str(line.sound)) for line in lines]
    graph: list[str] = [
        f"[0:v]loop=loop=-1:size=1,settb=1/{FPS},setpts=N,split={len(lines)}"
        + "".join(f"[p{i}]" for i in range(len(lines)))
    ]
    for number, line in enumerate(lines):
        x, y, w, h = FRAMES[line.speaker if number % 3 else "both"]
        frames = round(line.seconds * FPS)
        graph.append(
            f"[p{number}]trim=end_frame={frames},setpts=PTS-STARTPTS,crop=iw*{w}:ih*{h}:iw*{x}:ih*{y},"
            f"scale={WIDTH}:{HEIGHT}:flags=bicubic,setsar=1,format=yuv420p[v{number}]"
        )
        graph.append(f"[{number + 1}:a]aresample=48000,apad=whole_dur={frames / FPS}[a{number}]")
    pairs = "".join(f"[v{i}][a{i}]" for i in range(len(lines)))
    graph.append(f"{pairs}concat=n={len(lines)}:v=1:a=1[v][a]")
    made = scratch / "talk.mp4"
    output = ["-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-r", str(FPS)]
    output += ["-c:a", "aac", "-b:a", "128k", "-ac", "1", "-movflags", "+faststart", "-fflags", "+bitexact", str(made)]
    ffmpeg.run(ffmpeg.command(inputs, output, graph=";".join(graph)), duration_s=sum(line.seconds for line in lines))
    made.replace(out)
    return out


def _speak(talk: Sequence[tuple[str, str]], scratch: Path) -> list[Line]:
    """Each line of the talk as a WAV with a pause behind it, spoken in a process of its own: espeak keeps its state in
    globals, and a second start in one process hangs."""
    command = [sys.executable, "-m", "carmic_assets.cli.sample_talk", str(scratch)]
    done = subprocess.run(command, input=msgspec.json.encode(talk), stdout=subprocess.PIPE, check=True, timeout=120)
    spoken = msgspec.json.decode(done.stdout, type=list[tuple[str, float]])
    return [Line(speaker, seconds, scratch / f"line{n}.wav") for n, (speaker, seconds) in enumerate(spoken)]


def _say(talk: Sequence[tuple[str, str]], scratch: Path) -> list[tuple[str, float]]:
    """Write `line0.wav`, ... into `scratch`; who speaks each and for how long."""
    data = Path(_package("espeakng_loader"))
    library = ctypes.CDLL(str(next(data.glob("libespeak-ng.*"))))
    rate = library.espeak_Initialize(1, 0, str(data / "espeak-ng-data").encode(), 0)  # 1: sound to the callback
    heard = bytearray()
    callback_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def hear(samples, count, _events) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = callback_type(hear)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(1, 165, 0)  # words a minute
    lines = []
    for number, (speaker, text) in enumerate(talk):
        library.espeak_SetVoiceByName(VOICES[speaker].encode())
        library.espeak_SetParameter(3, 40 if speaker == "A" else 62, 0)  # pitch
        heard.clear()
        raw = text.encode()
        library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, 1, None, None)
        library.espeak_Synchronize()
        heard.extend(bytes(2 * round(rate * PAUSE_S)))
        path = scratch / f"line{number}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(bytes(heard))
        lines.append((speaker, len(heard) / 2 / rate))
    return lines


def _package(name: str) -> str:
    """A package's folder, without importing the package (ultralytics imports torch)."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations
    return spec.submodule_search_locations[0]


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, str]])
    sys.stdout.buffer.write(msgspec.json.encode(_say(asked, Path(sys.argv[1]))))
