"""What the attention panel costs for 12 x 12 heads: bytes, processor time, and the time from a slider to its picture.

`python benchmarks/attention_view.py` prints Markdown tables: what is sent and what the kernel computes by length; in a
real JupyterLab how long a slider takes to be painted and what the renderer spends; and bertviz's head view of the same
weights at 128 tokens.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.interpret import AttentionMap, AttentionMaps, Session
from workbench.panels.views.attention import AttentionView

ROOT = Path(__file__).resolve().parents[1]
LAYERS = HEADS = 12
BROWSED = 512
"""tokens up to which a browser is opened"""
COMPARED = 128
"""tokens that bertviz is given"""


class Held(Session):
    """A session whose attention is given, so that no forward is timed."""

    def __init__(self, maps: AttentionMaps) -> None:
        super().__init__(nn.Identity(), torch.zeros(1, 1))
        self._maps = maps

    @property
    def attention(self) -> AttentionMaps:
        """What was given."""
        return self._maps


def weights(layer: int, length: int) -> Tensor:
    """(1, heads, length, length): soft bands at a distance of their own."""
    generator = torch.Generator().manual_seed(layer)
    base = torch.rand(1, HEADS, length, length, generator=generator)
    rows = torch.arange(length)
    for head in range(HEADS):
        base[0, head, rows, (rows - head).clamp(0)] += 6
    return base.softmax(-1)


def maps(length: int, layers: int = LAYERS) -> AttentionMaps:
    """As many layers, as a forward would have left them."""
    names = tuple(f"tok{i}" for i in range(length))
    return AttentionMaps(
        maps=tuple(
            AttentionMap(
                module=f"encoder.layer.{i}.attention.self",
                call=0,
                kind="self",
                seen="sdpa",
                stored=weights(i, length),
                queries=(names,),
                keys=(names,),
            )
            for i in range(layers)
        )
    )


def kernel(length: int, layers: int) -> dict[str, Any]:
    """Bytes and processor seconds of opening the tab, and of a head and a window afterwards."""
    view = AttentionView(Held(maps(length, layers)))
    begun = time.process_time()
    frames = list(view.whole())
    spent = time.process_time() - begun
    sent = [frame.message()["bytes"] for frame in frames]
    times: list[float] = []
    last = {}
    for head in range(HEADS):
        begun = time.process_time()
        (frame,) = view.part({"layer": layers // 2, "head": head})
        last = frame.message()
        times.append(time.process_time() - begun)
    begun = time.process_time()
    (tile,) = view.part({"layer": 0, "head": 3, "rows": [length // 2, length // 2 + 60], "columns": [0, 60]})
    return {
        "first": sent[0],
        "all": sum(sent),
        "seconds": spent,
        "head": last["bytes"],
        "head_ms": 1e3 * statistics.median(times),
        "tile": tile.message()["bytes"],
        "tile_ms": 1e3 * (time.process_time() - begun),
    }


NOTEBOOK = """
import sys
sys.path.insert(0, FOLDER)
import attention_view as bench
from workbench import panels
inspector = panels.Inspector(bench.Held(bench.maps(LENGTH)))
inspector
"""

READY = """async () => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext;
  await session.ready;
  while (session.session?.kernel?.status !== 'idle') await new Promise(done => setTimeout(done, 50));
}"""

PAINTED = """async ([name, values]) => {
  const root = document.querySelector('.wb-attention'), input = root.querySelector(`input[aria-label="${name}"]`);
  const times = [];
  for (const value of values) {
    const begun = performance.now();
    input.value = value;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    while (root.dataset.shown.split('.')[1] !== String(value)) await new Promise(done => setTimeout(done, 1));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - begun);
    await new Promise(done => setTimeout(done, 60));
  }
  return times;
}"""

DRAGGED = """async name => {
  const root = document.querySelector('.wb-attention'), input = root.querySelector(`input[aria-label="${name}"]`);
  let painted = 0;
  const watch = new MutationObserver(() => painted++);
  watch.observe(root, { attributes: true, attributeFilter: ['data-shown'] });
  for (let i = 0; i < 120; i++) {
    input.value = i % 12;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise(done => setTimeout(done, 16));
  }
  const ended = performance.now();
  while (root.dataset.shown.split('.')[1] !== '11') await new Promise(done => setTimeout(done, 2));
  watch.disconnect();
  return [painted, performance.now() - ended];
}"""


class Renderer:
    """Processor seconds that a page's renderer has spent on tasks since this was made."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._begun = self._now()

    def _now(self) -> float:
        found = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in found if m["name"] == "TaskDuration"))

    @property
    def seconds(self) -> float:
        """Until now."""
        return self._now() - self._begun


@contextmanager
def laboratory(folder: Path) -> Generator[str]:
    """The address of a JupyterLab in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    options = ("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=")
    command = [sys.executable, "-m", "jupyterlab", *options, "--LabApp.expose_app_in_browser=True"]
    with (folder / "lab.log").open("w") as log:
        env = {**os.environ, **own, "WORKBENCH_STRICT": "0"}
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=1).close()
            except OSError:
                time.sleep(0.2)
            else:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def browser(length: int) -> dict[str, Any]:
    """Times in a real JupyterLab."""
    import nbformat
    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp())
    cell = NOTEBOOK.replace("FOLDER", repr(str(ROOT / "benchmarks"))).replace("LENGTH", str(length))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "bench.ipynb")
    found: dict[str, Any] = {}
    with laboratory(folder) as url, sync_playwright() as playwright:
        chromium = launched(playwright)
        page = chromium.new_page(viewport={"width": 1400, "height": 1100})
        page.set_default_timeout(120_000)
        page.goto(f"{url}/lab/tree/bench.ipynb?reset")
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        page.evaluate(READY)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.locator(".wb-inspector").wait_for()
        page.evaluate(READY)
        renderer = Renderer(page)
        page.get_by_role("tab", name="Attention").click()
        page.wait_for_function("() => document.querySelector('.wb-thumbs')?.width > 250")
        page.wait_for_timeout(1000)
        found["renderer"] = renderer.seconds
        order = [3, 7, 1, 10, 5, 0, 8, 2, 11, 6, 4, 9] * 2
        found["paint"] = page.evaluate(PAINTED, ["head", order])
        found["drag"] = page.evaluate(DRAGGED, "head")
        chromium.close()
    return found


def beside(length: int, page: Path) -> dict[str, float]:
    """What bertviz's head view of the same weights takes; its page stands alone, as ``maps.bertviz`` writes it."""
    given = maps(length)
    begun = time.process_time()
    given.bertviz("head").save(page)
    return {"bytes": page.stat().st_size, "seconds": time.process_time() - begun}


def drawn(path: Path) -> tuple[int, float]:
    """Lines on a page of bertviz, and what its renderer spent on them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = launched(playwright)
        page = chromium.new_page()
        page.set_default_timeout(300_000)
        renderer = Renderer(page)
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('line').length > 100")
        page.wait_for_timeout(2000)
        lines = page.evaluate("document.querySelectorAll('line').length")
        seconds = renderer.seconds
        chromium.close()
    return lines, seconds


def launched(playwright: Any) -> Any:
    """The system's Chromium."""
    path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def table(*names: str) -> None:
    """The head of a table."""
    print(f"\n| {' | '.join(names)} |\n{'|---' * len(names)}|")


def row(*cells: object) -> None:
    """A row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def kilobytes(count: float) -> str:
    """As a table writes it."""
    return f"{count / 1e3:,.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 1024])
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table(
        *("tokens", "layers", "first paint kB", "with all thumbnails kB", "opening, CPU s"),
        *("a head kB", "ms CPU", "a window of 60 x 60 kB", "ms CPU"),
    )
    for length, layers in [*((n, LAYERS) for n in options.lengths), (4096, 1)]:
        one = kernel(length, layers)
        row(
            *(f"{length:,}", layers, kilobytes(one["first"]), kilobytes(one["all"]), f"{one['seconds']:.2f}"),
            *(kilobytes(one["head"]), f"{one['head_ms']:.1f}", kilobytes(one["tile"]), f"{one['tile_ms']:.1f}"),
        )
    if options.no_browser:
        return
    table(
        *("tokens", "slider to paint, median ms", "95 %", "painted of 120 events of a drag", "last one after ms"),
        "renderer CPU s",
    )
    for length in [n for n in options.lengths if n <= BROWSED]:
        one = browser(length)
        times = sorted(one["paint"])
        last = times[int(0.95 * (len(times) - 1))]
        row(
            length,
            f"{statistics.median(times):.0f}",
            f"{last:.0f}",
            one["drag"][0],
            f"{one['drag'][1]:.0f}",
            f"{one['renderer']:.2f}",
        )
    table("bertviz head view, tokens", "page kB", "Python CPU s", "lines", "renderer CPU s")
    page = Path(tempfile.mkdtemp()) / "bertviz.html"
    theirs = beside(COMPARED, page)
    lines, seconds = drawn(page)
    row(COMPARED, kilobytes(theirs["bytes"]), f"{theirs['seconds']:.1f}", f"{lines:,}", f"{seconds:.2f}")


if __name__ == "__main__":
    main()
