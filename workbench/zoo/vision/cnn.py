"""A convolutional network: the same small filters at every place of a picture, then coarser pictures.

LeCun et al. 1998, section II: a unit sees only a neighbourhood, its weights are shared by all places, and pooling
makes what follows indifferent to small shifts,

    y[k, i, j] = relu(BatchNorm(Σ_{c, u, v} w[k, c, u, v] · x[c, i + u, j + v])).

Departures from LeNet-5: batch normalisation (Ioffe and Szegedy 2015), relu, maxima instead of means, dropout, and one
linear read-out instead of three dense layers.
"""

from itertools import pairwise
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.config import Config
from workbench.core.entry import Claim, Paper
from workbench.train.settings import AdamW, Settings
from workbench.zoo._entry import Architecture, Recipe


class CnnConfig(Config):
    """Settings of the network."""

    channels: int = Field(default=1, ge=1, le=256, json_schema_extra={"data": "channels"})
    """colours of a picture"""
    height: int = Field(default=28, ge=2, le=512, json_schema_extra={"data": "height"})
    """rows of a picture"""
    width: int = Field(default=28, ge=2, le=512, json_schema_extra={"data": "width"})
    """columns of a picture"""
    classes: int = Field(default=10, ge=2, le=100_000, json_schema_extra={"data": "classes"})
    """different answers"""
    filters: int = Field(default=16, ge=1, le=512)
    """filters of the first stage; every stage has twice as many as the one before"""
    stages: int = Field(default=3, ge=1, le=6)
    """convolutions, each followed by pooling that halves the picture"""
    kernel: int = Field(default=3, ge=1, le=9)
    """edge of a filter in pixels, an odd number"""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """share of the read-out's inputs left out while training"""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that a filter has a centre; got {self.kernel}")
        if min(self.height, self.width) >> self.stages < 1:
            raise ValueError(
                f"{self.stages} stages halve a picture of {self.height} x {self.width} away: use fewer stages"
            )
        return self


def build(config: CnnConfig) -> nn.Sequential:
    """Pictures (batch, channels, height, width) to scores (batch, classes)."""
    widths = [config.channels, *(config.filters << stage for stage in range(config.stages))]
    features = nn.Sequential(*(_stage(a, b, config.kernel) for a, b in pairwise(widths)))
    left = (config.height >> config.stages) * (config.width >> config.stages)
    head = nn.Sequential(nn.Flatten(), nn.Dropout(config.dropout), nn.Linear(widths[-1] * left, config.classes))
    return nn.Sequential(features, head)


def _stage(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2))


class Scrambled(nn.Module):
    """Moves every pixel to a fixed random place."""

    order: Tensor

    def __init__(self, pixels: int) -> None:
        super().__init__()
        order = torch.randperm(pixels, generator=seeds.generator(0, pixels), device="cpu")
        self.register_buffer("order", order)

    def forward(self, picture: Tensor) -> Tensor:
        """Pictures (batch, channels, height, width) to the same shape."""
        return picture.flatten(2).index_select(2, self.order).view_as(picture)


def without_neighbours(config: CnnConfig) -> nn.Module:
    """The same network on pixels in a fixed random order: what was beside a pixel no longer is."""
    return nn.Sequential(Scrambled(config.height * config.width), *build(config))


ARCHITECTURE = Architecture(
    rows=("CV01",),
    config=CnnConfig,
    build=build,
    takes=("image",),
    paper=Paper(
        title="Gradient-based learning applied to document recognition",
        authors="LeCun, Yann and Bottou, Léon and Bengio, Yoshua and Haffner, Patrick",
        year=1998,
        venue="Proceedings of the IEEE 86(11)",
        doi="10.1109/5.726791",
    ),
    recipe=Recipe(
        task="fashion_classes",
        settings=Settings(optimiser=AdamW(lr=2e-3, weight_decay=0.01), schedule="cosine"),
        epochs=8,
    ),
    claim=Claim(
        kind="beats",
        sentence=(
            "Trained on 10,000 pictures of Fashion-MNIST it beats an RBF-SVM by one point of accuracy; "
            "on pixels in a fixed random order the same network does not."
        ),
        metric="accuracy",
        threshold=0.875,
        margin=0.01,
        ablation=without_neighbours,
    ),
    views={"0.0": "feature maps", "0.1": "feature maps", "0.2": "feature maps"},
    tiny={"filters": 4, "stages": 2},
    as_published={"height": 32, "width": 32, "filters": 6, "stages": 2, "kernel": 5, "dropout": 0.0},
)
