"""Train an entry of the zoo from several seeds and check its claim; the worst seed decides.

The exit status is 1 where a claim does not hold.
"""

import argparse
import json
import sys

from workbench import zoo
from workbench.core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="an entry; `workbench zoo list` names them")
    parser.add_argument("--all", action="store_true", help="every entry")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many, from 0 (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Verify, and print what every seed gave.

    Raises:
        ConfigError: Neither a name nor ``--all`` was given, or both.
    """
    if bool(arguments.name) == arguments.all:
        raise ConfigError("Give the name of an entry, or --all.")
    from workbench.verbs.verifying import Trial, Verification, verify

    def tell(trial: Trial) -> None:
        print(f"seed {trial.seed}: {trial.figure:.4f}", file=sys.stderr, flush=True)

    found: list[Verification] = []
    for name in zoo.names() if arguments.all else [arguments.name]:
        found.append(verify(name, arguments.seeds, on_trial=tell))
        if not arguments.json:
            print(found[-1], flush=True)
    if arguments.json:
        results = [verification.to_dict() for verification in found]
        print(json.dumps(results if arguments.all else results[0], indent=1, ensure_ascii=False))
    return int(not all(verification.holds for verification in found))
