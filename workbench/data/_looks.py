"""How one example looks to a person, in characters: text, a small picture, a row with its column names."""

from collections.abc import Sequence

from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn import functional as F

from workbench.data.contract import Field

_SHADES = " .:-=+*#%@"
_BARS = "▁▂▃▄▅▆▇█"
_WIDEST = 56


def picture(image: Num[Tensor, "channels height width"]) -> str:
    """Rows of characters, brighter is denser.

    Args:
        image: Numbers of shape (channels, height, width).
    """
    grey = image.float().mean(0)
    if grey.shape[1] > _WIDEST:
        grey = F.adaptive_avg_pool2d(grey[None], (int(_WIDEST * grey.shape[0] / grey.shape[1]), _WIDEST))[0]
    grey = grey - grey.min()
    shade = (grey / grey.max().clamp(min=1e-9) * (len(_SHADES) - 1)).round().long()
    return "\n".join("".join(_SHADES[i] * 2 for i in row) for row in shade.tolist())


def row(values: Num[Tensor, " features"], columns: Sequence[str]) -> str:
    """One line per column: its name and value.

    Args:
        values: Numbers of shape (features,).
        columns: Names; numbered where there are none.
    """
    names = columns or [f"column {i}" for i in range(len(values))]
    width = max(len(name) for name in names)
    return "\n".join(f"{name:<{width}}  {value:.6g}" for name, value in zip(names, values.tolist(), strict=True))


def tokens(ids: Int[Tensor, " length"], vocabulary: Sequence[str], joint: str = " ") -> str:
    """The tokens as text; padding is left out.

    Args:
        ids: Token numbers of shape (length,).
        vocabulary: What the numbers stand for; the numbers themselves where it is empty.
        joint: What stands between two tokens.
    """
    words = [str(vocabulary[i]) if vocabulary else str(i) for i in ids.tolist()]
    return joint.join(word for word in words if word != "<pad>")


def curves(series: Float[Tensor, "length variables"], names: Sequence[str] = ()) -> str:
    """One line of bars per variable, each scaled to its own range.

    Args:
        series: Numbers of shape (length, variables).
        names: Of the variables; numbered where there are none.
    """
    names = names or [str(i) for i in range(series.shape[1])]
    width = max(len(name) for name in names)
    return "\n".join(f"{name:>{width}} {_curve(line)}" for name, line in zip(names, series.T, strict=True))


def _curve(line: Tensor) -> str:
    low, high = line.min(), line.max()
    step = ((line - low) / (high - low).clamp(min=1e-9) * (len(_BARS) - 1)).round().long()
    return "".join(_BARS[i] for i in step.tolist()) + f" {float(low):.4g} … {float(high):.4g}"


def example(field: Field, value: Tensor) -> str:
    """One input by its kind.

    Args:
        field: What it is.
        value: Of the field's shape.
    """
    match field.kind:
        case "image":
            return picture(value)
        case "table":
            return row(value, field.labels)
        case "tokens":
            return tokens(value, field.labels)
        case "series" | "audio":
            return curves(value, field.labels)
        case _:
            return f"{field.name}: {tuple(value.shape)}"


def answered(field: Field | None, value: Tensor | None) -> str:
    """The target in words, on a line of its own; empty where there is none."""
    if field is None or value is None or field.kind == "next_token":
        return ""
    if field.kind == "classes":
        return f"\n{field.name}: {field.labels[int(value)]}"
    return f"\n{field.name}: " + ", ".join(f"{number:.6g}" for number in value.flatten().tolist())
