"""Form: any config class as fields that a page can draw, with range and help, and its mistakes under their fields."""

import re
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from workbench.core.config import Config, sized_by

_BOUNDS = ("ge", "gt", "le", "lt")
_WIDE = 200
"""a range whose ends differ by more than this factor is turned on a logarithmic scale"""
_PLACES = 200
"""positions of a linear slider for numbers that are not whole"""
_MOST = 10_000
"""a linear slider over more whole numbers could not be set to any one of them"""


def fields(kind: type[Config], values: Mapping[str, Any], data: str = "") -> list[dict[str, Any]]:
    """What a page draws for each thing that can be turned.

    Args:
        kind: The config class; a field that is itself a config is left out.
        values: What each field stands at.
        data: Name of the data that sizes some of them; these come last, and their help says so.

    Returns:
        For each field its ``name``, ``control`` ("number", "choice", "check" or "text"), ``value``, ``help``,
        ``by_data`` (whether the data sizes it), and for numbers ``low``, ``high``, ``whole``, ``optional``, ``range``
        in words and ``slider``: None, or the ends, the step and whether the scale is logarithmic.
    """
    drawn: list[dict[str, Any]] = []
    for name, info in kind.model_fields.items():
        control = _control(info)
        if control is None:
            continue
        by_data = bool(data) and sized_by(info) is not None
        help_text = f"{info.description or ''}{'; from the data' if by_data else ''}"
        drawn.append({"name": name, "value": values.get(name), "help": help_text, "by_data": by_data, **control})
    return sorted(drawn, key=lambda field: field["by_data"])  # what a person turns first comes first


def mistakes(kind: type[Config], message: str, turned: str = "") -> dict[str, str]:
    """The sentences of an error under the fields that they are about.

    Args:
        kind: The config class that refused.
        message: What it said, one or more sentences.
        turned: The field that was turned last, for a sentence that names none.

    Returns:
        A sentence by field; under ``""`` what belongs to no field.
    """
    found: dict[str, str] = {}
    own = re.escape(kind.__name__)
    for sentence in re.split(rf"(?<=\.) (?={own}[.:])", message):
        named = re.match(rf"{own}\.(\w+)", sentence)
        name = named.group(1) if named is not None else turned
        place = name if name in kind.model_fields else ""
        # The field stands above its mistake: what it is called need not be said again.
        plain = re.sub(rf"^{own}(\.\w+)?: |^{own}\.", "", sentence)
        plain = plain[:1].upper() + plain[1:]
        found[place] = f"{found[place]} {plain}" if place in found else plain
    return found


def _control(info: FieldInfo) -> dict[str, Any] | None:
    kind, optional = _plain(info.annotation)
    if kind is bool:
        return {"control": "check"}
    if kind in (int, float):
        return {"control": "number", "optional": optional, **_numbers(info, whole=kind is int)}
    if get_origin(kind) is Literal:
        return {"control": "choice", "choices": list(get_args(kind)), "optional": optional}
    return {"control": "text", "optional": optional} if kind is str else None


def _plain(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was allowed."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    rest = [kind for kind in get_args(annotation) if kind is not type(None)]
    return (rest[0] if len(rest) == 1 else None), len(rest) < len(get_args(annotation))


def _numbers(info: FieldInfo, *, whole: bool) -> dict[str, Any]:
    bounds = {b: getattr(m, b) for m in info.metadata for b in _BOUNDS if getattr(m, b, None) is not None}
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if whole:
        low = low + 1 if low is not None and "gt" in bounds else low
        high = high - 1 if high is not None and "lt" in bounds else high
    return {
        "low": low,
        "high": high,
        "whole": whole,
        "range": _words(low, high, above=not whole and "gt" in bounds, below=not whole and "lt" in bounds),
        "slider": _slider(low, high, bounds, whole=whole),
    }


def _words(low: float | None, high: float | None, *, above: bool, below: bool) -> str:
    left = "" if low is None else f"{'above' if above else 'from'} {low:g}"
    right = "" if high is None else f"{'below' if below else 'to'} {high:,}"
    return f"{left} {right}".strip()


def _slider(low: float | None, high: float | None, bounds: Mapping[str, Any], *, whole: bool) -> dict[str, Any] | None:
    """Ends that may be taken, both included; None where there is nothing to slide over."""
    if low is None or high is None:
        return None
    logarithmic = whole and low > 0 and high / low > _WIDE
    if whole and not logarithmic and high - low > _MOST:
        return None
    step = 1 if whole else (high - low) / _PLACES
    if not whole and "gt" in bounds:
        low = low + step
    if not whole and "lt" in bounds:
        high = high - step
    return {"low": low, "high": high, "step": step, "log": logarithmic}
