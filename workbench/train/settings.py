"""What a person can turn about a run: the part every driver honours, and the ordinary loop's own."""

from typing import ClassVar, Literal

from pydantic import Field, SerializeAsAny

from workbench.core.config import Chosen, Config
from workbench.core.entry import Paper


class RunSettings(Config):
    """What every driver honours."""

    checkpoint_seconds: float = Field(default=10.0, gt=0)
    """seconds between checkpoints, each taken at the first exact boundary after"""
    keep_checkpoints: int = Field(default=2, ge=1, le=1000)
    """how many checkpoints stay on disk"""


class Optimiser(Chosen):
    """How parameters move; one of ``AdamW``, ``SGD``, ``Muon``."""

    lr: float = Field(default=1e-3, gt=0, le=100)
    """length of a step"""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """pull of every weight towards zero"""


class AdamW(Optimiser):
    """Adam with decoupled weight decay: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Decoupled weight decay regularization",
            authors="Loshchilov, Ilya and Hutter, Frank",
            year=2019,
            venue="International Conference on Learning Representations",
            arxiv="1711.05101",
        ),
    )

    beta1: float = Field(default=0.9, ge=0, lt=1)
    """memory of the mean gradient"""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """memory of the squared gradient"""
    fused: bool = True
    """one kernel for all parameters: faster, and not bit-equal to the unfused form"""


class SGD(Optimiser):
    """Stochastic gradient descent with Nesterov momentum where momentum is above zero."""

    lr: float = Field(default=0.1, gt=0, le=100)
    """length of a step"""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """memory of past steps"""


class Muon(Optimiser):
    """Orthogonalised momentum for matrices, AdamW for the rest: Jordan et al. 2024, as in ``torch.optim.Muon``."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Muon: an optimizer for hidden layers in neural networks",
            authors="Jordan, Keller and others",
            year=2024,
        ),
    )

    lr: float = Field(default=0.02, gt=0, le=100)
    """length of a step for matrices"""
    momentum: float = Field(default=0.95, ge=0, lt=1)
    """memory of past steps"""
    others: AdamW = AdamW()
    """how embeddings, gains, biases and convolutions move"""


class Settings(RunSettings):
    """What the ordinary loop honours."""

    batch_size: int = Field(default=64, ge=1)
    """examples in one batch"""
    optimiser: SerializeAsAny[Optimiser] = AdamW()
    """for phases that do not bring their own"""
    warmup: int = Field(default=0, ge=0)
    """steps over which the step length rises from zero"""
    schedule: Literal["constant", "cosine"] = "constant"
    """how the step length changes after the warmup; cosine ends at zero"""
    accumulate: int = Field(default=1, ge=1)
    """batches whose gradients make one step"""
    clip: float | None = Field(default=None, gt=0)
    """largest norm of a phase's gradient"""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """arithmetic of the forward pass; float16 scales the loss"""
    checkpoint_activations: bool = False
    """recompute activations in the backward pass where the model offers it: less memory, more time"""
    ema: float | None = Field(default=None, gt=0, lt=1)
    """keep an exponential moving average of the weights with this decay, read as ``run.ema``"""
    patience: int | None = Field(default=None, ge=1)
    """stop after so many validations without a smaller first figure (the loss, for our objectives)"""
    validate_every: int | None = Field(default=None, ge=1)
    """steps between validations; when not given, the ends of epochs, at most a hundred in a run"""
