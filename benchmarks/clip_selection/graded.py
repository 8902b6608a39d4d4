"""Evaluate the scorer on the graded talks: `python -m benchmarks.clip_selection.graded`.

With `--leave-one-author-out` the highlight models are fitted again for each author, without that author's talks, so
that the figures are those of talks from an unknown author. Prints one row per author, then the mean over authors and
the standard deviation between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from statistics import pstdev
from unittest.mock import patch

from benchmarks.clip_selection import fit
from benchmarks.clip_selection.graded_metrics import GradedMetrics, evaluate_graded
from benchmarks.clip_selection.graded_talks import GradedTalk, list_authors, load_graded_talks
from benchmarks.clip_selection.metrics import Interval, mean
from benchmarks.clip_selection.talks import load_talks
from benchmarks.harness import create_parser, print_line
from carmic_assets.scoring import highlight_model
from carmic_assets.scoring.clip_scoring import score_clips
from carmic_assets.scoring.talk_features import extract_features

COLUMNS = {
    "ndcg5": "nDCG@5",
    "recall5": "recall@5",
    "boundary_clean": "boundary-clean",
    "standalone": "standalone",
    "traps5": "traps@5",
}


def main() -> None:
    """Evaluate every author's talks."""
    parser = create_parser("clip_selection.graded", __doc__)
    parser.add_argument("--leave-one-author-out", action="store_true", help="fit without the author's talks")
    parser.add_argument("--talks", action="store_true", help="print a row per talk as well")
    arguments = parser.parse_args()
    talks = {author: load_graded_talks(author) for author in list_authors()}
    print_line(f"{'':28}" + "".join(f"{heading:>16}" for heading in COLUMNS.values()))
    labelled = {author: [fit.label_graded_talk(talk) for talk in own] for author, own in talks.items()}
    ungraded = [*map(fit.label_talk, load_talks("train")), *fit.read_exemplars()]
    by_author: list[list[GradedMetrics]] = []
    for author, own in talks.items():
        others = [talk for other, theirs in labelled.items() if other != author for talk in theirs]
        with use_models(fit.fit_models([*others, *ungraded])) if arguments.leave_one_author_out else nullcontext():
            metrics = [evaluate_graded(talk, select_clips(talk)) for talk in own]
        for talk, talk_metrics in zip(own, metrics, strict=True) if arguments.talks else ():
            print_line(_format_row(f"  {talk.talk.name}", [talk_metrics]))
        print_line(_format_row(author, metrics))
        by_author.append(metrics)
    print_line(_format_row("all talks", [talk_metrics for metrics in by_author for talk_metrics in metrics]))
    spread = pstdev(mean([talk_metrics.ndcg5 for talk_metrics in metrics]) for metrics in by_author)
    print_line(f"standard deviation of nDCG@5 between authors: {spread:.3f}")


def select_clips(talk: GradedTalk) -> list[Interval]:
    """Return the clips that the scorer selects with its defaults, best first."""
    features = extract_features(talk.talk.transcript)
    scored_clips = score_clips(talk.talk.transcript, talk.talk.speakers, features=features)
    return [(clip.start_s, clip.end_s) for clip in scored_clips.clips]


@contextmanager
def use_models(models: dict[str, highlight_model.HighlightModel]) -> Iterator[None]:
    """Let the scorer use other highlight models than those it ships with."""
    with patch.object(highlight_model, "load_models", lambda: models):
        yield


def _format_row(name: str, metrics: Sequence[GradedMetrics]) -> str:
    cells = "".join(f"{mean([getattr(talk_metrics, column) for talk_metrics in metrics]):16.3f}" for column in COLUMNS)
    return f"{name:28}{cells}"


if __name__ == "__main__":
    main()
