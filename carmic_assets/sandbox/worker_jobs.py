"""The jobs of the workers, their results, and the messages between a worker and its pool."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.caption_events import CaptionEvent
from carmic_assets.editing.sequence_import import ImportTarget
from carmic_assets.model.edit import Edit, MediaFile
from carmic_assets.model.imported_sequence import ImportedSequence
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.template import TemplateConfig
from carmic_assets.model.timeline import Canvas, Effects, PictureFormat, Segment


class InspectFile(msgspec.Struct, frozen=True, tag=True):
    """Describe a file of a user: a MediaFile. A font is converted into `converted_font`, if that is given."""

    path: str
    name: str  # the file name at upload
    converted_font: str = ""


class DrawTemplate(msgspec.Struct, frozen=True, tag=True):
    """Render the captions of a template over a plain background, as PNG at `path`. `fonts` are the workspace's own."""

    config: TemplateConfig
    fonts: tuple[MediaFile, ...]
    path: str
    cache: str


class PreviewClip(msgspec.Struct, frozen=True, tag=True):
    """Lay out the captions of an edit: a ClipPreview.

    With `still_path`, the frame at `still_time_s` (clip clock) is written there as JPEG, from the edit's `source_path`.
    An empty `source_path` means that the pool has the source open: the worker then asks it for byte ranges.
    """

    edit: Edit
    cache: str
    still_time_s: float = 0.0
    still_path: str = ""


class ClipPreview(msgspec.Struct, frozen=True):
    """The captions of a clip, and whether the still could be rendered."""

    captions: tuple[CaptionEvent, ...]
    srt: str
    vtt: str
    has_still: bool


class ProbeFootage(msgspec.Struct, frozen=True, tag=True):
    """Probe footage of a timeline: a ProbedFootage. The ids are those of the asset and of the segment to create."""

    path: str
    asset_id: str
    segment_id: str


class ProbedFootage(msgspec.Struct, frozen=True):
    """The properties of a file, the segment that covers it completely, and its canvas."""

    facts: SourceFacts
    segment: Segment
    canvas: Canvas


class DrawFrames(msgspec.Struct, frozen=True, tag=True):
    """Render frames of one segment, one image per offset. The result is the list of their paths in `folder`.

    Frame numbers are on the footage's clock; `offsets` ascend and are counted from `first_frame`. An empty `path` draws
    a gap. `width` in pixels; None is the canvas's own. `ungraded_path`: see `still_frames.draw_frame`.
    """

    path: str
    facts: SourceFacts | None
    first_frame: int
    offsets: tuple[int, ...]
    effects: Effects
    canvas: Canvas
    folder: str
    format: PictureFormat = "jpeg"
    width: int | None = None
    ungraded_path: str = ""
    clock_offset: int = 0  # of the file on the footage's clock


class NamedFootage(msgspec.Struct, frozen=True):
    """An asset of a timeline: its id, the name of its file, and the facts of the file."""

    asset_id: str
    file_name: str
    facts: SourceFacts


class ReadOtio(msgspec.Struct, frozen=True, tag=True):
    """Read an OpenTimelineIO document, whose clips may show these files: a ReadSequence."""

    text: str
    footage: tuple[NamedFootage, ...]


class ReadSequence(msgspec.Struct, frozen=True):
    """The clips of a document, and the segments that show all of each file."""

    sequence: ImportedSequence
    targets: tuple[ImportTarget, ...]


class MeasurePeaks(msgspec.Struct, frozen=True, tag=True):
    """Measure the peaks of an audio file: a Waveform."""

    path: str
    peaks_per_s: int


class Waveform(msgspec.Struct, frozen=True):
    """The largest amplitude of each interval, 0 to 255."""

    peaks: list[int]


class WarmUp(msgspec.Struct, frozen=True, tag=True):
    """Build the default style's font, so that the first preview does not wait for it."""

    cache: str


Job = InspectFile | DrawTemplate | PreviewClip | ProbeFootage | DrawFrames | MeasurePeaks | ReadOtio | WarmUp


class WorkerLimits(msgspec.Struct, frozen=True):
    """The resource limits of one worker and of each program that it starts."""

    memory_bytes: int = 2 << 30  # address space
    cpu_s: int = 60  # for one job
    wall_s: float = 60.0  # for one job
    file_bytes: int = 256 << 20  # the largest file that it may write


class Task(msgspec.Struct, frozen=True):
    """The message that sends a job to a worker.

    `source_size` is the size of the source that the pool has open, or 0.
    """

    job: Job
    source_size: int = 0


class ReadRange(msgspec.Struct, frozen=True, tag=True):
    """A worker asks for bytes of the source that its pool has open. The reply is the bytes, fewer at the end."""

    offset: int
    size: int


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The job's result as MessagePack."""

    result: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The input is invalid; the message is for the user."""

    sentence: str


class Exhausted(msgspec.Struct, frozen=True, tag=True):
    """The job needs more memory than the limit. The worker ends."""


Message = ReadRange | Finished | Refused | Exhausted
