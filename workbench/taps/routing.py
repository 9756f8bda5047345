"""Routing: the torch calls of the thread, each to the part of an ``AttentionTap`` that understands it."""

from typing import TYPE_CHECKING, Any

from torch.overrides import TorchFunctionMode

from workbench.taps.products import BEGINNINGS, MATMUL

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap


class Routing(TorchFunctionMode):
    """Routes torch calls to an ``AttentionTap``; they run with the mode off."""

    def __init__(self, tap: "AttentionTap") -> None:
        super().__init__()
        self.tap = tap

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        name = getattr(func, "__name__", "").split(".")[0]  # overloads are called "softmax.int"
        if name == "scaled_dot_product_attention":
            return self.tap.of_torch.scaled_dot_product(func, *args, **named)
        if name == "multi_head_attention_forward":
            return self.tap.of_torch.multi_head(func, args, named)
        if (name not in BEGINNINGS and self.tap.written.idle) or (name == "__get__" and not self.tap.written.follows):
            return func(*args, **named)
        if name in MATMUL and self.tap.written.follows:
            return self.tap.written.product(func, name, args, named)
        return self.tap.written.other(func, name, args, named)
