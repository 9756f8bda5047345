"""Show the architectures: `list` them all, or the `card` of one with its paper, settings and claim."""

import argparse
import json
from typing import Any

from workbench import zoo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="one line an architecture")
    listing.add_argument("--family", help="only this family")
    listing.add_argument("--task", help="only those whose recipe is for this task")
    listing.add_argument("--paper", help="only those with this text in their paper's title, authors or year")
    listing.add_argument("--max-parameters", type=int, metavar="N", help="only those of at most this default size")
    listing.set_defaults(show=listed)
    card = actions.add_parser("card", help="everything about one")
    card.add_argument("name", metavar="NAME")
    card.set_defaults(show=lambda chosen: zoo.card(chosen.name))
    for action in (listing, card):
        action.add_argument("--json", action="store_true", help="print JSON")


def listed(chosen: argparse.Namespace) -> Any:
    """The table that was asked for."""
    return zoo.table(family=chosen.family, task=chosen.task, paper=chosen.paper, max_parameters=chosen.max_parameters)


def run(arguments: argparse.Namespace) -> int:
    """Print the table or the card."""
    found = arguments.show(arguments)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if arguments.json else found)
    return 0
