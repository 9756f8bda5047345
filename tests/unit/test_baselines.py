"""Classical methods: each against what it must give where that is known."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from workbench import data
from workbench.core.batch import Batch
from workbench.data._graph import Graph
from workbench.data.contract import Card
from workbench.tasks._baselines import (
    interpolated_ngram,
    knn,
    label_propagation,
    logistic_regression,
    node_logistic,
    persistence,
    rbf_svm,
    ridge,
    seasonal_naive,
    smoothed_logistic,
    tfidf_logistic,
)

CARD = Card(title="rows", source="here", licence="none", package="none")


def rings(n=300):
    """Two rings, one around the other: no line parts them, a kernel or neighbours do."""
    generator = np.random.default_rng(0)
    y = np.arange(n) % 2
    angle = generator.uniform(0, 2 * np.pi, n)
    radius = 1 + 2 * y + generator.normal(0, 0.1, n)
    return data.of((np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), y))


def test_kernel_and_neighbours_part_rings_and_a_line_does_not():
    source = rings()
    assert rbf_svm.rbf_svm(source) == 1.0
    assert knn.knn(source) == 1.0
    assert logistic_regression.logistic_regression(source) < 0.8


def test_a_line_parts_what_a_line_can_part():
    x = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    source = data.of((x, (x.sum(1) > 0).long()))
    assert logistic_regression.logistic_regression(source) > 0.93


def test_ridge_finds_a_linear_map_to_the_noise():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 3, generator=generator)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3 * torch.randn(4000, 1, generator=generator)
    assert ridge.ridge(data.of((x, y))) == pytest.approx(0.09, rel=0.15)


def windows(series, length, horizon):
    rows = torch.tensor(series, dtype=torch.float32).unfold(0, length + horizon, 1)
    return data.of((rows[:, :length, None], rows[:, length:]))


def test_seasonal_naive_is_exact_on_what_repeats_itself():
    source = windows([math.sin(2 * math.pi * t / 12) for t in range(120)], 24, 15)
    assert seasonal_naive.seasonal_naive(source, season=12) == pytest.approx(0, abs=1e-10)
    assert seasonal_naive.seasonal_naive(source, season=6) > 0.5


def test_persistence_errs_by_the_step_of_a_straight_line():
    assert persistence.persistence(windows([3.0 * t for t in range(80)], 5, 1)) == pytest.approx(9.0, rel=1e-5)


def two_cliques(size=12):
    """Two groups of which everybody knows everybody, joined by one edge; features say nothing."""
    edges = [(a + base, b + base) for base in (0, size) for a in range(size) for b in range(size) if a != b] + [
        (0, size),
        (size, 0),
    ]
    y = torch.arange(2 * size) // size
    masks = {name: torch.zeros(2 * size, dtype=torch.bool) for name in ("train", "validation", "test")}
    for name, places in (("train", [1, size + 1]), ("validation", [2, size + 2])):
        masks[name][places] = True
    masks["test"] = ~(masks["train"] | masks["validation"])
    x = torch.eye(2 * size)
    return Graph(name="cliques", card=CARD, x=x, edge_index=torch.tensor(edges).T, y=y, labels=("a", "b"), masks=masks)


def test_labels_spread_through_cliques_and_features_alone_do_not():
    source = two_cliques()
    assert label_propagation.label_propagation(source) == 1.0
    assert smoothed_logistic.smoothed_logistic(source) == 1.0
    assert node_logistic.node_logistic(source) < 0.75


def test_the_normalised_adjacency_is_the_definition():
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    dense = label_propagation.normalised_adjacency(edges, 3).to_dense()
    root = 1 / math.sqrt(2)
    assert torch.allclose(dense, torch.tensor([[0, root, 0], [root, 0, root], [0, root, 0]]))


class Tokens:
    """A text as windows that share one token with the next."""

    def __init__(self, train, test, vocab, length=8):
        self.parts = {"train": torch.tensor(train), "test": torch.tensor(test)}
        self.length, self.sizes = length, {"vocab": vocab}

    def size(self, split):
        return (len(self.parts[split]) - 1) // self.length

    def batch(self, split, index):
        rows = self.parts[split].unfold(0, self.length + 1, self.length)[index]
        return Batch((rows[:, :-1],), rows[:, 1:])


def kneser_ney(train, test, vocab, order, length):
    """The definition, slowly: interpolated Kneser-Ney with modified discounts, counted anew for every question."""

    def grams(n):
        return [tuple(train[i : i + n]) for i in range(len(train) - n + 1)]

    often = {n: Counter(grams(n)) for n in range(1, order + 1)}
    widely = {n: Counter(longer[1:] for longer in set(grams(n + 1))) for n in range(1, order)}

    def discount(table, count):
        ones = [max(1, sum(min(v, 4) == k for v in table.values())) for k in (1, 2, 3, 4)]
        y, k = ones[0] / (ones[0] + 2 * ones[1]), min(count, 3)
        return min(max(k - (k + 1) * y * ones[k] / ones[k - 1], 0.1), k)

    def p(context, token, tables):
        lower = p(context[1:], token, widely) if context else 1 / vocab
        table = tables[len(context) + 1]
        after = {gram: count for gram, count in table.items() if gram[:-1] == context}
        if not after:
            return lower
        count = after.get((*context, token), 0)
        kept = sum(discount(table, v) for v in after.values())
        share = max(0.0, count - discount(table, count)) if count else 0.0
        return (share + kept * lower) / sum(after.values())

    bits = []
    for start in range(0, len(test) - length, length):
        window = test[start : start + length + 1]
        contexts = [tuple(window[max(0, at - order + 1) : at]) for at in range(length + 1)]
        bits += [-math.log2(p(contexts[at], window[at], often)) for at in range(1, length + 1)]
    return sum(bits) / len(bits)


def test_ngrams_are_the_definition():
    generator = np.random.default_rng(3)
    text = generator.choice(5, 160, p=[0.4, 0.3, 0.15, 0.1, 0.05]).tolist()
    train, test = text[:121], text[120:]
    source = Tokens(train, test, vocab=6)
    expected = kneser_ney(train, test, 6, order=3, length=8)
    assert interpolated_ngram.interpolated_ngram(source, order=3) == pytest.approx(expected, rel=1e-9)


def test_ngrams_learn_what_repeats_and_pay_for_what_is_random():
    cycle = [0, 1, 2, 3, 4, 5, 6] * 200
    assert interpolated_ngram.interpolated_ngram(Tokens(cycle, cycle[:400], 7), order=4) < 0.15
    noise = np.random.default_rng(0).integers(0, 4, 20_000).tolist()
    assert interpolated_ngram.interpolated_ngram(Tokens(noise[:16_000], noise[16_000:], 4), order=3) == pytest.approx(
        2.0, abs=0.02
    )


def test_tfidf_reads_words_that_decide():
    class Texts:
        def __init__(self):
            self.texts = {
                "train": [f"the {word} w{i % 5}" for i in range(40) for word in ("goal", "vote")],
                "validation": ["a goal", "a vote"],
                "test": ["one goal more", "no vote here", "goal goal"],
            }

        def part(self, split):
            return Batch((), torch.tensor([int("vote" in text) for text in self.texts[split]]))

    assert tfidf_logistic.tfidf_logistic(Texts()) == 1.0
