"""The bench beside the notebook: what the JupyterLab extension asks of a kernel. Nothing here imports torch."""
