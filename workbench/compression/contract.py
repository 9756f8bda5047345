"""The nouns of compression: Pass, Setting, Compressed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call
from workbench.core.config import Chosen
from workbench.core.errors import ConfigError

if TYPE_CHECKING:
    from workbench.compression.report import Report


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a model is used: what a pass may calibrate on, fine-tune on and be judged by."""

    data: Any
    """a data set"""
    example: Batch
    """a few examples, on the model's device"""
    metric: Callable[[nn.Module], float]
    """figure on the test split"""
    metric_name: str
    higher: bool = True
    """whether larger figures are better"""
    finetune: Callable[[nn.Module, int], None] | None = None
    """(model, steps): trains it in place by the objective of the task; None where nothing says what to optimise"""
    call: Call | None = None


class Pass(Chosen, ABC):
    """One way to make a model smaller or faster."""

    # The first field may be given by position, as in ``Prune(0.5)``.
    if not TYPE_CHECKING:

        def __init__(self, *first: Any, **values: Any) -> None:
            fields = [name for name in type(self).model_fields if name not in values]
            if len(first) > min(1, len(fields)):
                takes = f"one value by position ({fields[0]}), the rest by name" if fields else "no value"
                raise ConfigError(f"{type(self).__name__} takes {takes}.")
            super().__init__(**(dict(zip(fields, first, strict=False)) | values))

    @abstractmethod
    def apply(self, model: nn.Module, setting: Setting) -> tuple[nn.Module, tuple[str, ...]]:
        """Compress a model that may be changed in place (it is a copy).

        Returns:
            The compressed module, and sentences on what was left alone, by module name.

        Raises:
            ModelError: Nothing in the model can be compressed by this pass.
        """


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Compressed:
    """A compressed model with the evidence; the model it came from is untouched."""

    model: nn.Module
    """a live torch module: it can be called, tapped and differentiated"""
    deployed: Callable[..., Tensor]
    """the fast callable: tensors in, scores out; no gradient"""
    report: "Report"
    passes: tuple[Pass, ...]

    @property
    def cited(self) -> tuple[Pass, ...]:
        """What ``wb.cite`` cites."""
        return self.passes

    def __repr__(self) -> str:
        return str(self.report)

    def _repr_html_(self) -> str:
        return self.report.to_html()
