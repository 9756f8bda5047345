"""Local folders and hub ids, by transformers' own loaders; code inside a repository is never run."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from workbench.core.errors import CheckpointError
from workbench.core.optional import need

_PROCESSOR_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
)


def load(folder: Path) -> tuple[nn.Module, Any]:
    """The model and processor that ``save_pretrained`` wrote into a folder; nothing is fetched.

    Raises:
        MissingExtraError: transformers is not installed.
        CheckpointError: The folder holds no model, or one that cannot be read safely.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{folder} holds no config.json, so it is no model that transformers wrote: save one there with "
            "model.save_pretrained(folder)."
        )
    try:
        json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError:
        raise CheckpointError(f"{folder / 'config.json'} is no JSON: the folder was not written completely.") from None
    return _loaded(str(folder), local=True)


def fetch(name: str) -> tuple[nn.Module, Any]:
    """The model and processor of an id on the Hugging Face hub, from its cache or the network.

    Raises:
        MissingExtraError: transformers is not installed.
        CheckpointError: It does not exist, could not be fetched, or cannot be read safely.
    """
    return _loaded(name, local=False)


def _loaded(place: str, *, local: bool) -> tuple[nn.Module, Any]:
    transformers: Any = need("transformers", extra="pretrained", purpose="to load a folder or hub id")
    try:
        options = {"local_files_only": local, "trust_remote_code": False}
        config = transformers.AutoConfig.from_pretrained(place, **options)
        model = _model_class(transformers, config).from_pretrained(place, **options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(_sentence(place, error, local=local)) from error
    except Exception as error:
        # Unpickling with weights only, and safetensors, have errors of their own.
        if type(error).__name__ not in ("UnpicklingError", "SafetensorError"):
            raise
        raise CheckpointError(_sentence(place, error, local=local)) from error
    return model.eval(), _processor(transformers, place, local=local)


def _model_class(transformers: Any, config: Any) -> Any:
    """The class that the config names, so that a language model keeps its head."""
    for name in getattr(config, "architectures", None) or ():
        found = getattr(transformers, name, None)
        if found is not None:
            return found
    return transformers.AutoModel


def _processor(transformers: Any, place: str, *, local: bool) -> Any:
    """The processor, tokenizer or picture processor that lies beside the weights; None where there is none."""
    if local and not any((Path(place) / name).is_file() for name in _PROCESSOR_FILES):
        return None  # transformers would make up a tokenizer of five words
    for name in ("AutoProcessor", "AutoTokenizer", "AutoImageProcessor"):
        try:
            return getattr(transformers, name).from_pretrained(place, local_files_only=local, trust_remote_code=False)
        except Exception:  # noqa: BLE001, S112 - each library class fails in its own way where its files are absent
            continue
    return None


def _sentence(place: str, error: Exception, *, local: bool) -> str:
    first = str(error).strip().split("\n")[0][:200] or type(error).__name__
    if local:
        return f"{place} holds a model that could not be loaded: {first}"
    return (
        f"{place!r} could not be fetched from the hub or loaded (offline, private, or no such model); "
        f"a folder on this machine works without a network: {first}"
    )
