"""The generated index: what the table and the cards say about entries without importing them.

``python -m workbench.zoo._index`` writes it; a test regenerates it and compares.
"""

import json
from dataclasses import asdict
from typing import Any

from workbench.core.config import Config, sized_by
from workbench.zoo import _discovery
from workbench.zoo._entry import Architecture
from workbench.zoo._facts import INDEX, opening_of
from workbench.zoo._results import libraries_of

_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of")


def generate() -> dict[str, Any]:
    """The index as JSON; imports every entry."""
    from workbench.zoo import entry

    return {name: describe(name, entry(name)) for name in _discovery.names()}


def describe(name: str, architecture: Architecture) -> dict[str, Any]:
    """What the index says about one entry."""
    claim = architecture.claim
    return {
        "title": opening_of(name).partition("\n")[0],
        "libraries": libraries_of(name, architecture.libraries),
        "rows": list(architecture.rows),
        "takes": list(architecture.takes),
        "task": architecture.recipe.task,
        "paper": {name: value for name, value in asdict(architecture.paper).items() if value},
        "parameters": _sizes(architecture),
        "views": dict(architecture.views),
        "claim": {
            "kind": claim.kind,
            "sentence": claim.sentence,
            "metric": claim.metric,
            "threshold": claim.threshold,
            "margin": claim.margin,
            "higher": claim.higher,
            "published": claim.published,
        },
        "config": architecture.config().model_dump(mode="json"),
        "fields": _fields(architecture.config),
    }


def write() -> None:
    """Write the index beside the entries."""
    INDEX.write_text(json.dumps(generate(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _sizes(architecture: Architecture) -> dict[str, int]:
    """Parameters of the presets, counted on the meta device."""
    import torch

    sizes: dict[str, int] = {}
    for preset in ("tiny", None, "paper"):
        with torch.device("meta"):
            model = architecture.build(architecture.configure(preset=preset))
        sizes[preset or "default"] = sum(p.numel() for p in model.parameters())
    return sizes


def _fields(config: type[Config]) -> list[dict[str, Any]]:
    """Name, kind, default, bounds, help and size of every setting."""
    schema = config.model_json_schema()["properties"]
    rows: list[dict[str, Any]] = []
    for name, info in config.model_fields.items():
        bounds = {b: getattr(m, b) for m in info.metadata for b in _BOUNDS if getattr(m, b, None) is not None}
        about = schema[name]
        kind = " or ".join(map(str, about["enum"])) if "enum" in about else about.get("type", "")
        default = config().model_dump(mode="json")[name]
        rows.append(
            {"name": name, "kind": kind, "default": default, "bounds": bounds, "help": info.description or ""}
            | ({"data": source} if (source := sized_by(info)) else {})
        )
    return rows


if __name__ == "__main__":
    write()
