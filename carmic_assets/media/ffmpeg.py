"""Builds and runs ffmpeg command lines. No other module runs ffmpeg.

It limits what ffmpeg may open, reports progress, and ends the child process when the caller ends. Inputs are local
files only; no command goes through a shell.
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
from typing import IO, cast

import imageio_ffmpeg
import msgspec

from carmic_assets.media.demuxers import LIBRARY_FORMATS, MAX_PIXELS, MAX_STREAMS, detect_still_demuxer
from carmic_assets.model.errors import CarmicError, RenderError
from carmic_assets.model.progress import ProgressCallback, ignore_progress

INPUT_FORMATS = (*LIBRARY_FORMATS, "lavfi")  # lavfi generates silence and solid colours
STALL_TIMEOUT_S = 120.0  # a run whose output time does not advance for this long is stopped
KILL_AFTER_S = 3.0  # from SIGTERM to SIGKILL
LOG_LINES = 400  # number of last log lines kept in memory
NOTE_LINES = 40  # number of last log lines in the note of an exception
# Output options that make two runs write the same bytes: no version strings and no creation times in the file.
BITEXACT_OPTIONS = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags", "+bitexact")


class Input(msgspec.Struct, frozen=True):
    """One `-i` argument of a command line; `path` is a local file, or a filter graph if `format` is "lavfi"."""

    path: str
    options: tuple[str, ...] = ()  # placed before `-i`
    format: str | None = None


class RunResult(msgspec.Struct, frozen=True):
    """The outcome of a successful run: the last lines of the log, and the cost of the child process."""

    log: tuple[str, ...]
    wall_s: float
    cpu_s: float
    max_rss_bytes: int


@functools.cache
def locate_binary() -> str:
    """Return the path of the ffmpeg program in the package `imageio-ffmpeg`; the system's ffmpeg is never used."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def build_command(
    inputs: Sequence[Input],
    output: Sequence[str],
    *,
    graph: str | Path | None = None,
    threads: int = 2,
) -> list[str]:
    """Return the complete command line.

    Args:
        inputs: the inputs, in order.
        output: the arguments after the inputs.
        graph: the text of a `-filter_complex` graph, or a file that holds it.
        threads: threads of each decoder and of the filters.
    """
    command = [
        locate_binary(),
        "-hide_banner",
        "-nostdin",
        "-y",
        "-loglevel",
        "info",
        "-nostats",
        "-progress",
        "pipe:1",
    ]
    command += ["-stats_period", "0.5", "-filter_complex_threads", str(threads), "-filter_threads", str(threads)]
    for source in inputs:
        if source.format == "lavfi":
            command += [*source.options, "-f", "lavfi", "-i", source.path]
            continue
        command += ["-protocol_whitelist", "file", "-format_whitelist", ",".join(INPUT_FORMATS)]
        command += ["-max_streams", str(MAX_STREAMS), "-max_pixels", str(MAX_PIXELS), "-threads", str(threads)]
        if (still_demuxer := detect_still_demuxer(source.path)) is not None:
            command += ["-f", still_demuxer]
        command += [*source.options, "-i", f"file:{Path(source.path).absolute()}"]
    if isinstance(graph, Path):
        command += ["-/filter_complex", str(graph)]
    elif graph is not None:
        command += ["-filter_complex", graph]
    return [*command, *output]


def run(
    command: Sequence[str],
    *,
    duration_s: float = 0.0,
    progress: ProgressCallback = ignore_progress,
    timeout_s: float | None = None,
    error: type[CarmicError] = RenderError,
) -> RunResult:
    """Run a command line from `build_command` to its end. The child process never outlives this call.

    Args:
        command: the command line.
        duration_s: length of the output, for `progress`; with 0 only completion is reported.
        progress: receives the completed fraction.
        timeout_s: limit of the wall time.
        error: type of the exception to raise; its message is shown to the user.

    Raises:
        CarmicError: of type `error`, when ffmpeg fails, makes no progress for `STALL_TIMEOUT_S`, or runs longer than
            `timeout_s`. Its note holds the end of the log.
    """
    reader = _OutputReader(duration_s, progress, timeout_s, error)
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/nonexistent")},
        start_new_session=True,  # Ctrl-C then reaches this process only, which stops the child with SIGTERM
        preexec_fn=die_with_parent,
    )
    try:
        reader.read(child)
        status, cpu_s, max_rss_bytes = _reap(child)
    finally:
        _stop(child)
    if status != 0:
        failure = error(f"The video could not be written: {_explain_failure(reader.log)}")
        failure.add_note("\n".join([*list(reader.log)[-NOTE_LINES:], f"ffmpeg exited with status {status}"]))
        raise failure
    progress(1.0)
    return RunResult(
        log=tuple(reader.log), wall_s=time.monotonic() - reader.started, cpu_s=cpu_s, max_rss_bytes=max_rss_bytes
    )


_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # looked up here, because no library may load between fork and exec


def die_with_parent() -> None:
    """Ask the Linux kernel to kill this process when its parent dies; call it between fork and exec."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


class _OutputReader:
    """Reads both pipes of ffmpeg until they close: `-progress` reports from stdout, the log from stderr."""

    def __init__(
        self, duration_s: float, progress: ProgressCallback, timeout_s: float | None, error: type[CarmicError]
    ) -> None:
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.started = time.monotonic()
        self._duration_s, self._progress, self._timeout_s, self._error = duration_s, progress, timeout_s, error
        self._fraction = 0.0  # the last one reported
        self._out_time_us = -1
        self._last_advance = self.started

    def read(self, child: subprocess.Popen[bytes]) -> None:
        """Read until both pipes close. Raises the reader's error on a timeout."""
        unfinished_lines = {pipe: b"" for pipe in (child.stdout, child.stderr) if pipe is not None}
        with selectors.DefaultSelector() as selector:
            for pipe in unfinished_lines:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                self._check_timeouts()
                for key, _ in selector.select(timeout=0.5):
                    pipe = cast(IO[bytes], key.fileobj)
                    chunk = pipe.read(65536)
                    if not chunk:
                        selector.unregister(pipe)
                        continue
                    text = (unfinished_lines[pipe] + chunk).replace(b"\r", b"\n")
                    *lines, unfinished_lines[pipe] = text.split(b"\n")
                    handle_line = self.log.append if pipe is child.stderr else self._handle_report
                    for line in lines:
                        handle_line(line.decode("utf-8", "replace").strip())

    def _check_timeouts(self) -> None:
        now = time.monotonic()
        if self._timeout_s is not None and now - self.started > self._timeout_s:
            raise self._error(
                f"Writing the video took longer than {self._timeout_s:.0f} s and was stopped. Try a shorter clip."
            )
        if now - self._last_advance > STALL_TIMEOUT_S:
            raise self._error(
                f"Writing the video made no progress for {STALL_TIMEOUT_S:.0f} s and was stopped. Try again."
            )

    def _handle_report(self, text: str) -> None:
        """Parse one `name=value` line. Reports continue during a stall, so only a changed value counts as progress."""
        name, _, value = text.partition("=")
        if name == "out_time_us" and value.lstrip("-").isdigit():
            if int(value) != self._out_time_us:
                self._out_time_us, self._last_advance = int(value), time.monotonic()
            if self._duration_s > 0 and self._out_time_us / 1e6 / self._duration_s > self._fraction:
                self._fraction = min(1.0, self._out_time_us / 1e6 / self._duration_s)
                self._progress(self._fraction)
        elif name == "total_size" and value.isdigit() and self._out_time_us < 0:
            self._last_advance = time.monotonic()


def _reap(child: subprocess.Popen[bytes]) -> tuple[int, float, int]:
    """Wait for a child that closed its pipes; return its exit status, CPU seconds and peak memory in bytes."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Terminate the child if it still runs, kill it after `KILL_AFTER_S`, and close its pipes."""
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


# (phrase in ffmpeg's log, cause and remedy for the user). The log is searched from its end.
_CAUSES = (
    ("No space left on device", "the disk is full. Free some space and try again."),
    ("Cannot allocate memory", "the machine ran out of memory. Try again with fewer renders at once."),
    ("Unknown encoder", "this machine's ffmpeg lacks the chosen encoder. Choose libx264."),
    ("Cannot load libcuda", "there is no NVIDIA driver for the chosen encoder. Choose libx264."),
    ("No VA display found", "there is no VA-API device for the chosen encoder. Choose libx264."),
    ("Error while opening encoder", "the chosen encoder could not be started on this machine. Choose libx264."),
    ("Invalid data found when processing input", "one of the media files is damaged or of an unsupported kind."),
    ("No such file or directory", "a media file is missing. Upload it again."),
    ("Permission denied", "a media file or the output folder is not accessible. Check its permissions."),
)


def _explain_failure(log: Sequence[str]) -> str:
    for line in reversed(log):
        for phrase, explanation in _CAUSES:
            if phrase in line:
                return explanation
    return "ffmpeg failed. Try again; if it fails again, upload the source in another format."


def quote(text: str) -> str:
    """Escape a value for use in a filter graph, at both levels of ffmpeg's escaping.

    https://ffmpeg.org/ffmpeg-filters.html#Notes-on-filtergraph-escaping
    """
    value = text.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\:")
    return "".join(f"\\{c}" if c in "\\'[],;" else c for c in value)
