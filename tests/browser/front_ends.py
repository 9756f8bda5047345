"""JupyterLab and Jupyter Notebook as tests and benchmarks start them: in folders of their own, with Chromium beside."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
expect.set_options(timeout=30_000)
CANCELED = "Error: Canceled future for create_subshell_request message before replies were done"
"""what JupyterLab throws at nobody when a kernel ends that it had just asked for a subshell"""
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class App:
    """A front end: how it is started, and where it opens a notebook."""

    module: str
    """that is run"""
    options: str
    """the class of its settings on the command line"""
    tree: str
    """where notebooks are opened"""


APPS = {"lab": App("jupyterlab", "LabApp", "lab/tree"), "notebook7": App("notebook", "JupyterNotebookApp", "notebooks")}


_IDLE = """async () => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext;
  const end = Date.now() + 90000, pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  await Promise.race([session.ready, pause(90000)]);
  while (session.session?.kernel?.status !== 'idle') {
    if (Date.now() > end) throw new Error(`after 90 seconds the kernel is ${session.session?.kernel?.status}`);
    await pause(50);
  }
}"""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    app: App
    url: str
    folder: Path
    """its notebooks"""


class Notebook:
    """One notebook open in a front end."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.app, self.url, self.folder = page, server.app, server.url, server.folder
        self.screenshots = SCREENSHOTS
        self.external: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        self.mistakes: list[str] = []
        self.brought_about: list[str] = []
        """what the front end says, to the letter, of a fault that a test brings about"""
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.on("console", lambda said: self.mistakes.append(said.text) if said.type == "error" else None)
        page.on("websocket", lambda socket: self._note(socket.url))

    def _note(self, address: str) -> None:
        if not address.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:", "about:")):
            self.external.append(address)

    def open(self, path: Path) -> None:
        """Open a notebook of the server's folder and wait for its kernel."""
        self.page.goto(f"{self.url}/{self.app.tree}/{path.relative_to(self.folder)}?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        self.page.evaluate(_IDLE)
        self.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area').catch(() => null)")

    def write(self, name: str, *cells: str) -> Path:
        """A notebook of these cells in the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / name
        nbformat.write(notebook, path)
        return path

    def run_all(self, *, wait: bool = False) -> None:
        """Run every cell; returns at once unless it is to wait for the last."""
        run = "window.jupyterapp.commands.execute('notebook:run-all-cells')"
        self.page.evaluate(f"async () => {{ const ran = {run}; {'await ran;' if wait else ''} }}")

    def run_cell(self, index: int) -> None:
        """Run one cell; returns at once."""
        self.page.evaluate(
            """index => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
              window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.evaluate(_IDLE)

    def outputs(self) -> Locator:
        """The outputs of all cells."""
        return self.page.locator(".jp-OutputArea-output")

    def theme(self, name: str) -> None:
        """Switch the theme."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", f"JupyterLab {name}"
        )
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light", arg="false" if name.startswith("Dark") else "true"
        )
        self.page.wait_for_timeout(200)

    def photograph(self, locator: Locator, name: str) -> None:
        """Save what a panel looks like in light and in dark; of another front end than JupyterLab, as it is."""
        SCREENSHOTS.mkdir(exist_ok=True)
        if self.app is not APPS["lab"]:
            locator.screenshot(path=SCREENSHOTS / f"{self.app.module}-{name}.png")
            return
        for theme in ("Dark", "Light"):
            self.theme(theme)
            locator.scroll_into_view_if_needed()
            locator.screenshot(path=SCREENSHOTS / f"{name}-{theme.lower()}.png")


@contextmanager
def served(app: App, root: Path) -> Generator[Server]:
    """A server of a front end, with its settings and notebooks in an empty folder."""
    work = root / "work"
    work.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    env = {**os.environ, **{name: str(root / folder) for name, folder in own.items()}, "PYTHONPATH": str(ROOT)}
    env |= {"WORKBENCH_BUDGET": "ci", "WORKBENCH_STRICT": "0"}
    _configure(root / "config")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", app.module, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
            *("--IdentityProvider.token=", f"--ServerApp.root_dir={work}", f"--{app.options}.workspaces_dir={root}"),
            f"--{app.options}.expose_app_in_browser=True",
        ],
        env=env,
        cwd=work,
        stdout=(root / "server.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url, root / "server.log")
        yield Server(app, url, work)
    finally:
        server.terminate()
        server.wait(30)


def _configure(config: Path) -> None:
    """No questions asked, every cell on the page, not only those in sight, and nobody who debugs.

    JupyterLab's debugger asks every kernel, and one that dies meanwhile is an error to it. Without it no test has to
    tell its errors from ours.
    """
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    whole = {"windowingMode": "none"}
    off = {"disabledExtensions": {"@jupyterlab/debugger-extension": True}}
    settings = config / "lab" / "user-settings" / "@jupyterlab"
    files = {
        settings / "apputils-extension" / "notification.jupyterlab-settings": quiet,
        settings / "notebook-extension" / "tracker.jupyterlab-settings": whole,
        config / "labconfig" / "page_config.json": off,
    }
    for path, values in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(900):
        if server.poll() is not None:
            raise RuntimeError(f"The server ended at once:\n{log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/api/status", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not answer within 90 seconds.")


@contextmanager
def chromium() -> Generator[Browser]:
    """The system's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_path(), args=_WORDS)
        yield browser
        browser.close()


@contextmanager
def profile(browser: Browser, folder: Path, width: int, height: int) -> Generator[BrowserContext]:
    """The same Chromium with a profile in a folder: it keeps compiled scripts, so that a front end opens sooner.

    Args:
        browser: One that was launched.
        folder: Where the profile goes.
        width: Of every page, in pixels.
        height: Of every page, in pixels.
    """
    context = browser.browser_type.launch_persistent_context(
        folder,
        executable_path=_path(),
        args=_WORDS,
        viewport={"width": width, "height": height},
        device_scale_factor=1,
    )
    yield context
    context.close()


_WORDS = ["--no-sandbox"]


def _path() -> str:
    path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        raise RuntimeError("No Chromium was found: install it (Debian: apt install chromium).")
    return path
