"""Networks that are not of transformers: ordinary ones, our own, PyG's, and three with trained weights."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import workbench as wb

Built = tuple[nn.Module, Any, dict[str, Any]]


class Functional(nn.Module):
    """A nonlinearity that is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, 4) to (rows, 2)."""
        return self.last(F.relu(self.first(x)))


class Reused(nn.Module):
    """One nonlinearity used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last, self.act = nn.Linear(4, 16), nn.Linear(16, 16), nn.Linear(16, 2), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(rows, 4) to (rows, 2)."""
        return self.last(self.act(self.middle(self.act(self.first(x)))))


class Encoder(nn.Module):
    """A layer of a transformer over single tokens of four numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.last = nn.TransformerEncoderLayer(4, 2, 16, dropout=0.0, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, 4) to (rows, 2)."""
        return self.last(self.body(x[:, None])[:, 0])


FIVE_CLASSES: dict[str, Callable[[], nn.Module]] = {
    "functional relu": Functional,
    "one relu reused": Reused,
    "separate relus": lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)),
    "layer norm and gelu": lambda: nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 2)),
    "transformer layer": Encoder,
}


class Recurrent(nn.Module):
    """An LSTM or GRU over a series, read at its end."""

    def __init__(self, kind: type[nn.RNNBase], channels: int, classes: int) -> None:
        super().__init__()
        self.body, self.last = kind(channels, 24, batch_first=True), nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, time, channels) to (rows, classes)."""
        return self.last(self.body(x)[0][:, -1])


class Convolved(nn.Module):
    """A convolution in time, read by its mean."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(channels, 16, 5), nn.ReLU(), nn.Conv1d(16, 16, 5), nn.ReLU())
        self.last = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, time, channels) to (rows, classes)."""
        return self.last(self.body(x.transpose(1, 2)).mean(-1))


class OnGraph(nn.Module):
    """Two convolutions of PyG over one graph."""

    def __init__(self, kind: str, features: int, classes: int) -> None:
        super().__init__()
        from torch_geometric import nn as layers

        def layer(inputs: int, outputs: int) -> nn.Module:
            made: Any = getattr(layers, kind)
            return made(nn.Linear(inputs, outputs)) if kind == "GINConv" else made(inputs, outputs)

        self.first, self.last = layer(features, 16), layer(16, classes)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Features (nodes, features) and edges (2, edges) to scores (nodes, classes)."""
        return self.last(F.elu(self.first(x, edge_index)), edge_index)


def trained(model: nn.Module, data: str, steps: int = 150) -> Built:
    """A network after some steps on real rows, four of which are explained."""
    batch = wb.data.load(data).sample_batch(128, "train")
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(model(*batch.inputs), batch.target).backward()
        optimiser.step()
    return model.eval(), tuple(v[:4] for v in batch.inputs), {}


def on_graph(model: nn.Module) -> Built:
    """A network on the karate club, of which the last node is explained."""
    batch = wb.data.load("karate_club").sample_batch(34)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(50):
        optimiser.zero_grad()
        F.cross_entropy(model(**batch.inputs), batch.target).backward()
        optimiser.step()
    return model.eval(), dict(batch.inputs), {"target": lambda output: output[33:, 0]}


def minilm() -> Built:
    """A sentence encoder with its own weights."""
    model, tokenizer = wb.load("minilm")
    return model, dict(tokenizer(SENTENCES, padding=True, return_tensors="pt")), {}


def smollm2() -> Built:
    """A language model with its own weights."""
    model, tokenizer = wb.load("smollm2")
    return (
        model,
        dict(
            tokenizer(["After a long day in Berlin, I remembered that the capital of France is"], return_tensors="pt")
        ),
        {},
    )


def efficientnet() -> Built:
    """A classifier of pictures with its own weights."""
    from recipes import scene

    model, _ = wb.load("efficientnet_lite0")
    return model, scene(224)[:1], {}


SENTENCES = ["The cat sat on the mat.", "Interest rates rose again in March."]


def others() -> dict[str, tuple[str, Callable[[], Built]]]:
    """Kind of input and maker, by name."""
    return {
        "perceptron": (
            "table",
            lambda: trained(nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 2)), "breast_cancer"),
        ),
        "batch norm and SiLU": (
            "table",
            lambda: trained(nn.Sequential(nn.Linear(13, 32), nn.BatchNorm1d(32), nn.SiLU(), nn.Linear(32, 3)), "wine"),
        ),
        "lstm": ("series", lambda: trained(Recurrent(nn.LSTM, 12, 9), "japanese_vowels", 60)),
        "gru": ("series", lambda: trained(Recurrent(nn.GRU, 12, 9), "japanese_vowels", 60)),
        "convolution in time": ("series", lambda: trained(Convolved(12, 9), "japanese_vowels", 60)),
        "cnn of the zoo": ("picture", lambda: trained(wb.build("cnn", data="digits"), "digits", 60)),
        "char_gpt of the zoo": (
            "text",
            lambda: (wb.build("char_gpt", data="python_docs"), wb.data.load("python_docs").sample_batch(2), {}),
        ),
        "gat of the zoo": ("graph", lambda: on_graph(wb.build("gat", data="karate_club"))),
        "GCNConv": ("graph", lambda: on_graph(OnGraph("GCNConv", 34, 4))),
        "SAGEConv": ("graph", lambda: on_graph(OnGraph("SAGEConv", 34, 4))),
        "GINConv": ("graph", lambda: on_graph(OnGraph("GINConv", 34, 4))),
        "MiniLM": ("text", minilm),
        "SmolLM2": ("text", smollm2),
        "EfficientNet-Lite0": ("picture", efficientnet),
    }
