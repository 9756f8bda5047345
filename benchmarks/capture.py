"""What reading a model of GPT-2 size costs, beside plain hooks, transformers' own outputs, TransformerLens and nnsight.

    OMP_NUM_THREADS=1 python benchmarks/capture.py
    OMP_NUM_THREADS=1 python benchmarks/capture.py --peers FOLDER     # with TransformerLens and nnsight

``GPT2LMHeadModel(GPT2Config())`` with random weights, one sequence, one thread, no gradients. The contestants take
turns, so that a change of the machine's mood hits all of them; ratios are medians of pairs of the same round, of the
processor time of the whole process. Memory is the peak of the resident set over that of a plain forward, in a process
of its own for each. ``--peers DIR`` makes an environment in DIR that adds the two libraries to the present one (it
needs a package index) and runs everything in it; they are no dependencies of the project.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench.taps import AttentionTap, tap

PEERS = ("nnsight==0.8.1", "transformer-lens==4.3.0")
LAYERS = tuple(f"transformer.h.{i}" for i in range(12))
THIRD = "transformer.h.3"
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Contestant:
    """One way of running the model."""

    name: str
    run: Callable[[], Any]
    beside: str
    """with what it is compared"""
    goal: float | None = None
    """the largest ratio that is good"""


def gpt2(attention: str = "sdpa") -> nn.Module:
    """GPT-2 small with random weights; the same weights for every kind of attention."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(attn_implementation=attention)
    config.use_cache = False
    return GPT2LMHeadModel(config).eval()


def reading(model: nn.Module, ids: torch.Tensor, **options: Any) -> Any:
    """Twelve residual sites by the tap, in a whole forward."""
    with tap(model, **options) as one:
        seen = one.read(*LAYERS)
        model(ids)
    return seen


def hooking(model: nn.Module, ids: torch.Tensor) -> Any:
    """The same by forward hooks that copy, as the tap does."""
    kept: dict[str, torch.Tensor] = {}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: kept.__setitem__(name, output.detach().clone())
        )
        for name in LAYERS
    ]
    try:
        model(ids)
    finally:
        for handle in handles:
            handle.remove()
    return kept


def attending(model: nn.Module, ids: torch.Tensor, **options: Any) -> Any:
    """Attention by the tap."""
    with AttentionTap(model, **options) as one:
        model(ids)
    return one.records


def ours(ids: torch.Tensor) -> list[Contestant]:
    """The tap, and what comes without a library."""
    model, eager = gpt2(), gpt2("eager")
    plain, weights = "plain forward", "eager, output_attentions"
    return [
        Contestant(plain, lambda: model(ids), plain),
        Contestant("**tap, 12 residual sites**", lambda: reading(model, ids), plain, 1.05),
        Contestant("forward hooks, 12 copies", lambda: hooking(model, ids), plain),
        Contestant("output_hidden_states", lambda: model(ids, output_hidden_states=True), plain),
        Contestant("**tap, layer 3, early stop**", lambda: tap(model).run((ids,), THIRD), plain, 0.25),
        Contestant("tap, one torch call: all of them seen", lambda: seeing(model, ids), plain),
        Contestant(weights, lambda: eager(ids, output_attentions=True), weights),
        Contestant("eager forward", lambda: eager(ids), weights),
        Contestant("**tap, all attention**", lambda: attending(model, ids), weights, 1.10),
        Contestant("**tap, attention of one layer**", lambda: attending(model, ids, modules=[THIRD]), plain, 1.10),
    ]


def seeing(model: nn.Module, ids: torch.Tensor) -> Any:
    """A value of a torch function, for which all torch calls of the forward pass through the tap."""
    with tap(model) as one:
        seen = one.read(f"{THIRD}:add#0")
        model(ids)
    return seen[f"{THIRD}:add#0"]


def peers(ids: torch.Tensor) -> list[Contestant]:
    """TransformerLens and nnsight, as their manuals say."""
    from nnsight import NNsight
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    plain, inner = "plain forward", gpt2("eager")
    lens: Any = build_bridge_from_module(inner, "GPT2LMHeadModel", hf_config=inner.config)
    residuals = [f"blocks.{i}.hook_resid_post" for i in range(12)]
    sight: Any = NNsight(gpt2())

    def traced() -> Any:
        kept: list[Any] = []
        with sight.trace(ids):
            for layer in sight.transformer.h:
                kept.append(layer.output.save())  # noqa: PERF401 - nnsight runs the text of this block in its own way
        return kept

    def stopped() -> Any:
        with sight.trace(ids) as tracer:
            kept = sight.transformer.h[3].output.save()
            tracer.stop()
        return kept

    def cached(names: Sequence[str], **options: Any) -> Any:
        return lens.run_with_cache(ids, names_filter=list(names), **options)[1]

    return [
        Contestant("nnsight, 12 residual sites", traced, plain),
        Contestant("nnsight, layer 3, stop", stopped, plain),
        Contestant("TransformerLens, 12 residual sites", lambda: cached(residuals), plain),
        Contestant("TransformerLens, layer 3, stop", lambda: cached(residuals[3:4], stop_at_layer=4), plain),
        Contestant(
            "TransformerLens, all attention",
            lambda: cached([f"blocks.{i}.attn.hook_pattern" for i in range(12)]),
            "eager, output_attentions",
        ),
    ]


def rounds(contestants: Sequence[Contestant], count: int) -> dict[str, list[float]]:
    """Milliseconds of processor time by contestant and round; the first round warms up and is not counted."""
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    for i in range(count + 1):
        for one in contestants:
            before = time.process_time()
            result = one.run()
            spent = time.process_time() - before
            del result
            if i:
                times[one.name].append(spent * 1e3)
    return times


def table(contestants: Sequence[Contestant], times: dict[str, list[float]]) -> str:
    """Markdown."""
    lines = ["| | ms CPU | x plain | beside | x | goal |", "|---|---|---|---|---|---|"]
    for one in contestants:
        goal = "" if one.goal is None else f"{one.goal:.2f}"
        ratios = [paired(times, one.name, base) for base in ("plain forward", one.beside)]
        median = statistics.median(times[one.name])
        lines.append(f"| {one.name} | {median:.0f} | {ratios[0]:.2f} | {one.beside} | {ratios[1]:.2f} | {goal} |")
    return "\n".join(lines)


def paired(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median of the ratios in the same round."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


MEMORY: dict[str, tuple[Callable[[nn.Module, torch.Tensor], Any], float]] = {
    "plain": (lambda model, ids: model(ids), 0),
    "tap, 12 residual sites": (reading, 1024),
    "tap, 12 residual sites, max_bytes=16 MB": (lambda model, ids: reading(model, ids, max_bytes=16 * MEGABYTE), 16),
    "tap, all attention, max_bytes=128 MB": (lambda m, ids: attending(m, ids, max_bytes=128 * MEGABYTE), 128),
    "tap, attention of one layer": (lambda m, ids: attending(m, ids, modules=[THIRD]), 256),
}
"""what is run, and the cap it is given in megabytes"""


def peak(name: str, tokens: int) -> float:
    """Megabytes by which one forward raises the peak of this process's resident set."""
    model, ids = gpt2(), torch.arange(tokens)[None]
    run, _ = MEMORY[name]
    with torch.no_grad():
        model(ids[:, :8])
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        result = run(model, ids)
        after = resident("VmHWM")
        del result
    return after - before


def resident(field: str) -> float:
    """Megabytes."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(field)]
    return int(line.split()[1]) / 1024


def memory(tokens: int) -> str:
    """Markdown: the peak of each over that of a plain forward, each in a process of its own."""
    # Large blocks go back to the system as soon as they are free, so that the peak is what was in use.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    peaks = {}
    for name in MEMORY:
        command = [sys.executable, __file__, "--peak", name, "--tokens", str(tokens)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        peaks[name] = float(done.stdout.split()[-1])
    layer = {"residual": tokens * 768 * 4 / MEGABYTE, "attention": 12 * tokens**2 * 4 / MEGABYTE}
    lines = [f"| {tokens} tokens | MB over plain | max_bytes, MB | one layer, MB |", "|---|---|---|---|"]
    for name, (_, cap) in MEMORY.items():
        one = layer["attention" if "attention" in name else "residual"]
        extra = peaks[name] - peaks["plain"]
        lines.append(f"| {name} | {extra:.0f} | {cap or '':.0f} | {one:.0f} |" if cap else f"| {name} | 0 | | |")
    return "\n".join(lines)


def environment_with_peers(folder: Path) -> Path:
    """An environment that adds the two libraries to the present one; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        here, there = sysconfig.get_path("purelib"), next((folder / "lib").glob("python*/site-packages"))
        (there / "present.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-input", *PEERS], check=True)
    return python


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--tokens", type=int, default=128, help="in the sequence that is timed")
    parser.add_argument("--long", type=int, default=1024, help="in the sequence whose memory is measured")
    parser.add_argument("--peers", type=Path, help="folder of an environment with the other libraries, made if absent")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.peak:
        print(peak(options.peak, options.tokens))
        return
    if options.peers and any(importlib.util.find_spec(name) is None for name in ("nnsight", "transformer_lens")):
        python = environment_with_peers(options.peers)
        given = sys.argv[1:] if arguments is None else list(arguments)
        raise SystemExit(subprocess.run([python, __file__, *given], check=False).returncode)
    ids = torch.arange(options.tokens)[None]
    contestants = ours(ids) + (peers(ids) if options.peers else [])
    with torch.no_grad():
        print(table(contestants, rounds(contestants, options.rounds)))
    print()
    print(memory(options.long))
    print(f"\ntorch {torch.__version__}, {os.cpu_count()} cores, {options.rounds} rounds of {options.tokens} tokens")


if __name__ == "__main__":
    main()
