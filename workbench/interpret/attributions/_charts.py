# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# (plotly carries no complete types)
"""Charts of contributions as plotly figures to keep: one example (waterfall, force), all of them (the others)."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.interpret.attributions._ranked import importance, partner, swarm

if TYPE_CHECKING:
    from workbench.interpret.attributions._outcome import Explanation

FOR, AGAINST = "#c25e00", "#2846be"
MOST = 12
"""columns that are shown; the others are added up"""
_SCALE = [[0.0, AGAINST], [0.5, "#b9b9c6"], [1.0, FOR]]

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Charts:
    """Figures of an explanation whose scores add up."""

    found: "Explanation"

    def waterfall(self, example: int = 0, *, most: int = MOST) -> Any:
        """From the mean score to that of one example, a step for each column.

        Raises:
            DataError: There is no such example, or the scores are no contributions.
            MissingExtraError: plotly is not installed.
        """
        go, steps = _plotly(), self.steps(example, most)
        base = float(self._scores()[1][example])
        drawn = go.Waterfall(
            orientation="h",
            y=[escape(label) for label, _ in steps],
            x=[value for _, value in steps],
            base=base,
            text=[f"{value:+.3g}" for _, value in steps],
            increasing={"marker": {"color": FOR}},
            decreasing={"marker": {"color": AGAINST}},
        )
        end = base + sum(value for _, value in steps)
        figure = _titled(go.Figure(drawn), f"from {base:.4g} to {end:.4g}", "score")
        return figure.update_layout(height=max(300, 140 + 28 * len(steps)))

    def force(self, example: int = 0, *, most: int = MOST) -> Any:
        """What pushes a score up, and what pushes it down, as one bar."""
        go, steps = _plotly(), self.steps(example, most)
        figure = go.Figure()
        end = float(self._scores()[1][example]) + sum(value for _, value in steps)
        for sign, ink in ((1, FOR), (-1, AGAINST)):
            place = end
            for label, value in sorted(steps, key=lambda step: -abs(step[1])):
                if value * sign > 0:
                    figure.add_bar(
                        x=[-value], base=place, y=[""], orientation="h", marker_color=ink, name=escape(label),
                        text=escape(label), hovertext=f"{escape(label)}: {value:+.3g}", showlegend=False,
                    )  # fmt: skip
                    place -= value
        figure.update_layout(barmode="overlay", height=180)
        return _titled(figure, f"the score {end:.4g}", "score")

    def beeswarm(self, *, most: int = MOST) -> Any:
        """A point for every example and column: how much it adds, coloured by the column's value."""
        go = _plotly()
        scores, _ = self._scores()
        order = importance(scores)[:most][::-1]
        figure, names, values = go.Figure(), self.names(), self._values()
        for place, column in enumerate(order):
            added = scores[:, column]
            colour: Any = FOR if values is None else _ranks(values[:, column])
            figure.add_scatter(
                x=added,
                y=place + 0.35 * swarm(added),
                mode="markers",
                name=escape(names[column]),
                marker={"size": 6, "color": colour, "colorscale": _SCALE, "cmin": 0, "cmax": 1},
                showlegend=False,
                customdata=np.arange(len(scores)),
                hovertemplate="example %{customdata}: %{x:+.3g}",
            )
        figure.update_yaxes(tickvals=list(range(len(order))), ticktext=[escape(names[c]) for c in order])
        return _titled(figure, "what each column adds, in every example", "added to the score")

    def bar(self, *, most: int = MOST) -> Any:
        """The mean size of the scores of each column."""
        go = _plotly()
        scores, _ = self._scores()
        order, names = importance(scores)[:most][::-1], self.names()
        sizes = np.abs(scores).mean(0)[order]
        drawn = go.Bar(x=sizes, y=[escape(names[c]) for c in order], orientation="h", marker_color=FOR)
        return _titled(go.Figure(drawn), "how much each column adds, in the mean over the examples", "mean |added|")

    def scatter(self, column: int, *, colour: int | None = None) -> Any:
        """What a column adds against its value; the colour is the column with which that changes most.

        Args:
            column: Its position.
            colour: Position of the column that colours; found when not given.

        Raises:
            DataError: There is no such column, or nothing is known of its values.
        """
        go = _plotly()
        scores, _ = self._scores()
        values, names = self._values(), self.names()
        if values is None or not 0 <= column < scores.shape[1]:
            raise DataError(f"There is no column {column} with values: there are {scores.shape[1]}, numbered from 0.")
        other = partner(scores, values, column) if colour is None else colour
        marker: dict[str, Any] = {"size": 7, "color": FOR}
        if other is not None:
            title = {"text": escape(names[other])}
            marker |= {"color": values[:, other], "colorscale": _SCALE, "colorbar": {"title": title}}
        drawn = go.Scatter(x=values[:, column], y=scores[:, column], mode="markers", marker=marker)
        figure = _titled(go.Figure(drawn), f"what {names[column]} adds", escape(names[column]))
        return figure.update_yaxes(title="added to the score")

    def decision(self, *, most: int = MOST) -> Any:
        """The way of every example from the mean score to its own, column by column, the least important first."""
        go = _plotly()
        scores, base = self._scores()
        order, names = importance(scores)[:most][::-1], self.names()
        rest = scores.sum(1) - scores[:, order].sum(1)
        ways = np.cumsum(np.concatenate([(base + rest)[:, None], scores[:, order]], 1), 1)
        figure = go.Figure()
        for i, way in enumerate(ways):
            figure.add_scatter(x=way, y=list(range(len(way))), mode="lines", name=f"example {i}", line={"width": 1})
        figure.update_yaxes(tickvals=list(range(1, len(order) + 1)), ticktext=[escape(names[c]) for c in order])
        figure.update_layout(showlegend=False)
        return _titled(figure, "how each score comes about", "score")

    def steps(self, example: int, most: int = MOST) -> list[tuple[str, float]]:
        """What each column adds in one example, the least first; what is beyond ``most`` is added up.

        Raises:
            DataError: There is no such example.
        """
        scores, _ = self._scores()
        if not 0 <= example < len(scores):
            raise DataError(f"There is no example {example}: {len(scores)} were explained, numbered from 0.")
        row, names, values = scores[example], self.names(), self._values()
        order = np.argsort(-np.abs(row), kind="stable")
        labels = [f"{names[c]} = {values[example, c]:.4g}" if values is not None else names[c] for c in order[:most]]
        steps = [(label, float(row[c])) for label, c in zip(labels, order[:most], strict=True)]
        if len(order) > most:
            steps.append((f"{len(order) - most} others", float(row[order[most:]].sum())))
        return steps[::-1]

    def names(self) -> list[str]:
        """Of the columns."""
        name, part = next(iter(self.found.parts.items()))
        count = part[0].numel()
        return list(self.found.names) if len(self.found.names) == count else [f"{name} {i}" for i in range(count)]

    def _scores(self) -> tuple[Figures, Figures]:
        """(examples, columns) scores and (examples,) what they are added to."""
        if self.found.unit != "contribution" or len(self.found.parts) != 1:
            raise DataError(
                f"These charts add scores of one input up, and {self.found.method} gives {self.found.units} for "
                f"{len(self.found.parts)}."
            )
        part = next(iter(self.found.parts.values()))
        if len(part) != len(self.found.difference):
            part = part[None]
        return part.flatten(1).double().numpy(), self.found.base.double().numpy()

    def _values(self) -> Figures | None:
        name = next(iter(self.found.parts))
        given = self.found.features.get(name)
        scores, _ = self._scores()
        known = given is not None and given.is_floating_point() and given.numel() == scores.size
        return given.reshape(scores.shape).double().numpy() if known and given is not None else None


def _ranks(values: Figures) -> Figures:
    """Each value's share among all, 0 .. 1: outliers do not use up the colours."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(1, len(values) - 1)


def _plotly() -> Any:
    return need("plotly.graph_objects", extra="plots", purpose="to draw an explanation")


def _titled(figure: Any, title: str, axis: str) -> Any:
    figure.update_layout(title=escape(title), template="plotly_white", margin={"l": 10, "r": 10})
    return figure.update_xaxes(title=axis)
