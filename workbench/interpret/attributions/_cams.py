"""Class activation maps: what the last convolution saw, weighed by how much it matters for the score."""

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from workbench.core.errors import AddressError, DataError
from workbench.core.live import evaluating, look
from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem

_MAPS = 4
"""axes of feature maps: (examples, channels, height, width)"""


class Cam(Method):
    """Base of class activation maps; a file gives the weighing."""

    unit: ClassVar[Unit] = "evidence"
    takes = "pictures"

    layer: str = Field("", max_length=500)
    """Path of the module whose maps are shown; empty for the last convolution that runs."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate: the map at the size of the picture, spread over its channels."""
        pictures = [v for v in problem.values if v.dim() == _MAPS]
        if len(pictures) != 1 or problem.joint:
            raise DataError(
                f"{self.title} explains pictures (examples, channels, height, width), one for each example."
            )
        maps, slopes, path = _maps(problem, self.layer)
        seen = self.weighed(maps, slopes)[:, None].relu()
        parts: list[Tensor] = []
        for value in problem.values:
            if value.dim() != _MAPS:
                parts.append(torch.zeros_like(value))
                continue
            drawn = F.interpolate(seen, value.shape[-2:], mode="bilinear", align_corners=False)
            parts.append((drawn / value.size(1)).expand_as(value))
        size = "x".join(map(str, seen.shape[-2:]))
        yield Estimate(parts=parts, steps=1, work=f"maps of {size} at {path}")

    @abstractmethod
    def weighed(self, maps: Tensor, slopes: Tensor) -> Tensor:
        """(examples, height, width) the map before what speaks against is cut off.

        Args:
            maps: (examples, channels, height, width), what the layer gave.
            slopes: Derivatives of the score by them.
        """


def _maps(problem: Problem, layer: str) -> tuple[Tensor, Tensor, str]:
    """Feature maps, derivatives of the score by them, and the path of the layer."""
    modules = dict(problem.model.named_modules())
    if layer and layer not in modules:
        raise AddressError(f"There is no module {layer!r} in {type(problem.model).__name__}.")
    watched = {layer: modules[layer]} if layer else {n: m for n, m in modules.items() if _convolves(m)}
    seen: list[tuple[str, Tensor]] = []

    with ExitStack() as stack:
        for context in (look(), evaluating(problem.model), torch.enable_grad()):
            stack.enter_context(context)
        for path, module in watched.items():
            stack.callback(module.register_forward_hook(_noting(path, seen)).remove)
        score = problem.run([v[None].detach().clone().requires_grad_() for v in problem.values])
        if not seen:
            raise Refused(f"no convolution of {type(problem.model).__name__} gave maps.")
        path, maps = seen[-1]
        slopes = torch.autograd.grad(score.sum(), maps, allow_unused=True)[0] if score.requires_grad else None
    if slopes is None or not math.isfinite(float(slopes.abs().sum())):
        raise Refused(f"no gradient of the score reaches {path}.")
    return maps.detach(), slopes, path


def _noting(path: str, seen: list[tuple[str, Tensor]]) -> Any:
    def note(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == _MAPS and output.requires_grad:
            seen.append((path, output))

    return note


def _convolves(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) or (not list(module.children()) and "conv" in type(module).__name__.lower())
