"""The face of the zoo: names, table and cards, without torch."""

import subprocess
import sys
from dataclasses import replace

import pytest

from workbench import zoo
from workbench.core.errors import ConfigError, UnknownNameError
from workbench.zoo import _badges, _results

LIMIT = 0.05
"""seconds that the table may take"""


def fresh(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_table_and_cards_are_fast_and_need_no_torch():
    code = (
        "import sys, time, workbench.zoo as zoo; began = time.process_time(); table = str(zoo.table());"
        "took = time.process_time() - began; [str(zoo.card(n)) for n in zoo.names()];"
        "print(took, len(zoo.table()) == len(zoo.names()), 'torch' in sys.modules, 'pydantic' in sys.modules)"
    )
    runs = [fresh(code).split() for _ in range(3)]
    assert min(float(run[0]) for run in runs) < LIMIT
    assert all(run[1:] == ["True", "False", "False"] for run in runs)


def test_names_are_unique_and_stand_in_one_family():
    listed = [name for names in zoo.families().values() for name in names]
    assert len(listed) == len(set(listed))
    assert sorted(listed) == zoo.names()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"family": "vision"}, {"cnn"}),
        ({"task": "python-text"}, {"char_gpt"}),
        ({"paper": "lecun"}, {"cnn"}),
        ({"paper": "1707.06347"}, {"ppo"}),
        ({"paper": "no such paper"}, set()),
        ({"max_parameters": 10_000}, {"gat"}),
        ({"family": "agents", "max_parameters": 10}, set()),
    ],
)
def test_filters_keep_what_fits(filters, found):
    assert found <= {row.name for row in zoo.table(**filters)}
    others = set(zoo.names()) - {row.name for row in zoo.table(**filters)}
    assert others
    assert found or not len(zoo.table(**filters))


def test_unknown_names_are_refused_with_the_nearest():
    for ask in (zoo.entry, zoo.card, zoo.build):
        with pytest.raises(UnknownNameError, match=r"There is no 'char_gtp' in zoo\. Did you mean 'char_gpt'"):
            ask("char_gtp")
    with pytest.raises(UnknownNameError, match="Did you mean 'vision'"):
        zoo.table(family="visions")
    with pytest.raises(UnknownNameError, match="python_text"):
        zoo.table(task="python_texts")


def test_a_hyphen_is_read_as_an_underscore():
    assert zoo.entry("char-gpt") is zoo.entry("char_gpt")
    assert zoo.card("char-gpt").name == "char_gpt"


def test_cards_say_what_can_be_turned():
    card = zoo.card("char_gpt")
    settings = {setting.name: setting for setting in card.settings}
    assert settings["width"].range == "≥ 2, ≤ 4096"
    assert settings["vocab"].range.endswith("set by the data's vocab")
    assert settings["width"].help
    assert settings["activation"].kind == "gelu_pytorch_tanh or gelu or relu or silu"
    assert "width" in str(card)


def test_nothing_in_a_card_reaches_the_page_unescaped():
    evil = "<script>alert(1)</script>"
    card = zoo.card("cnn")
    settings = tuple(replace(s, help=evil, default=evil) for s in card.settings)
    page = replace(
        card, title=evil, text=evil, claim=evil, paper=replace(card.paper, title=evil), settings=settings
    )._repr_html_()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 4 + 2 * len(settings)


def test_sizes_that_do_not_divide_are_refused_in_a_sentence():
    with pytest.raises(ConfigError, match=r"width \(33\) must be a multiple of heads \(4\)\.$"):
        zoo.build("char_gpt", width=33)
    with pytest.raises(ConfigError, match=r"hidden \(10\) must be a multiple of heads \(4\)\.$"):
        zoo.build("gat", hidden=10)
    with pytest.raises(ConfigError, match=r"height \(10\) and width \(8\) must be multiples of 4"):
        zoo.build("dcgan", height=10)
    with pytest.raises(ConfigError, match="5 stages halve a picture of 28 x 28 away"):
        zoo.build("cnn", stages=5)
    with pytest.raises(ConfigError, match="no preset 'huge'"):
        zoo.build("cnn", preset="huge")


@pytest.mark.parametrize(("holds", "status"), [(True, "holds"), (False, "fails")])
def test_the_badge_is_the_last_result(monkeypatch, holds, status):
    result = {"key": zoo.key_of("cnn"), "holds": holds, "trials": [{"figure": 0.9}]}
    monkeypatch.setattr(_badges, "results", lambda: {"cnn": result})
    assert zoo.card("cnn").badge.status == status
    assert _badges.COLOURS[status] in zoo.card("cnn")._repr_html_()


def test_the_badge_is_grey_when_something_changed(monkeypatch):
    result = {"key": zoo.key_of("cnn"), "holds": True, "trials": [{"figure": 0.9}]}
    monkeypatch.setattr(_badges, "results", lambda: {"cnn": result})
    monkeypatch.setattr(_results, "_version", lambda name: "another")
    card = zoo.card("cnn")
    assert card.badge.status == "stale"
    assert "#757575" in card._repr_html_()
    assert "measured before the entry or a library changed" in str(card)
    monkeypatch.setattr(_badges, "results", dict)
    assert zoo.card("cnn").badge.status == "never run"


def test_results_are_kept_beside_each_other(tmp_path):
    path = tmp_path / "results.json"
    _results.store("b", {"holds": True}, path)
    _results.store("a", {"holds": False}, path)
    _results.store("b", {"holds": False}, path)
    assert path.read_text() == '{\n "a": {\n  "holds": false\n },\n "b": {\n  "holds": false\n }\n}\n'
