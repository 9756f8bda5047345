"""How much of transformers the tap sees: every AutoModel type made tiny, run, captured and compared with eager.

    OMP_NUM_THREADS=1 python benchmarks/attention_coverage                    the whole, a quarter of an hour
    python benchmarks/attention_coverage --sample 20                          a sample
    python benchmarks/attention_coverage --types bert t5 --json rows.json     some

The rules by which configurations are made tiny are in ``shrinking.py``, what they get wrong in ``patches.py``, and what
is known to be missing, each with the line of the library that is the reason, in ``exceptions.json``.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SECONDS, MEMORY = 30, 10 << 30


def all_types() -> list[str]:
    """Every type of ``AutoModel``."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return sorted(MODEL_MAPPING_NAMES)


def _child(name: str, pipe: Any, seconds: float) -> None:
    from measuring import measure

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(seconds) + used, int(seconds) + used)
    )  # of the processor, which may be busy
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    pipe.send(measure(name))
    pipe.close()
    os._exit(0)


def sweep(
    names: Sequence[str], workers: int, seconds: float, told: Callable[[list[dict[str, Any]]], None]
) -> list[dict[str, Any]]:
    """The rows, each type in a process of its own that is ended when it takes too long."""
    import measuring  # noqa: F401 - loaded once, before the children are made
    import transformers.modeling_utils  # noqa: F401 - as above

    context = multiprocessing.get_context("fork")
    waiting, running, rows = list(names), [], []
    while waiting or running:
        while waiting and len(running) < workers:
            name = waiting.pop(0)
            mine, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(name, theirs, seconds))
            child.start()
            theirs.close()
            running.append((name, child, mine, time.monotonic()))
        for job in list(running):
            name, child, pipe, began = job
            row = None
            if pipe.poll(0.02):
                try:
                    row = pipe.recv()
                except EOFError:
                    child.join()
                    slow = child.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
                    row = {"name": name, "outcome": "too slow" if slow else "died", "reason": f"exit {child.exitcode}"}
            elif time.monotonic() - began > 5 * seconds:
                child.kill()
                row = {"name": name, "outcome": "too slow", "reason": f"more than {5 * seconds:g} s"}
            if row is not None:
                child.join()
                running.remove(job)
                row["seconds"] = round(time.monotonic() - began, 1)
                rows.append(row)
                told(rows)
                print(f"{len(rows):4d}/{len(names)} {row['outcome']:10s} {name}", file=sys.stderr)
    return sorted(rows, key=lambda row: row["name"])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help="as many types, drawn from a fixed seed")
    parser.add_argument("--types", nargs="+", help="these types")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time limit of a type")
    parser.add_argument("--resume", action="store_true", help="keep the rows that the file has")
    parser.add_argument("--json", type=Path, help="where the rows are written")
    options = parser.parse_args()
    names = options.types or all_types()
    if options.sample:
        names = sorted(random.Random(0).sample(names, options.sample))
    began, kept = time.monotonic(), []
    if options.resume and options.json and options.json.exists():
        kept = json.loads(options.json.read_text())["rows"]
    done = {row["name"] for row in kept}

    def save(rows: list[dict[str, Any]], *, every: int = 20) -> None:
        if options.json and len(rows) % every == 0:
            together = sorted([*kept, *rows], key=lambda row: row["name"])
            options.json.write_text(written(together))

    rows = sweep([name for name in names if name not in done], options.workers, options.seconds, save)
    save(rows, every=1)
    print(table([*kept, *rows]))
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What is counted, beside what is required."""
    from counting import counted, required

    counts = counted(rows)
    lines = [f"{name.ljust(48)} {value}" for name, value in counts.items()]
    lines += [f"{'met' if met else 'NOT MET'}: {sentence}" for sentence, met in required(rows)]
    return "\n".join(lines)


def written(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each type, so that a change of one is a change of one line."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    return f'{{\n "versions": {json.dumps(versions())},\n "rows": [\n{lines}\n ]\n}}\n'


def versions() -> dict[str, str]:
    """What was measured with."""
    import torch
    import transformers

    return {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}


if __name__ == "__main__":
    sys.exit(main())
