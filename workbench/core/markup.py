"""Small escaped HTML tables for results shown in a notebook."""

from collections.abc import Iterable, Sequence
from html import escape


def table(header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """An HTML table with a footer; every cell is escaped.

    Args:
        header: Names of the columns.
        rows: Cells, shown by ``str``.
        note: The sentence under the table, empty for none.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    foot = f"<p><small>{escape(note)}</small></p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"


def columns(header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """The same table in plain text, the columns aligned."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
    return f"{text}\n{note}" if note else text


def amount(count: float, units: Sequence[str] = ("", "k", "M", "G", "T")) -> str:
    """A count with three significant digits and a unit of thousands."""
    for unit in units[:-1]:
        if abs(count) < 1000:  # noqa: PLR2004 - thousands
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}{units[-1]}"
