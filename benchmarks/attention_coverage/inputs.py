"""Inputs that a model of transformers may take, made from the names in its forward's signature."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from patches import PATCHES
from torch import Tensor, nn

BATCH, LENGTH, FRAMES = 2, 12, 64
Inputs = dict[str, Any]


def candidates(name: str, model: nn.Module, config: Any) -> Iterator[Inputs]:
    """Calls that may work, the most natural first."""
    known = signature(model)
    patch = PATCHES.get(name, {}).get("inputs")
    made = {key: value for key in known if (value := make(key, config)) is not None}
    if patch:
        extra = {key: patched(value) for key, value in patch.items()}
        yield {
            k: v
            for k, v in {**{k: made[k] for k in known if k in made and k in required(model)}, **extra}.items()
            if v is not None
        }
    main = str(getattr(model, "main_input_name", "input_ids"))
    first = main if main in made else next(iter(made), None)
    if first is None:
        return
    decoder = [k for k in ("decoder_input_ids",) if k in made]
    needed = [k for k in required(model) if k in made]
    towers = [k for k in made if k in GRIDS]
    if towers:  # a picture as a list of patches
        yield {
            k: v
            for k, v in {**made, **patches(known, config)}.items()
            if k in (*needed, *towers, "pixel_values", "hidden_states")
        }
    text = [k for k in ("input_ids", "attention_mask", "bbox") if k in made]
    tried: list[frozenset[str]] = []
    for keys in (
        [
            first,
            *needed,
            *decoder,
            *(["attention_mask"] if first == "input_ids" else []),
            *(["bbox"] if "bbox" in made else []),
        ],
        [first, *needed, *decoder],
        [first, *needed],
        [*text, *needed, *decoder],
        [*text, *needed, *[k for k in ("pixel_values", "input_features", "input_values") if k in made], *decoder],
        ["pixel_values", *needed],
        ["input_features", *needed, *decoder],
        ["input_values", *needed, *decoder],
        ["inputs_embeds", *needed],
        list(made),
    ):
        wanted = frozenset(keys)
        if wanted in tried or not wanted <= set(made):
            continue
        tried.append(wanted)
        yield {key: made[key] for key in made if key in wanted}


def variants(inputs: Inputs) -> Iterator[Inputs]:
    """The same call with sound in the other usual layouts."""
    yield inputs
    if "input_values" in inputs:
        yield {**inputs, "input_values": inputs["input_values"][:, None]}
    if "input_features" in inputs:
        yield {**inputs, "input_features": inputs["input_features"].transpose(1, 2)}


GRIDS = ("grid_thw", "image_grid_thw", "grid_hw", "grid_hws", "target_sizes")


def patches(known: Mapping[str, inspect.Parameter], config: Any) -> Inputs:
    """Two pictures of 4 x 4 and 4 x 6 patches, each a row of numbers."""
    side, channels = find(config, "patch_size") or 14, find(config, "in_channels", "num_channels", "in_chans") or 3
    width = channels * side * side * (find(config, "temporal_patch_size") or 1)
    name = next((k for k in ("pixel_values", "hidden_states") if k in known), "pixel_values")
    return {name: torch.randn(40, width)}


def signature(model: nn.Module) -> Mapping[str, inspect.Parameter]:
    """Parameters of the forward."""
    return inspect.signature(model.forward).parameters


def required(model: nn.Module) -> list[str]:
    """Those without a default."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [k for k, p in signature(model).items() if p.default is p.empty and p.kind in kinds]


def patched(value: Any) -> Any:
    """A tensor of a shape or of numbers written in a table, or a plain value."""
    if isinstance(value, tuple):
        return torch.randn(*value)
    if isinstance(value, Mapping):
        return torch.randint(value.get("low", 0), value["high"], value["shape"])
    if isinstance(value, list):
        return torch.tensor(value)
    return value


def find(config: Any, *names: str) -> Any:
    """The first setting of such a name in a configuration or its parts."""
    from transformers import PreTrainedConfig

    for name in names:
        value = getattr(config, name, None)
        if value is not None:
            return value
    for part in vars(config).values():
        if isinstance(part, PreTrainedConfig) and (value := find(part, *names)) is not None:
            return value
    return None


def ids(config: Any, length: int) -> Tensor:
    """Tokens that are no special ones."""
    vocabulary = find(config, "vocab_size")
    vocabulary = vocabulary if isinstance(vocabulary, int) and vocabulary else 256
    high = max(6, min(100, vocabulary - 40 if vocabulary > 100 else vocabulary))
    return torch.randint(min(5, high - 1), high, (BATCH, length))


def boxes() -> Tensor:
    """Where the tokens stand on a page."""
    corners = torch.randint(0, 100, (BATCH, LENGTH, 2))
    return torch.cat([corners, corners + torch.randint(0, 50, (BATCH, LENGTH, 2))], -1)


def spectrum(config: Any) -> Tensor:
    """Sound by frequency."""
    bins = find(config, "num_mel_bins", "input_feat_size", "feature_size", "input_dim", "n_mels") or 80
    longest = find(config, "max_source_positions")
    across = longest and find(config, "num_mel_bins")
    return torch.randn(BATCH, bins, 2 * longest) if across else torch.randn(BATCH, FRAMES, bins)


def sound(config: Any) -> Tensor:
    """Sound as it is, or as the pictures of it that some models call the same."""
    bins = find(config, "num_mel_bins")
    pictured = bins and find(config, "frequency_stride")
    return torch.randn(BATCH, find(config, "max_length") or 1024, bins) if pictured else torch.randn(BATCH, 4000)


def series(config: Any) -> Tensor:
    """Measurements in time."""
    channels = find(config, "num_input_channels", "input_size") or 1
    return torch.randn(BATCH, find(config, "context_length") or 32, channels)


def square(size: Any) -> tuple[int, int]:
    """Height and width of a picture."""
    if isinstance(size, list | tuple):
        return int(size[0]), int(size[-1])
    if isinstance(size, dict):
        return int(size.get("height", 224)), int(size.get("width", 224))
    return int(size or 224), int(size or 224)


def pixels(config: Any) -> Tensor:
    """Pictures, or clips where the model takes those."""
    height, width = square(find(config, "image_size"))
    channels = find(config, "num_channels", "in_channels", "in_chans") or 3
    frames = find(config, "num_frames")
    shape = (BATCH, frames, channels, height, width) if isinstance(frames, int) else (BATCH, channels, height, width)
    return torch.randn(*shape)


def video(config: Any) -> Tensor:
    """Clips."""
    height, width = square(find(config, "image_size", "crop_size"))
    return torch.randn(BATCH, find(config, "frames_per_clip", "num_frames") or 4, 3, height, width)


GRID = torch.tensor([[1, 4, 4], [1, 4, 6]])

MAKERS: dict[str, Callable[[Any], Tensor]] = {
    "input_ids": lambda config: ids(config, LENGTH),
    "decoder_input_ids": lambda config: ids(config, 7),
    "attention_mask": lambda _: torch.ones(BATCH, LENGTH, dtype=torch.long),
    "bbox": lambda _: boxes(),
    "pixel_values": pixels,
    "pixel_values_videos": video,
    "input_features": spectrum,
    "input_values": sound,
    "inputs_embeds": lambda config: torch.randn(BATCH, LENGTH, find(config, "hidden_size", "d_model") or 64),
    "hidden_states": lambda _: torch.randn(40, 8),
    "past_time_features": lambda config: torch.randn(BATCH, 40, find(config, "num_time_features") or 0),
    "future_time_features": lambda config: torch.randn(BATCH, 40, find(config, "num_time_features") or 0),
    "past_values": series,
    "past_observed_mask": lambda config: torch.ones_like(series(config)),
    **{name: lambda _, name=name: GRID if "thw" in name else GRID[:, 1:] for name in GRIDS},
}


def make(key: str, config: Any) -> Any:
    """An input of this name; None where nobody knows what it may be."""
    return MAKERS[key](config) if key in MAKERS else None
