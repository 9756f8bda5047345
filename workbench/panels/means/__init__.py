"""Means: the ways of saying what is looked at next, found in one row above the tabs."""
