"""Run it: `python -m benchmarks.clip_selection`. Prints a row per talk and the means of each part, baselines below."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.clip_selection.baselines import BASELINES
from benchmarks.clip_selection.metrics import Figures, judge, mean
from benchmarks.clip_selection.talks import PARTS, Written, load
from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.clip_scoring import score_clips
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features

COLUMNS = ("ndcg5", "recall5", "clean", "standalone", "distractors5")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.clip_selection", description=__doc__)
    arguments.add_argument("--part", choices=PARTS, help="only this part of the talks")
    part = arguments.parse_args().part
    for name in (part,) if part else PARTS:
        talks = [(talk, extract_features(talk.transcript)) for talk in load(name)]
        report(name, talks)
    return 0


def scored(talk: Written, features: ScoringFeatures) -> list[tuple[float, float]]:
    """The scorer's clips, best first, at its defaults. Who speaks is told where the talk was not heard."""
    told = talk.speakers if talk.transcript.model == "written" else None
    chosen = score_clips(talk.transcript, told, features=features, brief=Brief())
    return [(clip.start_s, clip.end_s) for clip in chosen.clips]


def report(part: str, talks: Sequence[tuple[Written, ScoringFeatures]]) -> None:
    """One row per talk, then the means of the scorer and of the baselines."""
    out = sys.stdout
    out.write(f"\n{part}\n{'':24}" + "".join(f"{column:>13}" for column in COLUMNS) + f"{'clips':>7}\n")
    rows = [(talk.name, judge(talk, scored(talk, features))) for talk, features in talks]
    for name, figures in rows:
        out.write(_row(name, [figures]))
    out.write(_row("scorer", [figures for _, figures in rows]))
    for name, choose in BASELINES.items():
        out.write(_row(name, [judge(talk, choose(talk, features)) for talk, features in talks]))


def _row(name: str, figures: Sequence[Figures]) -> str:
    cells = "".join(f"{mean([getattr(f, column) for f in figures]):13.3f}" for column in COLUMNS)
    return f"{name:24}{cells}{mean([f.clips for f in figures]):7.1f}\n"


if __name__ == "__main__":
    sys.exit(main())
