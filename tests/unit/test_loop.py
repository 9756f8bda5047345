"""The ordinary loop against loops written out by hand, and its refusals."""

import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint as recompute

from workbench import data, train
from workbench.core import seeds
from workbench.core.errors import ConfigError, DataError, ModelError, NotFiniteError
from workbench.objectives import Supervised
from workbench.train import SGD, AdamW, Job, Muon, Objective, Phase, Settings


def rows(n=100, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=generator)
    return data.of((x, (x.sum(1) > 0).long()))


def model():
    with seeds.seeded(0):
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))


def fit(net, plan=None, source=None, *, steps=None, epochs=None, seed=0, on_event=None, **settings):
    job = Job(model=net, data=source or rows(), settings=Settings(**settings), steps=steps, epochs=epochs, seed=seed)
    return train.start(plan or Supervised(), job, on_event=on_event).wait()


class Custom(Objective):
    """Phases typed in a cell."""

    made: Any = None

    def phases(self, call=None):
        return self.made

    def measure(self, net, batch, call=None):
        return {}


def test_the_loop_equals_a_loop_written_by_hand_bit_for_bit():
    source, ours, theirs = rows(), model(), model()
    run = fit(ours, source=source, epochs=3, seed=7, batch_size=16, optimiser=AdamW(lr=1e-2, weight_decay=0.1))
    optimiser = torch.optim.AdamW(theirs.parameters(), lr=1e-2, weight_decay=0.1, fused=True)
    losses = []
    for epoch in range(3):
        for index in torch.randperm(source.size("train"), generator=seeds.generator(7, epoch)).split(16):
            batch = source.batch("train", index)
            optimiser.zero_grad()
            loss = F.cross_entropy(theirs(*batch.inputs), batch.target)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert run.history.column("train", "loss")[1].tolist() == losses
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("accumulate", [2, 3])
def test_accumulated_batches_make_the_gradient_of_one_large_batch(accumulate):
    many, one, source = model(), model(), rows(90)
    sgd = SGD(lr=0.1, momentum=0.0)
    fit(many, source=source, epochs=1, batch_size=7, accumulate=accumulate, optimiser=sgd)
    fit(one, source=source, epochs=1, batch_size=7 * accumulate, optimiser=sgd)
    for a, b in zip(many.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_accumulation_reaches_over_the_end_of_an_epoch_and_uses_every_batch_once():
    source, seen = rows(), []

    def loss(net, batch):
        seen.append(batch.inputs[0])
        return net(*batch.inputs).square().mean(), {}

    batches = -(-source.size("train") // 16)
    run = fit(model(), Custom(made=(Phase("train", loss),)), source, epochs=2, batch_size=16, accumulate=3)
    assert run.driver.total == math.ceil(2 * batches / 3)
    assert len(seen) == 2 * batches
    everything = source.batch("train", torch.arange(source.size("train"))).inputs[0]
    for half in (seen[:batches], seen[batches:]):
        assert torch.equal(torch.cat(half).sum(1).sort().values, everything.sum(1).sort().values)


def test_the_step_length_warms_up_and_falls_as_a_cosine():
    net = nn.Linear(6, 1, bias=False)
    weights = [net.weight.detach().clone()]
    plan = Custom(made=(Phase("train", lambda net, batch: (net.weight.sum(), {})),))
    fit(
        net,
        plan,
        steps=20,
        warmup=4,
        schedule="cosine",
        optimiser=SGD(lr=1.0, momentum=0.0),
        on_event=lambda event: weights.append(net.weight.detach().clone()) if event.phase == "train" else None,
    )
    moved = [float((a - b).mean()) for a, b in pairwise(weights)]
    expected = [(i + 1) / 4 for i in range(4)] + [0.5 * (1 + math.cos(math.pi * i / 16)) for i in range(16)]
    assert moved == pytest.approx(expected, abs=1e-5)


def test_clipping_bounds_the_norm_of_the_step():
    net = model()
    before = copy.deepcopy(net)
    fit(net, steps=1, clip=1e-3, optimiser=SGD(lr=1.0, momentum=0.0))
    moved = torch.cat([(a - b).flatten() for a, b in zip(net.parameters(), before.parameters(), strict=True)])
    assert float(moved.detach().norm()) == pytest.approx(1e-3, rel=1e-3)


def test_the_moving_average_follows_its_recurrence():
    net, average = model(), None

    def follow(event):
        nonlocal average
        if event.phase == "train":
            now = [p.detach().clone() for p in net.parameters()]
            average = [a.lerp(b, 0.2) for a, b in zip(average, now, strict=True)]

    average = [p.detach().clone() for p in net.parameters()]
    run = fit(net, epochs=3, ema=0.8, on_event=follow)
    for kept, expected in zip(run.ema.parameters(), average, strict=True):
        torch.testing.assert_close(kept, expected)
    assert run.ema is not run.model
    assert run.model is net


def test_a_run_without_a_moving_average_says_so():
    with pytest.raises(ModelError, match="ema"):
        _ = fit(model(), steps=1).ema


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_computes_in_it_and_learns(precision):
    kinds, net = set(), model()

    def loss(net, batch):
        output = net(*batch.inputs)
        kinds.add(output.dtype)
        return F.cross_entropy(output.float(), batch.target), {}

    run = fit(net, Custom(made=(Phase("train", loss),)), steps=60, precision=precision, optimiser=AdamW(lr=1e-2))
    losses = run.history.column("train", "loss")[1]
    assert kinds == {getattr(torch, precision)}
    assert losses[-5:].mean() < 0.8 * losses[:5].mean()
    assert (run.driver.state()["scaler"] is not None) == (precision == "float16")


def test_muon_moves_matrices_and_adamw_the_rest():
    net, theirs, source = model(), model(), rows()
    fit(net, source=source, steps=5, batch_size=1000, optimiser=Muon(lr=0.05, others=AdamW(lr=1e-2)))
    matrices = [p for p in theirs.parameters() if p.dim() == 2]
    others = [p for p in theirs.parameters() if p.dim() != 2]
    steppers = [
        torch.optim.Muon(matrices, lr=0.05, weight_decay=0.0),
        torch.optim.AdamW(others, lr=1e-2, weight_decay=0.0, fused=True),
    ]
    for epoch in range(5):
        order = torch.randperm(source.size("train"), generator=seeds.generator(0, epoch))
        batch = source.batch("train", order)
        loss = F.cross_entropy(theirs(*batch.inputs), batch.target)
        theirs.zero_grad()
        loss.backward()
        for stepper in steppers:
            stepper.step()
    for a, b in zip(net.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_phases_move_their_parts_at_their_own_pace_on_their_own_splits():
    net, sizes = nn.ModuleDict({"a": nn.Linear(6, 1), "b": nn.Linear(6, 1)}), []

    def first(net, batch):
        sizes.append(len(batch))
        return (net["a"](batch.inputs[0]) + net["b"](batch.inputs[0])).square().mean(), {"size": float(len(batch))}

    def second(net, batch):
        return net["b"](batch.inputs[0]).square().mean(), {}

    source, before = rows(), copy.deepcopy(net["b"].weight)
    phases = (Phase("first", first, "a"), Phase("second", second, "b", split="validation", every=3))
    run = fit(net, Custom(made=phases), source, steps=2, batch_size=1000)
    assert torch.equal(net["b"].weight, before)
    run = fit(net, Custom(made=phases), source, steps=7, batch_size=1000)
    assert run.history.column("second", "loss")[0].tolist() == [3, 6]
    assert not torch.equal(net["b"].weight, before)
    assert set(sizes) == {source.size("train")}


def test_recomputed_activations_give_the_same_weights():
    class Offers(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.last, self.saving = nn.Linear(6, 8), nn.Linear(8, 2), False

        def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs=None):
            assert gradient_checkpointing_kwargs == {"use_reentrant": False}
            self.saving = True

        def forward(self, x):
            inner = lambda x: self.inner(x).tanh()  # noqa: E731
            return self.last(recompute(inner, x, use_reentrant=False) if self.saving else inner(x))

    with seeds.seeded(0):
        plain = Offers()
    saving = copy.deepcopy(plain)
    fit(plain, steps=5)
    fit(saving, steps=5, checkpoint_activations=True)
    assert saving.saving
    assert not plain.saving
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), saving.parameters(), strict=True))
    with pytest.raises(ConfigError, match="checkpoint_activations"):
        fit(model(), steps=1, checkpoint_activations=True)


def test_patience_ends_the_run_and_validation_leaves_the_mode():
    figures = iter([3.0, 2.0, 2.5, 2.4, 2.3, 1.0])

    class Worse(Supervised):
        def measure(self, net, batch, call=None):
            assert not net.training
            return {"loss": next(figures)}

    net = model()
    run = fit(net, Worse(), epochs=50, patience=3)
    assert run.history.column("validation", "loss")[1].tolist() == [3.0, 2.0, 2.5, 2.4, 2.3]
    assert run.status == "done"
    assert run.driver.step < run.driver.total
    assert net.training


def test_validation_is_a_mean_over_examples_of_unequal_batches():
    source = rows(5000)
    run = fit(model(), source=source, steps=1, batch_size=10)
    split = source.batch("validation", torch.arange(source.size("validation")))
    with torch.no_grad():
        expected = F.cross_entropy(run.model(*split.inputs), split.target)
    assert source.size("validation") % 256
    assert run.history.column("validation", "loss")[1][-1] == pytest.approx(float(expected), rel=1e-5)


def test_validation_comes_when_it_is_wished_and_at_most_a_hundred_times():
    assert fit(model(), steps=20, validate_every=6).history.column("validation", "loss")[0].tolist() == [6, 12, 18, 20]
    run = fit(model(), epochs=250, batch_size=1000)
    assert 80 <= len(run.history.column("validation", "loss")[0]) <= 100


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda net, batch: (net(*batch.inputs).detach().mean(), {}), "gives no gradient"),
        (lambda net, batch: (net[2].bias.sum(), {}), "gives no gradient to the parameters"),
        (lambda net, batch: (net(*batch.inputs), {}), "scalar"),
    ],
)
def test_a_phase_without_a_gradient_is_an_error(loss, sentence):
    with pytest.raises(ModelError, match=sentence):
        fit(model(), Custom(made=(Phase("train", loss, "0"),)), steps=1)


def test_a_phase_with_nothing_to_move_is_an_error():
    with pytest.raises(ModelError, match="nothing to move"):
        fit(nn.Flatten(), steps=1)


def test_a_loss_that_is_not_finite_names_step_and_batch_and_moves_nothing():
    source, net, count = rows(), model(), 0

    def loss(net, batch):
        nonlocal count
        count += 1
        return net(*batch.inputs).mean() * (math.nan if count == 8 else 1), {}

    kept = []
    with pytest.raises(NotFiniteError, match=r"nan at step 8 \(batch 3 of 5 in epoch 2\).*There is no checkpoint"):
        fit(
            net,
            Custom(made=(Phase("train", loss),)),
            source,
            steps=20,
            batch_size=16,
            on_event=lambda event: kept.append(copy.deepcopy(net.state_dict())),
        )
    assert all(torch.equal(kept[-1][name], value) for name, value in net.state_dict().items())


def test_a_forward_that_raises_is_told_with_the_shapes_it_was_given():
    with pytest.raises(ModelError, match=r"Phase 'train' failed at step 1.*float32 \(64, 6\).*RuntimeError"):
        fit(nn.Linear(5, 2), steps=1)


def test_a_part_that_does_not_exist_is_refused_with_the_nearest():
    net = nn.ModuleDict({"generator": nn.Linear(6, 2)})
    with pytest.raises(ModelError, match="Did you mean 'generator'"):
        fit(net, Custom(made=(Phase("train", lambda *_: None, "generater"),)), steps=1)


def test_settings_that_a_driver_does_not_honour_are_refused():
    job = Job(model=model(), data=rows(), settings=train.RunSettings(), steps=1)
    with pytest.raises(ConfigError, match="Supervised honours the settings of Settings"):
        train.start(Supervised(), job)
    with pytest.raises(ConfigError, match="clip"):
        Settings(clp=1.0)
    with pytest.raises(ConfigError, match="give one of them"):
        fit(model(), steps=1, epochs=1)
    with pytest.raises(ConfigError, match="at least 1"):
        fit(model(), steps=0)


def test_a_split_that_is_empty_or_absent_is_refused():
    class Empty:
        name, splits, target = "empty", ("train",), "classes"

        def size(self, split):
            return 0

    with pytest.raises(DataError, match="train split is empty"):
        fit(model(), source=Empty(), steps=1)
    with pytest.raises(DataError, match="no split 'dev'"):
        fit(model(), Custom(made=(Phase("train", lambda *_: None, split="dev"),)), steps=1)


def test_an_optimiser_of_an_unknown_class_is_refused():
    class Mine(train.Optimiser):
        pass

    with pytest.raises(ConfigError, match="Mine"):
        fit(model(), steps=1, optimiser=Mine())
