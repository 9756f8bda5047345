"""Explanations as shap has them, for every plot of shap; and shap's as ours, for every plot of ours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.interpret._labels import tokens

if TYPE_CHECKING:
    from workbench.interpret.attributions._outcome import Explanation

SHAP = Paper(
    title="A Unified Approach to Interpreting Model Predictions",
    authors="Lundberg, Scott M. and Lee, Su-In",
    year=2017,
    venue="NeurIPS",
    arxiv="1705.07874",
)
_PICTURES = 4
"""axes of a batch of pictures"""
_INTERVAL = 1.96
"""standard errors in half a 95 % interval"""


def to_shap(found: "Explanation", names: Sequence[str] | None = None, processor: Any = None) -> Any:
    """A ``shap.Explanation`` with an axis of examples.

    Pictures have their channels last, as shap's plots want them, and are stretched to 0 .. 1 where they hold negative
    numbers; a series is laid out flat; token ids are the tokens themselves where ``processor`` can write them.

    Args:
        found: An explanation of one input.
        names: Of the columns, or of the variables of a series.
        processor: A tokenizer.

    Raises:
        DataError: Several inputs were explained, which one ``shap.Explanation`` cannot hold, or there are not as many
            names as columns.
        MissingExtraError: shap is not installed.
    """
    if len(found.parts) != 1:
        raise DataError(
            f"shap holds one input and {', '.join(found.parts)} were explained: take .scores by name instead."
        )
    shap = need("shap", extra="explain", purpose="for its Explanation")
    name, part = next(iter(found.parts.items()))
    alone = len(found.difference) == 1 and len(part) != 1
    values, data = (t[None] if alone else t for t in (part.double(), found.features[name]))
    names = names if names is not None else found.names or None
    words = [] if data.is_floating_point() else tokens(processor, found.inputs)
    given: Any = np.array(words, dtype=object) if words else data.numpy()
    if words:
        labels = names if names is not None else words[0] if len(words) == 1 else None
    elif values.dim() == _PICTURES and values.size(1) in (1, 3):
        values, given, labels = values.permute(0, 2, 3, 1), _visible(data).permute(0, 2, 3, 1).numpy(), None
    else:
        labels = _labels(name, tuple(values.shape[1:]), names)
        values, given = values.flatten(1), data.flatten(1).numpy()
    if labels is not None and len(labels) != values.shape[1]:
        raise DataError(f"{len(labels)} names were given for {values.shape[1]} columns.")
    return shap.Explanation(
        values=values.numpy(),
        base_values=np.asarray(found.base.double()),
        data=given,
        feature_names=list(labels) if labels is not None else None,
    )


def from_shap(theirs: Any, output: Any = None) -> "Explanation":
    """A ``shap.Explanation`` as one of ours, with the gap that shap does not keep.

    Args:
        theirs: Of one output; take ``explanation[..., 0]`` of several.
        output: (examples,) the model's scores, with which it is checked that the values add up.

    Returns:
        An ``Explanation`` of one input; its ``names`` are shap's.

    Raises:
        DataError: There are several outputs, or ``output`` does not fit.
    """
    from workbench.interpret.attributions._outcome import Explanation

    values = np.asarray(theirs.values, dtype=np.float64)
    base = np.atleast_1d(np.asarray(theirs.base_values, dtype=np.float64))
    if base.ndim > 1:
        raise DataError(
            f"This shap.Explanation holds {base.shape[-1]} outputs, and one is explained here: take one of them, such "
            "as explanation[..., 0]."
        )
    alone = values.ndim == 1
    values = values[None] if alone else values
    base = np.broadcast_to(base, (len(values),)).copy()
    difference = torch.from_numpy(values.reshape(len(values), -1).sum(1))
    gap, warning = _checked(difference, base, output)
    error: NDArray[np.float64] | None = getattr(theirs, "error_std", None)
    return Explanation(
        parts={"input": _channels_first(torch.from_numpy(values))},
        method="SHAP values of shap",
        target="the output that shap explained",
        targets=(),
        reference="the background of shap's explainer",
        relative_gap=gap,
        difference=difference,
        bound=0.01,
        steps=0,
        converged=bool((gap < 0.01).all()),  # noqa: PLR2004 - the bound above
        warnings=warning,
        cited=(SHAP,),
        base=torch.from_numpy(base),
        interval={}
        if error is None
        else {"input": torch.from_numpy(_INTERVAL * np.asarray(error).reshape(values.shape))},
        features=_features(theirs, values, alone=alone),
        names=_names(theirs.feature_names, values.shape),
    )


def _labels(name: str, shape: tuple[int, ...], names: Sequence[str] | None) -> Sequence[str]:
    """Of every number of an example, with its place along the axes that have no names."""
    if names is not None and (len(shape) == 1 or len(names) not in shape):
        return names
    if len(shape) == 1:
        return [f"{name} {i}" for i in range(shape[0])]
    axis = next((i for i, size in enumerate(shape) if names is not None and size == len(names)), None)
    labels: list[str] = []
    for place in np.ndindex(*shape):
        rest = " ".join(str(at) for i, at in enumerate(place) if i != axis)
        labels.append(f"{name if names is None or axis is None else names[place[axis]]} {rest}".rstrip())
    return labels


def _visible(pictures: Tensor) -> Tensor:
    if not pictures.is_floating_point() or float(pictures.min()) >= 0:
        return pictures
    low, high = pictures.flatten(1).amin(1), pictures.flatten(1).amax(1)
    return (pictures - low[:, None, None, None]) / (high - low).clamp_min(1e-12)[:, None, None, None]


def _channels_first(values: Tensor) -> Tensor:
    pictures = values.dim() == _PICTURES and values.size(-1) in (1, 3)
    return values.permute(0, 3, 1, 2) if pictures else values


def _features(theirs: Any, values: NDArray[np.float64], *, alone: bool) -> dict[str, Tensor]:
    data = None if theirs.data is None else np.asarray(theirs.data)
    if data is None or data.dtype.kind not in "fiub":
        return {}
    return {"input": _channels_first(torch.from_numpy(np.array(data[None] if alone else data).reshape(values.shape)))}


def _names(given: Any, shape: tuple[int, ...]) -> tuple[str, ...]:
    if given is None or len(given) != shape[-1] or not all(isinstance(name, str) for name in given):
        return ()
    return tuple(given)


def _checked(difference: Tensor, base: NDArray[np.float64], output: Any) -> tuple[Tensor, tuple[str, ...]]:
    """How far the values miss the output, in the change of score, and what is said of it."""
    if output is None:
        said = "shap does not keep the model's output: pass it as output= to see whether the values add up to it."
        return torch.full_like(difference, torch.nan), (said,)
    score = torch.as_tensor(output).detach().double().reshape(-1)
    if score.shape != difference.shape:
        raise DataError(f"output has {len(score)} scores and {len(difference)} examples were explained.")
    change = score - torch.from_numpy(base)
    scale = torch.maximum(change.abs(), score.std() if len(score) > 1 else change.new_zeros(()))
    gap = (difference - change).abs() / scale.clamp_min(torch.finfo(scale.dtype).tiny)
    worst = float(gap.max())
    if worst < 0.01:  # noqa: PLR2004 - the bound
        return gap, ()
    return gap, (f"The values miss the change they should add up to by {worst:.1%}, more than 1.0%.",)
