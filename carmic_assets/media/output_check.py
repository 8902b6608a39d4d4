"""Counts the frames and the audio of a file that ffmpeg wrote. Missing frames or missing audio are an error."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media.containers import open_media
from carmic_assets.model.errors import CarmicError

MAX_LENGTH_ERROR_S = 0.1  # of the audio; an AAC frame lasts 0.02 s


def check_output(
    path: str | Path, error: type[CarmicError], *, frames: range, duration_s: float, has_audio: bool
) -> None:
    """Check the index of an MP4 that was just written, without decoding it.

    Args:
        path: the file.
        error: the exception for the user.
        frames: the permitted numbers of frames.
        duration_s: the length of the audio, which may be shorter than the video by the range of `frames`.
        has_audio: whether the file must have audio.

    Raises:
        CarmicError: of type `error`, with both numbers.
    """
    with open_media(path, error=error) as container:
        picture_frames = container.streams.video[0].frames if container.streams.video else 0
        sound = container.streams.audio[0] if container.streams.audio else None
        sound_s = float((sound.duration or 0) * (sound.time_base or 0)) if sound is not None else 0.0
    if picture_frames not in frames:
        raise error(
            f"The video was written with {picture_frames} frames instead of {frames[-1]}. The source is damaged or "
            "changes its format: convert it to H.264 MP4 and upload that."
        )
    shortest_s = duration_s * frames[0] / max(1, frames[-1]) - MAX_LENGTH_ERROR_S
    if has_audio and not shortest_s <= sound_s <= duration_s + MAX_LENGTH_ERROR_S:
        raise error(
            f"The video was written with {sound_s:.1f} s of audio instead of {duration_s:.1f} s. The source is damaged "
            "or changes its audio's format: convert it to H.264 MP4 and upload that."
        )
