"""Counterfactuals: the least change to a row of a table that gives it another answer."""
