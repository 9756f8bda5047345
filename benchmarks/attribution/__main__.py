"""What it costs to explain a model, beside captum and shap at the same number of evaluations.

    OMP_NUM_THREADS=1 python benchmarks/attribution                  everything, about half an hour
    OMP_NUM_THREADS=1 python benchmarks/attribution --only tables    a part of it: tables, large or memory
    OMP_NUM_THREADS=1 python benchmarks/attribution --rounds 15

Ours is the whole call of ``interpret.explain``, with finding the input, the target and the checks. Peers run as their
manual has them and tuned. "Bare passes" are the same evaluations in the best batch, without a method. All take turns
on one thread; times are medians of processor time and ratios medians over the rounds. Goals against peers are to be
met against each of them.
"""

import argparse
import os
import platform
import warnings
from collections.abc import Iterable

import torch
from timing import HEADER, Contest, measured, rows

MANY = 64
"""rows of a table that are explained at once"""
PARTS = ("tables", "large", "memory")


def told(title: str, contests: Iterable[Contest], rounds: int) -> None:
    """Measure and print one table."""
    print(f"\n{title}\n\n{HEADER}", flush=True)
    for contest in contests:
        print("\n".join(rows(contest, measured(contest, rounds))), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="of tables; large models take a third of them")
    parser.add_argument("--only", choices=PARTS, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}, torch {torch.__version__}")
    chosen = (given.only,) if given.only else PARTS
    if "tables" in chosen:
        import tables

        told("A table's perceptron, one row", tables.contests(1), given.rounds)
        told(f"The same, {MANY} rows at once", tables.in_bulk(MANY), max(2, given.rounds // 3))
    if "large" in chosen:
        import large

        told("A transformer and a convolutional network", large.contests(), max(2, given.rounds // 3))
    if "memory" in chosen:
        import memory

        print(f"\nPeak of the resident set\n\n{memory.HEADER}")
        for line in memory.lines():
            print(line, flush=True)


if __name__ == "__main__":
    main()
