"""Generation step by step: what a language model would say next, and after that, each explained by all before it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.calling import scores
from workbench.interpret import Session
from workbench.interpret._labels import naming, token_ids
from workbench.panels.views._saliency_attempts import Attempts

MOST_STEPS = 64


class Continuation:
    """The likeliest next tokens of the text on show, found as they are asked for."""

    def __init__(self, session: Session) -> None:
        """Begin with the text itself.

        Args:
            session: The model and the text.
        """
        self.session = session
        self._of: object = None
        self._steps: list[Attempts] = []

    @property
    def applies(self) -> bool:
        """Whether the model says which token comes next, and a tokenizer can write it."""
        session = self.session
        next_token = session.target.sentence.startswith("the predicted next token")
        return next_token and session.selection.label is None and self._ids(session) is not None

    def at(self, step: int) -> Attempts:
        """The attempts on the token of a step; step 0 is the text as it stands."""
        if self._of is not self.session.snapshot():
            self._of, self._steps = self.session.snapshot(), []
        while len(self._steps) < step:
            last = self._steps[-1].session if self._steps else self.session
            self._steps.append(Attempts(self._longer(last)))
        return self._steps[step - 1]

    def tokens(self, step: int) -> list[str]:
        """The tokens that were found so far, up to a step at least."""
        if step:
            self.at(step)
        sessions = [self.session, *(one.session for one in self._steps)]
        called = naming(self.session.processor, self.session.output)
        found = [int(scores(one.output)[self._row(one), -1].argmax()) for one in sessions]
        return [called(index) if called is not None else str(index) for index in found]

    def _longer(self, session: Session) -> Session:
        """The same text with the likeliest next token behind it."""
        ids = self._ids(session)
        assert ids is not None  # noqa: S101 - asked before
        best = scores(session.output)[:, -1].argmax(-1)
        given = session.batch.inputs
        if isinstance(given, Mapping):
            inputs = {name: _extended(name, value, ids, best) for name, value in given.items()}
        else:
            inputs = tuple(_extended("", value, ids, best) for value in given)
        return Session(
            session.model, Batch(inputs), names=session.names, processor=session.processor, call=session.call
        )

    def _row(self, session: Session) -> int:
        return min(self.session.selection.example, len(scores(session.output)) - 1)

    @staticmethod
    def _ids(session: Session) -> Tensor | None:
        return token_ids(session.batch)


def _extended(name: str, value: object, ids: Tensor, best: Tensor) -> object:
    """What belongs to each token, with one more: the token itself, the next position, a mask that goes on."""
    if not isinstance(value, Tensor) or value.shape != ids.shape:
        return value
    more = best.to(ids) if value is ids else value[:, -1] + ("position" in name)
    return torch.cat([value, more[:, None].to(value.dtype)], 1)
