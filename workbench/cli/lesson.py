"""Make what is handed out: `student` writes a teacher's notebook without solutions, hidden tests and outputs."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    student = actions.add_parser("student", help="the notebook that students receive")
    student.add_argument("source", type=Path, metavar="IN", help="the teacher's notebook; it is not changed")
    student.add_argument("target", type=Path, metavar="OUT", help="the file to write, in a folder that exists")
    student.add_argument("--replace", action="store_true", help="replace OUT where it exists")
    student.set_defaults(act=student_notebook)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    return arguments.act(arguments)


def student_notebook(chosen: argparse.Namespace) -> int:
    """Write the student's notebook."""
    from workbench.notebooks import hand_out

    print(f"{hand_out(chosen.source, chosen.target, replace=chosen.replace)} is what students receive.")
    return 0
