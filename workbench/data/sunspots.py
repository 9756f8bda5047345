"""Sunspots counted every year from 1700 to 2008, shipped in statsmodels."""

import csv

import torch

from workbench.data._arrays import Arrays
from workbench.data._forecast import forecast
from workbench.data._packages import PyPI
from workbench.data.contract import Card

CARD = Card(
    title="Sunspots counted every year from 1700 to 2008",
    source="National Geophysical Data Center, NOAA",
    licence="public domain",
    package="statsmodels (PyPI)",
    caution="Standardised by the years that train; one cycle is about eleven years.",
)


def load(length: int = 33, horizon: int = 1) -> Arrays:
    """Windows of past years and the years that followed; the oldest years train, the newest test.

    Args:
        length: Years of the past in a window; three cycles by default.
        horizon: Years to predict.
    """
    folder = PyPI("statsmodels", "statsmodels").folder("sunspots", "datasets/sunspots")
    with (folder / "sunspots.csv").open(newline="") as file:
        values = [float(row["SUNACTIVITY"]) for row in csv.DictReader(file)]
    return forecast(
        name="sunspots",
        card=CARD,
        variable="sunspots",
        values=torch.tensor(values, dtype=torch.float32),
        length=length,
        horizon=horizon,
    )
