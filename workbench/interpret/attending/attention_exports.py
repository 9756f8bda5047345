"""Attention maps for other tools: xarray, plotly, and bertviz (Vig 2019, arXiv:1906.05714) without a network."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import ConfigError, DataError
from workbench.core.optional import need

if TYPE_CHECKING:
    from workbench.interpret.attending.attention_map import AttentionMap
    from workbench.interpret.attending.attention_maps import AttentionMaps

SCRIPTS = Path(__file__).parent / "scripts"
MOST_WEIGHTS = 3_000_000
"""that bertviz, which writes each as text, can still show"""
VIEWS = ("head", "model")


def to_xarray(maps: "AttentionMaps") -> Any:
    """A Dataset with a variable for every map.

    Every variable has dimensions of its own, named after the map, because queries and keys differ between maps. Labels
    of the first example are coordinates; positions where there are none.

    Args:
        maps: Those of one forward.
    """
    xarray = need("xarray", extra="plots", purpose="for labelled arrays")
    variables: dict[str, Any] = {}
    for one in maps:
        axes = ("edge", "head") if one.edges is not None else ("batch", "head", "query", "key")
        if one.kind == "deformable":
            axes = ("batch", "head", "query", "point")
        named = [axis if axis in ("batch", "head") else f"{one.name}.{axis}" for axis in axes]
        named[axes.index("head")] = f"{one.name}.head"
        labels = {f"{one.name}.query": list(one.queries[0]), f"{one.name}.key": list(one.keys[0])}
        coordinates = {axis: labels[axis] for axis in named if axis in labels}
        if one.edges is not None:
            coordinates |= {
                f"{one.name}.{end}": (named[0], one.edges[i].numpy()) for i, end in enumerate(("source", "target"))
            }
        about = {"kind": one.kind, "seen": one.seen, "module": one.module, "call": one.call}
        variables[one.name] = xarray.DataArray(one.weights.float().numpy(), dims=named, coords=coordinates, attrs=about)
    return xarray.Dataset(variables, attrs={"doubt": maps.doubt})


def plot(one: "AttentionMap", *, head: int | None = None, example: int = 0) -> Any:
    """A plotly heat map, queries down and keys across.

    Args:
        one: The attention.
        head: Which; None for all, beside each other.
        example: Which of the batch.

    Raises:
        DataError: There is no such head or example.
    """
    need("plotly", extra="plots", purpose="for figures")
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    batch, heads = (1, one.stored.size(-1)) if one.edges is not None else one.shape[:2]
    if not 0 <= example < batch or not 0 <= (head or 0) < heads:
        raise DataError(
            f"{one.name} has {batch} examples and {heads} heads, counted from 0: there is no {example}, {head}."
        )
    shown = list(range(heads)) if head is None else [head]
    across = min(4, len(shown))
    titles = [f"head {h}" for h in shown]
    figure: Any = make_subplots(rows=-(-len(shown) // across), cols=across, subplot_titles=titles)
    queries, keys = _labels(one.queries[example]), _labels(one.keys[example])
    for i, h in enumerate(shown):
        weights = one.head(example, h).float().numpy()
        x, y = (list(range(n)) for n in reversed(weights.shape))
        drawn = go.Heatmap(
            z=weights, x=x, y=y, zmin=0.0, coloraxis="coloraxis", hovertemplate="%{y} → %{x}: %{z:.3f}<extra></extra>"
        )
        figure.add_trace(drawn, row=i // across + 1, col=i % across + 1)
    if len(queries) <= 64:  # noqa: PLR2004 - labels that can be read
        figure.update_yaxes(tickvals=list(range(len(queries))), ticktext=queries)
        figure.update_xaxes(tickvals=list(range(len(keys))), ticktext=keys if one.kind != "deformable" else None)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(title=escape(f"{one.name} ({one.kind})"), coloraxis={"colorscale": "Cividis", "cmin": 0.0})
    return figure


def _labels(names: Sequence[str]) -> list[str]:
    """plotly reads a few HTML tags in labels; tokens are text."""
    return [escape(name) for name in names]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that stands alone: no request leaves it."""

    html: str
    """the whole document"""
    height: int = 600

    def save(self, path: str | Path) -> Path:
        """Write it where a browser can open it."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        # A frame of its own, in which scripts run and see nothing of the notebook.
        return (
            f'<iframe sandbox="allow-scripts" style="width:100%;height:{self.height}px;border:0;background:#fff" '
            f'srcdoc="{escape(self.html, quote=True)}"></iframe>'
        )


def bertviz(maps: "AttentionMaps", view: str, *, example: int = 0) -> Page:
    """The maps in a view of bertviz, with its scripts and those it loads inside the page.

    Encoder-decoder models give bertviz's three kinds; of anything else the square maps of the first one's size.

    Args:
        maps: Those of one forward.
        view: "head" or "model".
        example: Which of the batch.

    Raises:
        ConfigError: There is no such view.
        DataError: The input is too long, or there is nothing that bertviz can show.
    """
    if view not in VIEWS:
        raise ConfigError(f"bertviz has no view {view!r} here: choose 'head' or 'model'.")
    need("bertviz", extra="bertviz", purpose="for its views")
    import bertviz as library

    groups = _groups(maps, example)
    count = sum(layer.numel() for group in groups.values() for layer in group["layers"])
    if count > MOST_WEIGHTS:
        raise DataError(
            f"bertviz would write {count:,} weights as text and cannot show more than {MOST_WEIGHTS:,}: "
            "give a shorter input, or fewer layers by modules=."
        )
    draw = library.head_view if view == "head" else library.model_view
    parts: Any = draw(**_arguments(groups), html_action="return")
    return Page(alone(parts.data, Path(library.__file__).parent / f"{view}_view.js"), 600 if view == "head" else 900)


def _groups(maps: "AttentionMaps", example: int) -> dict[str, dict[str, Any]]:
    """Layers with their tokens by what bertviz calls them."""
    found: dict[str, dict[str, Any]] = {}
    decodes = any(one.kind == "cross" for one in maps)
    for one in maps:
        if one.kind not in ("self", "local", "cross") or one.step:
            continue
        side = (
            "encoder"
            if not one.module.lower().startswith("decoder") and "decoder" not in one.module.lower()
            else "decoder"
        )
        kind = "cross" if one.kind == "cross" else side if decodes else "self"
        group = found.setdefault(kind, {"layers": [], "queries": one.queries[example], "keys": one.keys[example]})
        layer = one.weights[example : example + 1].float().nan_to_num()
        if not group["layers"] or layer.shape == group["layers"][0].shape:
            group["layers"].append(layer)
    if not found:
        raise DataError(f"There is no attention between tokens that bertviz can show. {maps.doubt}")
    return found


def _arguments(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if set(groups) == {"self"}:
        return {"attention": groups["self"]["layers"], "tokens": list(groups["self"]["queries"])}
    given: dict[str, Any] = {}
    for kind, group in groups.items():
        given[f"{kind}_attention"] = group["layers"]
        if kind != "cross":
            given[f"{kind}_tokens"] = list(group["queries"])
    if "cross" in groups:
        given.setdefault("encoder_tokens", list(groups["cross"]["keys"]))
        given.setdefault("decoder_tokens", list(groups["cross"]["queries"]))
    return given


def alone(html: str, script: Path) -> str:
    """bertviz's HTML with nothing to load.

    Args:
        html: What its view returns: a script of require.js, elements, and its own script.
        script: The file of its own script, from which its data are told apart.
    """
    own = script.read_text(encoding="utf-8")
    marker = own.partition("PYTHON_PARAMS")[0].rsplit("\n", 1)[-1]
    start = html.index(marker) + len(marker)
    data = json.JSONDecoder().raw_decode(html[start:])[0]
    elements = html[html.index("</script>") + len("</script>") : html.index("<script", html.index("</script>"))]
    own = own.replace("PYTHON_PARAMS", json.dumps(data).replace("<", "\\u003c"), 1)
    name = f"m{uuid.uuid4().hex}"
    return f"""<!doctype html><html><head><meta charset="utf-8"></head><body>{elements}
<script>
const {name} = {{exports: {{}}}}, {name}d3 = {{}};
(function (module, exports, define) {{ {_script("jquery.min.js")}
}}).call(window, {name}, {name}.exports, undefined);
(function (exports, module, define) {{ {_script("d3.min.js")}
}}).call(window, {name}d3, {{}}, undefined);
(function (require, requirejs) {{
{_without_addresses(own)}
}})({{config() {{}}}}, (names, run) => run({name}.exports, {name}d3));
</script></body></html>"""


def _script(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")


def _without_addresses(script: str) -> str:
    """bertviz's script without the addresses it would load from, which nothing reads here."""
    head, _, rest = script.partition("require.config({")
    return head + rest.partition("});")[2] if rest else script
