"""JupyterLab and Jupyter Notebook in folders of their own, and pages of the system's Chromium that talk to nobody else.

The tests of the extension run in JupyterLab; those of panels and of the app run in both, because neither needs the
extension.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
EXTENSION = ROOT / "workbench" / "labextension"
expect.set_options(timeout=30_000)
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
IN_BOTH = {"test_inspector", "test_live_view", "test_app"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of panels and of the app in every front end."""
    if "app" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in IN_BOTH:
        metafunc.parametrize("app", list(APPS), scope="session")


_IDLE = """async () => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext;
  await session.ready;
  while (session.session?.kernel?.status !== 'idle') await new Promise(done => setTimeout(done, 50));
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
        self.page.wait_for_timeout(400)

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


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Gives the server of a front end by its name, started when it is first asked for."""
    servers: dict[str, Server] = {}
    with ExitStack() as open_servers:

        def give(name: str) -> Server:
            if name not in servers:
                servers[name] = open_servers.enter_context(_served(APPS[name], tmp_path_factory.mktemp(name)))
            return servers[name]

        yield give


@pytest.fixture(scope="session")
def app() -> str:
    """The front end of a test that is not run in several."""
    return "lab"


@pytest.fixture
def server(app: str, serving: Callable[[str], Server]) -> Server:
    """The server of a test's front end."""
    return serving(app)


@contextmanager
def _served(app: App, root: Path) -> Iterator[Server]:
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
            pytest.fail(f"The server ended at once:\n{log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/api/status", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("The server did not answer within 90 seconds.")


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


@pytest.fixture(scope="session")
def own_mistakes(browser: Browser) -> Callable[[Server], list[str]]:
    """Gives the errors that a front end has by itself: those of an empty notebook, without anything of ours."""
    known: dict[str, list[str]] = {}

    def measure(server: Server) -> list[str]:
        if server.url not in known:
            page = browser.new_page()
            control = Notebook(page, server)
            control.open(control.write("empty.ipynb", "pass"))
            page.wait_for_timeout(500)
            page.close()
            known[server.url] = control.mistakes
        return known[server.url]

    return measure


@pytest.fixture
def notebook(
    server: Server,
    browser: Browser,
    own_mistakes: Callable[[Server], list[str]],
    request: pytest.FixtureRequest,
) -> Iterator[Notebook]:
    """A page with a front end; afterwards it is checked that nothing went wrong or was asked of another machine."""
    known = own_mistakes(server)
    page = browser.new_page(viewport={"width": 1400, "height": 1100}, device_scale_factor=1)
    page.set_default_timeout(60_000)
    opened = Notebook(page, server)
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"end-of-{request.node.name}.png")
    page.evaluate("async () => { await window.jupyterapp?.serviceManager?.sessions?.shutdownAll(); }")
    page.close()
    assert opened.external == []
    assert [said for said in opened.mistakes if said not in (*known, *opened.brought_about)] == []


@pytest.fixture
def install(notebook: Notebook) -> Iterator[Callable[[], None]]:
    """Gives JupyterLab the extension until the test ends; pages that are opened from then on have it."""
    path = notebook.folder.parent / "data" / "labextensions" / "neural-workbench"
    path.parent.mkdir(parents=True, exist_ok=True)
    yield lambda: path.symlink_to(EXTENSION)
    path.unlink()


@pytest.fixture
def sidebar(notebook: Notebook, install: Callable[[], None]) -> Locator:
    """The sidebar of models, in a JupyterLab that has the extension."""
    install()
    return notebook.page.locator(".wb-Sidebar")
