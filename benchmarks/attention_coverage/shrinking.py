"""Tiny configurations of any transformers model type, by rules about names of settings, and patches where they fail.

A recipe cuts layers, vocabularies, experts and pictures; a second one also divides every width and number of heads by
one power of two, which keeps the relations between them (heads x head size = width, sums of widths) as they were.
"""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from patches import PATCHES

LAYERS = re.compile(
    r"^(n_layers?|num_layers|num_blocks|depth|layers|.*(num_hidden_layers|encoder_layers|decoder_layers|num_encoder_layers"
    r"|num_decoder_layers|_num_layers|_depth|num_block_layers|n_encoder_layers|n_decoder_layers))$"
)
COUNTS = re.compile(r"^(num_experts|num_local_experts|n_routed_experts|moe_num_experts|num_hash_functions)$")
TOP_K = re.compile(r"^(num_experts_per_tok|moe_top_?k|moe_k|num_experts_per_token|experts_per_token|moe_router_topk)$")
VOCABULARY = re.compile(r"^(vocab_size|.*_vocab_size|vocab_size_per_layer_input|num_embeddings)$")
HEADS = re.compile(r"(^|_)(heads|n_head|num_attention_heads|num_heads|n_heads|query_groups|n_groups)$|_heads$")
WIDTHS = re.compile(
    r"(hidden_size|d_model|d_ff|d_inner|n_embd|embed_dim|embedding_size|intermediate_size|ffn_dim|ffn_hidden_size|(^|_)dim$|_channels$"
    r"|hidden_dim|ffn_size|projection_dim|hidden_sizes|lru_width|proj_dim|_width$|width$|_size_mlp|inner_dim|(^|_)dims$)"
)
KEPT = re.compile(r"(head_dim|dim_head|num_channels|in_channels|out_channels|kernel|patch|rotary|rope|input_channels)")
TOKENS = re.compile(r"(token_id|token_index|_idx|_token|_token_ids)$")
LIMITS = {"image_size": 256, "max_image_size": 256, "num_frames": 4, "frames_per_clip": 4, "max_source_positions": 64}
VOCABULARY_SIZE, LAYER_COUNT, EXPERTS = 256, 2, 4
MOST = {LAYERS: LAYER_COUNT, COUNTS: EXPERTS, TOP_K: 2, VOCABULARY: VOCABULARY_SIZE}


def recipes(name: str, default: Callable[[], Any]) -> list[tuple[str, Callable[[], Any]]]:
    """Ways to make a tiny configuration of a type, the least intrusive first."""
    patch = PATCHES.get(name, {})

    def made(divisor: int) -> Any:
        config = default()
        shrink(config, divisor)
        apply(config, patch.get("config", {}))
        return rebuilt(config)

    factors = patch.get("divisors", (1, 4, 16))
    return [
        (f"widths / {factor}" if factor > 1 else "layers cut", lambda factor=factor: made(factor)) for factor in factors
    ]


def rebuilt(config: Any) -> Any:
    """The configuration made again from its own values, so that what it derives fits."""
    try:
        return type(config).from_dict(config.to_dict())
    except Exception:  # noqa: BLE001 - some cannot be made from what they say of themselves
        return config


def apply(config: Any, changes: Mapping[str, Any]) -> None:
    """Set settings, those of parts by dotted names."""
    for path, value in changes.items():
        *parts, last = path.split(".")
        target = config
        for part in parts:
            target = getattr(target, part)
        put(target, last, value)


def put(config: Any, name: str, value: Any) -> None:
    """Set one setting past the checks that look at a half-changed configuration."""
    try:
        setattr(config, name, value)
    except Exception:  # noqa: BLE001 - strict configurations check each assignment
        config.__dict__[name] = value


def shrink(config: Any, divisor: int) -> None:
    """Cut a configuration and its parts in place."""
    from transformers import PreTrainedConfig

    values = dict(vars(config))
    for name, value in values.items():
        if isinstance(value, PreTrainedConfig):
            shrink(value, divisor)
        elif isinstance(value, bool) or name.startswith("_") or value is None:
            continue
        elif isinstance(value, int):
            new = number(name, value, divisor)
            if new != value:
                put(config, name, new)
    limit_tokens(config)
    limit_lists(config, values)
    if divisor > 1:
        narrow_lists(config, values, divisor)


def number(name: str, value: int, divisor: int) -> int:
    """What a whole number of this name becomes."""
    for pattern, most in MOST.items():
        if pattern.match(name):
            return min(value, most)
    if name in LIMITS:
        return min(value, LIMITS[name])
    if divisor == 1 or value < 1:
        return value
    if HEADS.search(name):
        return max(1, value // divisor)
    wide = WIDTHS.search(name) and not KEPT.search(name) and value >= 64 and value % divisor == 0
    return value // divisor if wide else value


def limit_tokens(config: Any) -> None:
    """Numbers of special tokens inside the vocabulary, different ones where there is room."""
    size = getattr(config, "vocab_size", None) or VOCABULARY_SIZE
    size = size if isinstance(size, int) and size > 1 else VOCABULARY_SIZE
    free = size - 1
    for name, value in list(vars(config).items()):
        if TOKENS.search(name) and isinstance(value, int) and not isinstance(value, bool) and value >= size:
            put(config, name, max(0, free))
            free -= 1


def limit_lists(config: Any, before: Mapping[str, Any]) -> None:
    """Lists with an entry for every layer, cut to a layer of every kind and at least as many as are left."""
    counts = {before[n]: n for n in before if LAYERS.match(n) and isinstance(before[n], int)}
    listed = {n: v for n, v in before.items() if isinstance(v, list | tuple) and n != "depths"}
    for length, counted in counts.items():
        alike = {n: v for n, v in listed.items() if len(v) == length > LAYER_COUNT}
        kept = layers_kept([v for v in alike.values() if all(isinstance(one, str) for one in v)], length)
        for name, value in alike.items():
            put(config, name, type(value)(copy.deepcopy(value[i]) for i in kept))
        if alike:
            put(config, counted, len(kept))
    depths = before.get("depths")
    if isinstance(depths, list | tuple):
        put(config, "depths", type(depths)(min(int(d), LAYER_COUNT) for d in depths))


def layers_kept(kinds: list[Any], length: int) -> list[int]:
    """Places of layers: the first of every kind, and more from the beginning up to the usual number."""
    firsts = {kind.index(one) for kind in kinds for one in set(kind)}
    for place in range(length):
        if len(firsts) >= LAYER_COUNT:
            break
        firsts.add(place)
    return sorted(firsts)


def narrow_lists(config: Any, before: Mapping[str, Any], divisor: int) -> None:
    """Lists of widths and heads, divided like single ones."""
    for name, value in before.items():
        if isinstance(value, list | tuple) and value and all(type(v) is int for v in value):
            put(config, name, type(value)(number(name, v, divisor) for v in value))
