"""Methods over any live module: Session, attention, integrated gradients, overview. Results carry their own doubt."""

from workbench.interpret.attention_map import AttentionMap as AttentionMap
from workbench.interpret.attention_maps import AttentionMaps as AttentionMaps
from workbench.interpret.attribution import Attribution as Attribution
from workbench.interpret.editing import Edit as Edit
from workbench.interpret.editing import Effect as Effect
from workbench.interpret.head_effects import HeadImportance as HeadImportance
from workbench.interpret.head_effects import KnockOut as KnockOut
from workbench.interpret.head_effects import head_importance as head_importance
from workbench.interpret.head_effects import knock_out as knock_out
from workbench.interpret.head_scores import HeadScores as HeadScores
from workbench.interpret.head_scores import score_heads as score_heads
from workbench.interpret.implied import implied_attention as implied_attention
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
