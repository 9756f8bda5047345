"""The mean return of an agent."""

from typing import Any

import torch
from torch import nn

from workbench.core.calling import Call, scores
from workbench.core.calling import call as call_model
from workbench.core.device import of as device_of
from workbench.core.live import evaluating, look

_FIRST = 10_000
"""seed of the first episode, far from the seeds that training draws"""


def mean_return(model: nn.Module, data: Any, call: Call | None = None, *, episodes: int = 100) -> float:
    """The mean over episodes of the sum of rewards, with actions drawn by the model's scores.

    Episodes begin from the same seeds for every model, and the draws follow from them too. An agent that sees
    only a part of its world needs chance to leave a loop, so the likeliest action is not taken always.

    Args:
        model: Observations (batch, observations) to scores of the actions (batch, actions), or a pair that begins
            with them.
        data: An environment.
        call: How the model is called, where it is called in another way.
        episodes: How many.
    """
    env, device, total = data.make(), device_of(model), 0.0
    source = torch.Generator().manual_seed(0)
    with look(), evaluating(model), torch.no_grad():
        for episode in range(episodes):
            seen, _ = env.reset(seed=_FIRST + episode)
            done = False
            while not done:
                given = torch.as_tensor(seen, dtype=torch.float32, device=device).reshape(1, -1)
                chances = scores(call_model(model, given, call=call))[0].softmax(-1).cpu()
                action = int(torch.multinomial(chances, 1, generator=source))
                seen, reward, ended, cut, _ = env.step(action)
                total, done = total + float(reward), ended or cut
    env.close()
    return total / episodes
