"""What a person waits for in JupyterLab, in a real Chromium: sidebar, app, scrolling, saved bytes, the first panel.

    python benchmarks/frontend.py
    python benchmarks/frontend.py sidebar scrolling     only these

Needs Chromium and the browser tests' packages; their JupyterLab is the one that is measured.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from front_ends import APPS, Notebook, chromium, served  # noqa: E402 - found by the line above
from jupyter_client.manager import KernelManager  # noqa: E402

Row = tuple[str, str, str]
"""what was measured, the figure, the goal"""

MODELS = """
import torch, workbench as wb
model, tokenizer = wb.load("minilm")
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
"""
PANELS = (
    "wb.attach(model, 'The central bank raised interest rates again.', processor=tokenizer).choose('attention')",
    "wb.attach(model, 'Opened with the tree of modules.', processor=tokenizer)",
    "wb.attach(model, 'Which token spoke for it?', processor=tokenizer).choose('saliency')",
    "wb.attach(net, torch.randn(5, 4))",
    "wb.attach(net, torch.randn(5, 4)).choose('diagram')",
    "wb.Workbench('cnn')",
)

SCROLL = """async () => {
  const frames = [], scripts = [], waits = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) for (const script of entry.scripts) {
      scripts.push([script.duration, script.sourceURL]);
    }
  });
  waits.observe({ type: 'long-animation-frame' });
  const box = [...document.querySelectorAll('*')].find(node =>
    node.scrollHeight > node.clientHeight + 2000 && getComputedStyle(node).overflowY !== 'visible');
  const begun = performance.now();
  for (let down = 1; frames.length < 400; ) {
    box.scrollTop += 60 * down;
    if (box.scrollTop + box.clientHeight >= box.scrollHeight - 2) down = -1;
    if (box.scrollTop <= 0) down = 1;
    frames.push(await new Promise(requestAnimationFrame));
  }
  const seconds = (performance.now() - begun) / 1000;
  await new Promise(done => setTimeout(done, 500));
  waits.disconnect();
  return { rate: frames.length / seconds, scripts };
}"""

PAINT = """index => new Promise(done => {
  const begun = performance.now(), seen = new MutationObserver(() => {
    if (!document.querySelector('.wb-bench .wb-field')) return;
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - begun));
  });
  seen.observe(document.body, { childList: true, subtree: true });
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  window.jupyterapp.commands.execute('notebook:run-cell');
})"""


@contextmanager
def page(*cells: str, name: str = "frontend.ipynb") -> Iterator[Notebook]:
    """A notebook of these cells, open in JupyterLab with the extension."""
    with tempfile.TemporaryDirectory() as folder, served(APPS["lab"], Path(folder)) as server, chromium() as browser:
        extension = Path(folder) / "data" / "labextensions" / "neural-workbench"
        extension.parent.mkdir(parents=True, exist_ok=True)
        extension.symlink_to(ROOT / "workbench" / "labextension")
        tab = browser.new_page(viewport={"width": 1400, "height": 1100})
        tab.set_default_timeout(120_000)
        notebook = Notebook(tab, server)
        notebook.open(notebook.write(name, *cells))
        yield notebook
        tab.evaluate("async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }")
        tab.close()


def sidebar(rounds: int = 11) -> Iterator[Row]:
    """From a click on *Refresh* to the list, as the sidebar itself times it."""
    with page(MODELS, "import time\nfor _ in range(400): time.sleep(0.05)") as notebook:
        notebook.run_cell(0)
        notebook.idle()
        notebook.page.evaluate("() => window.jupyterapp.shell.activateById('neural-workbench:models')")
        side = notebook.page.locator(".wb-Sidebar")
        side.locator(".wb-name", has_text="net").first.wait_for()

        def asked() -> float:
            side.evaluate("node => { node.dataset.took = ''; }")
            side.get_by_role("button", name="List the models of the kernel anew").click()
            notebook.page.wait_for_function("() => document.querySelector('.wb-Sidebar').dataset.took !== ''")
            return float(side.get_attribute("data-took") or "nan")

        yield _times("sidebar, idle kernel", [asked() for _ in range(rounds)], 100)
        notebook.run_cell(1)
        notebook.page.wait_for_timeout(500)
        yield _times("sidebar beside a busy cell", [asked() for _ in range(rounds)], 300)


def app(rounds: int = 3) -> Iterator[Row]:
    """From running the cell to the form of the app, in kernels that have imported torch."""
    with page("import torch", "import workbench as wb\nwb.Workbench()") as notebook:
        took: list[float] = []
        for i in range(rounds):
            notebook.open(notebook.write(f"app{i}.ipynb", "import torch", "import workbench as wb\nwb.Workbench()"))
            notebook.run_cell(0)
            notebook.page.wait_for_timeout(300)
            notebook.idle()
            took.append(float(notebook.page.evaluate(PAINT, 1)))
        yield _times("app, first paint", took, 1500)


def scrolling() -> Iterator[Row]:
    """Ten panels on one page, scrolled up and down for 400 frames; then the notebook is saved with six of them."""
    with page(MODELS, *PANELS, *PANELS[:4]) as notebook:
        notebook.run_all(wait=True)
        notebook.page.wait_for_timeout(3000)
        seen = notebook.page.evaluate(SCROLL)
        ours = [took for took, source in seen["scripts"] if source.startswith("blob:")]
        yield "ten panels, scrolling", f"{seen['rate']:.0f} frames/s", ""
        yield "longest task of a panel's script", f"{max(ours, default=0):.0f} ms", "50 ms"
        yield "longest task of any script", f"{max((took for took, _ in seen['scripts']), default=0):.0f} ms", ""


def saved() -> Iterator[Row]:
    """The file of an executed notebook with six panels, with their state."""
    with page(MODELS, *PANELS, name="saved.ipynb") as notebook:
        notebook.run_all(wait=True)
        notebook.page.wait_for_timeout(3000)
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        path = notebook.folder / "saved.ipynb"
        drawn = len(json.loads(path.read_text())["metadata"].get("widgets", {}))
        yield "saved notebook, six panels", f"{path.stat().st_size / 1e6:.2f} MB", "3 MB"
        if not drawn:
            yield "  of which state of widgets", "none was saved", ""


def bytes_of_scripts() -> Iterator[Row]:
    """JavaScript of each panel with all its tabs, and of the extension."""
    from workbench.panels import Inspector, Live
    from workbench.panels.bench import Bench
    from workbench.panels.views._view import source, views

    for name, kind in (("Inspector", Inspector), ("Live", Live), ("app", Bench)):
        yield f"JavaScript of the {name}", f"{len(str(vars(kind)['_esm']).encode()) / 1000:.1f} kB", "30 kB"
    for view in views():
        name = view.__module__.rpartition(".")[2]
        yield f"  of the tab {name}, sent when it is opened", f"{len(source(name).encode()) / 1000:.1f} kB", ""
    built = sum(f.stat().st_size for f in (ROOT / "workbench" / "labextension").rglob("*.js"))
    yield "JavaScript of the extension", f"{built / 1000:.1f} kB", "60 kB"


FIRST = """
import time
begun = time.process_time()
import workbench as wb
model, tokenizer = wb.load("minilm")
loaded = time.process_time()
panel = wb.attach(model, "The central bank raised interest rates again.", processor=tokenizer)
shown = time.process_time()
"""


def first_panel(rounds: int = 3) -> Iterator[Row]:
    """Processor seconds of a fresh kernel until the first panel on MiniLM stands."""
    beyond: list[float] = []
    total: list[float] = []
    for _ in range(rounds):
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(ROOT))
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            client.execute(FIRST, silent=True, reply=True, timeout=120)
            said = client.execute("", user_expressions={"x": "(shown - loaded, shown)"}, reply=True, timeout=60)
            text: Any = said["content"]["user_expressions"]["x"]["data"]["text/plain"]
            more, whole = (float(part) for part in text.strip("()").split(","))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        beyond.append(more)
        total.append(whole)
    yield "first panel on MiniLM, beyond loading it", f"{statistics.median(beyond):.2f} CPU s", "0.5 CPU s"
    yield "  with the start of the kernel and loading", f"{statistics.median(total):.2f} CPU s", ""


def _times(what: str, milliseconds: Sequence[float], goal: float) -> Row:
    middle, longest = statistics.median(milliseconds), max(milliseconds)
    return what, f"{middle:.0f} ms (longest of {len(milliseconds)}: {longest:.0f})", f"{goal:.0f} ms"


MEASURES: dict[str, Callable[[], Iterator[Row]]] = {
    "scripts": bytes_of_scripts,
    "first": first_panel,
    "sidebar": sidebar,
    "app": app,
    "scrolling": scrolling,
    "saved": saved,
}


def main() -> None:
    """Parse the command line and print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], help="all, when none is named")
    chosen = parser.parse_args().measures or list(MEASURES)
    print("| | measured | goal |\n|---|---|---|")
    for name in chosen:
        for what, figure, goal in MEASURES[name]():
            print(f"| {what} | {figure} | {goal} |", flush=True)


if __name__ == "__main__":
    main()
