"""The curves of a run as a plotly figure."""

from typing import TYPE_CHECKING

from workbench.core.optional import need
from workbench.train.history import History

if TYPE_CHECKING:
    import plotly.graph_objects as go


def curves(history: History) -> "go.Figure":
    """One line for every figure of every phase.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = need("plotly.graph_objects", extra="plots", purpose="to plot a run")
    figure = go.Figure()
    for phase in history.phases():
        for name in history.names(phase):
            steps, values = history.column(phase, name)
            figure.add_trace(go.Scatter(x=steps, y=values, mode="lines", name=f"{phase} {name}"))
    figure.update_layout(xaxis_title="step", template="plotly_white")
    return figure
