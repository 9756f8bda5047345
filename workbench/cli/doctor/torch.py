"""The build of torch fits the machine: a CUDA build without a driver is large and computes on the CPU anyway."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine


def check(machine: Machine) -> Finding:
    """Compare what torch was built for with the driver that is there."""
    version = machine.version("torch")
    if version is None:
        return Finding("fail", "torch is not installed.", "pip install torch")
    cuda, driver = machine.torch_cuda(), machine.has_cuda_driver()
    if cuda and not driver:
        return Finding(
            "warn",
            f"torch {version} is built for CUDA {cuda} and there is no CUDA driver, so everything runs on the CPU.",
            "install NVIDIA's driver, or the smaller CPU build that PyTorch's install page names",
        )
    if driver and not cuda:
        return Finding(
            "warn",
            f"torch {version} is a CPU build and there is a CUDA driver, so the GPU is not used.",
            "install the CUDA build that PyTorch's install page names",
        )
    return Finding("ok", f"torch {version}, {f'CUDA {cuda}' if cuda else 'CPU build'}.")
