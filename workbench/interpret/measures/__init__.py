"""Measures of faithfulness, one file each: whether what an explanation calls important is so for the model.

A file holds one ``MEASURE``: a class whose fields are what a person can turn. ``interpret.faithfulness`` runs them on
the problem that an explanation was made from: the same model, input, reference and target.
"""

from functools import cache

from workbench.core.names import find as _find
from workbench.core.names import names as _names
from workbench.interpret.measures._measure import Faithfulness as Faithfulness
from workbench.interpret.measures._measure import Measure as Measure


def names() -> list[str]:
    """Names of all measures; imports none of them."""
    return _names(__path__)


@cache
def load(name: str) -> type[Measure]:
    """The measure in the file called ``name``.

    Raises:
        UnknownNameError: There is no such measure; the message gives the nearest ones.
    """
    return _find(__name__, __path__, name, "MEASURE")
