"""The one place that builds and runs ffmpeg command lines: the binary, the limits, the progress, the end of the child.

Takes local files only, never a URL, and never a shell.
"""

from __future__ import annotations

import ctypes
import functools
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.media.containers import LIBRARY_FORMATS, MAX_PIXELS, MAX_STREAMS, still_format
from carmic_assets.model.errors import CarmicError, RenderFailed
from carmic_assets.model.progress import Progress, ignore

# What ffmpeg may open as an input by itself: our own files, in our own formats (lavfi makes silence and colours).
READABLE = (*LIBRARY_FORMATS, "lavfi")
STALL_S = 120.0  # no report for so long: the child hangs
KILL_AFTER_S = 3.0  # between asking a child to end and ending it
TAIL_LINES = 400
NOTE_LINES = 40
# Output options without which two runs differ: version strings and clocks in the file.
REPEATABLE = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags", "+bitexact")


class Input(msgspec.Struct, frozen=True):
    """One `-i`. `options` go before it; `path` is a local file, or a lavfi graph where `format` is "lavfi"."""

    path: str
    options: tuple[str, ...] = ()
    format: str | None = None


class Finished(msgspec.Struct, frozen=True):
    """What a run left: the last lines of its log, how long it took and what it cost."""

    log: tuple[str, ...]
    wall_s: float
    cpu_s: float
    max_rss_bytes: int


@functools.cache
def binary() -> str:
    """The program that `imageio-ffmpeg` ships: nothing is taken from the system."""
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


def command(
    inputs: Sequence[Input],
    output: Sequence[str],
    *,
    graph: str | Path | None = None,
    threads: int = 2,
) -> list[str]:
    """The whole command line. `graph` is filter text, or a file that holds it; `output` is what follows the inputs."""
    line = [binary(), "-hide_banner", "-nostdin", "-y", "-loglevel", "info", "-nostats", "-progress", "pipe:1"]
    line += ["-stats_period", "0.5", "-filter_complex_threads", str(threads), "-filter_threads", str(threads)]
    for each in inputs:
        if each.format == "lavfi":
            line += [*each.options, "-f", "lavfi", "-i", each.path]
            continue
        line += ["-protocol_whitelist", "file", "-format_whitelist", ",".join(READABLE)]
        line += ["-max_streams", str(MAX_STREAMS), "-max_pixels", str(MAX_PIXELS), "-threads", str(threads)]
        if (still := still_format(each.path)) is not None:
            line += ["-f", still]
        line += [*each.options, "-i", f"file:{Path(each.path).absolute()}"]
    if isinstance(graph, Path):
        line += ["-/filter_complex", str(graph)]
    elif graph is not None:
        line += ["-filter_complex", graph]
    return [*line, *output]


def run(
    line: Sequence[str],
    *,
    duration_s: float = 0.0,
    progress: Progress = ignore,
    limit_s: float | None = None,
    error: type[CarmicError] = RenderFailed,
) -> Finished:
    """Run a command line of `command` to its end. `duration_s` is the length of the output, for `progress`.

    Raises `error` where ffmpeg fails, hangs, or takes longer than `limit_s`. The child never outlives this call,
    whatever ends it.
    """
    started = time.monotonic()
    log: deque[str] = deque(maxlen=TAIL_LINES)
    child = subprocess.Popen(
        list(line),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/nonexistent")},
        start_new_session=True,  # Ctrl-C reaches us first, and we end the child in order
        preexec_fn=die_with_parent,  # and who kills us kills it
    )
    try:
        _follow(child, log, started, duration_s, progress, limit_s, error)
        status, usage = _reap(child)
    finally:
        _end(child)
    if status != 0:
        failure = error(f"The video could not be made: {_reason(log)}")
        failure.add_note("\n".join([*list(log)[-NOTE_LINES:], f"ffmpeg ended with {status}"]))  # for operators
        raise failure
    progress(1.0)
    return Finished(
        log=tuple(log),
        wall_s=time.monotonic() - started,
        cpu_s=usage[0],
        max_rss_bytes=usage[1],
    )


_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # found before the fork: nothing may be loaded after it


def die_with_parent() -> None:
    """For a child between fork and exec: the kernel kills it when whoever started it dies (on Linux)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _follow(
    child: subprocess.Popen[bytes],
    log: deque[str],
    started: float,
    duration_s: float,
    progress: Progress,
    limit_s: float | None,
    error: type[CarmicError],
) -> None:
    """Read both pipes until they close: progress from one, the log from the other."""
    assert child.stdout is not None and child.stderr is not None
    rest = {child.stdout: b"", child.stderr: b""}
    furthest, last_word, moved = 0.0, time.monotonic(), -1
    with selectors.DefaultSelector() as pipes:
        for each in rest:
            os.set_blocking(each.fileno(), False)
            pipes.register(each, selectors.EVENT_READ)
        while pipes.get_map():
            now = time.monotonic()
            if limit_s is not None and now - started > limit_s:
                raise error(f"Making the video took longer than {limit_s:.0f} s and was stopped. Try a shorter clip.")
            if now - last_word > STALL_S:
                raise error("Making the video stopped moving and was ended. Try again.")
            for key, _ in pipes.select(timeout=0.5):
                pipe: Any = key.fileobj
                chunk = pipe.read(65536)
                if not chunk:
                    pipes.unregister(pipe)
                    continue
                *lines, rest[pipe] = (rest[pipe] + chunk).replace(b"\r", b"\n").split(b"\n")
                for raw in lines:
                    text = raw.decode("utf-8", "replace").strip()
                    if pipe is child.stderr:
                        log.append(text)
                        continue
                    name, _, value = text.partition("=")
                    if name == "out_time_us" and value.lstrip("-").isdigit():
                        if int(value) != moved:  # reports go on while nothing moves: only movement is life
                            moved, last_word = int(value), time.monotonic()
                        if duration_s > 0 and moved / 1e6 / duration_s > furthest:
                            furthest = min(1.0, moved / 1e6 / duration_s)
                            progress(furthest)
                    elif name == "total_size" and value.isdigit() and moved < 0:
                        last_word = time.monotonic()


def _reap(child: subprocess.Popen[bytes]) -> tuple[int, tuple[float, int]]:
    """Wait for a child that closed its pipes; its exit status, CPU seconds and peak memory."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, (usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Terminate, then kill, whatever is left of the child and its group."""
    if child.returncode is None and child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


# What ffmpeg says : what a user can do about it. First match wins; the log is read from its end.
_REASONS = (
    ("No space left on device", "the disk is full. Make room and try again."),
    ("Cannot allocate memory", "the machine ran out of memory. Try again with fewer renders at once."),
    ("Unknown encoder", "this machine's ffmpeg lacks the chosen encoder. Choose libx264."),
    ("Cannot load libcuda", "there is no NVIDIA driver for the chosen encoder. Choose libx264."),
    ("No VA display found", "there is no VA-API device for the chosen encoder. Choose libx264."),
    ("Error while opening encoder", "the chosen encoder could not be started on this machine. Choose libx264."),
    ("Invalid data found when processing input", "one of the media files is damaged or not of a supported kind."),
    ("No such file or directory", "a media file is missing. Upload it again."),
    ("Permission denied", "a media file or the output folder may not be read or written."),
)


def _reason(log: Sequence[str]) -> str:
    for line in reversed(log):
        for sign, sentence in _REASONS:
            if sign in line:
                return sentence
    return "ffmpeg gave up on it. Try again; if it fails again, upload the source in another format."


def quote(text: str) -> str:
    """A value as it stands inside a filter graph: both levels of ffmpeg's escaping.

    https://ffmpeg.org/ffmpeg-filters.html#Notes-on-filtergraph-escaping
    """
    value = text.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\:")
    return "".join(f"\\{c}" if c in "\\'[],;" else c for c in value)
