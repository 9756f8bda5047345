"""What one learning step optimises; one objective per file."""

from workbench.objectives.adversarial import Adversarial as Adversarial
from workbench.objectives.supervised import Supervised as Supervised
