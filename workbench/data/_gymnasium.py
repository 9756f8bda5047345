"""Cards of the classic control problems that gymnasium ships."""

from workbench.core.optional import need
from workbench.data.contract import Card


def card(name: str, title: str, source: str) -> Card:
    """The card of an environment of gymnasium.

    Args:
        name: Of the data set.
        title: In one line.
        source: Who thought of the problem.

    Raises:
        MissingExtraError: gymnasium is not installed.
    """
    need("gymnasium", extra="agents", purpose=f"for {name}")
    return Card(title=title, source=source, licence="MIT", package="gymnasium (PyPI)")
