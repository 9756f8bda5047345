"""The app: ``Workbench``, and what the JupyterLab extension asks of a kernel (models, runs, layers; without torch)."""
