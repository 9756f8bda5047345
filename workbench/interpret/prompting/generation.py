"""generation_shap: Shapley values of a prompt's words for the answer (TokenSHAP, arXiv:2407.10114, section 3).

phi_i is what word i adds to v(S), averaged over the orders in which words join (equation 1). v(S) is the
log-probability of the whole prompt's answer after the words S, or, as in the paper, how like it the answer to S is.

Departures: by default answers are not written anew for each S, which needs one forward instead of many and is a smooth
score; sampling is by orders and their reverses (Castro et al. 2009), whose error is known, instead of coalitions that
count alike; short prompts are exact. Scores therefore add up to v(all) - v(none) and are not scaled to a sum of 1.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.calling import Call
from workbench.core.entry import Paper
from workbench.core.errors import ConfigError, DataError
from workbench.core.markup import columns, table
from workbench.interpret.prompting.prompt import Prompt, read
from workbench.interpret.prompting.sharing import Coalition, Shares, Worth, exact, sampled
from workbench.interpret.prompting.speaking import Ids, Speaker, speaker

TOKEN_SHAP = Paper(
    title="TokenSHAP: Interpreting Large Language Models with Monte Carlo Shapley Value Estimation",
    authors="Horovicz, Miriam and Goldshmidt, Roni",
    year=2024,
    venue="NLP4Science",
    arxiv="2407.10114",
)
PRECISE = 0.05
"""of the change, how wide half an interval may be without a warning"""
Likeness = Callable[[Sequence[int], Sequence[int]], float]
"""(tokens of another answer, tokens of the answer) -> how alike they are"""
_HEADER = ("word", "adds", "±")


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerationShap:
    """What each word of a prompt adds to an answer."""

    words: tuple[str, ...]
    scores: Tensor
    """(words,) in units of the score; they add up to ``difference``"""
    interval: Tensor
    """(words,) half of each score's 95 % interval; zero where scores are exact"""
    exact: bool
    """whether every choice of words was run"""
    answer: str
    """what the model writes after the whole prompt, or what was given"""
    score: str
    """what words add to, in words"""
    difference: float
    """score of the whole prompt minus that of none of its words"""
    runs: int
    """choices of words that were run"""
    warnings: tuple[str, ...] = ()

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (TOKEN_SHAP,)

    @property
    def relative_error(self) -> float:
        """The widest half interval over the change in score."""
        return float(self.interval.max()) / max(abs(self.difference), 1e-30)

    def _rows(self) -> list[tuple[str, ...]]:
        halves = ["" if self.exact else f"{float(i):.2g}" for i in self.interval]
        return [(w, f"{float(s):+.3g}", i) for w, s, i in zip(self.words, self.scores, halves, strict=True)]

    @property
    def _said(self) -> str:
        how = "exact" if self.exact else "sampled, with 95 % intervals"
        said = f"Of {self.score} {self.answer!r}, {self.difference:+.3g} together; {how}, {self.runs} choices of words."
        return " ".join((said, *self.warnings))

    def __str__(self) -> str:
        return columns(_HEADER, self._rows(), self._said)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(_HEADER, self._rows(), self._said)


def alike(one: Sequence[int], other: Sequence[int]) -> float:
    """The cosine of two answers' counts of tokens: 1 for the same ones, 0 for none in common."""
    a, b = Counter(one), Counter(other)
    sizes = (sum(v * v for v in a.values()) * sum(v * v for v in b.values())) ** 0.5
    return sum(a[token] * b[token] for token in a) / sizes if sizes else 0.0


def generation_shap(  # noqa: PLR0913 - each is a question of its own
    model: nn.Module,
    prompt: str | Tensor,
    processor: Any = None,
    *,
    answer: str | Sequence[int] | None = None,
    likeness: Likeness | None = None,
    before: str = "",
    after: str = "",
    longest: int = 20,
    runs: int = 512,
    start: int | None = None,
    call: Call | None = None,
    seed: int = 0,
) -> GenerationShap:
    """What each word of a prompt adds to the answer that a language model writes.

    Args:
        model: Tells the next token, (prompts, tokens) -> (prompts, tokens, vocabulary); it stays as it was.
        prompt: Text, whose words are what stands between blanks, or token ids, each a word.
        processor: The tokenizer.
        answer: What is explained; None for what the model writes, the likeliest token after the other.
        likeness: How alike the answer to fewer words is, such as ``alike``, with an answer written anew for each
            choice of words; None for the log-probability of the answer, in nats.
        before: Text that always stands before the words, such as marks of a chat.
        after: Text that always stands after them.
        longest: Tokens of an answer.
        runs: Choices of words that may be run; where that suffices for all, scores are exact.
        start: The token that a prompt without words consists of; None for the one that the model begins with.
        call: How the model is called, where that is not the ordinary way.
        seed: Of the orders that are drawn.

    Raises:
        DataError: There are no words, no answer, or the model tells no next token.
        ConfigError: ``longest`` or ``runs`` is below 1.
    """
    results = improving_generation_shap(
        model, prompt, processor, answer=answer, likeness=likeness, before=before, after=after, longest=longest,
        runs=runs, start=start, call=call, seed=seed,
    )  # fmt: skip
    *_, last = results
    return last


def improving_generation_shap(  # noqa: PLR0913 - as above
    model: nn.Module,
    prompt: str | Tensor,
    processor: Any = None,
    *,
    answer: str | Sequence[int] | None = None,
    likeness: Likeness | None = None,
    before: str = "",
    after: str = "",
    longest: int = 20,
    runs: int = 512,
    start: int | None = None,
    call: Call | None = None,
    seed: int = 0,
) -> Iterator[GenerationShap]:
    """The results of ``generation_shap`` while they improve; the last is the best."""
    for name, value in (("longest", longest), ("runs", runs)):
        if value < 1:
            raise ConfigError(f"{name}={value} was given; it must be 1 or more.")
    asked, words = speaker(model, call, start), read(prompt, processor, before, after)
    every = (True,) * len(words.words)
    wanted = _answer(asked, words, answer, processor, longest)
    worth = _worth(asked, words, wanted, likeness, longest)
    none, whole = worth([(False,) * len(every), every])
    if 2 ** len(every) <= max(runs, 2):
        found = iter([exact(len(every), worth)])
    else:
        found = sampled(len(every), worth, runs, seeds.generator(seed, 61))
    for shares in found:
        yield _told(shares, words, wanted, whole - none, likeness)


def _answer(asked: Speaker, words: Prompt, given: str | Sequence[int] | None, processor: Any, longest: int) -> Ids:
    if given is None:
        return asked.answers([words.tokens((True,) * len(words.words))], longest)[0]
    if isinstance(given, str) and processor is None:
        raise DataError("An answer of text was given without its tokenizer: pass processor=, or token ids.")
    ids: Sequence[int] = processor(given, add_special_tokens=False)["input_ids"] if isinstance(given, str) else given
    if not len(ids):
        raise DataError("The answer has no tokens.")
    return tuple(int(i) for i in ids)


def _worth(asked: Speaker, words: Prompt, wanted: Ids, likeness: Likeness | None, longest: int) -> Worth:
    def worth(coalitions: Sequence[Coalition]) -> list[float]:
        prompts = [words.tokens(kept) for kept in coalitions]
        if likeness is None:
            return asked.likelihoods(prompts, wanted)
        return [float(likeness(other, wanted)) for other in asked.answers(prompts, longest)]

    return worth


def _told(shares: Shares, words: Prompt, wanted: Ids, change: float, likeness: Likeness | None) -> GenerationShap:
    found = GenerationShap(
        words=words.words,
        scores=shares.scores,
        interval=shares.interval,
        exact=shares.exact,
        answer=words.written(wanted),
        score="the log-probability of" if likeness is None else "the likeness to",
        difference=change,
        runs=shares.runs,
    )
    said: list[str] = []
    if not bool(torch.any(found.scores.abs() > 0)):
        said.append("No word changes the score.")
    elif found.relative_error > PRECISE:
        said.append(f"The scores are known to {found.relative_error:.0%} of the change only: allow more runs.")
    return replace(found, warnings=tuple(said))
