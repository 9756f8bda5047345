"""Whether somebody could see a widget: a Jupyter kernel runs this process."""

import sys


def kernel_present() -> bool:
    """Whether IPython runs inside a Jupyter kernel here; never imports IPython to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
