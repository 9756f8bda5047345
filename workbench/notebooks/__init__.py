"""Notebooks: what is done with notebook files. One page out of a notebook, lessons, and what a student receives."""

from workbench.notebooks._answers import Progress as Progress
from workbench.notebooks._answers import Verdict as Verdict
from workbench.notebooks._lesson import Exercise as Exercise
from workbench.notebooks._lesson import Outline as Outline
from workbench.notebooks._pieces import LeftOut as LeftOut
from workbench.notebooks.exporting import Exported as Exported
from workbench.notebooks.exporting import export_html as export_html
from workbench.notebooks.handing_out import grading as grading
from workbench.notebooks.handing_out import hand_out as hand_out
from workbench.notebooks.handing_out import student_version as student_version
from workbench.notebooks.teaching import Lesson as Lesson
from workbench.notebooks.teaching import lesson as lesson
from workbench.notebooks.teaching import progress_of as progress_of
