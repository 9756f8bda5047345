"""The tests of the extension run in JupyterLab; those of panels and of the app in Jupyter Notebook too.

Neither panels nor the app need the extension. Every page talks to its own server and to nobody else.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from front_ends import APPS, ROOT, SCREENSHOTS, Notebook, Server, chromium, profile, served
from playwright.sync_api import Browser, BrowserContext, Locator

EXTENSION = ROOT / "workbench" / "labextension"
NAME = "neural-workbench"
IN_BOTH = {"test_inspector", "test_live_view", "test_app"}


_END = """() => Promise.race([
  window.jupyterapp?.serviceManager?.sessions?.shutdownAll(),
  new Promise(done => setTimeout(done, 20000)),
])"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of panels and of the app in every front end; those marked ``both`` in every check."""
    if "app" not in metafunc.fixturenames or metafunc.module.__name__.rpartition(".")[2] not in IN_BOTH:
        return
    always = metafunc.definition.get_closest_marker("both") is not None
    elsewhere = () if always else (pytest.mark.thorough,)
    fronts = [pytest.param(name, marks=() if name == "lab" else elsewhere) for name in APPS]
    metafunc.parametrize("app", fronts, scope="session")


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Gives the server of a front end by its name, started when it is first asked for."""
    servers: dict[str, Server] = {}
    with ExitStack() as open_servers:

        def give(name: str) -> Server:
            if name not in servers:
                servers[name] = open_servers.enter_context(served(APPS[name], tmp_path_factory.mktemp(name)))
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Where the pages of notebooks are opened."""
    with profile(browser, tmp_path_factory.mktemp("profile"), 1400, 1100) as context:
        yield context


@pytest.fixture(scope="session")
def own_mistakes(pages: BrowserContext) -> Callable[[Server], list[str]]:
    """Gives the errors that a front end has by itself: those of an empty notebook, without anything of ours."""
    known: dict[str, list[str]] = {}

    def measure(server: Server) -> list[str]:
        if server.url not in known:
            page = pages.new_page()
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
    pages: BrowserContext,
    own_mistakes: Callable[[Server], list[str]],
    request: pytest.FixtureRequest,
) -> Iterator[Notebook]:
    """A page with a front end; afterwards it is checked that nothing went wrong or was asked of another machine."""
    known = own_mistakes(server)
    page = pages.new_page()
    page.set_default_timeout(60_000)
    opened = Notebook(page, server)
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"end-of-{request.node.name}.png")
    page.evaluate(_END)
    page.close()
    assert opened.external == []
    assert [said for said in opened.mistakes if said not in (*known, *opened.brought_about)] == []


@pytest.fixture
def install(notebook: Notebook) -> Iterator[Callable[[], None]]:
    """Takes the extension from JupyterLab, wherever it is installed, and gives what brings it back for later pages."""
    root = notebook.folder.parent
    path, config = root / "data" / "labextensions" / NAME, root / "config" / "labconfig" / "page_config.json"
    before = config.read_text()
    off = json.loads(before)["disabledExtensions"] | {NAME: True}
    config.write_text(json.dumps({"disabledExtensions": off}))

    def bring() -> None:
        config.write_text(before)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(EXTENSION)

    yield bring
    config.write_text(before)
    path.unlink(missing_ok=True)


@pytest.fixture
def sidebar(notebook: Notebook, install: Callable[[], None]) -> Locator:
    """The sidebar of models, in a JupyterLab that has the extension."""
    install()
    return notebook.page.locator(".wb-Sidebar")
