"""Every random choice has a seed of its own, made from words, so that one choice never moves another."""

from __future__ import annotations

import hashlib


def seed_of(*words: object) -> int:
    """A 63-bit seed that depends on all the words and on nothing else."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
