"""Inputs that a model of transformers may take, made from the names in its forward's signature."""

import inspect
from collections.abc import Iterator, Mapping
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
        yield {k: v for k, v in {**made, **patches(known, config)}.items() if k in (*needed, *towers, "pixel_values", "hidden_states")}
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


def make(key: str, config: Any) -> Any:
    """An input of this name; None where nobody knows what it may be."""
    vocabulary = find(config, "vocab_size") or 256
    vocabulary = vocabulary if isinstance(vocabulary, int) else 256
    low, high = 5, max(6, min(100, vocabulary - 40 if vocabulary > 100 else vocabulary))
    low = min(low, high - 1)
    if key in ("input_ids", "decoder_input_ids"):
        return torch.randint(low, high, (BATCH, LENGTH if key == "input_ids" else 7))
    if key == "attention_mask":
        return torch.ones(BATCH, LENGTH, dtype=torch.long)
    if key == "bbox":
        corners = torch.randint(0, 100, (BATCH, LENGTH, 2))
        return torch.cat([corners, corners + torch.randint(0, 50, (BATCH, LENGTH, 2))], -1)
    if key == "pixel_values":
        return pixels(config)
    if key == "pixel_values_videos":
        return video(config)
    if key == "input_features":
        bins = find(config, "num_mel_bins", "input_feat_size", "feature_size", "input_dim", "n_mels") or 80
        longest = find(config, "max_source_positions")
        return (
            torch.randn(BATCH, bins, 2 * longest)
            if longest and find(config, "num_mel_bins")
            else torch.randn(BATCH, FRAMES, bins)
        )
    if key == "input_values":
        bins = find(config, "num_mel_bins")
        return (
            torch.randn(BATCH, find(config, "max_length") or 1024, bins)
            if bins and find(config, "frequency_stride")
            else torch.randn(BATCH, 4000)
        )
    if key == "inputs_embeds":
        return torch.randn(BATCH, LENGTH, find(config, "hidden_size", "d_model") or 64)
    if key in GRIDS:
        grid = torch.tensor([[1, 4, 4], [1, 4, 6]])
        return grid if "thw" in key else grid[:, 1:]
    if key == "hidden_states":
        return torch.randn(40, 8)
    if key in ("input_features_mask", "feature_attention_mask", "padding_mask"):
        return None
    if key in ("past_time_features", "future_time_features"):
        return torch.randn(BATCH, 40, find(config, "num_time_features") or 0)
    if key in ("past_values", "past_observed_mask"):
        length = find(config, "context_length") or 32
        channels = find(config, "num_input_channels", "input_size") or 1
        values = torch.randn(BATCH, length, channels)
        return torch.ones_like(values) if key == "past_observed_mask" else values
    return None


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
