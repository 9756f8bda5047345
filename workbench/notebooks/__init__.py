"""Notebooks: what is done with notebook files. One page out of a notebook, lessons, and what a student receives."""

from workbench.notebooks._pieces import LeftOut as LeftOut
from workbench.notebooks.exporting import Exported as Exported
from workbench.notebooks.exporting import export_html as export_html
