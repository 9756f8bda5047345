"""The app, and what the JupyterLab extension asks of a kernel (models, runs, layers; without torch).

``app.workbench.Workbench`` is not on the face yet: in JupyterLab its page can miss the first answer to an early change.
"""
