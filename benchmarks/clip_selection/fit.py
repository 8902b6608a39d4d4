"""Fit the highlight model: `python -m benchmarks.clip_selection.fit` writes `carmic_assets/scoring/highlight.json`.

Reads the tuning half and `exemplars.txt`, never the held-out half. Ridge logistic regression by Newton's method, so the
same texts give the same numbers. `--check` leaves out one tuning talk at a time and prints how well the others rank it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.clip_selection.talks import Written, load
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring import highlight_model
from carmic_assets.scoring.highlight_model import BARE, Model, applied, near, squeezed
from carmic_assets.scoring.talk import MARKS, Talk, read_talk
from carmic_assets.scoring.talk_features import extract_features

EXEMPLARS = Path(__file__).parent / "exemplars.txt"
RIDGE = {"english": 2000.0, "listed": 60.0, "bare": 60.0}
Labelled = tuple[Talk, np.ndarray, np.ndarray]  # a talk; 1 for each sentence of a highlight; 1 for each of a distractor


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.clip_selection.fit", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="leave one talk out at a time, print, write nothing")
    talks, passages = [labelled(talk) for talk in load("tune")], exemplars()
    if arguments.parse_args().check:
        for name in names():
            label = 2 if name.endswith(" filler") else 1
            ranks = []
            for i, left_out in enumerate(talks):
                model = fit([*talks[:i], *talks[i + 1 :], *passages], name)
                ranks.append(area(applied(model, left_out[0]), left_out[label]))
            sys.stdout.write(
                f"{name:14} area under the curve, talks left out: {np.mean(ranks):.3f} ({min(ranks):.3f})\n"
            )
        return 0
    fitted = {name: fit([*talks, *passages], name) for name in names()}
    target = Path(highlight_model.__file__).parent / "highlight.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(fitted), indent=0) + b"\n")
    sys.stdout.write(f"wrote {target}\n")
    return 0


def names() -> list[str]:
    return [*RIDGE, *(f"{name} filler" for name in RIDGE)]


def labelled(talk: Written) -> Labelled:
    seen = read_talk(talk.transcript, extract_features(talk.transcript), talk.speakers, None, None)
    labels = np.zeros((2, len(seen)))
    for passage in talk.passages:
        inside = (seen.start_s >= passage.start_s - 0.01) & (seen.end_s <= passage.end_s + 0.01)
        labels[0 if passage.grade else 1, inside] = 1
    return seen, labels[0], labels[1]


def exemplars() -> list[Labelled]:
    """The passages, each a talk of its own, all of it a highlight, filler, or neither."""
    found = []
    for block in re.split(r"\n\s*\n", EXEMPLARS.read_text(encoding="utf-8")):
        mark = re.match(r"@([HDN]) \w+\n", block)
        if mark:
            text = re.sub(r"^[A-Z]: ", "", block[mark.end() :], flags=re.M)
            words = tuple(Word(token, i * 0.4, i * 0.4 + 0.3, 1.0) for i, token in enumerate(text.split()))
            transcript = Transcript("en", 1.0, "written", len(words) * 0.4, len(words) * 0.4, words, (), ())
            talk = read_talk(transcript, extract_features(transcript), None, None, None)
            same = np.ones(len(talk))
            found.append((talk, same * (mark[1] == "H"), same * (mark[1] == "D")))
    return found


def columns(talk: Talk, name: str) -> np.ndarray:
    """Shape (sentences, inputs), in the order in which `_model` takes the weights apart."""
    marks = [squeezed(mark, talk.mark(mark)) for mark in _marks(name)]
    parts = [*marks, *[near(column) for column in marks]]
    if name == "english":
        parts += [*talk.vectors.T, *near(talk.vectors).T]
    return np.array(parts, float).T


def fit(talks: Sequence[Labelled], name: str) -> Model:
    label = 2 if name.endswith(" filler") else 1
    name = name.removesuffix(" filler")
    x = np.concatenate([columns(talk[0], name) for talk in talks])
    y = np.concatenate([talk[label] for talk in talks])
    middle, spread = x.mean(0), x.std(0) + 1e-3
    weights = logistic((x - middle) / spread, y, RIDGE[name])
    w = weights[:-1] / spread
    return _model(name, w, float(weights[-1] - w @ middle))


def logistic(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Weights and, last, the bias, which is not held back."""
    x = np.c_[x, np.ones(len(x))]
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 1e-6
    b = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ b))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty), x.T @ (p - y) + penalty * b)
        b -= step
        if np.abs(step).max() < 1e-9:
            break
    return b


def _marks(name: str) -> tuple[str, ...]:
    return BARE if name == "bare" else MARKS


def _model(name: str, w: np.ndarray, bias: float) -> Model:
    marks, rest = _marks(name), [round(float(v), 5) for v in w]
    n = len(marks)
    vectors = rest[2 * n :]
    half = len(vectors) // 2
    return Model(
        round(bias, 5), tuple(vectors[:half]), tuple(vectors[half:]),
        dict(zip(marks, rest[:n], strict=True)), dict(zip(marks, rest[n : 2 * n], strict=True)),
    )  # fmt: skip


def area(values: np.ndarray, y: np.ndarray) -> float:
    """Share of pairs, one of each kind, that are in the right order."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    ones = y.sum()
    return float((ranks[y > 0].sum() - ones * (ones - 1) / 2) / (ones * (len(y) - ones)))


if __name__ == "__main__":
    sys.exit(main())
