"""TorchAttention: the attention that torch itself offers: a kernel, a multi-head function, fused encoder layers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.taps.fused import FusedCall
from workbench.taps.gating import gated
from workbench.taps.kernels import attention_weights, packed_attention, unseen
from workbench.taps.libraries import Frame, framed, multi_head_with, sdpa_frame
from workbench.taps.naming import unwrapped
from workbench.taps.records import Computed
from workbench.taps.windowing import windows

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap


class TorchAttention:
    """Has torch compute its attention, and records the weights in a tap."""

    def __init__(self, tap: "AttentionTap") -> None:
        self._tap = tap

    def scaled_dot_product(self, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """The model's own kernel, with its weights recorded."""
        tap = self._tap
        output = function(*args, **kwargs)
        frame = tap.frame or sdpa_frame(tap)
        wanted = tap.wanted(frame.module) and not frame.done if frame else tap.wanted()
        if not wanted:
            return output
        with framed(tap, frame):
            return self._shadowed(output, *args, **kwargs)

    def _shadowed(self, output: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        tap = self._tap
        query, key, value, mask, dropout, causal, scale = _sdpa_arguments(*args, **kwargs)

        def compute() -> Computed:
            weights = attention_weights(query, key, mask, causal=causal, scale=scale)
            return Computed(weights, value, None if dropout else output)

        size = query.numel() // query.size(-1) * key.size(-2)
        layout = windows() if query.dim() > 3 else None  # noqa: PLR2004 - (batch * windows, heads, ...)
        factors = tap.record("sdpa", size, compute, layout=layout)
        return output if factors is None else gated(output, factors, -3, tap.records[-1].module)

    def multi_head(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``F.multi_head_attention_forward``, whose body runs with the mode off."""
        tap = self._tap
        if not tap.wanted():
            return function(*args, **kwargs)
        asked = bool(kwargs.get("need_weights", args[15] if len(args) > 15 else True))  # noqa: PLR2004 - its sixteenth argument
        if asked and tap.gate is None:
            own, weights, error = packed_attention(function, args, kwargs)
            tap.record("mha", weights.numel(), lambda: Computed(weights, error=error))
            return own
        silent = {**kwargs, "need_weights": False} if len(args) <= 15 else kwargs  # noqa: PLR2004 - as above
        with multi_head_with(function, self.scaled_dot_product) as telling:
            output = telling(*args, **silent)
        return (output[0], function(*args, **kwargs)[1]) if asked else output

    def fused(self, call: FusedCall, output: Any) -> None:
        """A module has ended that used a fused kernel.

        Args:
            call: Of the kernel.
            output: What the module gives out.
        """
        tap = self._tap
        name = tap.named(unwrapped(call.owner))
        if name is None:
            return
        with unseen():
            batch, heads, count = call.size
        frame = Frame(name, "mha", batch, heads, count, call.owner, near=False)
        with framed(tap, frame):
            tap.record("mha", batch * heads * count * count, lambda: call.shadowed(output))


def _sdpa_arguments(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,  # noqa: FBT001, FBT002 - torch's own signature
    *,
    scale: float | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, float, bool, float | None]:
    return query, key, value, attn_mask, dropout_p, bool(is_causal), scale
