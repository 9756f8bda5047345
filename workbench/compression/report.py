"""Report: what a compressed model costs and is worth, beside the model it came from, measured on this machine.

Latencies are wall-clock times of single calls, taken alternately (A, B, A, B ...) so that a slow moment of the
machine hits both alike. The interval of an accuracy is Wilson's at 95 % (Wilson 1927, JASA 22, equation 4).
"""

import html
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from workbench.compression.contract import Pass, Setting
from workbench.core import live
from workbench.core.batch import Batch
from workbench.core.calling import call as call_model
from workbench.core.calling import scores
from workbench.core.environment import within_budget

_BATCHES = (1, 32)
_COMPARED = 512


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
        rows = [
            (self.metric_name, f"{a.metric:.4f}", f"{b.metric:.4f}", f"{b.metric - a.metric:+.4f}"),
            ("parameters", f"{a.parameters:,}", f"{b.parameters:,}", _ratio(b.parameters, a.parameters)),
            ("bytes on disk", f"{a.bytes_on_disk:,}", f"{b.bytes_on_disk:,}", _ratio(b.bytes_on_disk, a.bytes_on_disk)),
            ("FLOPs per example", f"{a.flops:,}", f"{b.flops:,}", _ratio(b.flops, a.flops)),
        ]
        for size, (median, late) in a.latency.items():
            m, l95 = b.latency[size]
            name = f"ms per batch of {size}, p50 / p95"
            rows.append((name, f"{median:.2f} / {late:.2f}", f"{m:.2f} / {l95:.2f}", f"{median / m:.2f} x faster"))
        if self.agreement is not None:
            rows.append((f"same class on {self.compared} examples", "", f"{self.agreement:.4f}", ""))
        return rows

    def footer(self) -> str:
        """What the figures were measured on, and what was left alone."""
        parts = [f"{self.threads} threads, eager, torch {torch.__version__}"]
        if self.interval is not None:
            parts.append(f"95 % interval of the {self.metric_name} after: {self.interval[0]:.4f} to {self.interval[1]:.4f}")
        return "; ".join((*parts, *self.notes))

    def __str__(self) -> str:
        """The table as text."""
        rows = [("", "before", "after", "change"), *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([" then ".join(self.passes), *lines, self.footer()])

    def to_html(self) -> str:
        """The table as HTML; every string in it is escaped."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in (" then ".join(self.passes), "before", "after", "change"))
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{html.escape(self.footer())}</p>"

    def _repr_html_(self) -> str:
        return self.to_html()


def measured(model: nn.Module, small: nn.Module, passes: Sequence[Pass], setting: Setting, notes: tuple[str, ...]) -> Report:
    """Measure both models, alternately where time is measured."""
    latency = _latencies((model, small), setting)
    before, after = (
        Figures(
            metric=setting.metric(each),
            parameters=sum(p.numel() for p in each.parameters()),
            bytes_on_disk=_bytes(each),
            flops=_flops(each, setting),
            latency=times,
        )
        for each, times in zip((model, small), latency, strict=True)
    )
    agreement, compared = _agreement(model, small, setting)
    return Report(
        passes=tuple(str(each) if str(each) else type(each).__name__ for each in map(_described, passes)),
        metric_name=setting.metric_name,
        before=before,
        after=after,
        agreement=agreement,
        compared=compared,
        interval=_wilson(after.metric, setting.data.size("test")) if setting.metric_name == "accuracy" else None,
        threads=torch.get_num_threads(),
        notes=notes,
    )


def _described(each: Pass) -> str:
    return repr(each)


def _bytes(model: nn.Module) -> int:
    tensors: dict[int, Tensor] = {t.data_ptr(): t for t in model.state_dict().values()}
    return len(save({str(i): t.detach().clone().contiguous().cpu() for i, t in enumerate(tensors.values())}))


def _flops(model: nn.Module, setting: Setting) -> int:
    one = setting.data.sample_batch(1).to(setting.example.tensors()[0].device)
    with live.look(), torch.no_grad(), live.evaluating(model), FlopCounterMode(display=False) as counter:
        call_model(model, one, call=setting.call)
    return int(counter.get_total_flops())


def _latencies(models: Sequence[nn.Module], setting: Setting) -> list[dict[int, tuple[float, float]]]:
    found: list[dict[int, tuple[float, float]]] = [{} for _ in models]
    repeats = within_budget(full=40, ci=10)
    for size in _BATCHES:
        batch = setting.data.sample_batch(size).to(setting.example.tensors()[0].device)
        times: list[list[float]] = [[] for _ in models]
        for turn in range(repeats + 3):
            for at, model in enumerate(models):
                spent = _one_call(model, batch, setting)
                if turn >= 3:  # noqa: PLR2004 - the first calls warm caches and allocators
                    times[at].append(spent)
        for at, row in enumerate(times):
            ordered = sorted(row)
            found[at][size] = (ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))])
    return found


def _one_call(model: nn.Module, batch: Batch, setting: Setting) -> float:
    with live.look(), torch.inference_mode(), live.evaluating(model):
        begun = time.perf_counter()
        output = scores(call_model(model, batch, call=setting.call))
        if output.is_cuda:
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - begun)


def _agreement(model: nn.Module, small: nn.Module, setting: Setting) -> tuple[float | None, int]:
    if setting.data.target == "value":
        return None, 0
    batch = setting.data.sample_batch(_COMPARED).to(setting.example.tensors()[0].device)
    chosen: list[Tensor] = []
    for each in (model, small):
        with live.look(), torch.no_grad(), live.evaluating(each):
            output = scores(call_model(each, batch, call=setting.call)).argmax(-1)
            chosen.append(output if batch.mask is None else output[batch.mask])
    return float((chosen[0] == chosen[1]).float().mean()), chosen[0].numel()


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def _ratio(after: int, before: int) -> str:
    return f"{after / before:.2f} x" if before else ""
