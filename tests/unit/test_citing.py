"""BibTeX for exactly what was used."""

import pytest
from torch import nn

import workbench as wb
from workbench.compression import Prune
from workbench.core.entry import Paper
from workbench.core.errors import DataError, UnknownNameError
from workbench.objectives import Adversarial


def test_each_source_once_and_nested_configs_too():
    text = wb.cite(Adversarial(), Adversarial(), Prune(0.5))
    assert text.count("1406.2661") == 1
    assert text.count("@article") == 3  # the GAN, its optimisers' AdamW, and DepGraph
    assert "Loshchilov" in text


def test_a_model_of_ones_own_cites_nothing():
    assert wb.cite(nn.Linear(1, 1)) == ""


def test_an_entry_by_name_and_a_model_built_from_it():
    by_name = wb.cite("cnn")
    assert by_name == wb.cite(wb.build("cnn", preset="tiny"))
    assert by_name.startswith("@article{")


def test_bibtex_has_a_key_and_balanced_braces():
    paper = Paper(title="On {braces}", authors="Doe, Jane and others", year=2020, arxiv="2001.00001")
    text = paper.bibtex()
    assert text.startswith("@article{doe2020braces,")
    assert text.count("{") == text.count("}")


def test_what_cannot_be_cited_is_one_sentence():
    with pytest.raises(DataError, match="nothing to cite for int"):
        wb.cite(3)
    with pytest.raises(UnknownNameError):
        wb.cite("no such entry")
