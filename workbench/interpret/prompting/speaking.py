"""A language model that is asked for answers, and for how likely one is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.interpret.batches import as_batch

AT_ONCE = 16
"""prompts that are run together, all of one length, so that nothing is padded"""
Ids = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Speaker:
    """One model that tells the next token."""

    model: nn.Module
    how: Call | None
    start: int | None
    """the token that an empty prompt consists of"""

    def answers(self, prompts: Sequence[Ids], longest: int) -> list[Ids]:
        """The likeliest token after the other, up to the end that the model knows or the longest."""
        ends = _ends(self.model)
        written: list[Ids] = [()] * len(prompts)
        going = list(range(len(prompts)))
        for _ in range(longest):
            following = self._read([self._begun(prompts[i]) + written[i] for i in going], lambda o: o[:, -1].argmax(-1))
            for i, token in zip(going, following, strict=True):
                written[i] += (int(token),)
            going = [i for i in going if written[i][-1] not in ends]
            if not going:
                break
        return written

    def likelihoods(self, prompts: Sequence[Ids], answer: Ids) -> list[float]:
        """The log-probability, in nats, of an answer after each prompt."""
        aim = torch.tensor(answer)[:, None]

        def likelihood(output: Tensor) -> Tensor:
            found = output[:, -len(answer) :].float().log_softmax(-1)
            return found.gather(-1, aim.to(found.device).expand(len(found), -1, 1)).sum((1, 2))

        return self._read([self._begun(p) + answer[:-1] for p in prompts], likelihood)

    def _begun(self, prompt: Ids) -> Ids:
        if prompt:
            return prompt
        if self.start is None:
            raise DataError(
                "Without any words the prompt is empty, which this model cannot be asked: give start=, a token id, or "
                "text before or after the words."
            )
        return (self.start,)

    def _read(self, prompts: Sequence[Ids], number: Callable[[Tensor], Tensor]) -> list[float]:
        """A number for each prompt.

        Args:
            prompts: Token ids.
            number: (prompts, tokens, vocabulary) scores of what follows each token -> (prompts,).
        """
        found: dict[int, float] = {}
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        with look(), evaluating(self.model), torch.no_grad():
            while order:
                length = len(prompts[order[0]])
                some = [i for i in order[:AT_ONCE] if len(prompts[i]) == length]
                order = order[len(some) :]
                output = self._output(torch.tensor([prompts[i] for i in some]))
                found |= dict(zip(some, number(output).tolist(), strict=True))
        return [found[i] for i in range(len(prompts))]

    def _output(self, ids: Tensor) -> Tensor:
        weight = next(self.model.parameters(), None)
        output = scores(call(self.model, as_batch(ids if weight is None else ids.to(weight.device)), call=self.how))
        if output.dim() != 3 or output.shape[:2] != ids.shape:  # noqa: PLR2004 - (prompts, tokens, vocabulary)
            raise DataError(
                f"The model returned shape {tuple(output.shape)} for tokens of shape {tuple(ids.shape)}: a language "
                "model returns (prompts, tokens, vocabulary)."
            )
        return output


def speaker(model: nn.Module, how: Call | None, start: int | None) -> Speaker:
    """A model with the token that it begins with, by its config where none is given."""
    config: Any = getattr(model, "config", None)
    known = [start, getattr(config, "bos_token_id", None), getattr(config, "eos_token_id", None)]
    return Speaker(model=model, how=how, start=next((i for i in known if isinstance(i, int)), None))


def _ends(model: nn.Module) -> set[int]:
    """Tokens with which an answer ends."""
    found: set[int] = set()
    for name in ("generation_config", "config"):
        given: Any = getattr(getattr(model, name, None), "eos_token_id", None)
        found |= {given} if isinstance(given, int) else set(given or ())
    return found
