"""TellingKernels: the kernels of transformers that tell a tap while modules run that are configured for them."""

from workbench.taps.interfaces import asking, told
from workbench.taps.libraries import KERNELS, configured, kernel_places, telling
from workbench.taps.running import Running
from workbench.taps.swaps import Place


class TellingKernels:
    """Has kernels of which torch's calls do not tell, tell until the call that needed it has ended."""

    def __init__(self) -> None:
        self._places: dict[str, list[Place]] = {}
        """where each kernel stands"""
        self._now: set[str] = set()
        """those that tell"""

    def clear(self) -> None:
        """Look again where kernels stand."""
        self._places.clear()

    def begin(self, run: Running) -> None:
        """A module begins to run."""
        kernel = configured(run.module)
        if kernel is None or kernel in self._now:
            return
        if kernel not in self._places:
            self._places[kernel] = kernel_places(kernel)
        if not self._places[kernel]:
            return
        self._now.add(kernel)
        run.context.callback(self._now.discard, kernel)
        modules = asking(run.module)
        for module in modules:
            run.context.enter_context(told(module, telling))
        if not modules:
            run.context.enter_context(KERNELS.at(self._places[kernel]))
