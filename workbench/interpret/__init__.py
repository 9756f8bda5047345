"""Methods over any live module: Session, attention, integrated gradients, overview. Results carry their own doubt."""

from workbench.interpret.attention_maps import AttentionMap as AttentionMap
from workbench.interpret.attention_maps import AttentionMaps as AttentionMaps
from workbench.interpret.attribution import Attribution as Attribution
from workbench.interpret.structure import Overview as Overview
from workbench.interpret.structure import Part as Part
