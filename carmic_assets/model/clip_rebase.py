"""Adapts a clip's config to new bounds of the clip: each time in it keeps its position in the source video.

`words`, `shots`, `cuts`, cutaways (`b_roll`) and emojis have times on the clip's clock, whose zero is the clip's start.
Works on the stored document, not on `TemplateConfig`, so that fields of a newer client survive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from carmic_assets.model.speech import Word

# A shot that ends within this distance of the clip's end reaches it: clients know the length to about a frame
EDGE_TOLERANCE_S = 0.05
JOIN_TOLERANCE_S = 0.004  # shots with a smaller gap count as contiguous: clients round each edge to milliseconds
MIN_SPAN_S = 0.002  # a shorter remainder of a span is dropped

Document = dict[str, Any]


class Bounds(msgspec.Struct, frozen=True):
    """A clip's bounds in seconds of the source, on its frames."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """The clip's length."""
        return self.end_s - self.start_s


def rebase(document: Document, old: Bounds, new: Bounds, talk: Sequence[Word] = ()) -> Document:
    """Return the document on the clock of the `new` bounds.

    Items outside the bounds are dropped; items that cross an edge are shortened. A shot at the clip's edge stays there,
    so that contiguous shots still cover the clip. If the new bounds contain no shot, the result has no shots.

    Args:
        document: the document, on the clock of the `old` bounds.
        old: the bounds that the document is for.
        new: the bounds of the result.
        talk: the words of the transcript on the source clock, for the parts that are added to an edited transcript.
    """
    if old == new:
        return document
    shift_s = old.start_s - new.start_s
    moved = dict(document)
    if document.get("shots"):
        moved["shots"] = _rebase_shots(document["shots"], old, new) or None
    if _are_spans(document.get("cuts")):
        moved["cuts"] = _rebase_cuts(document["cuts"], shift_s, new.duration_s)
    if document.get("b_roll"):
        moved["b_roll"] = _rebase_cutaways(document["b_roll"], shift_s, new.duration_s)
    if transcript := document.get("transcript"):
        words = _rebase_words(transcript["words"], shift_s, new.duration_s)
        moved["transcript"] = {**transcript, "words": _add_words(words, talk, old, new)}
    elements = document.get("elements")
    if elements and elements.get("emojis"):
        moved["elements"] = {**elements, "emojis": _rebase_emojis(elements["emojis"], shift_s, new.duration_s)}
    return moved


def _rebase_shots(shots: Iterable[Document], old: Bounds, new: Bounds) -> list[Document]:
    if new.end_s <= old.start_s or new.start_s >= old.end_s:
        return []
    shift_s = old.start_s - new.start_s

    def move_edge(time_s: float) -> float:
        if time_s <= MIN_SPAN_S:
            return 0.0
        if time_s >= old.duration_s - EDGE_TOLERANCE_S:
            return _round(new.duration_s)
        return _round(min(max(time_s + shift_s, 0.0), new.duration_s))

    moved: list[Document] = []
    for shot in shots:
        start_s, end_s = move_edge(shot["start_time"]), move_edge(shot["end_time"])
        previous_end_s = moved[-1]["end_time"] if moved else 0.0
        if abs(start_s - previous_end_s) <= JOIN_TOLERANCE_S:
            start_s = previous_end_s
        if end_s - start_s > MIN_SPAN_S:
            moved.append({**_shift_keyframes(shot, shift_s), "start_time": start_s, "end_time": end_s})
    if moved and new.duration_s - moved[-1]["end_time"] <= JOIN_TOLERANCE_S:
        moved[-1]["end_time"] = _round(new.duration_s)
    return moved


def _shift_keyframes(shot: Document, shift_s: float) -> Document:
    """Shift a shot's crop path. Keyframes outside the shot are kept, because the crop is interpolated from them."""
    if not shot.get("regions"):
        return shot
    return {
        **shot,
        "regions": [
            {**region, "keyframes": [{**frame, "t": _round(frame["t"] + shift_s)} for frame in region["keyframes"]]}
            for region in shot["regions"]
        ],
    }


def _rebase_cuts(cuts: Iterable[Document], shift_s: float, duration_s: float) -> list[Document]:
    moved = []
    for cut in cuts:
        span = _move_span(cut["start"], cut["end"] - cut["start"], shift_s, duration_s)
        if span is not None:
            moved.append({**cut, "start": span[0], "end": _round(span[0] + span[1])})
    return moved


def _rebase_cutaways(cutaways: Iterable[Document], shift_s: float, duration_s: float) -> list[Document]:
    moved = []
    for cutaway in cutaways:
        span = _move_span(cutaway["startTime"], cutaway["duration"], shift_s, duration_s)
        if span is None:
            continue
        start_s, length_s, skipped_s = span
        values = {"startTime": start_s, "duration": length_s}
        if skipped_s:
            values["sourceStart"] = _round(cutaway.get("sourceStart", 0) + skipped_s)
            if limit_s := cutaway.get("sourceDuration"):
                if limit_s - skipped_s <= MIN_SPAN_S:
                    continue  # the cutaway ends before the clip starts
                values["sourceDuration"] = _round(limit_s - skipped_s)
        moved.append({**cutaway, **values})
    return moved


def _rebase_emojis(emojis: Iterable[Document], shift_s: float, duration_s: float) -> list[Document]:
    moved = []
    for emoji in emojis:
        length_s = emoji.get("duration", 1.5)
        start_s = _round(emoji["startTime"] + shift_s)
        visible_s = _round(start_s + length_s - max(start_s, 0.0))
        if visible_s > MIN_SPAN_S and start_s < duration_s - MIN_SPAN_S:
            moved.append({**emoji, "startTime": max(start_s, 0.0), "duration": min(length_s, visible_s)})
    return moved


def _move_span(start_s: float, length_s: float, shift_s: float, duration_s: float) -> tuple[float, float, float] | None:
    """Return the start, the length and the skipped beginning of a span within the clip; None if it lies outside."""
    start_s += shift_s
    end_s = min(start_s + length_s, duration_s)
    skipped_s = max(-start_s, 0.0)
    start_s = max(start_s, 0.0)
    if end_s - start_s <= MIN_SPAN_S:
        return None
    return _round(start_s), _round(end_s - start_s), _round(skipped_s)


def _rebase_words(words: Iterable[Document], shift_s: float, duration_s: float) -> list[Document]:
    """Return the words whose middle lies in the clip, clamped to the clip, like the words of the transcript."""
    return [
        {
            **word,
            "start": _round(max(word["start"] + shift_s, 0.0)),
            "end": _round(min(word["end"] + shift_s, duration_s)),
        }
        for word in words
        if 0.0 <= (word["start"] + word["end"]) / 2 + shift_s < duration_s
    ]


def _add_words(words: list[Document], talk: Iterable[Word], old: Bounds, new: Bounds) -> list[Document]:
    """Add the words of the transcript that lie in the new bounds but not in the old ones."""
    added_words = [
        {
            "word": word.text,
            "start": round(max(word.start_s - new.start_s, 0.0), 3),
            "end": round(min(word.end_s, new.end_s) - new.start_s, 3),
            "confidence": word.confidence,
            "speaker": word.speaker,
        }
        for word in talk
        for middle_s in [(word.start_s + word.end_s) / 2]
        if new.start_s <= middle_s < new.end_s and not old.start_s <= middle_s < old.end_s
    ]
    return sorted([*words, *added_words], key=lambda word: word["start"]) if added_words else words


def _are_spans(cuts: Any) -> bool:  # noqa: ANN401 - `cuts` is no field of TemplateConfig, so nothing has validated it
    return isinstance(cuts, list) and all(
        isinstance(cut, dict) and all(isinstance(cut.get(name), int | float) for name in ("start", "end"))
        for cut in cuts
    )


def _round(time_s: float) -> float:
    return round(time_s, 6)
