"""The figures of docs/scoring.md hold on talks that the models were not fitted on."""

from __future__ import annotations

import pytest

from benchmarks.clip_selection.__main__ import select_clips
from benchmarks.clip_selection.baselines import BASELINES
from benchmarks.clip_selection.metrics import evaluate_clips, mean
from benchmarks.clip_selection.talks import SPLITS, load_talks
from carmic_assets.scoring.talk_features import extract_features


@pytest.mark.slow
@pytest.mark.parametrize("split", [split for split in SPLITS if split != "train"])
def test_scorer_reaches_the_published_figures(split: str) -> None:
    talks = [(talk, extract_features(talk.transcript)) for talk in load_talks(split)]
    metrics = [evaluate_clips(talk, select_clips(talk, features)) for talk, features in talks]
    assert mean([m.ndcg5 for m in metrics]) >= 0.8
    assert mean([m.distractors5 for m in metrics]) <= 0.05
    assert mean([m.boundary_clean for m in metrics]) >= 0.98
    assert mean([m.standalone for m in metrics]) >= 0.65
    for choose in BASELINES.values():
        baseline = [evaluate_clips(talk, choose(talk, features)).ndcg5 for talk, features in talks]
        assert mean(baseline) + 0.3 < mean([m.ndcg5 for m in metrics])
