"""Methods over any live module: Session, attention, integrated gradients, overview. Results carry their own doubt."""

from workbench.interpret.architecture.structure import Overview as Overview
from workbench.interpret.architecture.structure import Part as Part
from workbench.interpret.architecture.structure import overview as overview
from workbench.interpret.architecture.tracing import Trace as Trace
from workbench.interpret.architecture.tracing import trace as trace
from workbench.interpret.attending.attention_map import AttentionMap as AttentionMap
from workbench.interpret.attending.attention_maps import AttentionMaps as AttentionMaps
from workbench.interpret.attending.head_effects import HeadImportance as HeadImportance
from workbench.interpret.attending.head_effects import KnockOut as KnockOut
from workbench.interpret.attending.head_effects import head_importance as head_importance
from workbench.interpret.attending.head_effects import knock_out as knock_out
from workbench.interpret.attending.head_scores import HeadScores as HeadScores
from workbench.interpret.attending.head_scores import score_heads as score_heads
from workbench.interpret.attending.implied import implied_attention as implied_attention
from workbench.interpret.attending.recording import attention as attention
from workbench.interpret.attributions._attribution import Attribution as Attribution
from workbench.interpret.attributions._exchanged import from_shap as from_shap
from workbench.interpret.attributions._explaining import explain as explain
from workbench.interpret.attributions._explaining import improving_explanation as improving_explanation
from workbench.interpret.attributions._integrated import (
    improving_integrated_gradients as improving_integrated_gradients,
)
from workbench.interpret.attributions._integrated import integrated_gradients as integrated_gradients
from workbench.interpret.attributions._outcome import Explanation as Explanation
from workbench.interpret.concepts import Concept as Concept
from workbench.interpret.concepts import Concepts as Concepts
from workbench.interpret.concepts import tcav as tcav
from workbench.interpret.doubt.agreeing import Agreement as Agreement
from workbench.interpret.doubt.agreeing import agreement as agreement
from workbench.interpret.doubt.agreeing import improving_agreement as improving_agreement
from workbench.interpret.doubt.randomising import Sanity as Sanity
from workbench.interpret.doubt.randomising import improving_sanity_check as improving_sanity_check
from workbench.interpret.doubt.randomising import sanity_check as sanity_check
from workbench.interpret.editing import Edit as Edit
from workbench.interpret.editing import Effect as Effect
from workbench.interpret.measures._measure import Faithfulness as Faithfulness
from workbench.interpret.measures._scoring import faithfulness as faithfulness
from workbench.interpret.moment import Selection as Selection
from workbench.interpret.moment import Snapshot as Snapshot
from workbench.interpret.pairing import Change as Change
from workbench.interpret.pairing import Difference as Difference
from workbench.interpret.prompting.generation import GenerationShap as GenerationShap
from workbench.interpret.prompting.generation import generation_shap as generation_shap
from workbench.interpret.prompting.generation import improving_generation_shap as improving_generation_shap
from workbench.interpret.recourse.finding import counterfactuals as counterfactuals
from workbench.interpret.recourse.result import Counterfactual as Counterfactual
from workbench.interpret.recourse.result import Counterfactuals as Counterfactuals
from workbench.interpret.session import Session as Session
from workbench.interpret.targets import Target as Target
