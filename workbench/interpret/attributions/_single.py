"""One method on one problem, without the fallbacks of ``explain``: what comparisons need."""

from workbench.interpret.attributions._method import Method
from workbench.interpret.attributions._outcome import Explanation, outcome
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.moment import versions


def explained(problem: Problem, method: Method, *, bound: float, enough: int | None = None) -> Explanation:
    """The last estimate of a method, or the first that is good enough.

    Args:
        problem: What is explained.
        method: By what.
        bound: The relative gap below which it is done.
        enough: Gradients or forwards after which no better estimate is waited for.

    Raises:
        Refused: The method cannot be right for this model.
        NotDifferentiableError: It needs a gradient and there is none.
        DataError: It does not apply to this kind of input.
    """
    marks = versions(problem.model)
    last: Explanation | None = None
    for estimate in method.results(problem):
        last = outcome(problem, method, estimate, bound, (), changed=versions(problem.model) != marks)
        sound = method.complete and last.converged and estimate.done
        if sound or (enough is not None and estimate.steps >= enough):
            break
    if last is None:
        raise AssertionError(method.title)
    return last
