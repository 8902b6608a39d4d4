"""Fit the highlight models: `python -m benchmarks.clip_selection.fit` writes `carmic_assets/scoring/highlight.json`.

The training data are the talks of the split `train` and `exemplars.txt`; the other talks are not read. The method is
ridge logistic regression by Newton's method, so the same texts give the same weights. `--check` writes nothing: it
fits the models without one training talk at a time and prints their ROC AUC on the sentences of that talk. With
`--graded`, the graded talks are training data as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.clip_selection.graded_metrics import measure_shown_s
from benchmarks.clip_selection.graded_talks import GradedTalk, list_authors, load_graded_talks
from benchmarks.clip_selection.talks import WRITTEN_MODEL, WrittenTalk, load_talks
from benchmarks.harness import create_parser, print_line
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring.arrays import Floats
from carmic_assets.scoring.highlight_model import (
    LANGUAGE_FREE_CUES,
    MODEL_PATH,
    HighlightModel,
    apply_model,
    context_mean,
    transform_counts,
)
from carmic_assets.scoring.talk import CUES, Talk, build_talk
from carmic_assets.scoring.talk_features import extract_features

EXEMPLARS = Path(__file__).parent / "exemplars.txt"
RIDGE = {"english": 2000.0, "listed": 60.0, "bare": 60.0}
FILLER_SUFFIX = " filler"
MODEL_NAMES = (*RIDGE, *(name + FILLER_SUFFIX for name in RIDGE))
HIGHLIGHT_LABELS = {3: 1.0, 2: 0.8, 1: 0.2, 0: 0.0, -1: 0.0}  # by grade
FILLER_LABELS = {3: 0.0, 2: 0.0, 1: 0.0, 0: 0.2, -1: 1.0}
_MAX_ITERATIONS = 50
_CONVERGENCE = 1e-9


@dataclass(frozen=True)
class LabelledTalk:
    """A talk with two labels per sentence, 0..1: whether it is part of a highlight, and whether it is filler."""

    talk: Talk
    is_highlight: Floats
    is_filler: Floats

    def labels(self, model_name: str) -> Floats:
        """Return the labels that a model predicts, shape (n,)."""
        return self.is_filler if model_name.endswith(FILLER_SUFFIX) else self.is_highlight


def main() -> None:
    """Fit and write the models, or check them by cross-validation."""
    parser = create_parser("clip_selection.fit", __doc__)
    parser.add_argument("--check", action="store_true", help="leave one talk out at a time; write nothing")
    parser.add_argument("--graded", action="store_true", help="fit on the graded talks too")
    arguments = parser.parse_args()
    talks, exemplars = [label_talk(talk) for talk in load_talks("train")], read_exemplars()
    if arguments.check:
        for name in MODEL_NAMES:
            _print_cross_validation(name, talks, exemplars)
        return
    authors = list_authors() if arguments.graded else []
    graded = [label_graded_talk(talk) for author in authors for talk in load_graded_talks(author)]
    models = fit_models([*graded, *talks, *exemplars])
    MODEL_PATH.write_bytes(msgspec.json.format(msgspec.json.encode(models), indent=0) + b"\n")
    print_line(f"wrote {MODEL_PATH}")


def fit_models(labelled_talks: Sequence[LabelledTalk]) -> dict[str, HighlightModel]:
    """Fit all of `MODEL_NAMES`."""
    return {name: fit_model(labelled_talks, name) for name in MODEL_NAMES}


def _print_cross_validation(name: str, talks: Sequence[LabelledTalk], exemplars: Sequence[LabelledTalk]) -> None:
    areas = []
    for i, held_out in enumerate(talks):
        model = fit_model([*talks[:i], *talks[i + 1 :], *exemplars], name)
        areas.append(area_under_curve(apply_model(model, held_out.talk), held_out.labels(name)))
    print_line(f"{name:14} ROC AUC on the held-out talk: mean {np.mean(areas):.3f}, minimum {min(areas):.3f}")


def label_talk(written: WrittenTalk) -> LabelledTalk:
    """Label the sentences inside highlights and inside distractors."""
    transcript = written.transcript
    talk = build_talk(transcript, extract_features(transcript), written.speakers, None, None)
    is_highlight, is_filler = np.zeros(len(talk)), np.zeros(len(talk))
    for passage in written.passages:
        inside = (talk.start_s >= passage.start_s - 0.01) & (talk.end_s <= passage.end_s + 0.01)
        (is_highlight if passage.grade else is_filler)[inside] = 1
    return LabelledTalk(talk, is_highlight, is_filler)


def label_graded_talk(graded: GradedTalk) -> LabelledTalk:
    """Label each sentence by the grade of the speech that it shares most time with."""
    transcript = graded.talk.transcript
    talk = build_talk(transcript, extract_features(transcript), graded.talk.speakers, None, None)
    shown_s = measure_shown_s(graded, list(zip(talk.start_s, talk.end_s, strict=True)))
    grades = np.array(graded.grades)[shown_s.argmax(1)]
    return LabelledTalk(
        talk,
        np.array([HIGHLIGHT_LABELS[int(grade)] for grade in grades]),
        np.array([FILLER_LABELS[int(grade)] for grade in grades]),
    )


def read_exemplars() -> list[LabelledTalk]:
    """Read the exemplars: each is a separate talk that is completely a highlight (H), filler (D) or neither (N)."""
    exemplars = []
    for block in re.split(r"\n\s*\n", EXEMPLARS.read_text(encoding="utf-8")):
        header = re.match(r"@([HDN]) \w+\n", block)
        if header:
            text = re.sub(r"^[A-Z]: ", "", block[header.end() :], flags=re.M)
            words = tuple(Word(token, i * 0.4, i * 0.4 + 0.3, 1.0) for i, token in enumerate(text.split()))
            transcript = Transcript("en", 1.0, WRITTEN_MODEL, len(words) * 0.4, len(words) * 0.4, words, (), ())
            talk = build_talk(transcript, extract_features(transcript), None, None, None)
            ones = np.ones(len(talk))
            exemplars.append(LabelledTalk(talk, ones * (header[1] == "H"), ones * (header[1] == "D")))
    return exemplars


def build_inputs(talk: Talk, family: str) -> Floats:
    """Return the inputs of a model family, shape (n, inputs), in the order that `_build_model` expects."""
    cues = [transform_counts(cue, talk.count_cue(cue)) for cue in _family_cues(family)]
    columns = [*cues, *[context_mean(column) for column in cues]]
    if family == "english":
        columns += [*talk.vectors.T, *context_mean(talk.vectors).T]
    return np.array(columns, float).T


def fit_model(talks: Sequence[LabelledTalk], name: str) -> HighlightModel:
    """Fit one of `MODEL_NAMES` on all sentences of the talks."""
    family = name.removesuffix(FILLER_SUFFIX)
    inputs = np.concatenate([build_inputs(labelled.talk, family) for labelled in talks])
    labels = np.concatenate([labelled.labels(name) for labelled in talks])
    mean, spread = inputs.mean(0), inputs.std(0) + 1e-3
    standardised = fit_logistic_regression((inputs - mean) / spread, labels, RIDGE[family])
    weights = standardised[:-1] / spread
    return _build_model(family, weights, float(standardised[-1] - weights @ mean))


def fit_logistic_regression(inputs: Floats, labels: Floats, ridge: float) -> Floats:
    """Return the weights and, last, the bias, to which the ridge penalty does not apply."""
    inputs = np.c_[inputs, np.ones(len(inputs))]
    penalty = np.full(inputs.shape[1], ridge)
    penalty[-1] = 1e-6
    weights = np.zeros(inputs.shape[1])
    for _ in range(_MAX_ITERATIONS):
        p = 1 / (1 + np.exp(-inputs @ weights))
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(hessian, inputs.T @ (p - labels) + penalty * weights)
        weights -= step
        if np.abs(step).max() < _CONVERGENCE:
            break
    return weights


def _family_cues(family: str) -> tuple[str, ...]:
    return LANGUAGE_FREE_CUES if family == "bare" else CUES


def _build_model(family: str, weights: Floats, bias: float) -> HighlightModel:
    cues, rounded = _family_cues(family), [round(float(weight), 5) for weight in weights]
    n = len(cues)
    vectors = rounded[2 * n :]
    half = len(vectors) // 2
    return HighlightModel(
        bias=round(bias, 5),
        vector=tuple(vectors[:half]),
        vector_near=tuple(vectors[half:]),
        cues=dict(zip(cues, rounded[:n], strict=True)),
        cues_near=dict(zip(cues, rounded[n : 2 * n], strict=True)),
    )


def area_under_curve(values: Floats, labels: Floats) -> float:
    """Return the area under the ROC curve: the fraction of pairs, one of each label, that are in the right order."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    positives = labels.sum()
    rank_sum = ranks[labels > 0].sum() - positives * (positives - 1) / 2
    return float(rank_sum / (positives * (len(labels) - positives)))


if __name__ == "__main__":
    main()
