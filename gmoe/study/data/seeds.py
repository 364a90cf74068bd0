"""Seeds that depend on what is drawn alone: not on workers, batches, order, or the other sizes of a study."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np


def words_of(cell: Mapping) -> tuple[int, int]:
    """Two 32-bit words that name a cell (truth, law of x, size): the beginning of the SHA-256 of its canonical JSON."""
    digest = hashlib.sha256(canonical_json(cell).encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def seed_sequence(root: int, words: tuple[int, int], replication: int) -> np.random.SeedSequence:
    """Return the seed of one replication of a cell; its children 0 and 1 draw the data and the starts."""
    return np.random.SeedSequence(root, spawn_key=(*words, replication))


def generator(seed: np.random.SeedSequence, child: int) -> np.random.Generator:
    """Return the generator of the data (child 0) or of the starts (child 1)."""
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, child)))


def canonical_json(value) -> str:
    """JSON with sorted keys and no spaces: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
