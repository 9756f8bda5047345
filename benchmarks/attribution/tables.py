"""A perceptron 30-128-128-2 with random weights, one class: captum and shap at the same number of evaluations."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shap
import torch
from captum.attr import FeatureAblation, IntegratedGradients, KernelShap, Lime, Occlusion, ShapleyValueSampling
from timing import LIMIT, OURS, Contest
from torch import Tensor, nn

from workbench.interpret import explain

COLUMNS = 30
SAMPLES = 500
ORDERS = 25
STEPS = 50
TUNED = 512
DEFAULT, TUNED_HAND, SHAP = "captum, default", "captum, tuned", "shap KernelExplainer, one background"
Run = Callable[[], Any]


class Table:
    """The model, the rows and every hand."""

    def __init__(self, rows: int) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(COLUMNS, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
        ).eval()
        self.model.requires_grad_(requires_grad=False)
        self.x, self.reference = torch.randn(rows, COLUMNS), torch.randn(1, COLUMNS)

    def ours(self, method: str, **settings: Any) -> Run:
        """The whole call: finding input, target and checks included."""
        settings |= {"target": 1, "reference": self.reference, "bound": float("inf")}
        return lambda: explain(self.model, self.x, method, **settings)

    def captum(self, engine: Any, *window: Any, **settings: Any) -> Run:
        """As a manual has it."""
        settings |= {"target": 1} if engine is Lime else {"target": 1, "baselines": self.reference}
        made = engine(self.model)
        return lambda: made.attribute(self.x, *window, **settings)

    def both(self, engine: Any, *window: Any, **settings: Any) -> dict[str, Run]:
        """captum by default and with 512 perturbations in a forward."""
        return {
            DEFAULT: self.captum(engine, *window, **settings),
            TUNED_HAND: self.captum(engine, *window, **settings, perturbations_per_eval=TUNED),
        }

    def shap(self) -> Run:
        """shap's KernelExplainer; the background is not the row that is explained, or nothing would be run."""
        engine = shap.KernelExplainer(lambda given: passed(self.model, given)[:, 1], self.reference.numpy())
        return lambda: engine.shap_values(self.x.numpy(), nsamples=SAMPLES, silent=True)

    def limit(self, passes: int) -> Run:
        """The same passes in one batch, without a method."""
        many = self.x.repeat(passes, 1)
        return lambda: passed(self.model, many)

    def slopes(self, passes: int) -> Run:
        """The same, forward and backward to the input."""
        many = self.x.repeat(passes, 1)

        def run() -> Any:
            points = many.clone().requires_grad_()
            return torch.autograd.grad(self.model(points)[:, 1].sum(), points)

        return run


def passed(model: nn.Module, rows: np.ndarray | Tensor) -> np.ndarray:
    """A forward without gradients."""
    with torch.no_grad():
        return model(torch.as_tensor(rows, dtype=torch.float32)).numpy()


def contests(rows: int) -> Iterator[Contest]:
    """The methods, each with every hand, on so many rows at once."""
    table, pairs = Table(rows), (ORDERS + 1) // 2
    kernel = {
        OURS: table.ours("kernel_shap", samples=SAMPLES, most=SAMPLES),
        **table.both(KernelShap, n_samples=SAMPLES),
    }
    yield Contest(
        f"KernelSHAP, {SAMPLES}",
        kernel | {SHAP: table.shap(), LIMIT: table.limit(SAMPLES)},
        {DEFAULT: 60, TUNED_HAND: 30, SHAP: 5},
    )
    lime = {OURS: table.ours("lime", samples=SAMPLES), **table.both(Lime, n_samples=SAMPLES)}
    yield Contest(f"LIME, {SAMPLES}", lime | {LIMIT: table.limit(SAMPLES)}, {DEFAULT: 60, TUNED_HAND: 30})
    orders = {OURS: table.ours("permutation_shapley", pairs=pairs, most=pairs)}
    orders |= table.both(ShapleyValueSampling, n_samples=ORDERS)
    yield Contest(
        f"Shapley sampling, {ORDERS} orders (ours {pairs} with their reverses)",
        orders | {LIMIT: table.limit(2 * pairs * (COLUMNS - 1) + 2)},
        {DEFAULT: 30},
    )
    hiding = {OURS: table.ours("occlusion"), **table.both(Occlusion, (1,))}
    yield Contest("occlusion", hiding | {LIMIT: table.limit(COLUMNS + 2)}, {DEFAULT: 8})
    ablation = {OURS: table.ours("feature_ablation"), **table.both(FeatureAblation)}
    yield Contest("ablation", ablation | {LIMIT: table.limit(COLUMNS + 2)}, {DEFAULT: 8})
    path = {
        OURS: table.ours("integrated_gradients", steps=STEPS, most=STEPS),
        DEFAULT: table.captum(IntegratedGradients, n_steps=STEPS),
        TUNED_HAND: table.captum(IntegratedGradients, n_steps=STEPS, internal_batch_size=TUNED),
        LIMIT: table.slopes(STEPS),
    }
    yield Contest(f"integrated gradients, {STEPS}", path, {DEFAULT: 1})


def in_bulk(rows: int) -> Iterator[Contest]:
    """Beside the bare passes only: of many rows captum does one after the other."""
    for contest in contests(rows):
        yield Contest(contest.name, {name: contest.hands[name] for name in (OURS, LIMIT)})
