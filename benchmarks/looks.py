"""Look at a model 500 times while it trains, and compare with the training that nobody watched, bit by bit.

    OMP_NUM_THREADS=1 python benchmarks/looks.py

A look is what a panel does: a forward in evaluation mode from the main thread, sometimes through the tap, with noise
drawn on the way.
"""

import argparse
import time
from typing import Any

import torch
from torch import nn

from workbench import data, taps, train
from workbench.core import live, seeds
from workbench.objectives import Supervised


def job(steps: int) -> train.Job:
    """A classifier of digits with dropout and batch normalisation, both of which a careless look would disturb."""
    with seeds.seeded(0):
        model = nn.Sequential(
            *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(288, 10)),
        )
    return train.Job(model=model, data=data.load("digits"), settings=train.Settings(batch_size=32), steps=steps)


def watched(steps: int, looks: int) -> tuple[Any, int, float]:
    """The run, how many looks there were while it trained, and the longest that one took in seconds."""
    example = data.load("digits").sample_batch(16).inputs[0]
    run = train.start(Supervised(), job(steps))
    seen, longest = 0, 0.0
    while run.running and seen < looks:
        began = time.perf_counter()
        with live.look(), live.evaluating(run.model), torch.no_grad():
            if seen % 5:
                run.model(example + 0.1 * torch.randn_like(example))
            else:
                with taps.tap(run.model) as tap:
                    tap.read("0")
                    run.model(example)
        longest = max(longest, time.perf_counter() - began)
        seen += 1
        time.sleep(1e-3)
    return run.wait(), seen, longest


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=int, default=500)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    alone = train.start(Supervised(), job(options.steps)).wait()
    run, seen, longest = watched(options.steps, options.looks)
    weights = zip(run.model.state_dict().values(), alone.model.state_dict().values(), strict=True)
    same_weights = all(torch.equal(a, b) for a, b in weights)
    same_losses = (run.history.column("train", "loss")[1] == alone.history.column("train", "loss")[1]).all()
    print(f"{seen} looks in {options.steps} steps; the longest took {longest * 1e3:.0f} ms")
    print(f"losses equal: {bool(same_losses)}; weights and running statistics equal: {same_weights}")
    raise SystemExit(not (same_weights and same_losses and seen >= options.looks))


if __name__ == "__main__":
    main()
