"""Ridge regression of a model's last linear layer on its frozen features, solved by formula in one step.

Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634, equation 2.1, with centred features so that the bias is
not penalised. A model that is one linear layer is fitted whole: this is then linear least squares. Classes are
learnt as one-hot targets.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from workbench.core import live
from workbench.core.batch import Batch
from workbench.core.calling import call as call_model
from workbench.core.calling import scores
from workbench.core.entry import Paper
from workbench.core.errors import CheckpointError, DataError, ModelError, NotFiniteError
from workbench.train.contract import Driver, Event, Job, Plan

_BATCH = 1024


class LeastSquares(Plan):
    """Solve the last linear layer in closed form; everything before it stays as it is."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Ridge regression: biased estimation for nonorthogonal problems",
            authors="Hoerl, Arthur E. and Kennard, Robert W.",
            year=1970,
            venue="Technometrics 12(1)",
            doi="10.1080/00401706.1970.10488634",
        ),
    )

    penalty: float = Field(default=1.0, ge=0)
    """weight of the squared weights against the sum of squared errors; 0 is plain least squares of smallest norm"""
    layer: str = ""
    """path of the linear layer that is solved; empty is the last one of the model"""

    def driver(self, job: Job) -> Driver:
        """One step over all training examples.

        Raises:
            DataError: The train split is empty, or has no target.
            ModelError: The model has no linear layer to solve, or its weight is used elsewhere too.
        """
        return Solver(self, job)


class Solver:
    """Takes one step. A run killed before its end is done again from the start, with the same result."""

    inexact = ""
    promise = "the fit is one step: a run that was killed is done again from the start, with the same result"
    total = 1

    def __init__(self, plan: LeastSquares, job: Job) -> None:
        """Find the layer.

        Args:
            plan: Penalty and layer.
            job: Model and data.
        """
        self.step, self.model = 0, job.model.to(job.device)
        self._plan, self._data, self._call, self._device = plan, job.data, job.call, job.device
        self._layer = _layer(self.model, plan.layer)
        self._has_bias = "bias" in dict(self._layer.named_parameters())
        if "train" not in job.data.splits or job.data.size("train") < 1:
            raise DataError("The train split is empty: there is nothing to learn from.")

    def advance(self) -> Sequence[Event]:
        """Solve, and measure on what was solved and on the validation split."""
        if self.step:
            return ()
        with live.evaluating(self.model), torch.no_grad():
            weight, bias = self._solve()
            if not (weight.isfinite().all() and bias.isfinite().all()):
                raise NotFiniteError("The solution is not finite: look for values that are not finite in the data.")
            self._layer.weight.copy_(weight)
            if self._has_bias:
                self._layer.bias.copy_(bias)
            self.step = 1
            events = [Event(1, "train", self._measure("train"))]
            if "validation" in self._data.splits and self._data.size("validation"):
                events.append(Event(1, "validation", self._measure("validation")))
        return events

    def _solve(self) -> tuple[Tensor, Tensor]:
        """Weight (outputs, features) and bias (outputs), from sums over the examples in float64."""
        outputs, features = self._layer.weight.shape
        gram = torch.zeros(features, features, dtype=torch.float64, device=self._device)
        cross = torch.zeros(features, outputs, dtype=torch.float64, device=self._device)
        sum_x, sum_t, count = gram.new_zeros(features), gram.new_zeros(outputs), 0
        for x, _, t in self._rows("train"):
            gram += x.T @ x
            cross += x.T @ t
            sum_x += x.sum(0)
            sum_t += t.sum(0)
            count += len(x)
        if not count:
            raise DataError("The mask counts no training target: there is nothing to learn from.")
        mean_x, mean_t = sum_x / count, sum_t / count
        if not self._has_bias:
            mean_x, mean_t = torch.zeros_like(mean_x), torch.zeros_like(mean_t)
        gram -= count * torch.outer(mean_x, mean_x)
        cross -= count * torch.outer(mean_x, mean_t)
        gram.diagonal().add_(self._plan.penalty)
        # With a penalty the matrix is well inside the positive definite ones. Without one, features that depend on
        # each other leave many solutions: the one of smallest norm.
        positive = self._plan.penalty > 0 and not int(torch.linalg.cholesky_ex(gram).info)
        weight = torch.linalg.solve(gram, cross) if positive else torch.linalg.pinv(gram, hermitian=True) @ cross
        return weight.T, mean_t - mean_x @ weight

    def _measure(self, split: str) -> Mapping[str, float]:
        """Mean squared error per example, and the accuracy of classes."""
        squares, right, count = 0.0, 0, 0
        for _, y, t in self._rows(split):
            squares += float((y.double() - t).square().sum())
            right += int((y.argmax(-1) == t.argmax(-1)).sum())
            count += len(t)
        classes = self._data.target in ("classes", "next_token")
        figures = {"loss": squares / max(1, count)}
        return figures | {"accuracy": right / max(1, count)} if classes else figures

    def _rows(self, split: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Features (rows, features), outputs and targets (rows, outputs), a batch at a time."""
        order = torch.arange(self._data.size(split), device="cpu")
        for batch in self._data.batches(split, order, _BATCH):
            here = batch.to(self._device)
            with _inputs_of(self._layer) as seen:
                output = scores(call_model(self.model, here, call=self._call))
            if len(seen) != 1:
                raise ModelError(f"The layer is called {len(seen)} times in one forward; once is needed to solve it.")
            again = self._layer(seen[0])
            if not again.isfinite().all():
                raise NotFiniteError("The features or outputs are not finite: look for such values in the data.")
            if again.numel() != output.numel() or not torch.allclose(again.flatten(), output.flatten(), rtol=1e-4):
                raise ModelError(
                    f"The output of {type(self.model).__name__} is not that of the layer to solve: "
                    "something follows it. Give LeastSquares(layer=...) the path of the last layer."
                )
            yield _counted(seen[0], again, here)

    def resumable(self) -> bool:
        """Always: before the step there is nothing, after it everything."""
        return True

    def state(self) -> dict[str, Any]:
        """The weights."""
        return {"step": self.step, "model": self.model.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state."""
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(f"The checkpoint is of another model: {error}") from None
        self.step = state["step"]


@contextmanager
def _inputs_of(layer: nn.Linear) -> Generator[list[Tensor]]:
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        yield seen
    finally:
        handle.remove()


def _layer(model: nn.Module, path: str) -> nn.Linear:
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    if not linear:
        raise ModelError(f"{type(model).__name__} has no nn.Linear layer that could be solved in closed form.")
    name = path or list(linear)[-1]
    if name not in linear:
        raise ModelError(f"{type(model).__name__} has no nn.Linear at {path!r}; it has {', '.join(linear)}.")
    layer = linear[name]
    uses = [n for n, p in model.named_parameters(remove_duplicate=False) if p is layer.weight]
    if len(uses) > 1:
        raise ModelError(f"The weight of {name!r} is also {uses[0]}: solving it would change its own features.")
    return layer


def _counted(features: Tensor, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Rows in float64 where the mask counts."""
    target = batch.target
    if target is None:
        raise DataError("The data has no target to learn from: least squares needs one.")
    outputs = output.shape[-1]
    if target.is_floating_point():
        wanted = target if target.shape == output.shape else target.unsqueeze(-1)
    else:
        if int(target.max()) >= outputs or int(target.min()) < 0:
            low, high = int(target.min()), int(target.max())
            raise DataError(f"The data has labels from {low} to {high}; the layer has {outputs} outputs.")
        wanted = one_hot(target, outputs)
    if wanted.shape != output.shape:
        raise DataError(f"The model gives {tuple(output.shape)} and the target is {tuple(target.shape)}.")
    keep = torch.ones(output.shape[:-1], dtype=torch.bool, device=output.device)
    if batch.mask is not None:
        keep = batch.mask if batch.mask.shape == keep.shape else batch.mask.squeeze(-1)
    return features[keep].double(), output[keep], wanted[keep].double()
