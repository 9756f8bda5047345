"""Table: the figures of a tab as rows, for a file or for pandas."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from workbench.core.optional import need

if TYPE_CHECKING:
    import pandas as pd

_FEW = 12
"""rows that a notebook shows of a long table"""


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
