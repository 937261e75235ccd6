"""Relative positions: numbers by distance, put where queries meet keys."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def by_key(scores: Tensor) -> Tensor:
    """What each token i has for each distance j - i, from -(S - 1) to S - 1, put at each token j.

    Nothing is copied: the result is a view. Dai et al. 2019, arXiv:1901.02860, appendix B.

    [..., S, 2S - 1] -> [..., S, S]
    """
    length, scores = scores.shape[-2], scores.contiguous()
    strides = (*scores.stride()[:-2], 2 * length - 2, 1)
    return scores.as_strided((*scores.shape[:-1], length), strides, scores.storage_offset() + length - 1)


def log_bucket(distances: Tensor, n_buckets: int, max_distance: int) -> Tensor:
    """Distances in buckets that grow with them: half of `n_buckets` are exact, the others reach up to `max_distance`.

    A distance and its opposite have opposite buckets. microsoft/DeBERTa, da_utils.py, in float32 as the transformers
    library has it. [S] -> [S]
    """
    half = n_buckets // 2
    size = distances.abs()
    growth = torch.log(size.clamp(min=half) / half) / math.log(max((max_distance - 1) / half, 1 + 1e-6))
    far = (torch.ceil(growth * (half - 1)) + half).long()
    return torch.where(size <= half, distances, far * distances.sign())
