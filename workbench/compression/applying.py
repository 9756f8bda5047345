"""Passes in sequence on a copy of a model, measured before and after."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workbench.compression.contract import Compressed, Pass, Setting
from workbench.compression.measuring import measured
from workbench.core import live
from workbench.core.batch import Batch
from workbench.core.calling import call as call_model
from workbench.core.calling import scores
from workbench.core.errors import ModelError


def apply_passes(model: nn.Module, passes: Sequence[Pass], setting: Setting) -> Compressed:
    """Compress a copy of a model; the model itself is untouched, also when a pass fails.

    Args:
        model: Any module that can be deep-copied.
        passes: Applied in this order.
        setting: The data, the figure to judge by, and how to fine-tune.

    Raises:
        ModelError: The model cannot be copied, a pass finds nothing to do, or the outputs changed their shape.
    """
    small = _copied(model)
    notes: list[str] = []
    for each in passes:
        small, said = each.apply(small, setting)
        notes += [f"{type(each).__name__}: {sentence}" for sentence in said]
    small.train(model.training)
    _check_shape(model, small, setting)
    report = measured(model, small, passes, setting, tuple(notes))
    return Compressed(model=small, deployed=_Deployed(small, setting), report=report, passes=tuple(passes))


def _copied(model: nn.Module) -> nn.Module:
    try:
        with live.look():
            return copy.deepcopy(model)
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise ModelError(f"{type(model).__name__} cannot be copied, which compressing needs: {first}") from error


class _Deployed:
    """The compressed model as a function without gradients."""

    def __init__(self, model: nn.Module, setting: Setting) -> None:
        self._model, self._call = model, setting.call

    def __call__(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        with torch.inference_mode(), live.evaluating(self._model):
            return scores(call_model(self._model, Batch(named or inputs), call=self._call))


def _check_shape(model: nn.Module, small: nn.Module, setting: Setting) -> None:
    shapes: list[tuple[int, ...]] = []
    for each in (model, small):
        with live.look(), torch.no_grad(), live.evaluating(each):
            shapes.append(tuple(scores(call_model(each, setting.example, call=setting.call)).shape))
    if shapes[0] != shapes[1]:
        raise ModelError(f"The passes changed the output from shape {shapes[0]} to {shapes[1]}: they do not fit here.")
