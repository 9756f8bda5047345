"""What the rows add up to, and what is required of them."""

from collections.abc import Sequence
from typing import Any

SHARE = 0.95
LEAST_TRANSFORMERS, NETWORKS = 25, 40

Row = dict[str, Any]


def of(rows: Sequence[Row], table: str) -> list[Row]:
    """The rows of one of the two tables."""
    return [row for row in rows if row["table"] == table]


def met(rows: Sequence[Row]) -> int:
    """How many are within the bounds."""
    return sum(row["verdict"] == "met" for row in rows)


def required(rows: Sequence[Row]) -> list[tuple[str, bool]]:
    """The goals, and whether each is met."""
    five, forty = of(rows, "five"), of(rows, "forty")
    library = sum(row.get("model", "").startswith("transformers.") for row in forty)
    rest = [row for row in rows if row["verdict"] != "met"]
    kinds = {row["kind"] for row in forty}
    return [
        (f"within the bounds on {met(five)} of {len(five)} ordinary networks", met(five) == len(five)),
        (
            f"within the bounds on {met(forty)} of {len(forty)} architectures ({SHARE:.0%} needed)",
            met(forty) >= SHARE * len(forty),
        ),
        (f"{len(forty)} architectures, {NETWORKS} needed", len(forty) >= NETWORKS),
        (f"{library} of them from transformers, {LEAST_TRANSFORMERS} needed", library >= LEAST_TRANSFORMERS),
        (
            f"kinds of input: {', '.join(sorted(kinds))}",
            {"text", "picture", "table", "graph", "series", "sound"} <= kinds,
        ),
        (
            f"a visible warning on each of the other {len(rest)}",
            all(row["verdict"] in ("warned", "refused") and row["said"] for row in rest),
        ),
    ]


def table(rows: Sequence[Row]) -> str:
    """A line for each network, and the goals."""
    lines = [f"{'network':26} {'kind':8} {'method':46} {'gap':>8} {'error':>7}  verdict"]
    for row in sorted(rows, key=lambda row: (row["table"] != "five", row["kind"], row["name"])):
        gap = f"{row['relative_gap']:.2%}" if "relative_gap" in row else ""
        error = f"{row['sampling_error']:.1%}" if row.get("sampling_error") is not None else ""
        method = (row.get("method") or " ".join(row["said"]))[:46]
        lines.append(f"{row['name']:26} {row['kind']:8} {method:46} {gap:>8} {error:>7}  {row['verdict']}")
    lines += [f"{'met' if ok else 'NOT MET'}: {sentence}" for sentence, ok in required(rows)]
    return "\n".join(lines)
