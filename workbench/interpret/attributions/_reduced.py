"""Reduced precision: passes in bfloat16 where the processor has it and where it hardly changes the scores.

How much it changes them is measured on points of the explanation itself, in every explanation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

PROBES = 3
"""points that are run in both precisions, if there are enough"""
EACH = 32
"""points that pay for one of them"""
WORTH = 16
"""points below which measuring costs more than is gained"""


@dataclass(eq=False)
class Reduced:
    """Whether passes run in bfloat16, and by how much that changed scores."""

    within: float | None = None
    """the most by which a score may change, as a fraction of the change that is explained; None for full precision"""
    deviations: dict[str, float] = field(default_factory=dict[str, float])
    """what was measured, of scores and of gradients"""
    lacking: bool = False
    """whether it was asked for and the processor has no bfloat16"""

    def measured(self, kind: str, points: Sequence[Tensor], difference: Callable[[list[Tensor]], float]) -> bool:
        """Whether these points may be run in bfloat16.

        Args:
            kind: What is computed: scores or gradients.
            points: Of each leaf, (k, rows, ...).
            difference: From a few points, by how much bfloat16 changes what is computed, in changes in score.
        """
        if self.within is None or self.lacking:
            return False
        if not has_bfloat16(points[0].device):
            self.lacking = True
            return False
        if kind not in self.deviations:
            count = len(points[0])
            if count < WORTH:
                return False
            chosen = torch.linspace(0, count - 1, 2 + min(PROBES, 1 + count // EACH))[1:-1].long()
            self.deviations[kind] = difference([p[chosen.to(p.device)] for p in points])
        return self._close(self.deviations[kind], self.within)

    @property
    def words(self) -> str:
        """What was done, to follow the amount of work; empty in full precision."""
        used = [d for d in self.deviations.values() if self.within is not None and self._close(d, self.within)]
        return f", in bfloat16 (off by {max(used):.2%} of the change)" if used else ""

    @property
    def doubt(self) -> list[str]:
        """Why it was not done though it was asked for."""
        if self.lacking:
            return ["Full precision was used: this processor has no arithmetic in bfloat16."]
        over = [d for d in self.deviations.values() if self.within is not None and not self._close(d, self.within)]
        return [
            f"Full precision was used: bfloat16 is off by {d:.1%} of the change, more than {self.within:.1%}."
            for d in over
        ]

    @staticmethod
    def _close(deviation: float, within: float) -> bool:
        return deviation <= within and math.isfinite(deviation)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 by instructions of its own."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(has()) for has in asked if has is not None)
