"""``export_html``: one file that carries each script once, keeps to its budget, and runs nothing foreign."""

import base64
import hashlib
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import ipywidgets
import nbformat
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import workbench.app
import workbench.panels
from workbench.core.errors import DataError, MissingExtraError
from workbench.notebooks import export_html
from workbench.panels import attach

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
FOREIGN = "export default { render() { window.hacked = true; } };"
NASTY = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1><script>window.hacked=1</script></svg>",
    "<svg><animate onbegin=window.hacked=1 attributeName=x dur=1s></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=window.hacked=1&gt;'>",
    "<svg></p><style><a id='</style><img src=1 onerror=window.hacked=1>'>",
    "<noscript><p title='</noscript><img src=x onerror=window.hacked=1>'>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<object data='data:text/html,<script>1</script>'></object><embed src=x>",
    "<a href='javascript:window.hacked=1'>x</a><a href='jAvA\tscript:window.hacked=1'>y</a>",
    "<a href='data:text/html,<script>1</script>'>x</a>",
    "<form action='https://elsewhere.example'><input name=q><button formaction='javascript:1'>x</button></form>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example'>",
    "<base href='https://elsewhere.example/'><link rel=stylesheet href='https://elsewhere.example/a.css'>",
    "<div style='background:url(https://elsewhere.example/a.png)'>x</div>",
    "<style>@import 'https://elsewhere.example/a.css';</style>",
    "<img src='https://elsewhere.example/a.png' srcset='https://elsewhere.example/b.png'>",
    "<img src=//elsewhere.example/a.png>",
    "<video src='https://elsewhere.example/a.mp4' autoplay></video>",
    "<div id=wb-data name=saved class=wb-panel data-panel=x>x</div>",
    "<script type='application/json'>{}</script>",
    "</div></main></body></html><script>window.hacked=1</script>",
    "<svg><use href='data:image/svg+xml;base64,PHN2Zz48L3N2Zz4='/></svg>",
    "<svg><foreignObject><iframe src='javascript:window.hacked=1'></iframe></foreignObject></svg>",
    "<xmp><p title='</xmp><img src=x onerror=window.hacked=1>'></xmp>",
]


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and what its scripts say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)

    @property
    def data(self):
        return json.loads(self.scripts[0])


def book(*cells, widgets=None):
    made = nbformat.v4.new_notebook(cells=list(cells))
    if widgets is not None:
        made.metadata["widgets"] = {STATE: {"version_major": 2, "version_minor": 0, "state": widgets}}
    return made


def shows(data, source="show"):
    """A code cell with one output."""
    return nbformat.v4.new_code_cell(source, outputs=[nbformat.v4.new_output("display_data", data)])


def widget(name):
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": name}, "text/plain": "a widget"}


@pytest.fixture(scope="module")
def saved():
    """(output of a panel, its saved state by id, its frame), of a panel that is closed by now."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    panel = attach(model, torch.rand(2, 1, 4, 4))
    panel.show({"tab": "saliency"})
    name, frame = panel.model_id, panel.frame
    output, _ = panel._repr_mimebundle_()
    state = ipywidgets.Widget.get_manager_state()["state"]
    panel.close()
    return output, {name: state[name]}, frame


def exported(tmp_path, notebook, **options):
    done = export_html(notebook, tmp_path / "page.html", **options)
    text = done.path.read_text("utf-8")
    assert done.bytes == done.path.stat().st_size
    return done, text, Tags(text)


def test_a_panel_is_carried_with_what_it_showed(tmp_path, saved):
    output, state, frame = saved
    done, _, page = exported(tmp_path, book(shows(output), widgets=state))
    (name, panel), *others = page.data["panels"].items()
    assert not others
    assert name in state
    assert page.data["texts"][panel["script"]] == state[name]["state"]["_esm"]
    assert panel["state"]["frame"]["meta"] == json.loads(json.dumps(frame["meta"]))
    carried = {tuple(path): base64.b64decode(text) for path, text in panel["buffers"]}
    for key, array in frame["arrays"].items():
        assert carried["frame", "arrays", key, "data"] == bytes(array["data"])
    assert done.left_out == ()


def test_each_script_stands_once_however_many_panels_there_are(tmp_path, saved):
    output, state, _ = saved
    ((name, one),) = state.items()
    many = {f"{name}{k}": one for k in range(5)}
    cells = [shows({**output, VIEW: {"model_id": each}}) for each in many]
    _, text, page = exported(tmp_path, book(*cells, widgets=many))
    assert len(page.data["panels"]) == 5
    assert len(page.data["texts"]) == len(set(page.data["texts"]))
    _, single, _ = exported(tmp_path, book(cells[0], widgets=many))
    script = len(one["state"]["_esm"])
    assert len(text) < 5 * len(single) - 3.9 * script


def test_every_panel_of_this_installation_may_run(tmp_path):
    for room in (workbench.panels, workbench.app):
        for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            importlib.import_module(found.name)
    kinds, waiting = [], [importlib.import_module("workbench.panels.page.base").Panel]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        ours = kind.__module__.startswith("workbench.")  # other tests of this process make panels too
        kinds += [kind] * (ours and isinstance(getattr(kind, "_esm", None), str))  # one of an instance is a trait
    assert len(kinds) >= 2
    for kind in kinds:
        state = {
            "p": {
                "model_name": "AnyModel",
                "model_module": "anywidget",
                "state": {"_esm": kind._esm, "_css": kind._css},
            }
        }
        done, _, page = exported(tmp_path, book(shows(widget("p")), widgets=state))
        assert done.left_out == (), kind
        assert page.data["texts"] == [kind._esm, kind._css]


def foreign(saved, change):
    """The saved panel with one thing changed."""
    output, state, _ = saved
    ((name, one),) = json.loads(json.dumps(state)).items()
    change(one)
    return book(shows(output), widgets={name: one})


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["state"].update(_esm=FOREIGN),
        lambda one: one["state"].update(_esm=one["state"]["_esm"] + "\nwindow.hacked = true;"),
        lambda one: one["state"].update(_esm=one["state"]["_esm"].replace("const", "const ", 1)),
        lambda one: one["state"].pop("_esm"),
        lambda one: one["state"]["sources"].update(saliency=FOREIGN),
        lambda one: one["state"]["frame"]["meta"].update(script=FOREIGN),
        lambda one: one["state"].update(sources=FOREIGN),
        lambda one: one["state"].update(_css="body { display: none }"),
        lambda one: one["buffers"].append({"path": ["sources", "saliency"], "encoding": "base64", "data": "Zg=="}),
        lambda one: one["buffers"].append({"path": ["_esm"], "encoding": "base64", "data": "Zg=="}),
        lambda one: one["buffers"].append({"path": ["x"], "encoding": "base64", "data": '"}]'}),
        lambda one: one["state"].update(_css=[1]),
    ],
)
def test_a_script_that_is_not_ours_to_the_letter_is_left_out_and_named(tmp_path, saved, change):
    done, text, page = exported(tmp_path, foreign(saved, change))
    assert [one.what for one in done.left_out] == ["a panel (AnyModel)"]
    assert done.left_out[0].cell == 1
    assert "not" in done.left_out[0].why
    assert str(done.left_out[0].why) in text
    assert page.scripts == []
    assert "hacked" not in text
    assert "<img" in text, "what the panel last showed stands there as a picture"


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("way", ["output", "markdown output", "markdown cell", "svg", "widget", "text", "title"])
def test_nothing_of_a_notebook_runs_or_fetches(tmp_path, nasty, way):
    html_widget = {
        "w": {"model_name": "HTMLModel", "model_module": "@jupyter-widgets/controls", "state": {"value": nasty}}
    }
    made = {
        "output": lambda: book(shows({"text/html": nasty})),
        "markdown output": lambda: book(shows({"text/markdown": nasty})),
        "markdown cell": lambda: book(nbformat.v4.new_markdown_cell(nasty)),
        "svg": lambda: book(shows({"image/svg+xml": nasty})),
        "widget": lambda: book(shows(widget("w")), widgets=html_widget),
        "text": lambda: book(shows({"text/plain": nasty}, source=nasty)),
        "title": lambda: book(nbformat.v4.new_markdown_cell(f"# {nasty}")),
    }[way]()
    _, _, page = exported(tmp_path, made)
    assert page.scripts == []
    bad = {"script", "iframe", "object", "embed", "form", "input", "button", "base", "link", "video", "use", "animate"}
    assert not bad & {tag for tag, _ in page.tags}
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    ours = {"charset", "http-equiv", "content", "name", "lang", "id"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith(("on", "data-"))
            assert name not in ("srcset", "srcdoc", "action", "formaction")
            if name in ("id", "name"):
                assert tag == "meta" or re.fullmatch(r"cell-\d+", value or "")
            if name == "src":
                assert (value or "").startswith("data:image/")
            if name == "href":
                assert re.match(r"(https?:|mailto:|#)", value or "")
            assert "url(" not in (value or "") or name in ours
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "script-src 'none'" in policy


def test_the_policy_admits_the_pages_own_script_only(tmp_path, saved):
    output, state, _ = saved
    _, _, page = exported(tmp_path, book(shows(output), widgets=state))
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts[1:]).encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}' blob:"
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules
    assert not re.search(r"https?:", policy)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["IPY_MODEL_w", "w"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(["AnyModel", "VBoxModel", "HTMLModel", "IntProgressModel", "IntSliderModel"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=KINDS,
    fields=st.dictionaries(
        st.sampled_from(["_css", "sources", "children", "value", "min", "max", "frame", "__proto__"]), JSON, max_size=4
    ),
    buffers=JSON | st.lists(st.fixed_dictionaries({"path": JSON, "encoding": JSON, "data": JSON}), max_size=2),
    ours=st.booleans(),
)
def test_a_damaged_state_costs_no_more_than_its_panel(tmp_path, saved, kind, fields, buffers, ours):
    ((_, one),) = saved[1].items()
    state = {**fields, **({"_esm": one["state"]["_esm"]} if ours else {})}
    widgets = {"w": {"model_name": kind, "model_module": "anywidget" * ours, "state": state, "buffers": buffers}}
    _, text, _ = exported(tmp_path, book(shows({**widget("w"), "text/html": "stands"}), widgets=widgets))
    assert "show" in text
    for broken in (fields, {"w": fields}, {"w": {"state": buffers}}):
        exported(tmp_path, book(shows(widget("w")), widgets=broken))


def test_text_in_a_state_stays_in_it(tmp_path, saved):
    def change(one):
        one["state"]["about"] = {"name": "</script><script>window.hacked=1</script><!--", "facts": float("nan")}

    _, _, page = exported(tmp_path, foreign(saved, change))
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    (panel,) = page.data["panels"].values()
    assert panel["state"]["about"] == {"name": "</script><script>window.hacked=1</script><!--", "facts": None}


def test_the_budget_is_kept_by_making_the_largest_piece_poorer(tmp_path, saved):
    output, state, _ = saved
    noise = base64.b64encode(torch.randint(256, (60_000,), dtype=torch.uint8).numpy().tobytes()).decode()
    made = book(shows(output), shows({"image/png": noise, "text/plain": "<Figure>"}), widgets=state)
    whole, _, _ = exported(tmp_path, made)
    assert whole.left_out == ()
    done, text, page = exported(tmp_path, made, budget=whole.bytes - 1)
    assert [(one.cell, one.what) for one in done.left_out] == [(2, "a picture")]
    assert "&lt;Figure&gt;" in text
    assert len(page.data["panels"]) == 1
    assert done.bytes < whole.bytes
    poorer, text, page = exported(tmp_path, made, budget=20_000)
    assert poorer.bytes <= 20_000
    assert [(one.cell, one.what) for one in poorer.left_out][:2] == [(1, "a panel"), (2, "a picture")]
    assert page.scripts == []
    assert "Left out of this page" in text


def test_a_budget_below_the_text_itself_is_refused_and_leaves_nothing(tmp_path):
    made = book(nbformat.v4.new_markdown_cell("word " * 5000))
    with pytest.raises(DataError, match=r"the budget is 1,000: raise budget="):
        export_html(made, tmp_path / "page.html", budget=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_widget_that_was_not_saved_is_asked_of_its_kernel(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    panel = attach(model, torch.rand(2, 1, 4, 4))
    output, _ = panel._repr_mimebundle_()
    made = book(shows(output))
    try:
        done, _, page = exported(tmp_path, made)
        assert done.left_out == ()
        assert list(page.data["panels"]) == [panel.model_id]
    finally:
        panel.close()
    done, text, page = exported(tmp_path, made)
    assert page.scripts == []
    assert "Save Widget State Automatically" in done.left_out[0].why
    assert "Linear" in text, "the panel's text or picture stands there"


def test_containers_hold_their_panels_and_controls_say_where_they_stood(tmp_path, saved):
    _, state, _ = saved
    ((name, one),) = state.items()
    controls = "@jupyter-widgets/controls"
    state = {
        name: one,
        "box": {
            "model_name": "VBoxModel",
            "model_module": controls,
            "state": {"children": [f"IPY_MODEL_{name}", "IPY_MODEL_slider", "IPY_MODEL_box", "IPY_MODEL_gone"]},
        },
        "slider": {
            "model_name": "IntSliderModel",
            "model_module": controls,
            "state": {"description": "<b>depth", "value": 7},
        },
    }
    done, text, page = exported(tmp_path, book(shows(widget("box")), widgets=state))
    assert list(page.data["panels"]) == [name]
    assert "&lt;b&gt;depth: 7" in text
    assert [one.what for one in done.left_out] == ["a control (IntSlider)"]


def test_pictures_beside_the_notebook_come_along_and_others_do_not(tmp_path):
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    inside = tmp_path / "inside"
    inside.mkdir()
    for folder in (tmp_path, inside):
        (folder / "pixel.png").write_bytes(pixel)
    (inside / "secret.txt").write_text("secret")
    words = "![a](pixel.png) ![b](../pixel.png) ![c](secret.txt) ![d](attachment:x.png) ![e](https://elsewhere.example/e.png)"
    cell = nbformat.v4.new_markdown_cell(words)
    cell["attachments"] = {"x.png": {"image/png": base64.b64encode(pixel).decode()}}
    nbformat.write(book(cell), inside / "note.ipynb")
    done = export_html(inside / "note.ipynb")
    assert done.path == inside / "note.html"
    sources = [attributes.get("src") for tag, attributes in Tags(done.path.read_text()).tags if tag == "img"]
    data = "data:image/png;base64," + base64.b64encode(pixel).decode()
    assert sources == [data, None, None, data, None]
    assert [one.what for one in done.left_out] == [
        "the picture ../pixel.png",
        "the picture secret.txt",
        "the picture https://elsewhere.example/e.png",
    ]


def test_code_and_errors_are_shown_in_full(tmp_path):
    error = nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: <v>"])
    printed = nbformat.v4.new_output("stream", name="stdout", text="a < b\n")
    cell = nbformat.v4.new_code_cell("%time x = {'<': 1}  # café", execution_count=3, outputs=[printed, error])
    _, text, _ = exported(tmp_path, book(cell))
    plain = re.sub(r"<[^>]+>", "", text)
    assert "%time x = {&#x27;&lt;&#x27;: 1}  # café" in plain
    assert "a &lt; b" in plain
    assert "E: &lt;v&gt;" in plain
    assert "[3]" in plain
    assert "\x1b" not in text


def test_what_is_no_notebook_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match="There is no notebook"):
        export_html(tmp_path / "gone.ipynb")
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(DataError, match="is no notebook"):
        export_html(tmp_path / "broken.ipynb")
    (tmp_path / "other.ipynb").write_text("[1, 2]")
    with pytest.raises(DataError, match="is no notebook"):
        export_html(tmp_path / "other.ipynb")
    with pytest.raises(DataError, match=r"say where the page goes, as to="):
        export_html(book())
    nbformat.write(book(), tmp_path / "same.ipynb")
    with pytest.raises(DataError, match="the notebook itself"):
        export_html(tmp_path / "same.ipynb", tmp_path / "same.ipynb")
    with pytest.raises(DataError, match="cannot be written"):
        export_html(book(), tmp_path / "no folder" / "page.html")
    assert {path.name for path in tmp_path.iterdir()} == {"broken.ipynb", "other.ipynb", "same.ipynb"}


@pytest.mark.parametrize("missing", ["nbformat", "bleach", "mistune", "pygments"])
def test_a_missing_library_names_its_extra(tmp_path, missing):
    nbformat.write(book(nbformat.v4.new_markdown_cell("x"), shows({"text/html": "x"})), tmp_path / "a.ipynb")
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from workbench.notebooks import export_html\n"
        "from workbench.core.errors import MissingExtraError\n"
        "try:\n"
        f"    export_html({str(tmp_path / 'a.ipynb')!r})\n"
        "except MissingExtraError as error:\n"
        "    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith(missing)
    assert "pip install 'neural-workbench[lab]'" in said
    assert issubclass(MissingExtraError, ImportError)


def test_the_room_is_light():
    heavy = ("torch", "pydantic", "nbformat", "bleach", "ipywidgets", "pygments", "mistune", "IPython")
    code = f"import sys, workbench.notebooks; print([name for name in {heavy!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_the_pages_own_script_is_small():
    assert len((Path(workbench.__path__[0]) / "notebooks" / "page.js").read_bytes()) <= 6_000
