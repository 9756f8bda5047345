"""The app (``workbench.Workbench``, not yet on the face: its page can miss the first answer), and what the JupyterLab extension asks of a kernel (models, runs, layers; without torch)."""
