"""How far the automatic choice of ``interpret.explain`` can be trusted: five ordinary networks and forty architectures.

    OMP_NUM_THREADS=1 python benchmarks/attribution_acceptance                  all, a quarter of an hour
    python benchmarks/attribution_acceptance --names bert gat                   some
    python benchmarks/attribution_acceptance --json docs/attribution_acceptance.json

The five are those on which shap's DeepExplainer and captum's DeepLift fail or are silently wrong. The forty are text,
pictures, tables, graphs, series and sound; those of transformers are made tiny from their configurations, with weights
spread so that they are far from linear. The gap is relative to the change in score or the spread of the score over the
data, whichever is larger; what is drawn at random is judged by its sampling error as well: half a 95 % interval at most
5 % of the same.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SECONDS = 1800


def measure(names: Sequence[str], workers: int) -> list[dict[str, Any]]:
    """The rows; every network in a process of its own, so that none meets what another left."""
    from judging import judge

    rows: list[dict[str, Any]] = []
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
        waiting = {name: pool.apply_async(judge, (name,)) for name in names}
        for name, result in waiting.items():
            rows.append(result.get(SECONDS))
            print(f"{len(rows):3d}/{len(names)} {rows[-1]['verdict']:7s} {name}", file=sys.stderr)
    return rows


def written(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each network, so that a change of one is a change of one line."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in sorted(rows, key=lambda row: (row["table"], row["name"])))
    return f'{{\n "versions": {json.dumps(versions())},\n "rows": [\n{lines}\n ]\n}}\n'


def versions() -> dict[str, str]:
    """What was measured with."""
    import torch
    import transformers

    return {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}


def main() -> int:
    """The command."""
    from counting import required, table
    from networks import FIVE, FORTY

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="+", help="these networks")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="where the rows are written; rows of other networks there are kept")
    options = parser.parse_args()
    names, began = options.names or [*FIVE, *FORTY], time.monotonic()
    kept = json.loads(options.json.read_text())["rows"] if options.json and options.json.exists() else []
    rows = [row for row in kept if row["name"] in FIVE | FORTY and row["name"] not in names]
    rows += measure(names, options.workers)
    if options.json:
        options.json.write_text(written(rows))
    print(table(rows))
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0 if options.names or all(met for _, met in required(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
