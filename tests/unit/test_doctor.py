"""The doctor names each trap and its cure, on simulated machines."""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest

from workbench.cli import doctor, main
from workbench.cli.doctor import data_packages, extras, threads, torch, torchao, torchvision, variables, widgets
from workbench.cli.doctor import python as python_check
from workbench.cli.doctor._machine import Machine, Trial

HEALTHY = {
    "torch": "2.13.0",
    "anywidget": "0.11.0",
    "ipywidgets": "8.1.9",
    "jupyterlab_widgets": "3.0.17",
    "ipykernel": "7.4.0",
    "plotly": "7.1.0",
    "transformers": "5.23.0",
    **data_packages.PACKAGES,
}


SILENT = Trial(imports=True, says="")


@dataclass
class Simulated(Machine):
    """A machine that answers what it was told to answer."""

    packages: dict[str, str] = field(default_factory=lambda: dict(HEALTHY))
    release: tuple[int, int, int] = (3, 12, 1)
    environ: dict[str, str] = field(default_factory=dict)
    cuda: str | None = None
    driver: bool = False
    trial: Trial = SILENT
    tried: list[str] = field(default_factory=list)
    allowed: int = 4
    seen: int = 4

    def python(self) -> tuple[int, int, int]:
        return self.release

    def variables(self) -> dict[str, str]:
        return self.environ

    def version(self, package: str) -> str | None:
        return self.packages.get(package)

    def requirements(self) -> list[str]:
        return [
            "torch>=2.9",
            "plotly>=6; extra == 'plots'",
            'transformers>=5.0 ; extra == "text"',
            "plotly>=6; extra == 'all'",
            "neural-workbench[plots,text]; extra == 'all'",
        ]

    def torch_cuda(self) -> str | None:
        return self.cuda

    def has_cuda_driver(self) -> bool:
        return self.driver

    def try_import(self, module: str) -> Trial:
        self.tried.append(module)
        return self.trial

    def cores(self) -> int:
        return self.allowed

    def visible_cores(self) -> int:
        return self.seen


def lacking(*names: str) -> Simulated:
    return Simulated(packages={k: v for k, v in HEALTHY.items() if k not in names})


def having(**packages: str) -> Simulated:
    return Simulated(packages={**HEALTHY, **packages})


def test_a_healthy_machine_passes_every_check_and_imports_nothing():
    machine = Simulated()
    findings = dict(doctor.examine(machine))
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert not any(finding.cure for finding in findings.values())
    assert machine.tried == []
    assert {"python", "torch", "torchvision", "data packages"} <= set(findings)


broken = Simulated(
    packages={**HEALTHY, "torchvision": "0.28.0"},
    trial=Trial(imports=False, says="Traceback ...\nRuntimeError: operator torchvision::nms does not exist\n"),
)
warning = Simulated(
    packages={**HEALTHY, "torchao": "0.18.0"},
    trial=Trial(imports=True, says="Skipping import of cpp extensions due to incompatible torch version\n"),
)


@pytest.mark.parametrize(
    ("check", "machine", "status", "says", "cure"),
    [
        (python_check, Simulated(release=(3, 10, 4)), "fail", "Python 3.10.4 is older than 3.11", "Python 3.11"),
        (torch, lacking("torch"), "fail", "not installed", "pip install torch"),
        (torch, Simulated(cuda="13.0"), "warn", "CUDA 13.0 and there is no CUDA driver", "CPU build"),
        (torch, Simulated(driver=True), "warn", "CPU build and there is a CUDA driver", "CUDA build"),
        (torch, Simulated(cuda="13.0", driver=True), "ok", "CUDA 13.0", ""),
        (torchvision, broken, "fail", "torchvision::nms does not exist", "pip uninstall torchvision"),
        (torchvision, having(torchvision="0.28.0"), "ok", "matches torch", ""),
        (torchao, warning, "warn", "Skipping import of cpp extensions", "pip uninstall torchao"),
        (widgets, having(anywidget="0.9.3"), "fail", "anywidget 0.9.3", "anywidget>=0.9.18"),
        (widgets, having(ipykernel="6.29.5"), "ok", "ipykernel 6.29.5", ""),
        (widgets, lacking("ipykernel"), "warn", "Without ipykernel", "neural-workbench[lab]"),
        (extras, lacking("plotly"), "warn", "plots (plotly)", "pip install 'neural-workbench[plots]'"),
        (data_packages, lacking("aeon"), "warn", "aeon==1.6.0", "pip install --no-deps aeon==1.6.0"),
        (data_packages, having(aeon="1.2.0"), "warn", "aeon==1.6.0", "pip install --no-deps aeon==1.6.0"),
        (variables, Simulated(environ={"WORKBENCH_BUDGET": "small"}), "fail", "'small'", "unset WORKBENCH_BUDGET"),
        (variables, Simulated(environ={"WORKBENCH_BUDGET": "ci"}), "ok", "ci", ""),
        (threads, Simulated(allowed=2, seen=64), "warn", "64 threads on 2 cores", "OMP_NUM_THREADS=2"),
        (threads, Simulated(environ={"OMP_NUM_THREADS": "8"}), "warn", "8 threads on 4", "OMP_NUM_THREADS=4"),
        (threads, Simulated(allowed=2, seen=64, environ={"OMP_NUM_THREADS": "2"}), "ok", "2 threads on 2 cores", ""),
    ],
)
def test_each_trap_is_named_with_its_cure(check: ModuleType, machine: Simulated, status: str, says: str, cure: str):
    finding = check.check(machine)
    assert finding.status == status
    assert says in finding.sentence
    assert cure in finding.cure
    assert bool(cure) == bool(finding.cure)


def test_exit_status_and_output_follow_the_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(doctor, "Machine", lambda: broken)
    assert doctor.run(argparse.Namespace(json=False)) == 1
    assert "-> pip uninstall torchvision" in capsys.readouterr().out
    assert doctor.run(argparse.Namespace(json=True)) == 1
    assert json.loads(capsys.readouterr().out)["torchvision"]["status"] == "fail"
    monkeypatch.setattr(doctor, "Machine", lambda: warning)
    assert doctor.run(argparse.Namespace(json=False)) == 0


def test_this_machine_is_described_truly():
    machine = Machine()
    code = "import torch; print(torch.__version__, torch.version.cuda)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [machine.version("torch"), str(machine.torch_cuda())] == said
    assert machine.python() == sys.version_info[:3]
    assert machine.version("no-such-distribution") is None
    assert 1 <= machine.cores() <= machine.visible_cores()
    assert machine.try_import("json") == Trial(imports=True, says="")
    failed = machine.try_import("no_such_module")
    assert not failed.imports
    assert "No module named 'no_such_module'" in failed.says
    assert any("extra" in text for text in machine.requirements())


def test_doctor_runs_from_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_BUDGET", "tiny")
    assert main(["doctor"]) == 1
    assert "WORKBENCH_BUDGET is 'tiny'" in capsys.readouterr().out
