"""JupyterLab in a folder of its own, and a page of the system's Chromium that may talk to nobody else."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_IDLE = """async () => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext;
  await session.ready;
  while (session.session?.kernel?.status !== 'idle') await new Promise(done => setTimeout(done, 50));
}"""


class Notebook:
    """One notebook open in JupyterLab."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page, self.url, self.folder, self.screenshots = page, url, folder, SCREENSHOTS
        self.external: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        self.mistakes: list[str] = []
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.on("console", lambda said: self.mistakes.append(said.text) if said.type == "error" else None)
        page.on("websocket", lambda socket: self._note(socket.url))

    def _note(self, address: str) -> None:
        if not address.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:", "about:")):
            self.external.append(address)

    def open(self, path: Path) -> None:
        """Open a notebook of the lab's folder and wait for its kernel."""
        self.page.goto(f"{self.url}/lab/tree/{path.relative_to(self.folder)}?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        self.page.evaluate(_IDLE)
        self.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area').catch(() => null)")

    def write(self, name: str, *cells: str) -> Path:
        """A notebook of these cells in the lab's folder."""
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
            "light => document.body.dataset.jpThemeLight === light", arg="false" if name == "Dark" else "true"
        )
        self.page.wait_for_timeout(400)

    def photograph(self, locator: Locator, name: str) -> None:
        """Save what a panel looks like in light and in dark."""
        SCREENSHOTS.mkdir(exist_ok=True)
        for theme in ("Dark", "Light"):
            self.theme(theme)
            locator.scroll_into_view_if_needed()
            locator.screenshot(path=SCREENSHOTS / f"{name}-{theme.lower()}.png")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A JupyterLab server: its address and its folder."""
    root = tmp_path_factory.mktemp("lab")
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
    _configure(root / "config" / "lab" / "user-settings" / "@jupyterlab")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
            *("--IdentityProvider.token=", f"--ServerApp.root_dir={work}", "--LabApp.expose_app_in_browser=True"),
            f"--LabApp.workspaces_dir={root / 'workspaces'}",
        ],
        env=env,
        cwd=work,
        stdout=(root / "lab.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url, root / "lab.log")
        yield url, work
    finally:
        server.terminate()
        server.wait(30)


def _configure(settings: Path) -> None:
    """No questions asked, and every cell on the page, not only those in sight."""
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    whole = {"windowingMode": "none"}
    for name, values in {"apputils-extension/notification": quiet, "notebook-extension/tracker": whole}.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(900):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended at once:\n{log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/api/status", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("JupyterLab did not answer within 90 seconds.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No Chromium was found: install it (Debian: apt install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def notebook(lab: tuple[str, Path], browser: Browser, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """A page with JupyterLab; afterwards it is checked that nothing was asked of another machine."""
    page = browser.new_page(viewport={"width": 1400, "height": 1100}, device_scale_factor=1)
    page.set_default_timeout(60_000)
    opened = Notebook(page, *lab)
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"end-of-{request.node.name}.png")
    page.evaluate("async () => { await window.jupyterapp?.serviceManager?.sessions?.shutdownAll(); }")
    page.close()
    assert opened.external == []
    assert opened.mistakes == []
