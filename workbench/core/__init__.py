"""The ground everything stands on: configs, batches, the one way to call a model, errors, claims, the step lock.

Imports nothing else of the workbench. Names are imported from the file that defines them, so that a
room which needs only errors does not pay for torch or pydantic.
"""
