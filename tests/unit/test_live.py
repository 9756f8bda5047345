"""The step lock: looks and steps exclude each other and leave the generators as they were."""

import threading

import torch
from torch import nn

from workbench.core import live, seeds


def test_a_look_leaves_the_generator_as_it_was():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with live.look():
        torch.rand(100)
    assert torch.equal(torch.rand(4), expected)


def test_a_step_draws_the_same_numbers_for_the_same_seed_and_step():
    def drawn(seed, step):
        lock = live.Step(seed)
        lock.enter(step)
        try:
            return torch.rand(3)
        finally:
            lock.leave()

    before = torch.get_rng_state()
    assert torch.equal(drawn(1, 5), drawn(1, 5))
    assert not torch.equal(drawn(1, 5), drawn(1, 6))
    assert not torch.equal(drawn(1, 5), drawn(2, 5))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_step_waits_for_a_look_and_a_look_for_a_step():
    inside, order = threading.Event(), []

    def step():
        lock = live.Step(0)
        inside.wait()
        lock.enter(0)
        order.append("step")
        lock.leave()

    thread = threading.Thread(target=step)
    thread.start()
    with live.look():
        inside.set()
        thread.join(0.1)
        order.append("look")
    thread.join()
    assert order == ["look", "step"]


def test_a_look_that_fails_releases_the_lock():
    try:
        with live.look():
            raise KeyError
    except KeyError:
        pass
    done = threading.Event()

    def enter():
        with live.look():
            done.set()

    threading.Thread(target=enter).start()
    assert done.wait(5)


def test_evaluating_restores_the_mode_of_each_submodule():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    with live.evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False, False]


def test_generators_follow_from_their_parts():
    a, b, c = (torch.rand(4, generator=seeds.generator(*parts)) for parts in ((1, 2), (1, 2), (2, 1)))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with seeds.seeded(9):
        torch.rand(5)
    assert torch.equal(torch.rand(1), expected)
