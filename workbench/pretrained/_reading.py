"""Reading a GGUF file once and quietly.

transformers parses a GGUF header anew for the config, the tokenizer and the weights, and builds the table of tensor
names anew for every module. Both are remembered for the length of one load, which more than halves it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def read_once(gguf: ModuleType) -> Generator[None]:
    """``gguf`` with a memory for a block."""
    with (
        _swapped(gguf, "GGUFReader", cache(gguf.GGUFReader)),
        _swapped(gguf, "get_tensor_name_map", cache(gguf.get_tensor_name_map)),
    ):
        yield


@contextmanager
def without_progress_bars(transformers: Any) -> Generator[None]:
    """``transformers`` without progress bars for a block."""
    logging, reading = transformers.utils.logging, import_module("transformers.modeling_gguf_pytorch_utils")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with _swapped(reading, "tqdm", partial(reading.tqdm, disable=True)):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _swapped(module: Any, name: str, value: Any) -> Generator[None]:
    """A module's attribute changed for a block."""
    kept = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, kept)
