"""Classical methods to beat, one a file; each is ``(data) -> figure on the test split`` and deterministic.

All of them train on the train split only, as the networks do; where a method has a constant to choose, the
validation split chooses it.
"""
