"""Wishes: what somebody wants of a running model, and the end of a forward that has granted all."""

from dataclasses import dataclass

from workbench.taps.addresses import Address
from workbench.taps.keeping import Terms
from workbench.taps.seen import Seen


class Enough(BaseException):
    """Ends a forward from which everything asked for is known; no ``except Exception`` of a model catches it."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A value that somebody wants."""

    address: Address
    terms: Terms
    seen: Seen
    retain: bool = False
    """whether its gradient is wanted after a backward pass"""

    @property
    def key(self) -> tuple[int, str]:
        """Under which it is held."""
        return id(self.seen), self.address.text
