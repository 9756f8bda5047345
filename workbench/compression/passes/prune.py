"""Structured pruning: whole channels, neurons and attention heads go, and the layers really shrink.

Importance is the group's L2 norm over all weights that belong to one channel, as in Fang et al. 2023
(DepGraph, arXiv:2301.12900, section 3.3); the dependency graph and the cutting are torch-pruning's. Outputs keep
their width: the layers whose output is the model's output are left alone. Departure: no sparse training before the
cut; fine-tuning afterwards where the setting says how.
"""

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.compression.contract import Pass, Setting
from workbench.core.calling import call as call_model
from workbench.core.calling import scores
from workbench.core.entry import Paper
from workbench.core.errors import ModelError
from workbench.core.optional import need

_CUT = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class Prune(Pass):
    """Remove the weakest channels of every layer, then fine-tune."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="DepGraph: towards any structural pruning",
            authors="Fang, Gongfan and Ma, Xinyin and others",
            year=2023,
            venue="Conference on Computer Vision and Pattern Recognition",
            arxiv="2301.12900",
        ),
    )

    share: float = Field(default=0.5, ge=0, lt=1)
    """share of the channels of every layer that is removed"""
    steps: int = Field(default=200, ge=0)
    """steps of fine-tuning after the cut; 0 for none"""

    def apply(self, model: nn.Module, setting: Setting) -> tuple[nn.Module, tuple[str, ...]]:
        """Cut channels by torch-pruning, then fine-tune.

        Raises:
            MissingExtraError: torch-pruning is not installed.
            ModelError: The model cannot be traced, or no layer of it can be cut.
        """
        before = _widths(model)
        if self.share:
            _cut(model, setting, self.share)
        after = _widths(model)
        kept = [name for name, width in before.items() if after.get(name) == width]
        if self.share and len(kept) == len(before):
            raise ModelError(
                f"Nothing in {type(model).__name__} could be pruned by {self.share:.0%}: "
                f"its layers ({', '.join(before) or 'none'}) make its output or are too narrow."
            )
        notes = [f"left at full width: {', '.join(kept)}"] if kept and self.share else []
        if self.steps and setting.finetune is not None:
            setting.finetune(model, self.steps)
            notes.append(f"fine-tuned for {self.steps} steps that the model before did not have")
        return model, tuple(notes)


def _cut(model: nn.Module, setting: Setting, share: float) -> None:
    pruning = need("torch_pruning", extra="compress", purpose="for structured pruning")
    kept = _makes_output(model, setting)
    try:
        pruner: Any = pruning.pruner.MagnitudePruner(
            model,
            example_inputs=setting.example.inputs,
            importance=pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=share,
            ignored_layers=kept,
            forward_fn=lambda module, inputs: scores(call_model(module, inputs, call=setting.call)),
            output_transform=_total,
        )
        pruner.step()
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise ModelError(f"{type(model).__name__} could not be traced for pruning: {first}") from error


def _total(output: Tensor) -> Tensor:
    return output.sum()


def _widths(model: nn.Module) -> dict[str, int]:
    """Outputs of every layer that could be cut."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, _CUT)}
    return {name: int(layer.weight.shape[0]) for name, layer in layers.items()}


def _makes_output(model: nn.Module, setting: Setting) -> list[nn.Module]:
    """The layers between which and the output no other layer stands: walked back from the output's gradient."""
    owner = {id(module.weight): module for module in model.modules() if isinstance(module, _CUT)}
    with torch.enable_grad():
        output = scores(call_model(model, setting.example, call=setting.call))
    found: dict[int, nn.Module] = {}
    seen: set[Any] = set()
    queue: list[Any] = [output.grad_fn]
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        layers = [owner[key] for key in _weights_of(node) if key in owner]
        found |= {id(layer): layer for layer in layers}
        if not layers:
            queue += [child for child, _ in node.next_functions]
    return list(found.values())


def _weights_of(node: Any) -> list[int]:
    """Ids of the parameters that enter an operation, directly or transposed."""
    children = [child for child, _ in node.next_functions if child is not None]
    below = [grandchild for child in children if child.name() == "TBackward0" for grandchild, _ in child.next_functions]
    return [id(leaf.variable) for leaf in (*children, *below) if hasattr(leaf, "variable")]


PASS = Prune
