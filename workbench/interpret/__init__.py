"""Methods over any live module: Session, attention, integrated gradients, overview. Results carry their own doubt."""

from workbench.interpret.attention_map import AttentionMap as AttentionMap
from workbench.interpret.attention_maps import AttentionMaps as AttentionMaps
from workbench.interpret.attribution import Attribution as Attribution
from workbench.interpret.editing import Edit as Edit
from workbench.interpret.editing import Effect as Effect
from workbench.interpret.integrated import improving_integrated_gradients as improving_integrated_gradients
from workbench.interpret.integrated import integrated_gradients as integrated_gradients
from workbench.interpret.moment import Selection as Selection
from workbench.interpret.moment import Snapshot as Snapshot
from workbench.interpret.pairing import Change as Change
from workbench.interpret.pairing import Difference as Difference
from workbench.interpret.recording import attention as attention
from workbench.interpret.session import Session as Session
from workbench.interpret.structure import Overview as Overview
from workbench.interpret.structure import Part as Part
from workbench.interpret.structure import overview as overview
from workbench.interpret.targets import Target as Target
from workbench.interpret.tracing import Trace as Trace
from workbench.interpret.tracing import trace as trace
