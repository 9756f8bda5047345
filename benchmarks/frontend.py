"""What a person waits for in JupyterLab, in a real Chromium: sidebar, app, scrolling, saved bytes, the first panel.

    python benchmarks/frontend.py
    python benchmarks/frontend.py sidebar scrolling     only these

Needs Chromium and the browser tests' packages; their JupyterLab is the one that is measured.
"""

import argparse
import ast
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import psutil  # noqa: E402
from front_ends import APPS, Notebook, chromium, served  # noqa: E402 - found by the line above
from jupyter_client.manager import KernelManager  # noqa: E402
from page_trace import CATEGORIES, script_tasks  # noqa: E402


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    figure: float
    unit: str
    goal: float | None = None
    """that the figure is at most"""
    more: str = ""
    """said behind the figure"""
    digits: int = 0

    def line(self) -> str:
        """The line with what the machine was asked to do meanwhile."""
        figure = f"{self.figure:.{self.digits}f} {self.unit}{self.more}"
        goal = "" if self.goal is None else f"{self.goal:g} {self.unit}"
        met = "" if self.goal is None else "yes" if self.figure <= self.goal else "no"
        return f"| {self.what} | {figure} | {goal} | {met} | {os.getloadavg()[0]:.1f} |"


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
    "wb.attach(model, 'The whole architecture.', processor=tokenizer).choose('diagram')",
    "wb.Workbench('cnn')",
)

SCROLL = """async frames => {
  const scrolls = node => /auto|scroll/.test(getComputedStyle(node).overflow);
  const boxes = [...document.querySelectorAll('.wb *')].filter(scrolls);
  let page = document.querySelector('.wb');
  while (!(scrolls(page) && page.scrollHeight > page.clientHeight + 500)) page = page.parentElement;
  const begun = performance.now();
  for (let i = 0, down = 60; i < frames; i++) {
    const before = page.scrollTop;
    page.scrollTop += down;
    if (page.scrollTop === before) down = -down;
    for (const box of boxes) box.scrollBy(down / 3, down / 3);
    await new Promise(requestAnimationFrame);
  }
  return 1000 * frames / (performance.now() - begun);
}"""

PAINT = """index => new Promise(done => {
  const begun = performance.now(), seen = new MutationObserver(() => {
    if (!document.querySelector('.wb-bench .wb-field')) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
  });
  seen.observe(document.body, { childList: true, subtree: true });
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  window.jupyterapp.commands.execute('notebook:run-cell');
})"""

REFRESH = """() => new Promise(done => {
  const side = document.querySelector('.wb-Sidebar');
  side.dataset.took = '';
  const begun = performance.now(), seen = new MutationObserver(() => {
    if (!side.dataset.took || side.textContent.includes('Waiting for')) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
  });
  seen.observe(side, { attributes: true });
  side.querySelector('button').click();
})"""


@contextmanager
def lab() -> Generator[Notebook]:
    """JupyterLab with the extension, in which widgets are saved, and a page that opens its notebooks."""
    with tempfile.TemporaryDirectory() as folder, served(APPS["lab"], Path(folder)) as server, chromium() as browser:
        extension = Path(folder) / "data" / "labextensions" / "neural-workbench"
        extension.parent.mkdir(parents=True, exist_ok=True)
        extension.symlink_to(ROOT / "workbench" / "labextension")
        settings = Path(folder) / "config/lab/user-settings/@jupyter-widgets/jupyterlab-manager"
        settings.mkdir(parents=True)
        (settings / "plugin.jupyterlab-settings").write_text('{"saveState": true}')
        tab = browser.new_page(viewport={"width": 1400, "height": 1100})
        tab.set_default_timeout(120_000)
        yield Notebook(tab, server)
        tab.evaluate("async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }")
        tab.close()


def sidebar(rounds: int = 21) -> Iterator[Row]:
    """From a click on *Refresh* to the frame after the list, beside a kernel that is idle and one that counts."""
    with lab() as notebook:
        busy = "import time\nend = time.time() + 60\nwhile time.time() < end: sum(range(1000))"
        notebook.open(notebook.write("sidebar.ipynb", MODELS, busy))
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
        notebook.run_cell(0)
        notebook.page.locator(".wb-Sidebar .wb-name", has_text="net").first.wait_for()

        def asked() -> list[float]:
            notebook.page.wait_for_timeout(1000)
            return [float(notebook.page.evaluate(REFRESH)) for _ in range(rounds)]

        yield _times("sidebar, idle kernel", asked(), 100)
        notebook.run_cell(1)
        yield _times("sidebar, busy cell", asked(), 300)


def app(rounds: int = 5) -> Iterator[Row]:
    """From running the cell to the form of the app, in kernels that have imported torch."""
    took: list[float] = []
    work: list[float] = []
    with lab() as notebook:
        for i in range(rounds):
            notebook.open(notebook.write(f"app{i}.ipynb", "import torch\n0", "import workbench as wb\nwb.Workbench()"))
            notebook.run_cell(0)
            notebook.outputs().first.wait_for()
            notebook.page.wait_for_timeout(500)
            before = spent()
            took.append(float(notebook.page.evaluate(PAINT, 1)))
            work.append(spent() - before)
    yield _times("app, first paint", took, 1500, statistics.median(work))


def scrolling(frames: int = 400) -> Iterator[Row]:
    """Ten panels on one page, scrolled up and down, and the boxes within them too."""
    with lab() as notebook:
        notebook.open(notebook.write("ten.ipynb", MODELS, *PANELS, *PANELS[:4]))
        _draw_all(notebook, 10)
        browser = notebook.page.context.browser
        if browser is None:
            raise RuntimeError("This page has no browser that can be traced.")
        browser.start_tracing(page=notebook.page, categories=CATEGORIES)
        rate = float(notebook.page.evaluate(SCROLL, frames))
        notebook.page.wait_for_timeout(500)
        events = json.loads(browser.stop_tracing())["traceEvents"]
    ours, work = script_tasks(events, "blob:")
    every, all_work = script_tasks(events, "blob:", "http")
    yield Row("ten panels, scrolling", rate, "frames/s")
    yield _task("a panel's script", ours, work, 50)
    yield _task("any script", every, all_work)


def _task(what: str, clock: Sequence[float], work: Sequence[float], goal: float | None = None) -> Row:
    more = f" (by the clock {max(clock):.0f}), of {sum(clock):.0f} ms in all"
    return Row(f"longest task of {what}", max(work), "CPU ms", goal, more)


def saved() -> Iterator[Row]:
    """The file of an executed notebook with six panels, with their state."""
    with lab() as notebook:
        path = notebook.write("saved.ipynb", MODELS, *PANELS)
        notebook.open(path)
        _draw_all(notebook, 6)
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        kept = json.loads(path.read_text())["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        if sum("_esm" in widget["state"] for widget in kept.values()) != len(PANELS):
            raise RuntimeError("JupyterLab has not saved the state of every panel.")
        yield Row("saved notebook, six panels", path.stat().st_size / 1e6, "MB", 3, digits=2)


def _draw_all(notebook: Notebook, panels: int) -> None:
    """Run every cell and wait until so many panels have drawn their first tab."""
    notebook.run_all(wait=True)
    notebook.page.wait_for_function(
        "n => document.querySelectorAll('.wb-inspector[data-seq], .wb-bench .wb-layers table').length >= n", arg=panels
    )
    notebook.page.wait_for_timeout(3000)


def spent() -> float:
    """Processor seconds of page, server and kernels up to now."""
    processes = psutil.Process().children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in processes)


SIZES = """
import workbench as wb
model, tokenizer = wb.load("minilm")

def sizes(*tabs):
    panel = wb.attach(model, "The central bank raised interest rates again.", processor=tokenizer)
    for tab in tabs:
        panel.choose(tab)
    texts = panel.get_state("_esm")["_esm"], *panel.sources.values()
    panel.close()
    return sum(len(text.encode()) for text in texts) / 1000

whole = wb.attach(model, "A word.", processor=tokenizer)
first, *others = (tab["name"] for tab in whole.tabs if not tab.get("refused"))
opened = {"": sizes()} | {tab: sizes(tab) for tab in others}
"""


def bytes_of_scripts() -> Iterator[Row]:
    """JavaScript that a page receives for one panel, as it opens and with another tab opened, and of the extension."""
    from workbench.panels import Live
    from workbench.panels.bench import Bench

    for tab, size in _in_a_kernel(SIZES, "opened").items():
        what = f"with the tab {tab} opened" if tab else "JavaScript of an Inspector as it opens"
        yield Row(what, size, "kB", 30, digits=1)
    for name, kind in (("a live view", Live), ("the app", Bench)):
        yield Row(f"JavaScript of {name}", len(str(vars(kind)["_esm"]).encode()) / 1000, "kB", 30, digits=1)
    built = sum(file.stat().st_size for file in (ROOT / "workbench" / "labextension").rglob("*.js"))
    yield Row("JavaScript of the extension", built / 1000, "kB", 60, digits=1)


FIRST = """
import time
import workbench as wb
model, tokenizer = wb.load("minilm")
loaded = time.process_time()
panel = wb.attach(model, "The central bank raised interest rates again.", processor=tokenizer)
shown = time.process_time()
"""


def first_panel(rounds: int = 5) -> Iterator[Row]:
    """Processor seconds of a fresh kernel until the first panel on MiniLM stands."""
    said = [_in_a_kernel(FIRST, "(shown - loaded, shown)") for _ in range(rounds)]
    beyond, total = (statistics.median(seconds) for seconds in zip(*said, strict=True))
    yield Row("first panel on MiniLM, beyond loading it", beyond, "CPU s", 0.5, digits=2)
    yield Row("with the start of the kernel and loading", total, "CPU s", digits=2)


def _in_a_kernel(code: str, expression: str) -> Any:
    """What an expression is in a fresh kernel after some code."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        said: Any = client.execute(code, user_expressions={"x": expression}, reply=True, timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if said["content"]["status"] != "ok":
        raise RuntimeError("\n".join(said["content"]["traceback"]))
    return ast.literal_eval(said["content"]["user_expressions"]["x"]["data"]["text/plain"])


def _times(what: str, milliseconds: Sequence[float], goal: float, work: float | None = None) -> Row:
    spent_ = "" if work is None else f", {1e3 * work:.0f} CPU ms"
    more = f" (longest of {len(milliseconds)}: {max(milliseconds):.0f}){spent_}"
    return Row(what, statistics.median(milliseconds), "ms", goal, more)


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
    print("| | measured | goal | met | load |\n|---|---|---|---|---|")
    for name in chosen:
        for row in MEASURES[name]():
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
