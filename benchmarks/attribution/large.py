# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportArgumentType=false
"""MiniLM on 64 tokens and EfficientNet-Lite0 on a picture of 224 x 224: captum at the same settings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from captum.attr import FeatureAblation, IntegratedGradients, KernelShap, LayerIntegratedGradients
from timing import LIMIT, OURS, Contest
from torch import Tensor, nn

import workbench as wb
from workbench.interpret import Explanation, explain

TOKENS = 64
MASK = 103
SIDE = 7
SAMPLES = 64
STEPS = 20
BEST = 8
"""rows in a forward with which captum is tuned and the bare passes are run"""
WITHIN = 0.05
"""of the change in score, which bfloat16 may change a score by"""
GRADIENTS_FASTER = 1.3
REDUCED = "ours, bfloat16 asked for"
DEFAULT, TUNED = "captum, default", "captum, tuned"
Run = Callable[[], Any]


@dataclass(eq=False)
class Side:
    """One model in every hand."""

    name: str
    model: nn.Module
    given: Any
    """what ours is called with"""
    reference: Any
    target: Any
    score: Callable[..., Tensor]
    """what captum perturbs"""
    hidden: dict[str, Any]
    """what captum's perturbation methods are called with"""
    path: Callable[..., Any]
    """captum's integrated gradients, by its settings"""
    features: int
    bare: Callable[[int], Any]
    """scores of so many rows in one forward"""
    differentiated: Callable[[int], Any]
    """the same and their gradient"""
    faster: float
    """how many times faster than peers perturbation methods should be in bfloat16"""
    last: Explanation | None = None

    def ours(self, method: str, reduced: float | None = None, **settings: Any) -> Run:
        """The whole call."""
        settings |= {"reference": self.reference, "bound": float("inf"), "reduced": reduced}

        def run() -> None:
            found = explain(self.model, self.given, method, self.target, **settings)
            self.last = found if reduced else self.last

        return run

    def note(self) -> str:
        """What was said of the reduced precision, in the last explanation that asked for it."""
        if self.last is None:
            return ""
        refused = [w for w in self.last.warnings if "precision" in w]
        return f"bfloat16 asked for: {refused[0] if refused else self.last.method}"

    def contests(self) -> Iterator[Contest]:
        """Each method with every hand."""
        ablation, kernel = FeatureAblation(self.score), KernelShap(self.score)
        batches = {"perturbations_per_eval": BEST}
        work = {"n_samples": SAMPLES}
        yield self._contest(
            f"ablation of {self.features}",
            "feature_ablation",
            lambda: ablation.attribute(**self.hidden),
            lambda: ablation.attribute(**self.hidden, **batches),
            self._passes(self.bare, self.features + 1),
            self.faster,
        )
        yield self._contest(
            f"KernelSHAP, {SAMPLES}",
            "kernel_shap",
            lambda: kernel.attribute(**self.hidden, **work),
            lambda: kernel.attribute(**self.hidden, **work, **batches),
            self._passes(self.bare, SAMPLES),
            self.faster,
            samples=SAMPLES,
            most=SAMPLES,
        )
        yield self._contest(
            f"integrated gradients, {STEPS}",
            "integrated_gradients",
            lambda: self.path(n_steps=STEPS),
            lambda: self.path(n_steps=STEPS, internal_batch_size=BEST),
            self._passes(self.differentiated, STEPS),
            GRADIENTS_FASTER,
            steps=STEPS,
            most=STEPS,
        )

    def _contest(
        self, name: str, method: str, default: Run, tuned: Run, limit: Run, faster: float, **work: Any
    ) -> Contest:
        hands = {OURS: self.ours(method, **work), REDUCED: self.ours(method, WITHIN, **work)}
        hands |= {DEFAULT: default, TUNED: tuned, LIMIT: limit}
        goals = {DEFAULT: 1.0, TUNED: 1.0}
        return Contest(f"{self.name}, {name}", hands, goals, None, self.note, {REDUCED: faster})

    @staticmethod
    def _passes(step: Callable[[int], Any], count: int) -> Run:
        return lambda: [step(min(BEST, count - i)) for i in range(0, count, BEST)]


def contests() -> Iterator[Contest]:
    """Both models, each method with every hand."""
    yield from minilm().contests()
    yield from efficientnet().contests()


def minilm() -> Side:
    """What is explained is the mean hidden vector along a fixed direction; tokens are hidden by the mask token."""
    model, _ = wb.load("minilm")
    model.eval().requires_grad_(requires_grad=False)
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20_000, (1, TOKENS), generator=random)
    attended = torch.ones_like(ids)
    direction = torch.randn(model.config.hidden_size, generator=random)

    def score(tokens: Tensor, mask: Tensor) -> Tensor:
        return model(input_ids=tokens, attention_mask=mask).last_hidden_state.mean(1) @ direction

    def bare(rows: int) -> Tensor:
        with torch.no_grad():
            return score(ids.expand(rows, -1), attended.expand(rows, -1))

    def slopes(rows: int) -> Any:
        points = model.embeddings.word_embeddings(ids).expand(rows, -1, -1).clone().requires_grad_()
        out = model(inputs_embeds=points, attention_mask=attended.expand(rows, -1)).last_hidden_state.mean(1)
        return torch.autograd.grad((out @ direction).sum(), points)

    given = {"inputs": ids, "baselines": torch.full_like(ids, MASK), "additional_forward_args": (attended,)}
    layer = LayerIntegratedGradients(score, model.embeddings.word_embeddings)
    return Side(
        name=f"MiniLM, {TOKENS} tokens", model=model, given={"input_ids": ids, "attention_mask": attended},
        reference={"input_ids": MASK}, target=lambda output: output.last_hidden_state.mean(1) @ direction, score=score,
        hidden=given, path=lambda **work: layer.attribute(**given, **work), features=TOKENS, bare=bare,
        differentiated=slopes, faster=1.6,
    )  # fmt: skip


def efficientnet() -> Side:
    """A smooth random picture, patches of which are hidden by a blurred one."""
    model, _ = wb.load("efficientnet_lite0")
    model.eval().requires_grad_(requires_grad=False)
    random = torch.Generator().manual_seed(0)
    x = F.interpolate(torch.randn(1, 3, 14, 14, generator=random), (224, 224), mode="bilinear")
    reference = F.avg_pool2d(x, 57, 1, 28, count_include_pad=False)

    def bare(rows: int) -> Tensor:
        with torch.no_grad():
            return model(x.repeat(rows, 1, 1, 1))

    target = int(bare(1).argmax())

    def slopes(rows: int) -> Any:
        points = x.repeat(rows, 1, 1, 1).requires_grad_()
        return torch.autograd.grad(model(points)[:, target].sum(), points)

    place = torch.arange(224) * SIDE // 224
    mask = (place[:, None] * SIDE + place).expand(1, 3, -1, -1)
    given = {"inputs": x, "baselines": reference, "target": target}
    path = IntegratedGradients(model)
    return Side(
        name="EfficientNet-Lite0", model=model, given=x, reference=reference, target=target, score=model,
        hidden=given | {"feature_mask": mask}, path=lambda **work: path.attribute(**given, **work),
        features=SIDE * SIDE, bare=bare, differentiated=slopes, faster=2.0,
    )  # fmt: skip
