"""Look for the traps of an installation, and name the cure.

Each check is a file of this folder, found by its name. The exit status is 1 where something is broken.
"""

import argparse
import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine
from workbench.core.names import names

WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what every check found."""
    findings = dict(examine(Machine()))
    if arguments.json:
        print(json.dumps({name: asdict(finding) for name, finding in findings.items()}, indent=1))
    else:
        print("\n".join(line(name, finding) for name, finding in findings.items()))
    return int(any(finding.status == "fail" for finding in findings.values()))


def examine(machine: Machine) -> Iterator[tuple[str, Finding]]:
    """Every check by name, with what it finds on a machine."""
    for name in names(__path__):
        yield name.replace("_", " "), import_module(f"{__name__}.{name}").check(machine)


def line(name: str, finding: Finding) -> str:
    """A finding as a person reads it: the sentence, and below it the cure."""
    head = f"{finding.status:<5} {name:<16} "
    indent = " " * len(head)
    text = textwrap.fill(finding.sentence, WIDTH, initial_indent=head, subsequent_indent=indent)
    return f"{text}\n{indent}-> {finding.cure}" if finding.cure else text
