"""What a page wishes, which is whatever it sent: figures are read out of it with care."""

from collections.abc import Mapping
from typing import Any


def whole_number(wish: Mapping[str, Any], name: str, below: int, default: int = 0) -> int:
    """A number in 0 .. below-1 out of a wish, which is whatever a page sent."""
    value = wish.get(name, default)
    return max(0, min(below - 1, int(value))) if isinstance(value, int | float) and value == value else default  # noqa: PLR0124 - NaN
