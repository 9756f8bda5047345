# pyright: reportUnknownVariableType=false
"""An explanation as a plotly figure."""

from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.core.errors import DataError
from workbench.core.optional import need

if TYPE_CHECKING:
    from workbench.interpret.attributions._outcome import Explanation

MOST_BARS = 30


def figure(found: "Explanation", example: int) -> Any:
    """Bars of the strongest scores, or a map for a picture or a graph's features."""
    go = need("plotly.graph_objects", extra="plots", purpose="to draw an explanation")
    count = len(found.difference)
    if not 0 <= example < count:
        raise DataError(f"There is no example {example}: {count} were explained, numbered from 0.")
    traces = [_trace(go, name, _of(part, example, count)) for name, part in found.parts.items()]
    label = found.targets[example] if example < len(found.targets) else ""
    drawn = go.Figure(traces[0] if len(traces) == 1 else [t for t in traces if t.type == "bar"] or traces[:1])
    drawn.update_layout(title={"text": f"{found.method}: {found.target} {label}", "subtitle": {"text": found.doubt}})
    return drawn


def _of(part: Tensor, example: int, count: int) -> Tensor:
    return part.float() if count == 1 and len(part) != 1 else part[example].float()


def _trace(go: Any, name: str, scores: Tensor) -> Any:
    if scores.dim() > 1:
        plane = scores.sum(0) if scores.dim() == 3 else scores  # noqa: PLR2004 - (channels, height, width)
        top = float(plane.abs().max()) or 1.0
        return go.Heatmap(z=plane.numpy()[::-1], zmin=-top, zmax=top, colorscale="RdBu_r", name=name)
    flat = scores.reshape(-1)
    order = flat.abs().argsort(descending=True)[:MOST_BARS].flip(0)
    return go.Bar(x=flat[order].numpy(), y=[f"{name} {int(i)}" for i in order], orientation="h", name=name)
