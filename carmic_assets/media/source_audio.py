"""Selects the audio tracks of a source that are used, and builds the ffmpeg chains of their audio.

The functions read no file.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.model.errors import CarmicError
from carmic_assets.model.media import AudioFacts, AudioTrack, ChannelRepair, SourceFacts

SAMPLE_RATE = 48_000
MIN_SPEECH_S = 0.5  # a track with less detected speech counts as having none
SAME_SPEECH_RATIO = 0.9  # fraction of the best track's speech from which another track counts as the same speech
# Speech outside the best track's speech, in seconds and relative to it, from which all tracks are mixed
MIN_OWN_SPEECH_S, MIN_OWN_SPEECH_RATIO = 2.0, 0.15
# Microphone adapters record one channel only, or one with inverted phase, which cancels out on a mono loudspeaker.
REPAIR_FILTERS: dict[ChannelRepair, str] = {
    "none": "",
    "left": "pan=stereo|c0=c0|c1=c0,",
    "right": "pan=stereo|c0=c1|c1=c1,",
    "inverted": "pan=stereo|c0=c0|c1=-1*c1,",
}
REPAIR_NOTES: dict[ChannelRepair, str] = {
    "left": "Only the left channel has audio; it is used for both channels.",
    "right": "Only the right channel has audio; it is used for both channels.",
    "inverted": "The two channels have opposite phase; one was inverted, so that they do not cancel out in mono.",
}


def list_used_tracks(facts: SourceFacts) -> tuple[AudioFacts, ...]:
    """Return the tracks whose sum is the audio of the source; none for a source without audio."""
    if facts.audio is None:
        return ()
    return facts.audio_tracks if facts.mixes_audio and facts.audio_tracks else (facts.audio,)


def select_audio_track(facts: SourceFacts, track: AudioTrack, error: type[CarmicError]) -> SourceFacts:
    """Return the facts with the tracks that `track` names: a number from 0, "mix", or "auto" for those of `facts`.

    Raises:
        CarmicError: of type `error`, if the source has no such track.
    """
    if track == "auto":
        return facts
    if track == "mix":
        return msgspec.structs.replace(facts, mixes_audio=True)
    if track >= len(facts.audio_tracks):
        count = len(facts.audio_tracks)
        choices = f"a number from 0 to {count - 1}, or " if count else ""
        raise error(
            f"`audio_track` is {track}, but the video has {count} audio tracks. Use {choices}auto or mix instead."
        )
    return msgspec.structs.replace(facts, audio=facts.audio_tracks[track], mixes_audio=False)


def describe_audio(facts: SourceFacts) -> tuple[str, ...]:
    """Return sentences for the user that state the selected track, if there are several, and the repairs."""
    notes = []
    if facts.audio is not None and len(facts.audio_tracks) > 1:
        if facts.mixes_audio:
            notes.append(f"The audio is the mix of all {len(facts.audio_tracks)} audio tracks.")
        else:
            number = [track.index for track in facts.audio_tracks].index(facts.audio.index)
            notes.append(f"The audio is audio track {number} of {len(facts.audio_tracks)}, counted from 0.")
    repairs = dict.fromkeys(track.repair for track in list_used_tracks(facts) if track.repair != "none")
    return (*notes, *(REPAIR_NOTES[repair] for repair in repairs))


def build_source_audio(facts: SourceFacts, input_index: int, start: str) -> tuple[list[str], str]:
    """Return chains, and the unfinished last chain of the source's audio at `SAMPLE_RATE`, to append filters to.

    Args:
        facts: the source; it must have audio.
        input_index: its input on the command line, opened with `-copyts`.
        start: the time (container clock, seconds) that becomes 0. Silence fills gaps and a late start.
    """
    tracks = list_used_tracks(facts)
    heads = [
        f"[{input_index}:{track.index}]atrim=start={start},asetpts=PTS-{start}/TB,{REPAIR_FILTERS[track.repair]}"
        f"aresample={SAMPLE_RATE}:async=1:first_pts=0"
        for track in tracks
    ]
    if len(heads) == 1:
        return [], heads[0]
    labels = [f"track{number}" for number in range(len(heads))]
    chains = [
        f"{head},aformat=sample_fmts=fltp:channel_layouts=stereo[{label}]"
        for head, label in zip(heads, labels, strict=True)
    ]
    pads = "".join(f"[{label}]" for label in labels)
    return chains, f"{pads}amix=inputs={len(labels)}:duration=longest:normalize=0"


def choose_track(facts: SourceFacts, speech: Sequence[Sequence[tuple[float, float]]]) -> SourceFacts:
    """Return the facts with the tracks that hold the speech.

    The track with the most speech is used. If another one has much speech of its own, such as a second person's
    microphone, all are mixed, unless their languages differ.

    Args:
        facts: the source.
        speech: the intervals with speech of each of `facts.audio_tracks`.
    """
    totals = [sum(end - start for start, end in intervals) for intervals in speech]
    if not totals or max(totals) < MIN_SPEECH_S:
        return facts
    preferred = next((n for n, track in enumerate(facts.audio_tracks) if track == facts.audio), 0)
    best = max(range(len(totals)), key=lambda n: (totals[n], n == preferred))
    if totals[preferred] >= SAME_SPEECH_RATIO * totals[best]:
        best = preferred  # two recordings of the same speech: use the track that the file prefers
    languages = {track.language for track in facts.audio_tracks}
    own = [
        total - sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in intervals for b in speech[best])
        for total, intervals in zip(totals, speech, strict=True)
    ]
    has_other_speaker = any(
        own_s >= max(MIN_OWN_SPEECH_S, MIN_OWN_SPEECH_RATIO * totals[best])
        for number, own_s in enumerate(own)
        if number != best
    )
    if has_other_speaker and len(languages) == 1:
        return msgspec.structs.replace(facts, audio=facts.audio_tracks[best], mixes_audio=True)
    return msgspec.structs.replace(facts, audio=facts.audio_tracks[best], mixes_audio=False)
