"""``wb.verify``: the claim of an entry, run. Its recipe trains it from several seeds, and the worst decides."""

import platform
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from workbench import data as data_room
from workbench import tasks, train, zoo
from workbench.core.entry import Claim, ClaimKind
from workbench.core.errors import ConfigError
from workbench.core.markup import columns
from workbench.core.markup import table as html_table
from workbench.train import Job, Plan
from workbench.zoo import Architecture

ENOUGH = 3
"""seeds from which a result is worth keeping as the badge"""


@dataclass(frozen=True)
class Trial:
    """What one seed gave."""

    seed: int
    figure: float
    also: Mapping[str, float] = field(default_factory=dict[str, float])
    """the claim's further figures"""
    ablated: float | None = None
    """the figure of the network without the row's idea, trained the same way"""
    ablated_also: Mapping[str, float] = field(default_factory=dict[str, float])
    holds: bool = False
    seconds: float = 0.0
    """of CPU for training and judging the entry, without its ablation"""


@dataclass(frozen=True)
class Verification:
    """What the claim of an entry came to."""

    name: str
    kind: ClaimKind
    sentence: str
    metric: str
    threshold: float
    margin: float
    higher: bool
    rivals: Mapping[str, float]
    """figures of classical methods on the same split, the one to beat first"""
    trials: tuple[Trial, ...]
    key: str = ""
    """hash of the entry's source, its config and its libraries"""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """versions, platform and day"""

    @property
    def holds(self) -> bool:
        """Whether the claim held for every seed."""
        return bool(self.trials) and all(trial.holds for trial in self.trials)

    @property
    def worst(self) -> float:
        """The figure of the worst seed."""
        return (min if self.higher else max)(trial.figure for trial in self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON."""
        return asdict(self) | {"holds": self.holds, "worst": self.worst}

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}\n{columns(self._header(), self._rows(), self._note())}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self._header(), self._rows(), f"{self.sentence} {self._note()}")

    def _header(self) -> list[str]:
        return ["seed", self.metric, *self.trials[0].also, "without the idea", *self.rivals, "holds", "CPU s"]

    def _rows(self) -> list[list[str]]:
        rivals = [f"{figure:.4f}" for figure in self.rivals.values()]
        return [
            [
                str(trial.seed),
                f"{trial.figure:.4f}",
                *(f"{figure:.4f}" for figure in trial.also.values()),
                _ablation(trial),
                *rivals,
                "yes" if trial.holds else "no",
                f"{trial.seconds:.1f}",
            ]
            for trial in self.trials
        ]

    def _note(self) -> str:
        sign = "at least" if self.higher else "at most"
        beaten = f", and {next(iter(self.rivals))} beaten by {self.margin:g}" if self.kind == "beats" else ""
        verdict = "The claim holds." if self.holds else "The claim does not hold."
        return f"{verdict} Asked for: {sign} {self.threshold:g}{beaten}. Worst of the seeds: {self.worst:.4f}."


def verify(name: str, seeds: int = ENOUGH, *, on_trial: Callable[[Trial], None] | None = None) -> Verification:
    """Train an entry by its full recipe from several seeds, and judge its claim.

    Runs on the CPU, whatever ``WORKBENCH_BUDGET`` says. With three seeds or more the result is kept beside the
    entries, where table, card and coverage read it.

    Args:
        name: An entry of the zoo.
        seeds: How many, from 0.
        on_trial: Called after every seed.

    Returns:
        Figures, rivals, and whether the claim holds for the worst seed.

    Raises:
        UnknownNameError: There is no such entry.
        ConfigError: Less than one seed was asked for.
        MissingExtraError: A library or data package of the recipe is not installed.
    """
    if seeds < 1:
        raise ConfigError(f"seeds={seeds}: at least 1 is needed.")
    name = name.replace("-", "_")
    architecture = zoo.entry(name)
    bench = _Bench.of(architecture)
    rivals = bench.rivals()
    trials: list[Trial] = []
    for seed in range(seeds):
        trials.append(bench.trial(seed, rivals))
        if on_trial is not None:
            on_trial(trials[-1])
    verification = _summary(name, architecture, rivals, trials)
    if seeds >= ENOUGH:
        with suppress(OSError):  # an installation that cannot be written to keeps the result it came with
            zoo.keep_result(name, verification.to_dict())
    return verification


def reverify_sample(n: int = 1, *, seed: int | None = None) -> list[Verification]:
    """Run the claims of a few entries again from one seed each, so that a result that went bad is found in time.

    Args:
        n: How many entries.
        seed: Decides which; the day when not given.

    Returns:
        What they came to; the kept results stay as they are.
    """
    day = datetime.now(UTC).toordinal()
    chosen = random.Random(day if seed is None else seed).sample(zoo.names(), min(n, len(zoo.names())))
    return [verify(name, seeds=1) for name in chosen]


@dataclass(frozen=True)
class _Bench:
    """An entry, its data and its plan, ready to be trained."""

    architecture: Architecture
    task: tasks.Task
    data: Any
    plan: Plan

    @classmethod
    def of(cls, architecture: Architecture) -> "_Bench":
        task = tasks.load(architecture.recipe.task)
        plan = architecture.recipe.plan or task.plan
        if plan is None:
            raise ConfigError(f"The recipe names no plan, and the task {architecture.recipe.task} has none.")
        return cls(architecture, task, data_room.load(task.data, **task.options), plan)

    @property
    def claim(self) -> Claim:
        return self.architecture.claim

    def rivals(self) -> dict[str, float]:
        if self.claim.rivals is not None:
            return self.claim.rivals(self.data)
        return {name: float(method(self.data)) for name, method in self.task.baselines.items()}

    def trial(self, seed: int, rivals: Mapping[str, float]) -> Trial:
        began = time.process_time()
        figure, also = self.figures(seed, ablated=False)
        seconds = time.process_time() - began
        holds = self.reached(figure, also)
        if self.claim.kind == "beats":
            holds = holds and self.claim.beats(figure, next(iter(rivals.values())))
        if self.claim.ablation is None:
            return Trial(seed, figure, also, holds=holds, seconds=seconds)
        without, without_also = self.figures(seed, ablated=True)
        holds = holds and not self.reached(without, without_also)
        return Trial(seed, figure, also, without, without_also, holds, seconds)

    def figures(self, seed: int, *, ablated: bool) -> tuple[float, dict[str, float]]:
        """Train from a seed; the claim's figure and its further ones."""
        architecture, recipe = self.architecture, self.architecture.recipe
        model = architecture.initialised(architecture.configure(self.data), seed=seed, ablated=ablated)
        job = Job(
            model=model, data=self.data, settings=recipe.settings, steps=recipe.steps, epochs=recipe.epochs, seed=seed
        )
        train.start(self.plan, job).wait()
        measure = self.claim.measure
        figure = self.task.metric(model, self.data, None) if measure is None else measure(model, self.data)
        return float(figure), {demand.metric: float(demand.measure(model, self.data)) for demand in self.claim.also}

    def reached(self, figure: float, also: Mapping[str, float]) -> bool:
        """Whether a figure and the further ones are all good enough."""
        demands = all(demand.reaches(also[demand.metric]) for demand in self.claim.also)
        return self.claim.reaches(figure) and demands


def _summary(
    name: str, architecture: Architecture, rivals: Mapping[str, float], trials: Sequence[Trial]
) -> Verification:
    claim = architecture.claim
    return Verification(
        name=name,
        kind=claim.kind,
        sentence=claim.sentence,
        metric=claim.metric,
        threshold=claim.threshold,
        margin=claim.margin,
        higher=claim.higher,
        rivals=rivals,
        trials=tuple(trials),
        key=zoo.key_of(name),
        about={
            "python": platform.python_version(),
            "torch": torch.__version__.partition("+")[0],
            "threads": str(torch.get_num_threads()),
            "machine": platform.machine(),
            "day": datetime.now(UTC).date().isoformat(),
        },
    )


def _ablation(trial: Trial) -> str:
    if trial.ablated is None:
        return "-"
    return ", ".join(f"{figure:.4f}" for figure in (trial.ablated, *trial.ablated_also.values()))
