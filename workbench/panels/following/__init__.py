"""A panel that keeps up: with a run and its past, with weights that change, with other panels of its session."""
