"""Reinforcement learning and closed-form fits: oracles, refusals, and what their resume promises."""

import sys
import threading

import numpy as np
import pytest
import torch
from torch import nn

from workbench import data, train
from workbench.core import live, seeds
from workbench.core.errors import CheckpointError, ConfigError, DataError, MissingExtraError, ModelError, NotFiniteError
from workbench.paradigms import PPO, LeastSquares
from workbench.train import Job, RunSettings, Settings, checkpoint


class Agent(nn.Module):
    def __init__(self, observations=4, actions=2):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(observations, 32), nn.Tanh())
        self.actor, self.critic = nn.Linear(32, actions), nn.Linear(32, 1)

    def forward(self, x):
        hidden = self.body(x)
        return self.actor(hidden), self.critic(hidden)


def agent():
    with seeds.seeded(0):
        return Agent()


QUICK = PPO(rollout=16, environments=4, minibatch=32, passes=4, renew=3, lr=3e-3)


def acting(steps, net=None, **settings):
    return Job(model=net or agent(), data=data.load("cartpole"), settings=RunSettings(**settings), steps=steps)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.slow
def test_an_agent_learns_and_reports_its_return():
    run = train.start(PPO(rollout=64, environments=4, minibatch=64, lr=3e-3, renew=50), acting(25)).wait()
    _, returns = run.history.column("update", "return")
    assert returns[-1] > 2.5 * returns[0]
    assert {"loss", "value_loss", "approx_kl", "length"} <= set(run.history.names("update"))


def test_one_update_of_ours_is_the_librarys_own():
    """The library's ``learn`` from the same weights, environments and random numbers ends at the same weights."""
    from stable_baselines3 import PPO as Library  # noqa: N811
    from stable_baselines3.common.env_util import make_vec_env

    source = data.load("cartpole")
    plan = PPO(rollout=32, environments=2, minibatch=32, passes=3, lr=1e-3)
    theirs = Library(
        "MlpPolicy",
        make_vec_env(source.make, 2),
        n_steps=32,
        batch_size=32,
        n_epochs=3,
        learning_rate=1e-3,
        device="cpu",
    )
    with seeds.seeded(1):
        net = Library("MlpPolicy", make_vec_env(source.make, 2), n_steps=32, batch_size=32, device="cpu").policy
    theirs.policy.load_state_dict(net.state_dict())
    train.start(plan, Job(model=net, data=source, settings=RunSettings(), steps=1, seed=3)).wait()
    theirs.env.seed(3 * 10_007)
    np.random.seed(3 * 1_000_003)  # noqa: NPY002
    lock = live.Step(3)
    lock.enter(0)
    try:
        theirs.learn(64)
    finally:
        lock.leave()
    assert same(net, theirs.policy)


def test_numpys_generator_is_left_as_it_was():
    np.random.seed(4)  # noqa: NPY002
    expected = np.random.rand(3)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    train.start(QUICK, acting(2)).wait()
    assert np.array_equal(np.random.rand(3), expected)  # noqa: NPY002


def test_nothing_is_left_among_the_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = train.start(QUICK, acting(2)).wait()
    assert "loss" in run.history.names("update")
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_taken_at_renewals_only_and_resume_exactly(tmp_path):
    whole = train.start(QUICK, acting(8)).wait()
    folder = tmp_path / "run"

    def broken(event):
        if event.step == 7:
            saved.extend(int(path.stem[5:]) for path in checkpoint.paths(folder))

    saved = []
    run = train.start(QUICK, acting(8, checkpoint_seconds=1e-6, keep_checkpoints=9), folder, on_event=broken).wait()
    assert saved
    assert set(saved) <= {0, 3, 6}
    checkpoint.paths(folder)[-1].unlink()
    again = train.resume(folder, QUICK, acting(8))
    assert again.driver.step == saved[-1]
    again.wait()
    assert again.exact
    assert "3-th rollout" in str(again.exact)
    assert same(again.model, whole.model)
    assert same(run.model, whole.model)
    rows = [(event.step, event.metrics) for event in whole.history]
    assert [(event.step, event.metrics) for event in again.history] == rows


def test_a_stop_between_renewals_keeps_the_work_and_says_that_it_is_inexact(tmp_path):
    run_of, ready = [], threading.Event()

    def stop(event):
        ready.wait()
        if event.step == 4:
            run_of[0].stop()

    run_of.append(train.start(QUICK, acting(8), tmp_path / "run", on_event=stop))
    ready.set()
    run = run_of[0].wait()
    assert run.driver.step == 4
    assert "step 4, which is no exact boundary" in str(run.exact)
    again = train.resume(tmp_path / "run", QUICK, acting(8)).wait()
    assert again.driver.step == 8
    assert not again.exact


def test_what_an_agent_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="no passes over the data"):
        train.start(PPO(), Job(model=agent(), data=data.load("cartpole"), settings=RunSettings(), epochs=2))
    with pytest.raises(ConfigError, match="PPO honours the settings of RunSettings"):
        train.start(PPO(), Job(model=agent(), data=data.load("cartpole"), settings=Settings(), steps=2))
    with pytest.raises(DataError, match="digits is none"):
        train.start(PPO(), Job(model=agent(), data=data.load("digits"), settings=RunSettings(), steps=2))
    with pytest.raises(DataError, match="fewer than minibatch"):
        train.start(PPO(rollout=2, environments=2), acting(1))
    with pytest.raises(ModelError, match="scores 3 actions; the environment has 2"):
        train.start(QUICK, acting(1, Agent(actions=3)))
    with pytest.raises(ModelError, match="returns a pair"):
        train.start(QUICK, acting(1, nn.Linear(4, 2)))


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(MissingExtraError, match=r"neural-workbench\[agents\]"):
        train.start(QUICK, acting(1))


def numbers(n=80):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 5, generator=generator)
    return data.of((x, (x @ torch.arange(5.0) + 3 + 0.1 * torch.randn(n, generator=generator))))


def solve(net, source, plan=None, **options):
    job = Job(model=net, data=source, settings=RunSettings(), **options)
    return train.start(plan or LeastSquares(), job).wait()


def test_a_linear_layer_becomes_the_least_squares_solution():
    source, net = numbers(), nn.Linear(5, 1)
    run = solve(net, source, LeastSquares(penalty=0.0))
    whole = source.batch("train", torch.arange(source.size("train")))
    x = np.column_stack([whole.inputs[0].double().numpy(), np.ones(source.size("train"))])
    wanted, residual, *_ = np.linalg.lstsq(x, whole.target.double().flatten().numpy(), rcond=None)
    np.testing.assert_allclose(net.weight.detach()[0], wanted[:5], rtol=1e-4)
    np.testing.assert_allclose(net.bias.detach()[0], wanted[5], rtol=1e-4)
    assert run.history.column("train", "loss")[1][0] == pytest.approx(residual.item() / len(x), rel=1e-3)
    assert "accuracy" not in run.history.names("train")


def test_features_that_depend_on_each_other_get_the_solution_of_smallest_norm():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(80, 3, generator=generator)
    source, net = data.of((torch.cat([x, x], 1), x @ torch.arange(3.0) + 1)), nn.Linear(6, 1)
    solve(net, source, LeastSquares(penalty=0.0))
    expected = torch.arange(3.0).repeat(2)[None] / 2
    torch.testing.assert_close(net.weight.detach(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("bias", [True, False])
def test_ridge_on_frozen_features_is_scikit_learns(bias):
    from sklearn.linear_model import Ridge

    source = data.load("digits")
    with seeds.seeded(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10, bias=bias))
    before = net[1].weight.detach().clone()
    run = solve(net, source, LeastSquares(penalty=3.0))
    batch = source.batch("train", torch.arange(source.size("train")))
    with torch.no_grad():
        features = net[1](batch.inputs[0].flatten(1)).relu().double().numpy()
    oracle = Ridge(3.0, fit_intercept=bias).fit(features, np.eye(10)[batch.target.numpy()])
    np.testing.assert_allclose(net[4].weight.detach().numpy(), oracle.coef_, atol=2e-5)
    assert torch.equal(net[1].weight, before)
    assert run.history.column("validation", "accuracy")[1][0] > 0.8
    assert net.training


def test_masked_nodes_are_left_out():
    from workbench.core.batch import Batch

    class Nodes:
        name, kind, target, splits = "nodes", "graph", "classes", ("train",)
        x, y = torch.randn(30, 4), torch.randint(2, (30,))
        mask = torch.arange(30) < 20

        def size(self, split):
            return 1

        def batch(self, split, index):
            return Batch((self.x,), self.y, self.mask)

        def batches(self, split, order, size):
            return [self.batch(split, order)]

    source, few = Nodes(), nn.Linear(4, 2)
    solve(few, source)
    source.x, source.y = source.x.clone(), source.y.clone()
    source.x[20:], source.y[20:] = 100.0, 0
    other = nn.Linear(4, 2)
    solve(other, source)
    assert same(few, other)


def test_a_finished_fit_resumes_as_done_and_a_killed_one_is_done_again(tmp_path):
    source = numbers()
    first = train.start(
        LeastSquares(), Job(model=nn.Linear(5, 1), data=source, settings=RunSettings()), tmp_path
    ).wait()
    again = train.resume(
        tmp_path, LeastSquares(), Job(model=nn.Linear(5, 1), data=source, settings=RunSettings())
    ).wait()
    assert same(first.model, again.model)
    assert len(again.history) == len(first.history) == 2
    for path in checkpoint.paths(tmp_path):
        path.unlink()
    redone = train.resume(
        tmp_path, LeastSquares(), Job(model=nn.Linear(5, 1), data=source, settings=RunSettings())
    ).wait()
    assert same(first.model, redone.model)
    assert "done again" in str(redone.exact)
    with pytest.raises(CheckpointError, match="another model"):
        train.resume(tmp_path, LeastSquares(), Job(model=nn.Linear(5, 3), data=source, settings=RunSettings()))


def test_what_cannot_be_solved_is_refused():
    source = numbers()

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(5, 5), nn.Linear(5, 5)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))

    with pytest.raises(ModelError, match=r"no nn\.Linear layer"):
        solve(nn.Flatten(), source)
    with pytest.raises(ModelError, match=r"no nn\.Linear at 'x'"):
        solve(nn.Linear(5, 1), source, LeastSquares(layer="x"))
    with pytest.raises(ModelError, match="something follows it"):
        solve(nn.Sequential(nn.Linear(5, 1), nn.ReLU()), source)
    with pytest.raises(ModelError, match=r"is also a\.weight"):
        solve(Tied(), source)
    with pytest.raises(DataError, match="labels from 0 to 9; the layer has 3"):
        solve(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), data.load("digits"))
    with pytest.raises(ConfigError, match="no passes"):
        solve(nn.Linear(5, 1), source, epochs=3)
    net = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 1))
    nn.init.constant_(net[0].bias, float("inf"))
    with pytest.raises(NotFiniteError, match="not finite"):
        solve(net, source)
