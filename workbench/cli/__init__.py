"""The ``workbench`` command: one file per subcommand, found by its name.

A subcommand's file opens with its help, and has ``add_arguments(parser)`` and ``run(arguments) -> int``, the exit
status. It imports what is heavy inside ``run``, so that ``workbench --help`` answers at once.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from workbench.core.errors import WorkbenchError
from workbench.core.names import names

INTERRUPTED = 130
"""Exit status of a program that was ended by an interrupt, as shells give it."""


def parser() -> argparse.ArgumentParser:
    """The command line with every subcommand."""
    top = argparse.ArgumentParser(prog="workbench", description="Build, train, compress and inspect neural networks.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names(__path__):
        module = import_module(f"{__name__}.{name}")
        text = (module.__doc__ or "").strip()
        command = commands.add_parser(
            name,
            help=text.partition("\n")[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words of the command line; None for those of this process.

    Returns:
        The exit status: 0, or 1 with one sentence on standard error.
    """
    chosen = parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
