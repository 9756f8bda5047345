"""What it costs to explain a small model of a table, beside captum and shap at the same number of evaluations.

    OMP_NUM_THREADS=1 python benchmarks/attribution.py
    OMP_NUM_THREADS=1 python benchmarks/attribution.py --rounds 15

A perceptron 30-128-128-2 with random weights, one row, one thread, one class; captum as its manual has it and tuned
(512 perturbations in a forward), shap's KernelExplainer with a background of one row. Ours is the whole call of
``interpret.explain``, with finding the input, the target and the check. "Limit" is the same number of passes in one
batch, without a method. The contestants take turns; times are medians of processor time, ratios medians over rounds.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shap
import torch
from captum.attr import FeatureAblation, IntegratedGradients, KernelShap, Lime, Occlusion, ShapleyValueSampling
from torch import nn

from workbench.interpret import explain

COLUMNS = 30
SAMPLES = 500
ORDERS = 25
STEPS = 50
TUNED = 512
GOAL_OF_LIMIT = 2.0


@dataclass(frozen=True)
class Contest:
    """One method in every hand."""

    name: str
    ours: Callable[[], Any]
    default: Callable[[], Any]
    """captum as its manual has it"""
    tuned: Callable[[], Any]
    limit: Callable[[], Any]
    goal: float
    """how many times faster than captum's default we should be"""
    shap: Callable[[], Any] | None = None
    goal_tuned: float | None = None
    goal_shap: float | None = None


def contests() -> list[Contest]:
    """The methods, on one model and one row."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(COLUMNS, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)).eval()
    model.requires_grad_(requires_grad=False)
    x, reference = torch.randn(1, COLUMNS), torch.randn(1, COLUMNS)
    kernel = shap.KernelExplainer(lambda rows: passed(model, rows)[:, 1], reference.numpy())

    def ours(method: str, **settings: Any) -> Callable[[], Any]:
        return lambda: explain(model, x, method, target=1, reference=reference, bound=float("inf"), **settings)

    def theirs(engine: Any, *window: Any, **settings: Any) -> Callable[[], Any]:
        return lambda: engine.attribute(x, *window, baselines=reference, target=1, **settings)

    def limit(passes: int) -> Callable[[], Any]:
        many = x.repeat(passes, 1)
        return lambda: passed(model, many)

    batch = {"perturbations_per_eval": TUNED}
    one = {"n_samples": SAMPLES}
    kept, lime = KernelShap(model), Lime(model)
    orders, hiding, ablation = ShapleyValueSampling(model), Occlusion(model), FeatureAblation(model)
    path = IntegratedGradients(model)
    runs = ORDERS * COLUMNS + 1
    pairs = (ORDERS + 1) // 2
    return [
        Contest(
            "KernelSHAP, 500",
            ours("kernel_shap", samples=SAMPLES, most=SAMPLES),
            theirs(kept, **one),
            theirs(kept, **one, **batch),
            limit(SAMPLES),
            60,
            lambda: kernel.shap_values(x.numpy(), nsamples=SAMPLES, silent=True),
            30,
            5,
        ),
        Contest(
            "LIME, 500",
            ours("lime", samples=SAMPLES),
            theirs_lime(lime, x, **one),
            theirs_lime(lime, x, **one, **batch),
            limit(SAMPLES),
            60,
            goal_tuned=30,
        ),
        Contest(
            "Shapley sampling, 25 orders (ours 13 with their reverses)",
            ours("permutation_shapley", pairs=pairs, most=pairs),
            theirs(orders, n_samples=ORDERS),
            theirs(orders, n_samples=ORDERS, **batch),
            limit(runs),
            30,
        ),
        Contest(
            "occlusion", ours("occlusion"), theirs(hiding, (1,)), theirs(hiding, (1,), **batch), limit(COLUMNS + 1), 8
        ),
        Contest(
            "ablation", ours("feature_ablation"), theirs(ablation), theirs(ablation, **batch), limit(COLUMNS + 1), 8
        ),
        Contest(
            "integrated gradients, 50",
            ours("integrated_gradients", steps=STEPS, most=STEPS),
            theirs(path, n_steps=STEPS),
            theirs(path, n_steps=STEPS, internal_batch_size=TUNED),
            slopes(model, x.repeat(STEPS, 1)),
            1,
        ),
    ]


def theirs_lime(engine: Any, x: torch.Tensor, **settings: Any) -> Callable[[], Any]:
    """captum's LIME; its baseline is zero, which costs the same."""
    return lambda: engine.attribute(x, target=1, **settings)


def passed(model: nn.Module, rows: Any) -> Any:
    """A forward without gradients."""
    with torch.no_grad():
        return model(torch.as_tensor(np.asarray(rows), dtype=torch.float32)).numpy()


def slopes(model: nn.Module, rows: torch.Tensor) -> Callable[[], Any]:
    """A forward and a backward to the input."""

    def run() -> Any:
        points = rows.clone().requires_grad_()
        return torch.autograd.grad(model(points)[:, 1].sum(), points)

    return run


def spent(run: Callable[[], Any]) -> float:
    """Milliseconds of processor time."""
    before = time.process_time()
    run()
    return 1e3 * (time.process_time() - before)


def measured(contest: Contest, rounds: int) -> dict[str, list[float]]:
    """Milliseconds by contestant; the first round warms up and is not counted."""
    hands = {"ours": contest.ours, "default": contest.default, "tuned": contest.tuned, "limit": contest.limit}
    if contest.shap is not None:
        hands["shap"] = contest.shap
    times: dict[str, list[float]] = {name: [] for name in hands}
    for i in range(rounds + 1):
        for name, run in hands.items():
            took = spent(run)
            if i:
                times[name].append(took)
    return times


def faster(times: dict[str, list[float]], name: str) -> float:
    """How many times ours goes into another's time, median over rounds."""
    return statistics.median(a / b for a, b in zip(times[name], times["ours"], strict=True))


def line(contest: Contest, times: dict[str, list[float]]) -> str:
    """One row of the table."""
    cells = [f"{statistics.median(times['ours']):.2f}"]
    goals = {"default": contest.goal, "tuned": contest.goal_tuned, "shap": contest.goal_shap}
    for name, goal in goals.items():
        if name not in times:
            cells.append("")
            continue
        wanted = "" if goal is None else f" (goal {goal:.0f})"
        cells.append(f"{statistics.median(times[name]):.1f} ms, {faster(times, name):.1f} x{wanted}")
    cells.append(f"{1 / faster(times, 'limit'):.1f} (goal {GOAL_OF_LIMIT:.0f})")
    return f"| {contest.name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: int = parser.parse_args().rounds
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| | ours, ms | captum, default | captum, tuned | shap, one background | ours / limit |")
    print("|---|---|---|---|---|---|")
    for contest in contests():
        print(line(contest, measured(contest, rounds)), flush=True)


if __name__ == "__main__":
    main()
