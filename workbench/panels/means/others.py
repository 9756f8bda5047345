"""The other live models of the notebook, any of which may be given the second input."""

import weakref
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench.core.batch import Batch
from workbench.core.errors import ConfigError
from workbench.core.variables import is_code, live_models, model_named, notebook
from workbench.interpret.pairing import misfit
from workbench.panels.page.header import size

if TYPE_CHECKING:
    from workbench.interpret import Session

_MOST = 12
"""models that are tried on an input"""


class Others:
    """Which models there are beside that of a session, each tried once on every input. It holds none of them."""

    def __init__(self, session: "Session") -> None:
        """Try nothing yet.

        Args:
            session: The model and input on show.
        """
        self._session = session
        self._batch: Batch | None = None
        self._tried: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()

    def listed(self) -> list[list[str]]:
        """Variable, class and size of every other model, and why it cannot be given the input; empty where it can."""
        if self._batch is not self._session.batch:
            self._batch, self._tried = self._session.batch, weakref.WeakKeyDictionary()
        found = [(name, model) for names, model in live_models(notebook()) for name in [*filter(is_code, names)][:1]]
        others = [(name, model) for name, model in found if model is not self._session.model]
        return [[name, size(model), self._refusal(model)] for name, model in others[:_MOST]]

    def named(self, wanted: Any) -> nn.Module | None:
        """The model that a page or a person means; None where none is said, that of the session for "".

        Raises:
            ConfigError: There is no such model, or it cannot be given the input.
        """
        if wanted is None or isinstance(wanted, nn.Module):
            return wanted
        if wanted == "":
            return self._session.model
        model = model_named(notebook(), str(wanted))
        if model is None:
            raise ConfigError(f"The notebook has no model called {str(wanted)[:40]!r} any more.")
        if refusal := self._refusal(model):
            raise ConfigError(f"{wanted} cannot be compared: {refusal}.")
        return model

    def _refusal(self, model: nn.Module) -> str:
        if model not in self._tried:
            held = self._session
            self._tried[model] = misfit(held.model, model, held.batch, held.call)
        return self._tried[model]
