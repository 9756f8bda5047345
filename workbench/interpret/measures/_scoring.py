"""faithfulness: any measure on any explanation."""

from typing import Any

from torch import Tensor

from workbench.core.errors import ConfigError
from workbench.interpret import measures
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.measures._measure import Faithfulness, Measure


def faithfulness(
    found: Explanation, measure: str | Measure = "deletion", *, mask: Tensor | None = None, **settings: Any
) -> Faithfulness:
    """Whether what an explanation calls important is so for the model it was made from.

    Args:
        found: What ``explain`` returned.
        measure: Name of a file in ``interpret.measures``, or one of its measures with its settings.
        mask: Where the evidence is known to be, for measures that ask for it: True inside, of the input's shape or of
            one that spreads over it.
        **settings: Of the measure, such as ``steps=20``.

    Returns:
        A value for each example, beside that of chance or with its interval.

    Raises:
        DataError: The measure does not apply to this kind of explanation or input.
        ConfigError: A setting is unknown or out of range, or a mask was given to a measure that takes none.
        UnknownNameError: There is no such measure.
    """
    chosen = measure if isinstance(measure, Measure) else measures.load(measure)()
    chosen = chosen.but(**settings) if settings else chosen
    if mask is not None and not chosen.masked:
        raise ConfigError(f"{chosen.title} takes no mask; pointing_game does.")
    return chosen.of(found, mask)
