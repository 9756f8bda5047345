"""Count the rows of the catalogue whose evidence passed. Runs the tests and notebooks that are named as evidence.

The exit status is 1 where evidence is missing or did not pass. Needs a checkout.
"""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print which rows are covered, and what is wrong with the rest of the evidence."""
    from workbench.verbs.covering import coverage

    found = coverage()
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if arguments.json else found)
    return int(not found.ok)
