"""A deep convolutional generative adversarial network: pictures from noise, learnt from a judge that learns too.

Radford, Metz and Chintala 2016, section 3 and figure 1: strided convolutions instead of pooling, transposed ones in
the generator, batch normalisation in both except at the pictures, relu in the generator with tanh at its end, leaky
relu in the discriminator, initial weights normal with deviation 0.02. With noise z, generator G and the
discriminator's logit D, one step lowers in two phases

    softplus(-D(x)) + softplus(D(G(z)))   and then   softplus(-D(G(z)))   (Goodfellow et al. 2014, section 3).

Both networks are submodules of one module; its forward generates. Departures: sizes follow the pictures, from 8 x 8
on, and the discriminator has dropout.
"""

from itertools import pairwise
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from workbench.core.config import Config
from workbench.core.entry import Claim, Demand, Paper
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.core.optional import need
from workbench.objectives.adversarial import Adversarial
from workbench.train.settings import AdamW, Settings
from workbench.zoo._entry import Architecture, Recipe

_STEP = AdamW(lr=1e-3, beta1=0.5)

PLAN = Adversarial(latent=32, generator_optimiser=_STEP, discriminator_optimiser=_STEP)

_SHOWN = 1000
"""how many pictures are judged"""


class DcganConfig(Config):
    """Settings of both networks."""

    channels: int = Field(default=1, ge=1, le=64, json_schema_extra={"data": "channels"})
    """colours of a picture"""
    height: int = Field(default=8, ge=4, le=1024, json_schema_extra={"data": "height"})
    """rows of a picture"""
    width: int = Field(default=8, ge=4, le=1024, json_schema_extra={"data": "width"})
    """columns of a picture"""
    latent: int = Field(default=32, ge=1, le=4096)
    """numbers of noise that make one picture, the same as in the objective"""
    filters: int = Field(default=32, ge=1, le=512)
    """filters beside the picture; every stage towards the noise has twice as many"""
    stages: int = Field(default=2, ge=1, le=8)
    """how often the picture is halved"""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """share of the discriminator's values left out while training"""
    spread: float = Field(default=0.02, gt=0, le=1)
    """standard deviation of the initial weights"""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        parts = 1 << self.stages
        if self.height % parts or self.width % parts:
            raise ValueError(
                f"height ({self.height}) and width ({self.width}) must be multiples of {parts}, "
                f"which {self.stages} stages halve away"
            )
        return self


class Generator(nn.Sequential):
    """Noise (batch, latent) to pictures (batch, channels, height, width) in [-1, 1]."""

    def __init__(self, config: DcganConfig) -> None:
        """Lay the stages from the noise to the picture.

        Args:
            config: Settings.
        """
        self.latent = config.latent
        widths = [config.filters << stage for stage in reversed(range(config.stages))]
        least = (config.height >> config.stages, config.width >> config.stages)
        layers: list[nn.Module] = [nn.Unflatten(1, (config.latent, 1, 1))]
        layers += [
            nn.ConvTranspose2d(config.latent, widths[0], least, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for a, b in pairwise(widths):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        super().__init__(*layers, nn.ConvTranspose2d(widths[-1], config.channels, 4, 2, 1), nn.Tanh())

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch's own Sequential
        """Pictures.

        Raises:
            DataError: The noise is of another width.
        """
        if input.dim() != 2 or input.shape[1] != self.latent:  # noqa: PLR2004 - (batch, latent)
            raise DataError(
                f"The generator takes noise of shape (batch, {self.latent}); got {tuple(input.shape)}: "
                f"train it with Adversarial(latent={self.latent})."
            )
        return super().forward(input)


def discriminator(config: DcganConfig) -> nn.Sequential:
    """Pictures (batch, channels, height, width) to logits (batch,): real above zero."""
    widths = [config.filters << stage for stage in range(config.stages)]
    least = (config.height >> config.stages, config.width >> config.stages)
    layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    layers.append(nn.Dropout(config.dropout))
    for a, b in pairwise(widths):
        layers += [
            nn.Conv2d(a, b, 4, 2, 1, bias=False),
            nn.BatchNorm2d(b),
            nn.LeakyReLU(0.2),
            nn.Dropout(config.dropout),
        ]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, least), nn.Flatten(0))


class Dcgan(nn.Module):
    """Generator and discriminator; forward generates."""

    def __init__(self, config: DcganConfig, judge: nn.Module | None = None) -> None:
        """Put both networks side by side.

        Args:
            config: Settings.
            judge: In the place of the convolutional discriminator.
        """
        super().__init__()
        self.generator = Generator(config)
        self.discriminator = judge or discriminator(config)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0, config.spread)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (batch, latent) to pictures (batch, channels, height, width)."""
        return self.generator(noise)


def with_a_linear_judge(config: DcganConfig) -> nn.Module:
    """The same generator against a judge without features of its own: one weight a pixel."""
    pixels = config.channels * config.height * config.width
    return Dcgan(config, nn.Sequential(nn.Flatten(), nn.Linear(pixels, 1), nn.Flatten(0)))


def class_score(model: nn.Module, data: Any) -> float:
    """How surely and how evenly a classifier sees classes in generated pictures, from 1 to the number of classes.

    exp of the mean of KL(p(y|x) ‖ p(y)): Salimans et al. 2016, section 4, with a logistic regression on the data set
    in the place of the Inception network.
    """
    return _class_score(_generated(model), data)


def coverage(model: nn.Module, data: Any) -> float:
    """Share of held-out pictures that have a generated one nearer than their fifth held-out neighbour.

    The coverage of Naeem et al. 2020, arXiv:2002.09797, on pixels.
    """
    return _coverage(_generated(model), data)


def _generated(model: nn.Module) -> Tensor:
    with look(), evaluating(model), torch.no_grad():
        return PLAN.sample(model, _SHOWN, seed=0).cpu()


def _class_score(pictures: Tensor, data: Any) -> float:
    linear = need("sklearn.linear_model", extra="data", purpose="to judge pictures")
    train = data.batch("train", torch.arange(data.size("train")))
    judge = linear.LogisticRegression(max_iter=2000).fit(train.inputs[0].flatten(1), train.target)
    chances = torch.tensor(judge.predict_proba(pictures.flatten(1))).clamp(min=1e-9)
    return float((chances * (chances.log() - chances.mean(0).log())).sum(1).mean().exp())


def _coverage(pictures: Tensor, data: Any, neighbours: int = 5) -> float:
    real = data.batch("test", torch.arange(data.size("test"))).inputs[0].flatten(1)
    reach = torch.cdist(real, real).kthvalue(neighbours + 1, dim=1).values
    return float((torch.cdist(real, pictures.flatten(1)).amin(1) < reach).double().mean())


def _rivals(data: Any) -> dict[str, float]:
    """Class scores of what can be had without a network, and of the data itself."""
    train = data.batch("train", torch.arange(data.size("train"))).inputs[0]
    rows, source = train.flatten(1), torch.Generator().manual_seed(0)
    noise = torch.randn(_SHOWN, rows.shape[1], generator=source)
    values, basis = torch.linalg.eigh(rows.T.cov())
    gaussian = (rows.mean(0) + noise * values.clamp(min=0).sqrt() @ basis.T).clamp(-1, 1)
    copies = rows[torch.randint(len(rows), (_SHOWN,), generator=source)] + 0.15 * noise
    held_out = data.batch("test", torch.arange(data.size("test"))).inputs[0]
    return {
        "one Gaussian": _class_score(gaussian, data),
        "training pictures with noise": _class_score(copies.clamp(-1, 1), data),
        "held-out pictures": _class_score(held_out, data),
    }


def _noise(config: DcganConfig, count: int) -> tuple[Tensor, ...]:
    return (torch.randn(count, config.latent),)


ARCHITECTURE = Architecture(
    rows=("GA02",),
    config=DcganConfig,
    build=Dcgan,
    takes=("image",),
    paper=Paper(
        title="Unsupervised representation learning with deep convolutional generative adversarial networks",
        authors="Radford, Alec and Metz, Luke and Chintala, Soumith",
        year=2016,
        venue="International Conference on Learning Representations",
        arxiv="1511.06434",
    ),
    recipe=Recipe(task="digits_classes", plan=PLAN, settings=Settings(), steps=2000),
    claim=Claim(
        kind="ablation",
        sentence=(
            "Makes 8 x 8 digits that a classifier tells apart (class score 5.5 of 10; one Gaussian has 4.1) and that "
            "cover two thirds of the held-out ones; against a linear judge the same generator makes none."
        ),
        metric="class score",
        measure=class_score,
        rivals=_rivals,
        threshold=5.5,
        ablation=with_a_linear_judge,
        also=(Demand(metric="coverage", measure=coverage, threshold=0.67),),
        published="direction",
    ),
    views={"generator.1": "feature maps", "discriminator.0": "feature maps"},
    examples=_noise,
    tiny={"filters": 8},
    as_published={"channels": 3, "height": 64, "width": 64, "latent": 100, "filters": 128, "stages": 4, "dropout": 0.0},
)
