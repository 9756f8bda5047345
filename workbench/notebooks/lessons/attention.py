"""Attention in thirty minutes, on MiniLM: what heads do, where attention goes when there is nothing to say.

The patterns are those of Clark et al. 2019; that a small value makes attention a way of doing nothing is section 4 of
Kobayashi et al. 2020; that weight is not importance is the point of Jain and Wallace 2019. Every check measures the
truth on the model.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench import pretrained
from workbench.core.calling import call
from workbench.core.entry import Paper
from workbench.core.live import evaluating, look
from workbench.interpret import AttentionMaps, attention
from workbench.notebooks._lesson import Exercise, Mark, Outline, right, wrong
from workbench.taps import tap

PAPERS = (
    Paper(
        title="What Does BERT Look At? An Analysis of BERT's Attention",
        authors="Clark, Kevin and Khandelwal, Urvashi and Levy, Omer and Manning, Christopher D.",
        year=2019,
        venue="BlackboxNLP",
        arxiv="1906.04341",
    ),
    Paper(
        title="Attention is Not Only a Weight: Analyzing Transformers with Vector Norms",
        authors="Kobayashi, Goro and Kuribayashi, Tatsuki and Yokoi, Sho and Inui, Kentaro",
        year=2020,
        venue="EMNLP",
        arxiv="2004.10102",
    ),
    Paper(
        title="Attention is not Explanation",
        authors="Jain, Sarthak and Wallace, Byron C.",
        year=2019,
        venue="NAACL",
        arxiv="1902.10186",
    ),
)

SENTENCE = "The central bank raised interest rates again because inflation had not slowed."
LAYER = 2
"""whose values are looked at"""
CANDIDATES = ((0, 2), (2, 9), (5, 9))
"""heads of which one is to be chosen; the check measures which"""
_TOLERANCE = 0.1


@cache
def _minilm() -> tuple[nn.Module, Any]:
    return pretrained.load("minilm")


@cache
def _inputs() -> Mapping[str, Tensor]:
    return dict(_minilm()[1](SENTENCE, return_tensors="pt"))


@cache
def _maps() -> AttentionMaps:
    model, tokenizer = _minilm()
    return attention(model, _inputs(), processor=tokenizer)


def _weights() -> Float[Tensor, "layers heads queries keys"]:
    """Of the lesson's sentence."""
    return torch.stack([each.weights[0] for each in _maps()])


def _best(offset: int) -> tuple[int, int]:
    """The head with the most weight on the position at an offset."""
    scores = _weights().diagonal(offset, dim1=-2, dim2=-1).mean(-1)
    layer, head = divmod(int(scores.argmax()), scores.shape[1])
    return layer, head


def _pair(answer: Any) -> tuple[int, int] | None:
    if not isinstance(answer, Sequence) or isinstance(answer, str) or len(answer) != 2:  # noqa: PLR2004 - a pair
        return None
    try:
        return int(answer[0]), int(answer[1])
    except (TypeError, ValueError, OverflowError):
        return None


def _described(layer: int, head: int, offset: int) -> str:
    share = float(_weights()[layer, head].diagonal(offset).mean())
    return f"Layer {layer}, head {head} puts {share:.0%} of its attention there"


def _how_many(answer: Any) -> Mark:
    layers, heads = _weights().shape[:2]
    if answer == layers * heads:
        return right(f"{layers} layers of {heads} heads: each sentence is looked at in {layers * heads} ways at once.")
    if answer in (layers, heads):
        return wrong("That is one of the two numbers you need: how many layers, and how many heads in each?")
    return wrong("Count the maps, and look at the second axis of their weights.")


def _at(answer: Any, offset: int, follows: str) -> Mark:
    pair = _pair(answer)
    layers, heads = _weights().shape[:2]
    if pair is None or not (0 <= pair[0] < layers and 0 <= pair[1] < heads):
        return wrong(f"Give a pair (layer, head), with layer in 0 .. {layers - 1} and head in 0 .. {heads - 1}.")
    if pair == _best(offset):
        return right(f"{_described(*pair, offset)}. {follows}")
    return wrong(f"{_described(*pair, offset)}, and another head puts more.")


def _previous(answer: Any) -> Mark:
    follows = "It has learned to be a pointer: it needs no word to know where to look, only the positions."
    return _at(answer, -1, follows)


def _next(answer: Any) -> Mark:
    return _at(answer, 1, "It is softer than its counterpart, and it sits one layer higher.")


def _sink(answer: Any) -> Mark:
    received = _weights()[1:, :, 1:].mean((0, 1, 2))
    tokens = _maps()[0].keys[0]
    best = tokens[int(received.argmax())]
    if not isinstance(answer, str):
        return wrong("Give the token as a string, as the tokenizer writes it.")
    if answer.strip().strip("[]").lower() == best.strip("[]").lower():
        return right(f"{best} receives {float(received.max()):.0%} of what the other tokens give in layers 1 to 5.")
    found = [index for index, token in enumerate(tokens) if token == answer.strip()]
    if found:
        share = float(received[found].sum())
        return wrong(f"{answer.strip()!r} receives {share:.0%} in layers 1 to 5, and another token much more.")
    return wrong(f"{answer!r} is not among the tokens: print maps[0].keys[0].")


def _ratio(answer: Any) -> Mark:
    model, _ = _minilm()
    address = f"encoder.layer.{LAYER}.attention.self.value"
    with look(), evaluating(model), torch.no_grad(), tap(model) as open_tap:
        seen = open_tap.read(address)
        call(model, _inputs())
    norms = seen[address][0].norm(dim=-1)
    truth = float(norms[0] / norms[1:].mean())
    try:
        given = float(answer)
    except (TypeError, ValueError):
        return wrong("Give a number: one length over the mean of the others.")
    if abs(given - truth) <= _TOLERANCE * truth:
        return right(
            f"{given:.3f}. Attention times next to nothing is next to nothing: a head that looks there does nothing."
        )
    if abs(given * truth - 1) <= _TOLERANCE:
        return wrong("That is the ratio upside down.")
    return wrong("Take the norm over the last axis, the first position over the mean of all the other positions.")


def _vector(knocked: tuple[int, int] | None) -> Float[Tensor, " width"]:
    """The sentence's vector, with one head's output set to zero."""
    model, _ = _minilm()
    with look(), evaluating(model), torch.no_grad(), tap(model) as open_tap:
        if knocked is not None:
            layer, head = knocked
            width = int(model.get_parameter("embeddings.word_embeddings.weight").shape[1]) // _weights().shape[1]

            def silence(value: Float[Tensor, "batch positions width"]) -> Float[Tensor, "batch positions width"]:
                mask = torch.ones_like(value)
                mask[..., head * width : (head + 1) * width] = 0
                return value * mask

            open_tap.edit({f"encoder.layer.{layer}.attention.self[0]": silence})
        return call(model, _inputs()).last_hidden_state.mean(1)[0]


@cache
def _moved(head: tuple[int, int]) -> float:
    return 1 - float(torch.cosine_similarity(_vector(None), _vector(head), dim=0))


def _knocked(answer: Any) -> Mark:
    pair = _pair(answer)
    if pair not in CANDIDATES:
        return wrong(f"Choose one of {', '.join(map(str, CANDIDATES))}.")
    moved = {head: _moved(head) for head in CANDIDATES}
    best = max(moved, key=lambda head: moved[head])
    said = "Without " + ", ".join(f"{head} it moves by {each:.4f}" for head, each in moved.items())
    if pair == best:
        return right(f"{said}. The plainest pattern is not the most important head.")
    return wrong(f"Without {pair} the vector moves by {moved[pair]:.4f}; measure the others in the same way.")


OUTLINE = Outline(
    title="Attention in thirty minutes",
    minutes=30,
    papers=PAPERS,
    given={"sentence": SENTENCE, "layer": LAYER, "candidates": CANDIDATES},
    exercises={
        "how many": Exercise(
            prompt="How many attention patterns does one forward pass of MiniLM compute for this sentence?",
            check=_how_many,
            hints=("len(maps) counts layers.", "The weights of a layer are (batch, heads, queries, keys)."),
        ),
        "previous-token head": Exercise(
            prompt="Which (layer, head) puts the most attention on the token before?",
            check=_previous,
            hints=(
                "In such a head the weight stands just below the diagonal.",
                "weights.diagonal(-1, dim1=-2, dim2=-1) gives what each token puts on the one before it.",
                "Average that over positions for every head, and take the largest of all layers.",
            ),
            points=2,
        ),
        "next-token head": Exercise(
            prompt="Which (layer, head) puts the most attention on the token after?",
            check=_next,
            hints=("The same on the other side of the diagonal.", "diagonal(1, ...) instead of diagonal(-1, ...)."),
        ),
        "the sink": Exercise(
            prompt="In layers 1 to 5, which token receives most of the other tokens' attention?",
            check=_sink,
            hints=(
                "Average the weights over layers, heads and queries: what is left is one number per key.",
                "torch.stack([m.weights[0] for m in maps])[1:, :, 1:].mean((0, 1, 2)), and the largest of it.",
            ),
            points=2,
        ),
        "what the sink gives": Exercise(
            prompt=f"In layer {LAYER}, how long is the value vector of the first token, over the mean of the others?",
            check=_ratio,
            hints=(
                f"wb.tap reads encoder.layer.{LAYER}.attention.self.value: (batch, positions, width).",
                "value[0].norm(dim=-1) is one length per position.",
            ),
            points=2,
        ),
        "knock-out": Exercise(
            prompt=f"Of the heads {', '.join(map(str, CANDIDATES))}: which one, set to zero, moves the vector most?",
            check=_knocked,
            hints=(
                "A head's output is its 32 columns of encoder.layer.<layer>.attention.self[0].",
                "tap.edit({address: function}) with a function that returns a copy with those columns at zero.",
                "Compare by 1 - torch.cosine_similarity(before, after, dim=0).",
            ),
            points=2,
        ),
    },
)
