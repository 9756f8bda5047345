"""Seeds: everything random follows from numbers that a person can write down."""

from collections.abc import Generator
from contextlib import contextmanager

import torch


def generator(*parts: int) -> torch.Generator:
    """A generator of its own whose numbers follow from the parts: (seed, epoch), (seed, split) ..."""
    mixed = 0
    for part in parts:
        mixed = (mixed * 1_000_003 + part + 0x9E3779B9) & 0xFFFFFFFF
    return torch.Generator().manual_seed(mixed)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """torch's default generator seeded for a block, and as it was afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
