"""The published figures hold, on talks that nothing was fitted on."""

from __future__ import annotations

import pytest

from benchmarks.clip_selection.__main__ import scored
from benchmarks.clip_selection.baselines import BASELINES
from benchmarks.clip_selection.metrics import judge, mean
from benchmarks.clip_selection.talks import PARTS, load
from carmic_assets.scoring.talk_features import extract_features


@pytest.mark.slow
@pytest.mark.parametrize("part", [part for part in PARTS if part != "tune"])
def test_talks_not_fitted_on(part):
    talks = [(talk, extract_features(talk.transcript)) for talk in load(part)]
    figures = [judge(talk, scored(talk, features)) for talk, features in talks]
    assert mean([f.ndcg5 for f in figures]) >= 0.8
    assert mean([f.distractors5 for f in figures]) <= 0.05
    assert mean([f.clean for f in figures]) >= 0.98
    assert mean([f.standalone for f in figures]) >= 0.65
    for choose in BASELINES.values():
        theirs = [judge(talk, choose(talk, features)).ndcg5 for talk, features in talks]
        assert mean(theirs) + 0.3 < mean([f.ndcg5 for f in figures])
