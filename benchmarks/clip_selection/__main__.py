"""Compare the scorer with the baselines on the written talks: `python -m benchmarks.clip_selection`.

Prints one row per talk, then the means of the scorer and of each baseline.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.clip_selection.baselines import BASELINES
from benchmarks.clip_selection.metrics import Interval, TalkMetrics, evaluate_clips, mean
from benchmarks.clip_selection.talks import SPLITS, WRITTEN_MODEL, WrittenTalk, load_talks
from benchmarks.harness import create_parser, print_line
from carmic_assets.scoring.clip_scoring import score_clips
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features

COLUMNS = {
    "ndcg5": "nDCG@5",
    "recall5": "recall@5",
    "boundary_clean": "boundary-clean",
    "standalone": "standalone",
    "distractors5": "distractors@5",
}


def main() -> None:
    """Evaluate one split of the talks, or all of them."""
    parser = create_parser("clip_selection", __doc__)
    parser.add_argument("--split", choices=SPLITS, help="only this split of the talks")
    selected_split = parser.parse_args().split
    for split in (selected_split,) if selected_split else SPLITS:
        print_report(split, [(talk, extract_features(talk.transcript)) for talk in load_talks(split)])


def select_clips(talk: WrittenTalk, features: ScoringFeatures) -> list[Interval]:
    """Return the clips that the scorer selects with its defaults, best first.

    The ground-truth speakers are passed only with written transcripts; a transcribed talk has its diarised speakers.
    """
    speakers = talk.speakers if talk.transcript.model == WRITTEN_MODEL else None
    scored_clips = score_clips(talk.transcript, speakers, features=features)
    return [(clip.start_s, clip.end_s) for clip in scored_clips.clips]


def print_report(title: str, talks: Sequence[tuple[WrittenTalk, ScoringFeatures]]) -> None:
    """Print one row per talk, then the means of the scorer and of the baselines."""
    print_line(f"\n{title}\n{'':24}" + "".join(f"{heading:>16}" for heading in COLUMNS.values()) + f"{'clips':>7}")
    rows = [(talk.name, evaluate_clips(talk, select_clips(talk, features))) for talk, features in talks]
    for name, metrics in rows:
        print_line(_format_row(name, [metrics]))
    print_line(_format_row("scorer", [metrics for _, metrics in rows]))
    for name, choose in BASELINES.items():
        print_line(_format_row(name, [evaluate_clips(talk, choose(talk, features)) for talk, features in talks]))


def _format_row(name: str, metrics: Sequence[TalkMetrics]) -> str:
    cells = "".join(f"{mean([getattr(talk_metrics, column) for talk_metrics in metrics]):16.3f}" for column in COLUMNS)
    return f"{name:24}{cells}{mean([talk_metrics.clips for talk_metrics in metrics]):7.1f}"


if __name__ == "__main__":
    main()
