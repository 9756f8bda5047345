"""The packages that show panels in a notebook are recent enough."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine

OLDEST = {"anywidget": "0.9.18", "ipywidgets": "8.1", "jupyterlab_widgets": "3.0", "ipykernel": "6.29"}
"""Below these, panels stay empty or do not follow a run."""


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparing."""
    parts = version.split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def check(machine: Machine) -> Finding:
    """Compare the versions of those that are installed."""
    found = {name: machine.version(name) for name in OLDEST}
    old = [name for name, version in found.items() if version and numbers(version) < numbers(OLDEST[name])]
    if old:
        wanted = " ".join(f"'{name}>={OLDEST[name]}'" for name in old)
        has = ", ".join(f"{name} {found[name]}" for name in old)
        return Finding("fail", f"Panels need newer packages than {has}.", f"pip install --upgrade {wanted}")
    absent = [name for name, version in found.items() if version is None]
    if absent:
        return Finding(
            "warn", f"Without {' and '.join(absent)} panels are text.", "pip install 'neural-workbench[lab]'"
        )
    return Finding("ok", ", ".join(f"{name} {version}" for name, version in found.items()) + ".")
