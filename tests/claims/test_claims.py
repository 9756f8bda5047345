"""Claims of the zoo, run again: five entries drawn by the day, one seed each, with their ablations and rivals.

The kept results say what three seeds gave on the day they were made; this finds a result that has gone bad since.
"""

import random
from datetime import UTC, datetime

import pytest

import workbench as wb
from workbench import zoo

DRAWN = 5


def drawn():
    names = zoo.names()
    return random.Random(datetime.now(UTC).toordinal()).sample(names, min(DRAWN, len(names)))


@pytest.mark.parametrize("name", sorted(drawn()))
def test_the_claim_holds_again(name):
    verification = wb.verify(name, seeds=1)
    assert verification.holds, str(verification)
