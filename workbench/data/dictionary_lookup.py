"""DictionaryLookup: words ask their neighbours for a meaning, and one of them has it.

Brody, Alon and Yahav 2022, arXiv:2105.14491, section 4.1. Made by rule, not measured: a problem that needs attention.
"""

import torch
from torch import Tensor

from workbench.core.seeds import generator
from workbench.data._graph import Graph
from workbench.data.contract import Card

CARD = Card(
    title="200 dictionaries of ten words, a graph of 4,000 nodes; who asks must find its own word among ten",
    source="rule of S. Brody, U. Alon and E. Yahav, How Attentive are Graph Attention Networks?, arXiv:2105.14491",
    licence="made by rule",
    package="none",
    caution="Synthetic: it shows what a method can express, not how it does on real graphs.",
)


def load(words: int = 10, dictionaries: int = 200, seed: int = 0) -> Graph:
    """Dictionaries side by side; a split has whole dictionaries, so that test meanings are not seen in training.

    In each, ``words`` nodes bring a word and its meaning, as many bring a word only, and every node of the first kind
    has an edge to every one of the second. Features are the word and the meaning, one-hot; the class of a node is
    the meaning of its word. Only nodes without a meaning count.

    Args:
        words: Words of a dictionary, as many as there are meanings.
        dictionaries: How many; 60 % train, 15 % validation, 25 % test.
        seed: Which meaning each word has.
    """
    source = generator(seed, words, dictionaries)
    meanings = torch.stack([torch.randperm(words, generator=source) for _ in range(dictionaries)])
    spoken = torch.eye(words).repeat(dictionaries, 1, 1)
    told = torch.cat([spoken, torch.eye(words)[meanings]], dim=2)
    asked = torch.cat([spoken, torch.zeros_like(spoken)], dim=2)
    counts = torch.zeros(dictionaries, 2 * words, dtype=torch.bool)
    counts[:, words:] = True
    ends = (dictionaries * 60 // 100, dictionaries * 75 // 100)
    which = torch.arange(dictionaries).unsqueeze(1)
    masks = {"train": which < ends[0], "validation": (which >= ends[0]) & (which < ends[1]), "test": which >= ends[1]}
    return Graph(
        name="dictionary_lookup",
        card=CARD,
        x=torch.cat([told, asked], dim=1).flatten(0, 1),
        edge_index=_edges(words, dictionaries),
        y=meanings.repeat(1, 2).flatten(),
        labels=[f"meaning {i}" for i in range(words)],
        masks={split: (counts & mask).flatten() for split, mask in masks.items()},
        title=lambda node: f"{'who asks for' if node % (2 * words) >= words else 'entry of'} word {node % words}",
    )


def _edges(words: int, dictionaries: int) -> Tensor:
    """From every node that tells to every node that asks, within each dictionary."""
    tells = torch.arange(words).repeat_interleave(words)
    asks = torch.arange(words).repeat(words) + words
    one = torch.stack([tells, asks])
    return torch.cat([one + 2 * words * i for i in range(dictionaries)], dim=1)
