"""Non-saturating generative adversarial training: Goodfellow et al. 2014, arXiv:1406.2661, section 3.

Two phases over two submodules of one model. The generator maximises log D(G(z)) instead of minimising
log(1 - D(G(z))), as the paper advises at the end of section 3. Both losses are written on the logit.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from workbench.core import seeds
from workbench.core.batch import Batch
from workbench.core.calling import Call, scores
from workbench.core.device import of as device_of
from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.train.contract import Losses, Objective, Phase
from workbench.train.settings import AdamW


class Adversarial(Objective):
    """A generator against a discriminator."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Generative adversarial nets",
            authors="Goodfellow, Ian and Pouget-Abadie, Jean and others",
            year=2014,
            venue="Advances in Neural Information Processing Systems 27",
            arxiv="1406.2661",
        ),
    )

    latent: int = Field(default=64, ge=1, le=4096)
    """numbers of noise that make one example"""
    generator: str = "generator"
    """path of the submodule that turns noise (batch, latent) into examples"""
    discriminator: str = "discriminator"
    """path of the submodule that turns examples into one logit each: real above zero"""
    generator_optimiser: AdamW = AdamW(lr=2e-4, beta1=0.5)
    """how the generator moves"""
    discriminator_optimiser: AdamW = AdamW(lr=2e-4, beta1=0.5)
    """how the discriminator moves"""

    def phases(self, call: Call | None = None) -> Sequence[Phase]:
        """The discriminator first, then the generator; ``call`` calls either submodule."""

        def run(module: nn.Module, inputs: Tensor) -> Tensor:
            return scores(module(inputs) if call is None else call(module, (inputs,)))

        def critic(model: nn.Module, batch: Batch) -> Losses:
            real = _examples(batch)
            judge = model.get_submodule(self.discriminator)
            with torch.no_grad():
                fake = run(model.get_submodule(self.generator), self._noise(len(real), real.device))
            on_real, on_fake = run(judge, real), run(judge, fake)
            loss = softplus(-on_real).mean() + softplus(on_fake).mean()
            return loss, {"real": on_real.detach().sigmoid().mean(), "fake": on_fake.detach().sigmoid().mean()}

        def fool(model: nn.Module, batch: Batch) -> Losses:
            noise = self._noise(len(batch), _examples(batch).device)
            judged = run(model.get_submodule(self.discriminator), run(model.get_submodule(self.generator), noise))
            return softplus(-judged).mean(), {}

        return (
            Phase("discriminator", critic, self.discriminator, self.discriminator_optimiser),
            Phase("generator", fool, self.generator, self.generator_optimiser),
        )

    def measure(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Mapping[str, Tensor | float]:
        """Both losses, and how often the discriminator is right."""
        (critic_loss, figures), (fool_loss, _) = (phase.loss(model, batch) for phase in self.phases(call))
        return {"discriminator_loss": critic_loss, "generator_loss": fool_loss, **figures}

    def predict(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Tensor:
        """The discriminator's logit for each example, of shape (batch, 1): real is above zero."""
        judge, examples = model.get_submodule(self.discriminator), _examples(batch)
        return scores(judge(examples) if call is None else call(judge, (examples,))).reshape(len(examples), 1)

    def sample(self, model: nn.Module, count: int, *, seed: int = 0) -> Tensor:
        """Examples made by the generator from noise that follows from the seed."""
        noise = torch.randn(count, self.latent, generator=seeds.generator(seed)).to(device_of(model))
        return scores(model.get_submodule(self.generator)(noise))

    def _noise(self, count: int, device: torch.device) -> Tensor:
        return torch.randn(count, self.latent, device=device)


def _examples(batch: Batch) -> Tensor:
    values = list(batch.inputs.values()) if isinstance(batch.inputs, Mapping) else list(batch.inputs)
    if len(values) != 1 or not isinstance(values[0], Tensor):
        raise DataError(f"Adversarial training takes data with one input tensor; this batch has {len(values)} inputs.")
    return values[0]
