"""Optional libraries: imported inside the function that needs them, with one sentence when they are absent."""

from importlib import import_module
from types import ModuleType

from workbench.core.errors import MissingExtraError


def need(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional library, or say which extra brings it.

    Args:
        module: Dotted name of the module.
        extra: The extra of ``neural-workbench`` that installs it.
        purpose: What it is needed for, as the end of "is needed ...".

    Returns:
        The imported module.

    Raises:
        MissingExtraError: The library is not installed. A library that is installed but broken raises its own error.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        root = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != root:
            raise
        raise MissingExtraError(
            f"{root} is needed {purpose} and is not installed: pip install 'neural-workbench[{extra}]'."
        ) from None
