"""Posing a problem: what can be explained in an input, which score, and what it is compared with."""

from typing import Any

from torch import nn

from workbench.core.batch import Batch
from workbench.core.calling import Call
from workbench.core.errors import DataError
from workbench.core.live import look
from workbench.interpret.attributions._backgrounds import given_to
from workbench.interpret.attributions._leaves import Leaf, find_leaves, is_joint
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._reduced import Reduced
from workbench.interpret.attributions._references import Reference, reference_for
from workbench.interpret.attributions._remembered import Findings, findings
from workbench.interpret.attributions._state import state_kept
from workbench.interpret.batches import as_batch
from workbench.interpret.targets import Target, Wanted, choose


def pose(
    model: nn.Module,
    batch: Any,
    target: Wanted | Target = None,
    *,
    reference: Reference = None,
    background: Any = None,
    call: Call | None = None,
    seed: int = 0,
    reduced: float | None = None,
) -> Problem:
    """The problem of explaining a model's score on an input.

    Args:
        model: Any module.
        batch: What it is called with.
        target: What is explained; see ``targets.Wanted``.
        reference: What the input is compared with; see ``references.Reference``.
        background: Examples to average over instead, (examples, ...) for one input or a mapping by name.
        call: How the model is called, where that is not the ordinary way.
        seed: Of everything drawn at random.
        reduced: By how much bfloat16 may change a score, as a fraction of the change; None for full precision.

    Raises:
        DataError: Nothing can be explained, or target, reference or background do not fit.
    """
    given = as_batch(batch)
    known = findings(model, given, target, call)
    leaves, output = _looked_at(model, given, call, known)
    chosen = choose(model, output, target)
    picked = chosen.pick(output)
    if picked.dim() != 1:
        raise DataError(
            f"The target gives scores of shape {tuple(picked.shape)}: it must give one for each example, such as "
            "target=lambda output: output.logits[:, 3]."
        )
    joint = is_joint(given, leaves[0]) or any(len(leaf.value) != len(picked) for leaf in leaves)
    values = [leaf.value[None] if joint else leaf.value for leaf in leaves]
    problem = Problem(
        model=model, batch=given, leaves=leaves, values=values, references=[], target=chosen, reference="",
        joint=joint, output=output, how=call, seed=seed, known=known,
        reduced=Reduced(reduced),
    )  # fmt: skip
    if background is not None:
        given_to(problem, background)
        return problem
    pairs = [reference_for(model, leaf, reference, nodes=is_joint(given, leaf)) for leaf in leaves]
    problem.asked = reference is not None
    problem.references = [r[None, None] if joint else r[None] for r, _ in pairs]
    problem.reference = "; ".join(dict.fromkeys(said for _, said in pairs))
    return problem


def _looked_at(model: nn.Module, batch: Batch, how: Call | None, known: Findings) -> tuple[list[Leaf], Any]:
    """Leaves and output; finds out whether a forward leaves something in the model."""
    if known.stateful is False:
        return find_leaves(model, batch, how)
    with look(), state_kept(model) as trace:
        found = find_leaves(model, batch, how)
    known.stateful = trace.left
    return found
