"""Names from tests/nasty.json through everything that shows them without a browser: text there, code nowhere."""

import ast
import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pytest
import torch
from jupyter_client.session import json_packer
from torch import nn

from workbench import panels
from workbench.app import choices, desk, layers, models
from workbench.app.lines import called
from workbench.core.markup import table as markup
from workbench.notebooks import export_html
from workbench.panels.page.cell import Calls, Origin, cell
from workbench.panels.page.sketch import line_chart
from workbench.panels.page.table import Table
from workbench.train.contract import Event
from workbench.train.history import History

LISTED = json.loads((Path(__file__).resolve().parents[1] / "nasty.json").read_text("utf-8"))
NASTY = [each["text"] * each.get("times", 1) for each in LISTED]
FORMULAS = [each["text"] for each in LISTED if each["kind"] == "formula"]
CLASSES = [text for text in NASTY if "\0" not in text and text.isprintable() and len(text) < 200]
MODULES = [text for text in NASTY if text and "." not in text and not hasattr(nn.Module(), text)]
ELEMENTS = {
    "b",
    "code",
    "div",
    "i",
    "img",
    "li",
    "p",
    "pre",
    "small",
    "span",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "tr",
    "ul",
    "svg",
    "polyline",
}
ATTRIBUTES = {
    "alt",
    "style",
    "width",
    "height",
    "viewbox",
    "xmlns",
    "src",
    "fill",
    "stroke",
    "stroke-width",
    "points",
    "x",
    "y",
}
ATTRIBUTES |= {"font-size", "font-family", "role", "text-anchor"}


def test_the_list_is_long_and_every_string_is_there_once():
    assert len(set(NASTY)) == len(NASTY) >= 50
    assert {each["kind"] for each in LISTED} >= {
        "markup",
        "script",
        "Python",
        "Markdown",
        "formula",
        "direction",
        "long",
    }


class Words:
    """A tokenizer whose vocabulary is the list."""

    all_special_tokens = ()

    def convert_ids_to_tokens(self, i):
        return NASTY[i]

    def decode(self, ids):
        return NASTY[ids[0]]


class Looking(nn.Module):
    """Attention over a vocabulary of nasty tokens, with nasty submodules and as many nasty classes."""

    def __init__(self):
        super().__init__()
        self.config = type("Config", (), {"_name_or_path": NASTY[1]})()
        self.embedding, self.head = nn.Embedding(len(NASTY), 8), nn.Linear(8, len(NASTY))
        for name, kind in zip(MODULES, CLASSES * 2, strict=False):
            self.add_module(name, type(kind, (nn.Identity,), {})())

    def forward(self, tokens):
        x = self.embedding(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2).flatten(2).mean(1))


class Page(HTMLParser):
    """The elements, attributes and text of what a panel draws without scripts."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = set(), set(), ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        assert all(value.startswith("data:image/png;base64,") for name, value in attrs if name == "src")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        raise AssertionError(data)


def is_harmless(html):
    """Whether markup has only the elements and attributes that panels draw; its text."""
    page = Page(html)
    assert page.elements <= ELEMENTS
    assert page.attributes <= ATTRIBUTES
    return page.text


def written(text):
    """What stays of a text that UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_back(text):
    """A text as a parser of HTML gives it back: line breaks of one kind."""
    return re.sub(r"\r\n?", "\n", text)


@pytest.fixture(scope="module")
def panel():
    torch.manual_seed(0)
    made = panels.attach(Looking(), torch.arange(len(NASTY))[None], names=NASTY, processor=Words())
    yield made
    made.close()


@pytest.mark.parametrize("tab", ["overview", "attention", "saliency"])
def test_a_tab_of_nasty_names_travels_as_text_and_draws_as_text(panel, tab):
    panel.choose(tab)
    state = {name: value for name, value in panel.get_state().items() if name in ("frame", "detail", "about", "tabs")}
    sent = json_packer(json.loads(json.dumps(state, default=lambda _: None))).decode("utf-8")
    said = json.loads(sent)
    shown = json.dumps(said, ensure_ascii=False)
    expected = MODULES if tab == "overview" else NASTY
    missing = [text for text in expected if json.dumps(written(text), ensure_ascii=False)[1:-1] not in shown]
    assert missing == []
    view = panel.view(tab)
    text = is_harmless(view.picture())
    assert text or "<img" in view.picture()
    assert panel.snapshot().startswith(b"\x89PNG")
    assert view.text()


def test_scores_stand_beside_every_nasty_token_in_the_drawing(panel):
    panel.choose("saliency")
    text = is_harmless(panel.view("saliency").picture())
    assert [t for t in NASTY if "\0" not in t and read_back(t) not in read_back(text)] == []


def test_names_of_columns():
    torch.manual_seed(0)
    n = len(NASTY)

    columns = [re.sub("^$", " ", text) for text in NASTY]
    made = panels.attach(nn.Linear(n, 2), torch.randn(1, n), names=NASTY[:2])
    made.view("saliency").columns = columns
    made.choose("saliency")
    labels = made.get_state("frame")["frame"]["meta"]["labels"]
    assert labels == [written(text) for text in columns]
    is_harmless(made.view("saliency").picture())
    assert [row[0] for row in made.table().rows] == columns
    made.close()


def test_tables_and_curves():
    for html in (Table(tuple(NASTY), [tuple(NASTY)])._repr_html_(), markup(NASTY, [NASTY], NASTY[1])):
        assert [t for t in NASTY if "\0" not in t and read_back(t) not in read_back(is_harmless(html))] == []
    curve = np.arange(3.0), np.arange(3.0)
    for name in NASTY:
        assert read_back(name) in read_back(is_harmless(line_chart({name: curve}))) or "\0" in name


def test_a_csv_reads_back_exactly_and_the_file_that_is_saved_holds_no_formula():
    given = Table(tuple(NASTY), [tuple(NASTY), (None, -1, 1.5, *NASTY[3:])])
    assert list(csv.reader(io.StringIO(given.csv(), newline="")))[:2] == [NASTY, NASTY]
    rows = list(csv.reader(io.StringIO(given.spreadsheet(), newline="")))
    for text, found in zip(NASTY, rows[0], strict=True):
        assert found in (text, f"'{text}")
        assert not re.match(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", found)
    begin = [text for text in FORMULAS if text[0] != "x"]
    assert [rows[0][NASTY.index(text)] for text in begin] == [f"'{text}" for text in begin]
    assert rows[2][:3] == ["", "-1", "1.5"], "numbers stay numbers"


@pytest.mark.parametrize("text", NASTY)
def test_the_cell_that_is_shown_holds_a_name_as_a_literal_only(text):
    code = cell(Origin(names=[text], processor=object()), "overview", {"over": text}, Calls(text=text))
    assert code.encode("utf-8")
    nodes = list(ast.walk(ast.parse(code)))
    assert text in [node.value for node in nodes if isinstance(node, ast.Constant)]
    assert {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)} == {"inspector.choose", "wb.attach"}
    assert ast.literal_eval(called("f", x=text).removeprefix("f(").removesuffix(")").strip("\n ,")[2:]) == text


def meant(name):
    """Whether Python reads a text as the name of this very variable."""
    try:
        body = ast.parse(name).body
    except (SyntaxError, ValueError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Expr) and getattr(body[0].value, "id", None) == name


def test_the_listing_of_a_kernel_says_which_names_are_code():
    kinds = [type(kind, (nn.Identity,), {}) for kind in CLASSES]
    namespace = {name: kinds[i % len(kinds)]() for i, name in enumerate(NASTY)}
    wishes = [{"want": "models"}, *({"want": "layers", "name": name} for name in NASTY)]
    wishes += [{"want": name, "run": name} for name in NASTY] + [{"want": "stop", "run": name} for name in NASTY]
    for wish in wishes:
        json_packer(desk.answer(namespace, wish))
    # "__proto__" and the like are fine names for Python; what is one, and short, may be written into a cell.
    found = {one["name"]: one["code"] for one in models.listing(namespace)["models"]}
    assert set(found) == {written(name[: models.LONGEST]) for name in NASTY}
    assert {name for name, code in found.items() if code} == {
        name for name in NASTY if len(name) <= 200 and meant(name)
    }
    assert desk.answer(namespace, {"want": "stop", "run": NASTY[0]}) == {"stopped": False}


def test_the_layer_table_of_a_kernel():
    model = nn.Module()
    for name in MODULES:
        model.add_module(name, nn.Linear(1, 1, bias=False))
    found = layers.layers({"m": model}, "m")
    json_packer(found)
    expected = [written(f"{name}.weight"[: models.LONGEST]) for name in MODULES]
    assert [row[0] for row in found["rows"]] == expected


def test_what_a_page_wishes_of_the_app_is_taken_only_where_it_exists():
    before = choices.Choices(entry="cnn", task="digits_classes")
    for text in NASTY:
        wished = {"entry": text, "task": text, "preset": text, "source": text, "search": text}
        wished |= {"values": {text: text}, "training": {text: text}, "passes": {text: {text: text}}}
        after = before.changed(wished, ["model"])
        assert (after.entry, after.task, after.preset, after.source) == (before.entry, before.task, "", "")
        assert not after.values
        assert not after.training
        assert not after.passes


def test_figures_of_a_run_with_nasty_names():
    history = History()
    for step in (1, 2):
        history.append(Event(step, "train", {name: float(step) for name in NASTY}))
    assert set(history.names("train")) == set(NASTY)


def test_an_exported_page(panel, tmp_path):
    panel.choose("saliency")
    bundle, _ = panel._repr_mimebundle_()
    state = ipywidgets.Widget.get_manager_state(drop_defaults=False)["state"][panel.model_id]
    outputs = [
        nbformat.v4.new_output("display_data", bundle),
        nbformat.v4.new_output("stream", text="".join(NASTY)),
        *(nbformat.v4.new_output("display_data", {kind: "\n".join(NASTY)}) for kind in ("text/html", "text/markdown")),
        nbformat.v4.new_output("error", ename="E", evalue=NASTY[2], traceback=NASTY),
    ]
    cells = [nbformat.v4.new_code_cell("\n".join(NASTY), outputs=outputs)]
    cells += [kind("\n\n".join(NASTY)) for kind in (nbformat.v4.new_markdown_cell, nbformat.v4.new_raw_cell)]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {NASTY[3]}"), *cells])
    book.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {panel.model_id: state},
        }
    }
    done = export_html(book, tmp_path / "nasty.html")
    text = done.path.read_text("utf-8")
    found = Exported(text)
    assert found.scripts == [("application/json",), ("module",)]
    assert found.handlers == []
    (kept,) = json.loads(found.data[0])["panels"].values()
    assert kept["state"]["frame"]["meta"]["labels"] == [written(name) for name in NASTY]
    head = text[: text.index("</head>")]
    assert head.count("<script") == head.count("</script") == 2


class Exported(HTMLParser):
    """What could run on a page."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.handlers, self.data = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.scripts.append(tuple(value for _, value in attrs))
        self.handlers += [
            pair for pair in attrs if pair[0].startswith("on") or "javascript:" in (pair[1] or "").lower()
        ]
        if tag in {"iframe", "object", "embed", "base", "form", "link"}:
            self.handlers.append((tag, ""))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.data.append(data)


def test_nothing_ran():
    import builtins

    assert not hasattr(builtins, "hit")
    assert not Path("hit").exists()
