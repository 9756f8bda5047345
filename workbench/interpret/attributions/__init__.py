"""Methods that say how much each part of an input added to a score, one file each; ``interpret.explain`` runs them.

A file holds one ``METHOD``: a class whose fields are what a person can turn and whose ``axioms`` are what its paper
promises. The conformance suite tests every axiom that a file declares.
"""

from functools import cache

from workbench.core.names import find as _find
from workbench.core.names import names as _names
from workbench.interpret.attributions._method import Axiom as Axiom
from workbench.interpret.attributions._method import Estimate as Estimate
from workbench.interpret.attributions._method import Method as Method
from workbench.interpret.attributions._method import Refused as Refused
from workbench.interpret.attributions._problem import Problem as Problem


def names() -> list[str]:
    """Names of all methods; imports none of them."""
    return _names(__path__)


@cache
def load(name: str) -> type[Method]:
    """The method in the file called ``name``.

    Raises:
        UnknownNameError: There is no such method; the message gives the nearest ones.
    """
    return _find(__name__, __path__, name, "METHOD")
