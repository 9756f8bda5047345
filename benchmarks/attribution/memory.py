"""Peak memory of an explanation by the number of its steps, each in a process of its own."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = "| explanation | MB over one pass |\n|---|---|"
CASES = {
    "MiniLM, integrated gradients": ("ours", "minilm", "integrated_gradients", (32, 128)),
    "MiniLM, integrated gradients, captum's default": ("captum", "minilm", "integrated_gradients", (32, 128)),
    "EfficientNet-Lite0, KernelSHAP": ("ours", "efficientnet", "kernel_shap", (64, 256)),
    "EfficientNet-Lite0, integrated gradients": ("ours", "efficientnet", "integrated_gradients", (16, 64)),
    "EfficientNet-Lite0, integrated gradients, captum's default": (
        "captum", "efficientnet", "integrated_gradients", (16, 64),
    ),
}  # fmt: skip


def lines() -> Iterator[str]:
    """A line for every case and amount of work."""
    for name, (who, model, method, amounts) in CASES.items():
        for amount in amounts:
            asked = json.dumps([who, model, method, amount])
            done = subprocess.run(
                [sys.executable, str(Path(__file__)), asked], capture_output=True, text=True, check=False
            )
            said = f"{float(done.stdout):.0f}" if done.returncode == 0 else f"ended with {done.returncode}"
            yield f"| {name}, {amount} | {said} |"


def peak() -> float:
    """Megabytes of the largest resident set so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(who: str, model: str, method: str, amount: int) -> None:
    """Print how much one explanation takes over one pass with its gradient."""
    import large
    import torch

    torch.set_num_threads(1)
    side = getattr(large, model)()
    side.differentiated(1)
    before = peak()
    if who == "ours":
        more = {"steps": amount} if method == "integrated_gradients" else {"samples": amount}
        side.ours(method, most=amount, **more)()
    else:
        side.path(n_steps=amount)
    print(max(0.0, peak() - before))


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
