"""Table: the figures of a tab as rows, for a file or for pandas."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from workbench.core.optional import need

if TYPE_CHECKING:
    import pandas as pd

_FEW = 12
"""rows that a notebook shows of a long table"""

_FORMULA = re.compile(r"[\t\r\n]|[\s\0-\x1f\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""how a text begins that a spreadsheet may take for a formula; the last four are the full-width forms of the first"""


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of plain values."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]

    def __len__(self) -> int:
        return len(self.rows)

    def csv(self) -> str:
        """The table as comma-separated text (RFC 4180); None is an empty field."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()

    def spreadsheet(self) -> str:
        """The table as ``csv`` writes it, but every text in quotes, and no text that a spreadsheet would execute.

        A token or class may be ``=HYPERLINK(...)``, and whoever opens the file would run it. As OWASP advises ("CSV
        Injection"), such a text gets an apostrophe in front, which spreadsheets take for "this is text". Numbers stay
        numbers, also negative ones. For a program that reads the file, ``csv`` keeps every text as it is.
        """
        rows = [self.columns, *self.rows]
        return "".join(f"{','.join(map(_cell, row))}\r\n" for row in rows)

    def dataframe(self) -> "pd.DataFrame":
        """The table as a pandas ``DataFrame``.

        Raises:
            MissingExtraError: pandas is not installed (extra ``data``).
        """
        need("pandas", extra="data", purpose="to make a DataFrame")
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(self.columns))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        rows = ("".join(f"<td>{escape(str(value))}</td>" for value in row) for row in self.rows[:_FEW])
        more = len(self.rows) - _FEW
        said = f"<p>and {more:,} more rows</p>" if more > 0 else ""
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{said}"


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    harmless = f"'{value}" if _FORMULA.match(value) else value
    return '"' + harmless.replace('"', '""') + '"'
