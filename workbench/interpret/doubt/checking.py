"""All that can be asked of an explanation at once, and what speaks against it as sentences."""

from dataclasses import replace

from workbench.core.errors import DataError
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.doubt.agreeing import Agreement, agreement
from workbench.interpret.doubt.randomising import Sanity, sanity_check


def checked(found: Explanation) -> Explanation:
    """An explanation with its agreement with another method and its sanity check, and their warnings.

    A check that cannot be made, as of a model without weights, is left out, and the reason is among the warnings.

    Raises:
        DataError: It does not hold what it was made from.
        MissingExtraError: scipy is not installed.
    """
    found.source()
    second: Agreement | None = None
    weights: Sanity | None = None
    said: list[str] = []
    try:
        second = agreement(found)
        said += second.warnings
    except DataError as reason:
        said.append(str(reason))
    try:
        weights = sanity_check(found)
        said += weights.warnings
    except DataError as reason:
        said.append(str(reason))
    return replace(found, agreement=second, sanity=weights, warnings=tuple(dict.fromkeys((*found.warnings, *said))))
