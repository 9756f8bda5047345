"""An exported page in Chromium, from a file and with no kernel: panels are drawn and hovered, nothing foreign runs."""

import json
import math
from pathlib import Path

import ipywidgets
import nbformat
import pytest
import torch
from torch import nn

from workbench.data import load
from workbench.notebooks import export_html
from workbench.objectives import Supervised
from workbench.panels import attach, follow
from workbench.panels.live import Live
from workbench.train import Job, Settings, start

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
STATE = "application/vnd.jupyter.widget-state+json"
TOKENS = 9
FOREIGN = "window.hacked = 'by a panel'; export default { render({ el }) { el.textContent = 'foreign'; } };"
NASTY = """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">
<svg onload="window.hacked = 3"></svg>
<a id=link href="javascript:window.hacked=4">link</a><iframe srcdoc="<script>parent.hacked=5</script>"></iframe>
<img src="https://elsewhere.example/pixel.png"><link rel=stylesheet href="https://elsewhere.example/a.css">
<div style="background: url(https://elsewhere.example/b.png)">styled</div>
<div class="wb-panel" data-panel="x">mine</div>
<script type="application/json">{"texts":["window.hacked=6"],"panels":{}}</script>
<details open ontoggle="window.hacked = 7"><summary>more</summary></details>"""


class Reader(nn.Module):
    """One attention of two heads over embedded digits."""

    def __init__(self):
        super().__init__()
        self.embed, self.read = nn.Embedding(10, 16), nn.Linear(16, 10)
        self.query, self.key = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, digits):
        x = self.embed(digits)
        q, k, v = (part(x).unflatten(-1, (2, 8)).transpose(1, 2) for part in (self.query, self.key, nn.Identity()))
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(8), dim=-1)
        return self.read((weights @ v).transpose(1, 2).flatten(-2))


def shows(panel):
    output, _ = panel._repr_mimebundle_()
    return nbformat.v4.new_code_cell(
        "wb.attach(model, digits)", outputs=[nbformat.v4.new_output("display_data", output)], execution_count=2
    )


@pytest.fixture(scope="module")
def book():
    """A notebook with an Inspector on its attention and the live view of a finished run; both closed by now."""
    torch.manual_seed(0)
    inspector = attach(Reader(), torch.randint(10, (1, TOKENS)))
    inspector.show({"tab": "attention"})
    run = start(
        Supervised(),
        Job(model=nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data=load("digits"), settings=Settings(), steps=30),
    ).wait()
    live = Live(run)
    assert follow(run) is None, "there is no kernel here"
    words = nbformat.v4.new_markdown_cell("# What a head looks at\n\nA table:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    made = nbformat.v4.new_notebook(cells=[words, shows(inspector), shows(live)])
    state = ipywidgets.Widget.get_manager_state()["state"]
    names = (inspector.model_id, live.model_id)
    made.metadata["widgets"] = {STATE: {"version_major": 2, "version_minor": 0, "state": {n: state[n] for n in names}}}
    inspector.close()
    live.close()
    return made


@pytest.fixture
def opened(browser, tmp_path):
    """Opens an exported notebook; afterwards it is checked that nothing was fetched and nothing went wrong."""
    external, mistakes, contexts = [], [], []

    def open_page(given, scheme="light", width=1200):
        """A page, or a notebook that is exported first."""
        path = given if isinstance(given, Path) else export_html(given, tmp_path / f"page-{len(contexts)}.html").path
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        allowed = (path.as_uri(), "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(allowed) or external.append(request.url))
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda said: mistakes.append(said.text) if said.type == "error" else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert external == []
    assert mistakes == []


PIXELS = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height), colours = new Set();
  for (let i = 0; i < data.length; i += 4) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]},${data[i + 3]}`);
  return colours.size;
}"""


def test_panels_are_drawn_and_hovered_without_a_kernel(opened, book):
    page = opened(book)
    heat = page.locator("canvas.wb-heat")
    heat.wait_for()
    assert heat.evaluate("canvas => [canvas.width, canvas.height]") == [TOKENS, TOKENS]
    assert heat.evaluate(PIXELS) > TOKENS
    heat.hover(position={"x": 5, "y": 5})
    figure = page.locator(".wb-hover").first.inner_text()
    assert "→" in figure
    assert 0 < float(figure.rsplit(maxsplit=1)[1]) < 1
    chart = page.locator(".wb-live canvas")
    chart.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('.wb-live')?.dataset.status === 'done'")
    assert chart.evaluate(PIXELS) > 4
    assert page.locator(".wb-panel[data-drawn=yes]").count() == 2
    assert page.locator(".wb-alone:visible").count() == 0


def test_what_would_need_the_kernel_says_so_and_goes_back(opened, book):
    page = opened(book)
    attention = page.locator(".wb-attention")
    attention.wait_for()
    before = attention.get_attribute("data-shown")
    page.locator("canvas.wb-thumbs").press("ArrowRight")
    note = page.locator(".wb-alone").first
    note.wait_for(state="visible")
    assert "no kernel" in note.inner_text()
    page.wait_for_timeout(900)  # past the moment at which a panel would say that it waits
    assert attention.get_attribute("data-shown") == before
    assert "computing" not in page.locator(".wb-inspector .wb-head").inner_text()
    page.get_by_role("tab", name="Overview").click()
    page.wait_for_timeout(100)
    assert page.get_by_role("tab", name="Attention").get_attribute("aria-selected") == "true"


def test_a_foreign_script_in_a_panel_is_not_run(opened, book):
    for field in ("_esm", "sources"):
        foreign = nbformat.from_dict(json.loads(json.dumps(book)))
        for saved in foreign.metadata.widgets[STATE]["state"].values():
            saved["state"][field] = FOREIGN if field == "_esm" else {"attention": FOREIGN, "saliency": FOREIGN}
        page = opened(foreign)
        page.wait_for_timeout(500)
        assert page.evaluate("() => window.hacked") is None
        assert page.locator("canvas").count() == 0
        assert page.locator("footer li").count() == 2
        assert "its script is not one of this workbench" in page.locator("footer").inner_text()


def test_should_a_foreign_text_reach_the_page_it_does_not_become_a_script(opened, book):
    page = opened(book)
    page.locator("canvas.wb-heat").wait_for()
    for given in ("text", "new TextEncoder().encode(text)"):
        made = f"new Blob([{given}], {{ type: 'text/javascript' }})"
        said = page.evaluate(
            f"text => {{ try {{ {made}; return 'made'; }} catch (e) {{ return e.message; }} }}", FOREIGN
        )
        assert said == "not a script of the workbench"


def test_html_of_a_notebook_runs_nothing(opened):
    outputs = [
        nbformat.v4.new_output("display_data", {kind: NASTY})
        for kind in ("text/html", "text/markdown", "image/svg+xml", "text/plain")
    ]
    cells = [nbformat.v4.new_markdown_cell(NASTY), nbformat.v4.new_code_cell(NASTY, outputs=outputs)]
    page = opened(nbformat.v4.new_notebook(cells=cells))
    page.wait_for_timeout(500)
    for link in page.get_by_text("link", exact=True).all():
        link.click()
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("iframe, script, link, [onerror], [onload]").count() == 0


def test_the_policy_stops_what_would_pass_the_cleaning(browser, tmp_path, book):
    done = export_html(book, tmp_path / "page.html")
    text = done.path.read_text("utf-8").replace("</main>", f"{NASTY}</main>")
    done.path.write_text(text, "utf-8")
    page = browser.new_page()
    asked, ends = set(), {}
    page.on("request", lambda request: asked.add(request.url))
    page.on("requestfailed", lambda request: ends.update({request.url: request.failure}))
    page.on("requestfinished", lambda request: ends.update({request.url: "fetched"}))
    page.goto(done.path.as_uri())
    page.locator("canvas.wb-heat").wait_for()
    page.locator("a[href^='javascript:']").click()
    said = page.evaluate("() => fetch('https://elsewhere.example/x').then(() => 'fetched', () => 'refused')")
    page.wait_for_timeout(300)
    assert said == "refused"
    assert page.evaluate("() => window.hacked") is None
    page.close()
    elsewhere = {url for url in asked if url.startswith("http")}
    assert elsewhere, "the page did ask; the policy answered before anything left"
    assert {ends[url] for url in elsewhere} == {"csp"}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 360)])
def test_the_page_reads_in_light_in_dark_and_on_a_narrow_screen(opened, book, scheme, width):
    page = opened(book, scheme, width)
    page.locator(".wb-live canvas").scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelectorAll('.wb-panel[data-drawn=yes]').length === 2")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"export-{scheme}-{width}.png", full_page=True)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("() => [...document.querySelectorAll('.wb')].map(node => node.classList.contains('wb-dark'))")
    assert set(dark) == {scheme == "dark"}


def test_the_last_cell_of_a_notebook_exports_it_though_the_file_holds_no_widgets(notebook, opened):
    path = notebook.write(
        "exporting.ipynb",
        "import torch\nfrom torch import nn\nfrom workbench.notebooks import export_html\n"
        "from workbench.panels import attach\nmodel = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))\n"
        "attach(model, torch.rand(2, 1, 4, 4))",
        "print('EXPORTED', export_html('exporting.ipynb', 'exported.html').left_out)",
    )
    notebook.open(path)
    notebook.run_cell(0)
    notebook.page.locator(".wb-inspector").wait_for()
    notebook.idle()
    notebook.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    notebook.run_cell(1)
    said = notebook.outputs().filter(has_text="EXPORTED")
    said.wait_for()
    assert said.inner_text().strip() == "EXPORTED ()"
    assert "widgets" not in nbformat.read(path, 4).metadata
    page = opened(path.with_name("exported.html"))
    page.locator(".wb-panel[data-drawn=yes] .wb-inspector").wait_for()
    page.locator(".wb-panel").get_by_text("Linear").first.wait_for()
