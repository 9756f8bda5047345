"""Measuring a model before and after: figure, size, work and time, on this machine.

Latencies are wall-clock times of single calls, taken alternately (A, B, A, B ...) so that a slow moment of the
machine hits both alike. The interval of an accuracy is Wilson's at 95 % (Wilson 1927, JASA 22, equation 4).
"""

import math
import time
from collections.abc import Sequence

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from workbench.compression.contract import Pass, Setting
from workbench.compression.report import Figures, Report
from workbench.core import live
from workbench.core.batch import Batch
from workbench.core.calling import call as call_model
from workbench.core.calling import scores
from workbench.core.environment import within_budget

_BATCHES = (1, 32)
_COMPARED = 512
_WARM = 3
"""calls that warm caches and allocators before any is timed"""


def measured(
    model: nn.Module, small: nn.Module, passes: Sequence[Pass], setting: Setting, notes: tuple[str, ...]
) -> Report:
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
    is_share = setting.metric_name == "accuracy"
    return Report(
        passes=tuple(repr(each) for each in passes),
        metric_name=setting.metric_name,
        before=before,
        after=after,
        agreement=agreement,
        compared=compared,
        interval=_wilson(after.metric, _examples(setting)) if is_share else None,
        threads=torch.get_num_threads(),
        notes=notes,
    )


def _bytes(model: nn.Module) -> int:
    """Of the weights and buffers in safetensors, tied ones once."""
    tensors: dict[int, Tensor] = {tensor.data_ptr(): tensor for tensor in model.state_dict().values()}
    return len(save({str(i): t.detach().clone().contiguous().cpu() for i, t in enumerate(tensors.values())}))


def _batch(setting: Setting, size: int) -> Batch:
    return setting.data.sample_batch(size).to(setting.example.tensors()[0].device)


def _flops(model: nn.Module, setting: Setting) -> int:
    counter = FlopCounterMode(display=False)
    with live.look(), torch.no_grad(), live.evaluating(model), counter:
        call_model(model, _batch(setting, 1), call=setting.call)
    return int(counter.get_total_flops())


def _latencies(models: Sequence[nn.Module], setting: Setting) -> list[dict[int, tuple[float, float]]]:
    found: list[dict[int, tuple[float, float]]] = [{} for _ in models]
    repeats = within_budget(full=40, ci=10)
    for size in _BATCHES:
        batch = _batch(setting, size)
        turns = [[_milliseconds(model, batch, setting) for model in models] for _ in range(repeats + _WARM)]
        for at, row in enumerate(zip(*turns[_WARM:], strict=True)):
            ordered = sorted(row)
            found[at][size] = (ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))])
    return found


def _milliseconds(model: nn.Module, batch: Batch, setting: Setting) -> float:
    with live.look(), torch.inference_mode(), live.evaluating(model):
        begun = time.perf_counter()
        output = scores(call_model(model, batch, call=setting.call))
        if output.is_cuda:
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - begun)


def _agreement(model: nn.Module, small: nn.Module, setting: Setting) -> tuple[float | None, int]:
    """Share of the first test examples (where the mask counts) on which both choose the same class."""
    if setting.data.target == "value":
        return None, 0
    batch = _batch(setting, _COMPARED)
    chosen: list[Tensor] = []
    for each in (model, small):
        with live.look(), torch.no_grad(), live.evaluating(each):
            output = scores(call_model(each, batch, call=setting.call)).argmax(-1)
            chosen.append(output if batch.mask is None else output[batch.mask])
    return float((chosen[0] == chosen[1]).float().mean()), chosen[0].numel()


def _examples(setting: Setting) -> int:
    """How many answers the accuracy on the test split counts."""
    index = torch.arange(setting.data.size("test"))
    batch = setting.data.batch("test", index)
    return int(batch.mask.sum()) if batch.mask is not None else batch.target.numel()


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half
