"""The room with the key, the dictionaries, and the figures and rules that go with them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from workbench import data
from workbench.metrics import mean_return
from workbench.tasks._baselines.dictionary_rule import dictionary_rule
from workbench.tasks._baselines.door_rules import seek, wander
from workbench.tasks._baselines.linear_search import linear_search


class Sides:
    """Five steps; each shows -1 or 1 and pays one where the action is on that side."""

    def __init__(self):
        self.asked = []

    def reset(self, *, seed):
        self.asked.append(seed)
        self.source, self.step_number = np.random.default_rng(seed), 0
        return self._look(), {}

    def step(self, action):
        reward = float(action == (self.side > 0))
        self.step_number += 1
        return self._look(), reward, self.step_number == 5, False, {}

    def close(self):
        pass

    def _look(self):
        self.side = self.source.choice([-1.0, 1.0])
        return np.array([self.side], dtype=np.float32)


def sides():
    env = Sides()
    return SimpleNamespace(make=lambda: env, sizes={"observations": 1, "actions": 2}, env=env)


def policy(weight):
    model = nn.Linear(1, 2, bias=False)
    model.weight.data = torch.tensor([[-weight], [weight]])
    return model


def test_mean_return_is_the_mean_sum_of_rewards():
    assert mean_return(policy(50.0), sides()) == 5.0
    assert mean_return(policy(-50.0), sides()) == 0.0
    assert 2.2 < mean_return(policy(0.0), sides(), episodes=400) < 2.8


def test_mean_return_asks_the_same_of_every_model_and_leaves_no_trace():
    world, model = sides(), policy(1.0)
    model.train()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = mean_return(model, world, episodes=7)
    assert first == mean_return(model, world, episodes=7)
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert world.env.asked[:7] == world.env.asked[7:] == list(range(10_000, 10_007))


def test_mean_return_takes_actor_and_critic_and_a_call_of_ones_own():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.actor = policy(50.0)

        def forward(self, observations):
            return self.actor(observations), observations.sum(-1)

    assert mean_return(Both(), sides()) == 5.0
    assert mean_return(Both(), sides(), lambda model, x: (-model(x)[0], None)) == 0.0


def test_random_search_finds_a_linear_policy_where_there_is_one():
    assert linear_search(sides(), steps=4000, scales=(1.0, 10.0)) > 4.8
    assert linear_search(sides(), steps=4000) == linear_search(sides(), steps=4000)


def test_the_room_keeps_its_spaces_and_its_seeds():
    room = data.load("door_key")
    assert room.sizes == {"observations": 392, "actions": 5}
    assert len(set(room.inputs[0].labels)) == 392
    one, other = room.make(), room.make()
    assert one.action_space.n == 5
    assert one.observation_space.shape == (392,)
    for seed in range(5):
        (seen, _), (again, _) = one.reset(seed=seed), other.reset(seed=seed)
        assert np.array_equal(seen, again)
        for action in range(5):
            (seen, *rest), (again, *same) = one.step(action), other.step(action)
            assert np.array_equal(seen, again)
            assert rest[:3] == same[:3]
            assert one.observation_space.contains(seen)


def test_the_view_says_what_minigrid_sees():
    from minigrid.core.constants import IDX_TO_OBJECT, STATE_TO_IDX

    room = data.load("door_key").make()
    names = {"unseen": "hidden", "empty": "free", "wall": "wall", "key": "key", "goal": "goal"}
    doors = {STATE_TO_IDX[state]: f"{state} door" for state in ("open", "closed", "locked")}
    labels = data.load("door_key").inputs[0].labels
    source, kinds = np.random.default_rng(0), set()
    seen, _ = room.reset(seed=1)
    for step in range(300):
        image = room.unwrapped.gen_obs()["image"]
        shown = [labels[i].partition(",")[0] for i in np.flatnonzero(seen)]
        want = []
        for thing, _, state in image.reshape(-1, 3):
            name = IDX_TO_OBJECT[int(thing)]
            want.append(doors[int(state)] if name == "door" else names[name])
        assert shown == want
        kinds |= set(want)
        seen, _, ended, cut, _ = room.step(wander(seen, source))
        if ended or cut:
            seen, _ = room.reset(seed=step)
    assert {"key", "goal", "locked door", "open door", "wall", "hidden", "free"} <= kinds


@pytest.mark.parametrize("rule", [wander, seek])
def test_rules_take_the_key_and_open_the_door(rule):
    def view(**cells):
        seen = np.zeros((7, 7, 8), dtype=np.float32)
        seen[..., 1] = 1
        for (column, row), thing in cells.pop("at").items():
            seen[column, row] = np.eye(8)[thing]
        return seen.reshape(-1)

    source = np.random.default_rng(0)
    assert rule(view(at={(3, 5): 6}), source) == 3
    assert rule(view(at={(3, 5): 5}), source) == 4
    assert {rule(view(at={(3, 5): 2}), source) for _ in range(30)} == {0, 1}
    if rule is seek:
        assert rule(view(at={(1, 6): 7}), source) == 0
        assert rule(view(at={(5, 6): 7}), source) == 1
        assert rule(view(at={(5, 2): 7}), source) == 2


def test_every_word_finds_its_meaning_in_its_own_dictionary_once():
    graph = data.load("dictionary_lookup", words=6, dictionaries=20, seed=3)
    word, meaning = graph.x[:, :6].argmax(1), graph.x[:, 6:]
    tells = meaning.sum(1).bool()
    assert torch.equal(meaning[tells].argmax(1), graph.y[tells])
    assert dictionary_rule(graph) == 1.0
    start, end = graph.edge_index
    assert tells[start].all()
    assert not tells[end].any()
    for node in (~tells).nonzero().flatten().tolist():
        beside = start[end == node]
        (right,) = beside[word[beside] == word[node]].tolist()
        assert len(beside) == 6
        assert graph.y[right] == graph.y[node]


def test_splits_have_whole_dictionaries_and_count_only_who_asks():
    graph = data.load("dictionary_lookup")
    masks = torch.stack([graph.masks[split] for split in ("train", "validation", "test")])
    assert masks.sum(0).max() == 1
    assert masks.sum(1).tolist() == [1200, 300, 500]
    by_dictionary = masks.view(3, 200, 20).any(2)
    assert torch.equal(by_dictionary.sum(0), torch.ones(200, dtype=torch.int64))
    assert not masks.any(0)[graph.x[:, 10:].any(1)].any()
