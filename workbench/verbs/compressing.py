"""``wb.compress``: passes on a copy of a model, with the figures before and after."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from workbench import compression, train
from workbench.compression import Compressed, Pass, Setting
from workbench.core import device as devices
from workbench.core.calling import Call
from workbench.core.errors import DataError, WorkbenchError
from workbench.metrics import accuracy, mean_squared_error
from workbench.train import Job, Plan
from workbench.verbs.resolving import Source, plan_of, source_of, task_of


def compress(
    model: nn.Module, passes: Pass | str | Iterable[Pass | str], data: Any = None, *, call: Call | None = None
) -> Compressed:
    """Make a model smaller or faster, and say what it cost.

    Args:
        model: Any module; a copy of it is compressed.
        passes: Pass configs (``Prune(0.5)``) or names (``"prune"``), applied in order.
        data: What it is used on: the name of a data set or task, a data set, or data of your own. Needed to
            fine-tune, and to measure both models.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.

    Returns:
        ``.model`` (a live torch module), ``.deployed`` (the fast callable) and ``.report``.

    Raises:
        ConfigError: A pass is unknown or out of range.
        DataError: No data was given.
        ModelError: A pass finds nothing in this model that it could compress.
    """
    chosen = compression.resolve(passes)
    if data is None:
        raise DataError("compress needs data= to measure both models: the name of a data set, or data of your own.")
    source = source_of(data)
    device = devices.of(model)
    metric, name, higher = _metric(source, call)
    setting = Setting(
        data=source.dataset,
        example=source.dataset.sample_batch(4).to(device),
        metric=metric,
        metric_name=name,
        higher=higher,
        finetune=_finetuning(model, source, call),
        call=call,
    )
    return compression.apply_passes(model, chosen, setting)


def _metric(source: Source, call: Call | None) -> tuple[Callable[[nn.Module], float], str, bool]:
    task = task_of(source)
    if task is not None:
        measure = task.metric
        return (lambda model: measure(model, source.dataset, call)), task.metric_name, task.higher
    if source.dataset.target == "value":
        return (lambda model: mean_squared_error(model, source.dataset, call)), "mean squared error", False
    return (lambda model: accuracy(model, source.dataset, call)), "accuracy", True


def _finetuning(model: nn.Module, source: Source, call: Call | None) -> Callable[[nn.Module, int], None] | None:
    try:
        plan: Plan = plan_of(model, source, None, None)
    except WorkbenchError:
        return None

    def finetune(small: nn.Module, steps: int) -> None:
        settings = plan.settings_type()
        job = Job(model=small, data=source.dataset, settings=settings, steps=steps, device=devices.of(small), call=call)
        train.start(plan, job).wait()

    return finetune
