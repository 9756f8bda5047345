"""What the checks ask of the machine: versions, imports, drivers, cores, variables. A test simulates it."""

import ctypes
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

DISTRIBUTION = "neural-workbench"
CUDA_LINE = re.compile(r"^cuda\b[^=]*=\s*'([^']*)'", re.MULTILINE)
QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much processor time a container may use."""


@dataclass(frozen=True)
class Trial:
    """What came of importing a module in a process of its own."""

    imports: bool
    says: str
    """what it wrote on standard error"""


class Machine:
    """This machine and this Python."""

    def python(self) -> tuple[int, int, int]:
        """Version of the running Python."""
        return sys.version_info[:3]

    def variables(self) -> Mapping[str, str]:
        """Environment variables."""
        return os.environ

    def version(self, package: str) -> str | None:
        """Version of an installed distribution; None where it is absent."""
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    def requirements(self) -> list[str]:
        """What the installed workbench asks for, as its metadata says; empty where it has none."""
        try:
            return requires(DISTRIBUTION) or []
        except PackageNotFoundError:
            return []

    def torch_cuda(self) -> str | None:
        """The CUDA version torch was built with, read without importing it; None for a CPU build."""
        file = distribution("torch").locate_file("torch/version.py")
        found = CUDA_LINE.search(Path(str(file)).read_text(encoding="utf-8"))
        return found[1] if found else None

    def has_cuda_driver(self) -> bool:
        """Whether NVIDIA's driver library can be loaded."""
        try:
            ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        except OSError:
            return False
        return True

    def try_import(self, module: str) -> Trial:
        """Import a module in a process of its own."""
        words = [sys.executable, "-c", f"import {module}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - ours
        return Trial(imports=done.returncode == 0, says=done.stderr)

    def cores(self) -> int:
        """Processor cores this process may use, by its affinity and its container's quota."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        try:
            quota, period = QUOTA.read_text().split()
            return max(1, min(usable, math.ceil(int(quota) / int(period))))
        except (OSError, ValueError):
            return usable

    def visible_cores(self) -> int:
        """Processor cores that a library sees when it decides how many threads to start."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
