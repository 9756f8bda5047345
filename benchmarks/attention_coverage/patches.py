"""What the general rules get wrong, by model type: settings, inputs, or the divisors that are worth trying."""

from typing import Any

_SERIES: dict[str, Any] = {
    "config": {"prediction_length": 4, "context_length": 12, "lags_sequence": [1, 2, 3], "num_time_features": 2},
    "inputs": {
        "past_values": (2, 15),
        "past_time_features": (2, 15, 2),
        "past_observed_mask": {"low": 1, "high": 2, "shape": (2, 15)},
        "future_values": (2, 4),
        "future_time_features": (2, 4, 2),
    },
}

PATCHES: dict[str, dict[str, Any]] = {
    "autoformer": _SERIES,
    "informer": _SERIES,
    "time_series_transformer": _SERIES,
    "hunyuan_v1_dense": {"config": {"head_dim": 64}},
    "hunyuan_v1_moe": {"config": {"head_dim": 64}},
    "hunyuan_vl_text": {"config": {"head_dim": 64}},
    "ministral": {"config": {"head_dim": 64}},
    "longformer": {"config": {"attention_window": [4, 4]}},
    "led": {"config": {"attention_window": [4, 4]}},
    "xmod": {"config": {"default_language": "en_XX"}},
    "jamba": {"config": {"attn_layer_period": 2, "attn_layer_offset": 1}},
}
"""type -> "config": {dotted setting: value}, "divisors": (...), "inputs": {name: shape, numbers or value}"""
