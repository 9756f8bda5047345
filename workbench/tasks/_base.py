"""What a task file declares: data, objective, metric and the classical methods to beat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.train.contract import Plan

Baseline = Callable[[Any], float]
"""(data set) -> the metric of a classical method trained on its train split, on its test split."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Data x objective x metric x baseline: one file of about ten lines."""

    data: str
    """name of a data set"""
    metric: Callable[[nn.Module, Any, Call | None], float]
    """(model, data set, call) -> figure on the test split"""
    metric_name: str
    """with its unit: "accuracy", "bits per character", "mean return" """
    baselines: Mapping[str, Baseline]
    """classical methods by name, the strongest known first"""
    higher: bool = True
    """whether larger figures are better"""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """passed to ``data.load``"""
    plan: Plan | None = None
    """an objective, or another plan; None for an environment: the model's recipe or ``driver=`` says how to learn"""
    default: bool = False
    """whether this is what data of that name is for when nobody says"""
