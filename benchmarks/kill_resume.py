"""Kill training at random moments, resume it, and compare with the run that was left alone, bit by bit.

    python benchmarks/kill_resume.py                          # 20 kills of the ordinary loop, 5 of each other driver
    python benchmarks/kill_resume.py muon=5 sgd=5 float16=5   # others that are in this file
    python benchmarks/kill_resume.py --json loop=3            # for tests: a few kills of one driver

Every trial kills a process (SIGKILL) once or twice: every third kill waits for a checkpoint that is being written.
Then the run is resumed to its end. The record must hold every step exactly once with the very numbers of the
uninterrupted run, and the weights must be its weights.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FULL = {"loop": 20, "gan": 5, "ppo": 5, "least_squares": 5}


def classifier() -> Any:
    """A classifier with dropout and batch normalisation."""
    from torch import nn

    return nn.Sequential(
        *(nn.Flatten(), nn.Linear(64, 384), nn.BatchNorm1d(384), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(384, 384), nn.ReLU(), nn.Dropout(0.5), nn.Linear(384, 10)),
    )


def pictures() -> Any:
    """Small pictures of noise: what is learnt does not matter here, and they load faster than real ones."""
    import torch

    from workbench import data

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1600, 1, 8, 8, generator=generator)
    return data.of((x, torch.randint(10, (len(x),), generator=generator)))


def supervised(**settings: Any) -> tuple[Any, Any]:
    """A supervised job whose steps of four batches reach over the ends of epochs."""
    from workbench import train
    from workbench.objectives import Supervised

    chosen = train.Settings(**{"batch_size": 32, "accumulate": 4, "checkpoint_seconds": 0.05, **settings})
    return Supervised(), train.Job(model=classifier(), data=pictures(), settings=chosen, steps=500)


def loop() -> tuple[Any, Any]:
    """Dropout, accumulation, warmup, cosine, clipping and a moving average."""
    return supervised(warmup=20, schedule="cosine", clip=1.0, ema=0.99)


def sgd() -> tuple[Any, Any]:
    """Momentum."""
    from workbench.train import SGD

    return supervised(optimiser=SGD(lr=0.05))


def muon() -> tuple[Any, Any]:
    """Two optimisers behind one."""
    from workbench.train import Muon

    return supervised(optimiser=Muon())


def float16() -> tuple[Any, Any]:
    """Loss scaling."""
    return supervised(precision="float16", accumulate=2)


def bfloat16() -> tuple[Any, Any]:
    """Mixed precision."""
    return supervised(precision="bfloat16", accumulate=2)


def gan() -> tuple[Any, Any]:
    """Two phases over two submodules, with noise in both."""
    from torch import nn

    from workbench import train
    from workbench.objectives import Adversarial

    model = nn.ModuleDict(
        {
            "generator": nn.Sequential(
                *(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64)),
                nn.Unflatten(1, (1, 8, 8)),
            ),
            "discriminator": nn.Sequential(
                *(nn.Flatten(), nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(256, 1)),
            ),
        }
    )
    settings = train.Settings(batch_size=32, checkpoint_seconds=0.05)
    return Adversarial(), train.Job(model=model, data=pictures(), settings=settings, steps=700)


def ppo() -> tuple[Any, Any]:
    """Reinforcement learning: environments that cannot be stored."""
    from torch import nn

    from workbench import data, train
    from workbench.paradigms import PPO

    class Agent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
            self.actor, self.critic = nn.Linear(32, 2), nn.Linear(32, 1)

        def forward(self, x: Any) -> tuple[Any, Any]:
            hidden = self.body(x)
            return self.actor(hidden), self.critic(hidden)

    plan = PPO(rollout=32, environments=4, minibatch=64, passes=4, renew=4, decay=True)
    settings = train.RunSettings(checkpoint_seconds=0.05)
    return plan, train.Job(model=Agent(), data=data.load("cartpole"), settings=settings, steps=80)


def least_squares() -> tuple[Any, Any]:
    """One step: a run that was killed is done again."""
    from torch import nn

    from workbench import train
    from workbench.paradigms import LeastSquares

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2048), nn.ReLU(), nn.Linear(2048, 10))
    return LeastSquares(), train.Job(model=model, data=pictures(), settings=train.RunSettings())


JOBS: Mapping[str, Callable[[], tuple[Any, Any]]] = {
    job.__name__: job for job in (loop, gan, ppo, sgd, muon, float16, bfloat16, least_squares)
}


def child(name: str, directory: Path) -> None:
    """Train or resume, then say how it ended."""
    import torch

    from workbench import train
    from workbench.train import checkpoint

    torch.set_num_threads(1)
    torch.manual_seed(0)
    plan, job = JOBS[name]()
    known = (directory / "run.json").exists()
    saved = checkpoint.paths(directory)
    run = train.resume(directory, plan, job) if known else train.start(plan, job, directory)
    began = time.perf_counter()
    print(json.dumps({"ready": True}), flush=True)
    run.wait()
    state = run.driver.state()
    weights = [*state["model"].values(), *(state.get("ema") or {}).values()]
    blobs = [w.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes() for w in weights]
    digest = hashlib.sha256(b"".join(blobs))
    end = {
        "digest": digest.hexdigest(),
        "seconds": time.perf_counter() - began,
        "resumed": int(saved[-1].stem[5:]) if saved else 0,
    }
    print(json.dumps(end | {"exact": bool(run.exact), "promise": str(run.exact)}), flush=True)


def launch(name: str, directory: Path) -> subprocess.Popen[str]:
    """A child that has begun to train."""
    command = [sys.executable, __file__, "--child", name, str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    if not process.stdout.readline():
        raise SystemExit(f"the child for {name} ended with {process.wait()}")
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a child says when it has ended."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the child ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])


def kill(process: subprocess.Popen[str], directory: Path, seconds: float, *, writing: bool) -> bool:
    """Kill after some time, and if wished at the next checkpoint that is being written; whether one was."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and process.poll() is None:
        time.sleep(0.001)
    if writing:
        while process.poll() is None and not list((directory / "checkpoints").glob(".writing-*")):
            pass
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
    return bool(list((directory / "checkpoints").glob(".writing-*")))


def record(directory: Path) -> list[Any]:
    """Every event of a run but for the time at which it happened."""
    rows = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
    return [[row["step"], row["phase"], row["metrics"]] for row in rows]


def trials(name: str, kills: int, place: Path) -> dict[str, Any]:
    """Kill a driver until it was killed so often, and count what differs."""
    whole = place / "whole"
    reference, rows, random_ = finish(launch(name, whole)), record(whole), random.Random(name)
    killed = writing = differing = trial = 0
    resumed: list[int] = []
    while killed < kills:
        directory, trial = place / str(trial), trial + 1
        for _ in range(min(random_.choice((1, 2)), kills - killed)):
            process = launch(name, directory)
            seconds = random_.uniform(0.1, 0.7) * reference["seconds"]
            writing += kill(process, directory, seconds, writing=name != "least_squares" and killed % 3 == 2)
            killed += 1
        end = finish(launch(name, directory))
        resumed.append(end["resumed"])
        differing += end["digest"] != reference["digest"] or record(directory) != rows
        shutil.rmtree(directory)
        sys.stderr.write(f"{name}: {killed} of {kills} kills, {differing} differing, from {end['resumed']}\n")
    steps = [row[0] for row in rows if row[1] != "validation"]
    return {
        "driver": name,
        "kills": killed,
        "while writing": writing,
        "runs": trial,
        "differing": differing,
        "resumed from": resumed,
        "steps": max(steps),
        "exact": reference["exact"],
    }


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drivers", nargs="*", help="driver=kills")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each driver")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    wanted = dict(pair.split("=") for pair in options.drivers) or FULL
    if not options.json:
        print("| driver | kills | while writing | runs | differing | resumed from | steps |")
        print("|---|---|---|---|---|---|---|")
    failed = False
    for name, kills in wanted.items():
        place = Path(tempfile.mkdtemp(prefix="kill-"))
        try:
            row = trials(name, int(kills), place)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        failed |= bool(row["differing"])
        if options.json:
            print(json.dumps(row), flush=True)
        else:
            starts = ", ".join(map(str, sorted(row["resumed from"])))
            cells = [name, row["kills"], row["while writing"], row["runs"], row["differing"], starts, row["steps"]]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
