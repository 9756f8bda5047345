"""What the general rules get wrong, by model type: settings, inputs, or the divisors that are worth trying."""

from typing import Any

PATCHES: dict[str, dict[str, Any]] = {}
"""type -> "config": {dotted setting: value}, "divisors": (...), "inputs": {name: shape or number}"""
