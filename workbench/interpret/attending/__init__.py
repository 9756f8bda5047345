"""Attention: maps of any model, their proof, scores and effects of heads, and hand-over to other tools."""
