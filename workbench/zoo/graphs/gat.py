"""A graph attention network: every node decides for itself which neighbours to listen to.

Veličković et al. 2018 with the scoring of Brody, Alon and Yahav 2022, equation 7, in which the ranking of the
neighbours may differ from node to node,

    e(i, j) = aᵀ LeakyReLU(W [h_i ‖ h_j]),    w_ij = softmax_j e(i, j),    h_i' = elu(Σ_j w_ij W h_j),

with several heads side by side, concatenated in the hidden layers and averaged in the last. The layers are PyG's own
``GATv2Conv``. The first paper's scoring, LeakyReLU(aᵀ W [h_i ‖ h_j]), ranks the neighbours in the same order for every
node, which the second proves in theorem 1. Departure: dropout is 0 unless it is asked for.
"""

from typing import Self

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.core.config import Config
from workbench.core.entry import Claim, Paper
from workbench.core.optional import need
from workbench.train.settings import AdamW, Settings
from workbench.zoo._entry import Architecture, Recipe


class GatConfig(Config):
    """Settings of the network."""

    features: int = Field(default=20, ge=1, le=100_000, json_schema_extra={"data": "features"})
    """numbers that a node brings"""
    classes: int = Field(default=10, ge=2, le=100_000, json_schema_extra={"data": "classes"})
    """different answers"""
    hidden: int = Field(default=64, ge=1, le=4096)
    """numbers per node in a hidden layer, all heads together"""
    heads: int = Field(default=4, ge=1, le=64)
    """patterns of attention in every layer"""
    layers: int = Field(default=2, ge=1, le=16)
    """how many steps along edges news can travel"""
    slope: float = Field(default=0.2, ge=0, lt=1)
    """of LeakyReLU below zero"""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """share of features and of attention left out while training"""
    own: bool = True
    """let every node listen to itself as well"""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Gat(nn.Module):
    """Layers of attention along edges."""

    def __init__(self, config: GatConfig) -> None:
        super().__init__()
        attention = need("torch_geometric.nn", extra="graphs", purpose="for gat").GATv2Conv
        widths = [config.features, *[config.hidden] * (config.layers - 1)]
        last = len(widths) - 1
        self.dropout = config.dropout
        self.layers = nn.ModuleList(
            attention(
                width,
                config.classes if i == last else config.hidden // config.heads,
                heads=config.heads,
                concat=i != last,
                negative_slope=config.slope,
                dropout=config.dropout,
                add_self_loops=config.own,
            )
            for i, width in enumerate(widths)
        )

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Features (nodes, features) and edges (2, edges) to scores (nodes, classes)."""
        for i, layer in enumerate(self.layers):
            x = F.elu(x) if i else x
            x = layer(F.dropout(x, self.dropout, self.training), edge_index)
        return x


def with_uniform_attention(config: GatConfig) -> nn.Module:
    """The same network in which every neighbour counts alike: a is zero and stays so, hence every e(i, j) too."""
    model = Gat(config)
    for layer in model.layers:
        nn.init.zeros_(layer.get_parameter("att")).requires_grad = False
    return model


ARCHITECTURE = Architecture(
    rows=("GN03",),
    config=GatConfig,
    build=Gat,
    takes=("graph",),
    paper=Paper(
        title="Graph attention networks",
        authors="Veličković, Petar and Cucurull, Guillem and Casanova, Arantxa and Romero, Adriana and Liò, Pietro "
        "and Bengio, Yoshua",
        year=2018,
        venue="International Conference on Learning Representations",
        arxiv="1710.10903",
    ),
    recipe=Recipe(task="dictionary_entries", settings=Settings(optimiser=AdamW(lr=0.01)), steps=400),
    claim=Claim(
        kind="ablation",
        sentence=(
            "In a graph of 200 dictionaries it finds for every word which of ten neighbours has its meaning, also in "
            "dictionaries it has not seen; listening to all neighbours alike does not."
        ),
        metric="accuracy",
        threshold=0.95,
        ablation=with_uniform_attention,
        published="direction",
    ),
    views={"layers.0": "attention", "layers.1": "attention"},
    batch_independent=False,
    tiny={"hidden": 32, "heads": 2},
    as_published={"features": 1433, "classes": 7, "hidden": 64, "heads": 8, "layers": 2, "dropout": 0.6},
)
