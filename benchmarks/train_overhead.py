"""What training through the workbench costs a step, beside bare loops, Accelerate and Lightning, in the same process.

    OMP_NUM_THREADS=1 python benchmarks/train_overhead.py

A perceptron of 12.8k parameters on 8,192 examples of 64 numbers, batches of 64, one thread. The contestants take
turns, so that a change of the machine's mood hits all of them; figures are medians over rounds of paired ratios.
Time is CPU time of the whole process, so that what happens in other threads (writing checkpoints, showing progress)
counts in full. Constructing the trainer counts too.
"""

import argparse
import contextlib
import io
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from workbench import data, train
from workbench.objectives import Supervised
from workbench.train.progress import Line

EXAMPLES, BATCH = 8192, 64
_generator = torch.Generator().manual_seed(0)
X = torch.randn(EXAMPLES, 64, generator=_generator)
Y = torch.randint(10, (EXAMPLES,), generator=_generator)
FIRST, SECOND = "bare loop, indexed, default Adam", "bare loop, pre-split, fused Adam"


def perceptron() -> nn.Module:
    """12.8k parameters."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 10))


def indexed(steps: int) -> None:
    """What most people write."""
    model = perceptron()
    optimiser, step = torch.optim.Adam(model.parameters(), lr=1e-3), 0
    while step < steps:
        for index in torch.randperm(EXAMPLES).split(BATCH):
            x, y = X[index], Y[index]
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
            step += 1
            if step == steps:
                break


def presplit(steps: int) -> None:
    """The fastest eager loop: one gather an epoch, one kernel for all parameters, no figure read."""
    model = perceptron()
    optimiser, step = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True), 0
    while step < steps:
        order = torch.randperm(EXAMPLES)
        for x, y in zip(X[order].split(BATCH), Y[order].split(BATCH), strict=True):
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
            step += 1
            if step == steps:
                break


def ours(steps: int, *, everything: bool, fused: bool = True) -> None:
    """A run; with everything: progress line, record on disk, a checkpoint every quarter of a second and at the end."""
    optimiser = train.AdamW(lr=1e-3, fused=fused)
    settings = train.Settings(batch_size=BATCH, optimiser=optimiser, checkpoint_seconds=0.25)
    job = train.Job(model=perceptron(), data=SOURCE, settings=settings, steps=steps)
    if not everything:
        train.start(Supervised(), job).wait()
        return
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stderr(io.StringIO()):
        line = Line()
        train.start(Supervised(), job, Path(place) / "run").wait(show=line)
        line.close()


def accelerate(steps: int) -> None:
    """Accelerate around the loop, with its data loader."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = perceptron()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=BATCH, shuffle=True)
    model, optimiser, loader = accelerator.prepare(model, torch.optim.Adam(model.parameters(), lr=1e-3), loader)
    step = 0
    while step < steps:
        for x, y in loader:
            optimiser.zero_grad()
            accelerator.backward(F.cross_entropy(model(x), y))
            optimiser.step()
            step += 1
            if step == steps:
                break


def lightning(steps: int, *, everything: bool) -> None:
    """Lightning's trainer; with everything: its defaults for logging, bar and checkpoints."""
    import lightning.pytorch as pl

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = perceptron()

        def training_step(self, batch: Any) -> Any:
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            if everything:
                self.log("loss", loss, prog_bar=True)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=BATCH, shuffle=True)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        trainer = pl.Trainer(
            max_steps=steps,
            accelerator="cpu",
            default_root_dir=place,
            logger=everything,
            enable_progress_bar=everything,
            enable_checkpointing=everything,
            enable_model_summary=False,
        )
        trainer.fit(Module(), loader)


def rounds(contestants: dict[str, tuple[Callable[[int], None], int]], count: int) -> dict[str, list[float]]:
    """Microseconds a step, for each contestant and round; the first round warms up and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(count + 1):
        for name, (run, steps) in contestants.items():
            before = time.process_time()
            run(steps if i else max(64, steps // 8))
            if i:
                times[name].append((time.process_time() - before) / steps * 1e6)
    return times


def paired(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median of the ratios in the same round."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def table(times: dict[str, list[float]]) -> str:
    """Markdown."""
    lines = [f"| | µs CPU a step | x {FIRST} | x {SECOND} |", "|---|---|---|---|"]
    for name, values in times.items():
        ratios = f"{paired(times, name, FIRST):.2f} | {paired(times, name, SECOND):.2f}"
        lines.append(f"| {name} | {statistics.median(values):.0f} | {ratios} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=4096)
    parser.add_argument("--ours", action="store_true", help="leave the other libraries out")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    full, short = options.steps, max(128, options.steps // 8)
    contestants: dict[str, tuple[Callable[[int], None], int]] = {
        FIRST: (indexed, full),
        SECOND: (presplit, full),
        "**workbench**, progress, record and checkpoints on": (lambda n: ours(n, everything=True), full),
        "workbench, in memory": (lambda n: ours(n, everything=False), full),
        "workbench, unfused, all on": (lambda n: ours(n, everything=True, fused=False), full),
    }
    if not options.ours:
        contestants |= {
            "Accelerate, nothing on": (accelerate, short),
            "Lightning, everything off": (lambda n: lightning(n, everything=False), short),
            "Lightning, its defaults (log, bar, checkpoint)": (lambda n: lightning(n, everything=True), short),
        }
    print(table(rounds(contestants, options.rounds)))
    print(f"\ntorch {torch.__version__}, {os.cpu_count()} cores, {options.rounds} rounds of {full} steps")


SOURCE = data.of((X, Y))

if __name__ == "__main__":
    main()
