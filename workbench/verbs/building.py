"""``wb.build``: an architecture of the zoo, sized by the data."""

from typing import Any

from torch import nn

from workbench import zoo
from workbench.verbs import origins
from workbench.verbs.resolving import dataset_of


def build(name: str, data: Any = None, *, preset: str | None = None, seed: int = 0, **config: Any) -> nn.Module:
    """A plain ``torch.nn.Module``, sized by the data.

    Args:
        name: An entry of the zoo; ``wb.zoo.table()`` lists them.
        data: What it is to be trained on: the name of a data set or task, a data set, or data of your own;
            None for the config's own sizes.
        preset: ``"tiny"`` or ``"paper"``.
        seed: Decides the initial weights; torch's generator stays as it was.
        **config: Fields of the entry's config; ``wb.zoo.card(name)`` explains them.

    Returns:
        The module, in training mode, on the CPU.

    Raises:
        UnknownNameError: There is no such entry or data set.
        ConfigError: A field or preset is unknown or out of range, or smaller than the data needs.
        DataError: The data is of a kind that the architecture does not take.
    """
    architecture = zoo.entry(name)
    dataset = None if data is None else dataset_of(data)
    configured = architecture.configure(dataset, preset=preset, **config)
    model = architecture.initialised(configured, seed=seed)
    origins.remember(model, origins.Origin(name, configured.model_dump(mode="json"), seed))
    return model
