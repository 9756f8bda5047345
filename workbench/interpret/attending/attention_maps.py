"""AttentionMaps: what every attention of a live model looked at, beside the model's own kernel."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import AddressError, nearest
from workbench.core.markup import columns, table
from workbench.interpret._labels import tokens
from workbench.interpret.attending import attention_exports, head_scores, mixing, rolling
from workbench.interpret.attending.attention_map import AttentionMap
from workbench.taps.precision import HALF, LARGEST_ERROR

ATTENTION = Paper(
    title="Attention Is All You Need",
    authors="Vaswani, Ashish and Shazeer, Noam and Parmar, Niki and others",
    year=2017,
    venue="NeurIPS",
    arxiv="1706.03762",
)

HEADER = ("attention", "kind", "weights", "error")


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMaps(Sequence[AttentionMap]):
    """All attention of one forward, in the order in which it was computed."""

    maps: tuple[AttentionMap, ...]
    left_out: tuple[str, ...] = ()
    """names that did not fit under the byte cap"""
    reason: str = ""
    """why there is nothing to show; empty when there is something"""
    inputs: Any = None
    """the inputs of the forward"""
    needed: int = 0
    """bytes under which nothing would have been left out"""

    def __len__(self) -> int:
        return len(self.maps)

    def __iter__(self) -> Iterator[AttentionMap]:
        return iter(self.maps)

    def __getitem__(self, key: int | str | slice) -> Any:
        """By place; by name, ``module`` or ``module@n``; or the first in a module that contains attention."""
        if not isinstance(key, str):
            return self.maps[key]
        for one in self.maps:
            if key in (one.name, f"{one.module}@{one.call}"):
                return one
        for one in self.maps:
            if one.module.startswith(f"{key}."):
                return one
        if any(key == name or name.startswith(f"{key}.") for name in self.left_out):
            raise AddressError(
                f"The attention of {key!r} did not fit under the byte cap: name it in modules=[{key!r}], "
                f"or give max_bytes={self.needed:,} for all."
            )
        raise AddressError(f"There is no attention of {key!r}.{self.reason or nearest(key, self.names)}")

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (ATTENTION,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which ``maps[name]`` answers."""
        return tuple(one.name for one in self.maps)

    def check(self) -> Mapping[str, float]:
        """The relative error of weights @ values against each layer's own product, by name, where comparable."""
        return self._errors

    @cached_property
    def _errors(self) -> Mapping[str, float]:
        return {one.name: error for one in self.maps if (error := one.error) is not None}

    def tokens(self, processor: Any) -> list[list[str]]:
        """The tokens of each example, written by the tokenizer in ``processor``."""
        return tokens(processor, self.inputs)

    @property
    def doubt(self) -> str:
        """How far the maps can be trusted, in a sentence."""
        if self.reason:
            return self.reason
        errors = list(self.check().values())
        said = "No layer's own product could be compared with weights @ values."
        if errors:
            worst = math.nan if any(math.isnan(error) for error in errors) else max(errors)
            said = (
                f"Weights @ values equal the layer's own product to {worst:.1e} in {len(errors)} of {len(self)} calls."
            )
        if any(one.stored.dtype == HALF for one in self.maps):
            said += f" Kept in half precision, which moves no weight by more than {LARGEST_ERROR:.1e}."
        broken = [one.name for one in self.maps if bool(one.stored.isnan().any())]
        if broken:
            said += f" There are weights that are not numbers in {', '.join(broken[:3])}{' ...' * (len(broken) > 3)}."  # noqa: PLR2004 - a list that reads as a sentence
        if self.left_out:
            said += f" Left out by the byte cap: {', '.join(self.left_out)}; max_bytes={self.needed:,} keeps all."
        return said

    # What heads do

    def rollout(self, modules: Sequence[str] | None = None) -> Tensor:
        """How much of each input token is in each output token: see ``mixing.rollout``.

        Pictures in windows are followed through the merging of patches, so the rows are the tokens of the last layer
        and the columns those of the first. Of several layers only a few matrices are held at a time.

        Args:
            modules: Names of the layers, from the first to the last, of which the last may have a single query that
                pools all tokens; None for all maps within one sequence or picture.

        Raises:
            DataError: There are none, they do not follow on each other, or the input is too long.
        """
        return rolling.rolled(mixing.layers(self, modules))

    def flow(self, modules: Sequence[str] | None = None, *, example: int = 0) -> Tensor:
        """The largest flow from each input token to each output token: see ``mixing.flow``."""
        chosen = mixing.layers(self, modules)
        mixing.level(chosen)
        return mixing.flow([one.weights for one in chosen], example=example)

    def scores(self) -> "head_scores.HeadScores":
        """Entropy, distance, and the previous-token, first-token and induction score of every head."""
        return head_scores.score_heads(self, self.inputs)

    # For others

    def to_xarray(self) -> Any:
        """An xarray Dataset with a variable for every map, its labels as coordinates."""
        return attention_exports.to_xarray(self)

    def numpy(self) -> Mapping[str, Any]:
        """Arrays (batch, heads, queries, keys), or (edges, heads), by name, in single precision."""
        return {one.name: one.weights.float().numpy() for one in self.maps}

    def plot(self, name: str | int = 0, *, head: int | None = None, example: int = 0) -> Any:
        """A plotly figure of one head, or of all heads of one map: see ``attention_exports.plot``."""
        return attention_exports.plot(self[name], head=head, example=example)

    def bertviz(self, view: str = "head", *, example: int = 0) -> Any:
        """The maps in bertviz's "head" or "model" view, as HTML that needs no network.

        Raises:
            ConfigError: There is no such view.
            DataError: The input is too long for bertviz, or there are no maps that it can show.
        """
        return attention_exports.bertviz(self, view, example=example)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (m.name, f"{m.kind} ({m.seen})", "x".join(map(str, m.shape)), "" if m.error is None else f"{m.error:.1e}")
            for m in self.maps
        ]

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), self.doubt) if self.maps else self.doubt

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), self.doubt)
