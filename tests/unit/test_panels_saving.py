"""Files of an Inspector: the table of a tab as rows, CSV and DataFrame, and its picture as PNG."""

import csv
import io
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from workbench import data, interpret, panels
from workbench.core.errors import DataError, MissingExtraError, UnknownNameError
from workbench.panels.page.desk import DESK
from workbench.panels.page.raster import written
from workbench.panels.page.table import Table


class Looking(nn.Module):
    """Two heads of an attention whose weights depend on the tokens."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(5, 8), nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2).flatten(2).mean(1))


class Words:
    all_special_tokens = ()

    def convert_ids_to_tokens(self, i):
        return ['say "hi", you', "line\nbreak", "=1+1", "日本", "<b>"][i]

    def decode(self, ids):
        return self.convert_ids_to_tokens(ids[0])


@pytest.fixture
def panel():
    torch.manual_seed(0)
    made = panels.attach(Looking(), torch.tensor([[0, 1, 2, 3], [4, 3, 2, 1]]), processor=Words())
    yield made
    made.close()


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_table_of_the_overview_has_every_module(panel):
    table = panel.choose("overview").table()
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert set(rows) == {path for path, _ in panel.session.model.named_modules()}
    assert rows["head"]["parameters"] == 8 * 3 + 3
    assert rows["head"]["output"] == "2x3"


def test_the_table_of_attention_is_the_chosen_head_of_the_chosen_example(panel):
    panel.show({"tab": "attention", "input": {"example": 1}, "part": {"layer": 0, "head": 1}})
    frame = panel.table("attention").dataframe()
    weights = interpret.attention(panel.session.model, panel.session.batch)[0].weights[1, 1]
    assert np.allclose(frame.pivot_table(index="query", columns="key", values="weight").to_numpy(), weights)
    assert list(frame["query token"][::4]) == ["<b>", "日本", "=1+1", "line\nbreak"]
    assert set(frame["head"]) == {1}


def test_the_table_of_saliency_has_the_scores_on_show(panel):
    panel.choose("saliency")
    shown = np.frombuffer(panel.frame["arrays"]["scores"]["data"], np.float32)
    assert [row[2] for row in panel.table().rows] == pytest.approx(shown.tolist())
    assert panel.table().columns == ("position", "token", "score")


def test_a_tab_that_was_not_opened_gives_its_table_and_another_one_stays_on_show(monkeypatch):
    monkeypatch.setattr("workbench.panels.inspector.kernel_present", lambda: True)
    made = panels.attach(nn.Linear(13, 3), data.load("wine"))
    table = made.table("saliency")
    assert table.columns == ("column", "value", "score")
    assert {"alcohol", "ash"} <= {row[0] for row in table.rows}
    assert made.shown == "overview"
    assert [name for name in made.sources if name[0] != "_"] == ["overview"]
    made.close()


def test_pixels_have_rows_and_columns():
    torch.manual_seed(0)
    made = panels.attach(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data.load("digits")).choose("saliency")
    frame = made.table().dataframe()
    shown = np.frombuffer(made.frame["arrays"]["scores"]["data"], np.float32).reshape(8, 8)
    assert np.allclose(frame.pivot_table(index="row", columns="column", values="score"), shown)
    image = opened(made.snapshot())
    assert image.shape == (480, 480, 3)
    strongest = np.unravel_index(np.abs(shown).argmax(), (8, 8))
    ink = (194, 94, 0) if shown[strongest] > 0 else (40, 70, 190)
    assert tuple(image[strongest[0] * 60 + 30, strongest[1] * 60 + 30]) == ink
    made.close()


def test_csv_reads_back_with_quotes_line_breaks_and_other_alphabets(panel):
    table = panel.choose("attention").table()
    text = table.csv()
    assert list(csv.reader(io.StringIO(text)))[1][3] == 'say "hi", you'
    back = pd.read_csv(io.StringIO(text), keep_default_na=False)
    pd.testing.assert_frame_equal(back, table.dataframe(), check_exact=True)


def test_a_map_is_a_png_of_its_weights_dark_where_much(panel):
    panel.choose("attention")
    image = opened(panel.snapshot())
    weights = interpret.attention(panel.session.model, panel.session.batch)[0].weights[0, 0].numpy()
    assert image.shape == (480, 480)
    small = image[60::120, 60::120]
    assert np.allclose(small, 255 - np.rint(np.sqrt(weights / weights.max()) * 255), atol=1)


def test_a_tab_of_text_is_written_and_says_what_is_missing_without_pillow(panel, monkeypatch):
    panel.choose("overview")
    image = opened(panel.snapshot())
    lines = len(panel.view("overview").text().splitlines())
    assert image.shape[0] > 16 * lines
    assert 0.005 < np.mean(image < 128) < 0.3
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"PIL is needed to draw text as PNG .*neural-workbench\[data\]"):
        panel.snapshot()
    panel.choose("attention")
    assert panel.snapshot().startswith(b"\x89PNG")


def test_every_letter_that_is_written_takes_the_same_room():
    wide = [written(text).shape[1] for text in ("abcd", "\xa0\xa0cd", "日本cd", "iiii", "WWWW")]
    assert len(set(wide)) == 1
    assert np.array_equal(written("\xa0\xa0cd"), written("  cd"))


def test_a_data_frame_without_pandas_is_one_sentence_and_rows_need_none(panel, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pandas is needed to make a DataFrame"):
        panel.table("overview").dataframe()
    assert len(panel.table("overview")) == 3


def test_what_does_not_apply_has_no_file():
    made = panels.attach(nn.Linear(3, 2), torch.ones(2, 3)).choose("attention")
    with pytest.raises(DataError, match="No attention was computed by Linear"):
        made.table()
    with pytest.raises(DataError, match="No attention was computed by Linear"):
        made.snapshot()
    with pytest.raises(UnknownNameError, match="There is no tab 'atention'"):
        made.table("atention")
    made.close()


def files_of(panel):
    sent = []
    panel.send = lambda message, buffers: sent.append((message, buffers))
    return sent


def test_the_page_is_sent_a_file_when_it_asks_and_no_trait_changes(panel):
    sent = files_of(panel)
    panel.choose("attention")
    before = panel.frame
    panel._handle_custom_msg({"type": "wish", "seq": 5, "wish": {"save": "csv", "tab": "attention"}}, [])
    assert DESK.settle()
    ((message, (text,)),) = sent
    assert message == {"type": "file", "seq": 5, "error": ""}
    assert text.decode("utf-8-sig") == panel.table("attention").spreadsheet()
    assert '"\'=1+1"' in text.decode("utf-8-sig")
    assert panel.frame is before


def test_a_file_that_cannot_be_made_is_said(panel):
    sent = files_of(panel)
    panel._handle_custom_msg({"type": "wish", "seq": 5, "wish": {"save": "csv", "tab": "<b>"}}, [])
    assert DESK.settle()
    said = "There is no tab '<b>'. Choose from attention, diagram, overview, saliency, shap."
    assert sent == [({"type": "file", "seq": 5, "error": said}, [])]


def test_html_in_a_table_is_escaped():
    drawn = Table(("<i>",), [("<b>",)] * 20)._repr_html_()
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    assert "and 8 more rows" in drawn
