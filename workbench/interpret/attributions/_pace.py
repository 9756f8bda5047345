"""How many points go into one forward: more as long as each then takes less time, on this model and this machine."""

FIRST = 8
FIRST_SMALL = 1024
SMALL = 4096
"""numbers in an input up to which a forward may be expected to cost mostly its overhead"""
GROWTH = 4
GAIN = 0.8
"""of the time for each point, which growing has to bring"""


class Pace:
    """The number of points at once, which is multiplied while that pays."""

    def __init__(self, cells: int) -> None:
        """A pace for inputs of so many numbers."""
        self.size = FIRST_SMALL if cells <= SMALL else FIRST
        self._best, self._settled, self._fastest = float("inf"), False, self.size

    def ran(self, size: int, seconds: float) -> None:
        """What a forward of ``size`` points took."""
        if self._settled or size < self.size:
            return
        if seconds / size < GAIN * self._best:
            self._best, self._fastest = seconds / size, size
            self.size *= GROWTH
        else:
            self.size, self._settled = self._fastest, True
