"""Report: what a compressed model costs and is worth, beside the model it came from."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from workbench.core.markup import columns, table


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One model, measured."""

    metric: float
    """on the test split"""
    parameters: int
    bytes_on_disk: int
    """of its weights and buffers in safetensors"""
    flops: int
    """of one example's forward pass, multiply and add counted apart"""
    latency: dict[int, tuple[float, float]]
    """batch size -> (median, 95th percentile) in milliseconds"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Before and after, on the same data, machine and threads."""

    passes: tuple[str, ...]
    metric_name: str
    before: Figures
    after: Figures
    agreement: float | None
    """share of test examples on which both choose the same class; None for numbers"""
    compared: int
    """on how many examples the agreement was counted"""
    interval: tuple[float, float] | None
    """95 % interval of the accuracy after; None for other metrics"""
    threads: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(figure, before, after, change) as text."""
        a, b = self.before, self.after
        rows = [(self.metric_name, f"{a.metric:.4f}", f"{b.metric:.4f}", f"{b.metric - a.metric:+.4f}")]
        for name in ("parameters", "bytes_on_disk", "flops"):
            old, new = getattr(a, name), getattr(b, name)
            label = {"bytes_on_disk": "bytes on disk", "flops": "FLOPs per example"}.get(name, name)
            rows.append((label, f"{old:,}", f"{new:,}", f"{new / old:.2f} x" if old else ""))
        for size, (median, late) in a.latency.items():
            now, now_late = b.latency[size]
            name = f"ms per batch of {size}, p50 / p95"
            rows.append(
                (name, f"{median:.2f} / {late:.2f}", f"{now:.2f} / {now_late:.2f}", f"{median / now:.2f} x speed")
            )
        if self.agreement is not None:
            rows.append((f"same class on {self.compared} examples", "", f"{self.agreement:.4f}", ""))
        return rows

    @property
    def doubt(self) -> str:
        """What the figures were measured on, how sure the first one is, and what was left alone."""
        parts = [f"{self.threads} threads, eager, torch {torch.__version__}"]
        if self.interval is not None:
            low, high = self.interval
            parts.append(f"95 % interval of the {self.metric_name} after: {low:.4f} to {high:.4f}")
        return "; ".join((*parts, *self.notes))

    def _header(self) -> tuple[str, str, str, str]:
        return (" then ".join(self.passes), "before", "after", "change")

    def __str__(self) -> str:
        return columns(self._header(), self.rows(), self.doubt)

    def to_html(self) -> str:
        """The table for a notebook; every string in it is escaped."""
        return table(self._header(), self.rows(), self.doubt)

    def _repr_html_(self) -> str:
        return self.to_html()
