"""One model type: made tiny, run, captured, and compared with what its own eager implementation returns."""

import copy
import itertools
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from inputs import candidates, variants
from shrinking import recipes
from torch import Tensor, nn
from torch.nn.modules import module as module_tables
from torch.overrides import TorchFunctionMode

from workbench.taps import AttentionTap
from workbench.taps.layouts import Band

PARAMETERS = (30_000_000, 150_000_000)
"""the most that a model may have: a larger one only where no smaller one runs"""
TOLERANCE = 1e-4
BYTES = 1 << 30


@dataclass
class Row:
    """What came of one model type."""

    name: str
    outcome: str = ""
    """"ran", "not built", "not run"; the parent adds "too slow" and "died" """
    reason: str = ""
    recipe: str = ""
    inputs: list[str] = field(default_factory=list)
    parameters: int = 0
    random: bool = False
    """two plain forwards from one seed differ already"""
    softmax: bool = False
    """the forward called softmax on something of three axes, or its eager twin returns attentions"""
    records: int = 0
    unnamed: int = 0
    kinds: list[str] = field(default_factory=list)
    checked: float | None = None
    """worst relative error of weights @ values over the records that could be compared"""
    changed: bool = False
    leftovers: list[str] = field(default_factory=list)
    truth: int = 0
    """tensors of attention that the eager twin returns after softmax, per head"""
    equal: int = 0
    worst: float | None = None
    comparable: bool = False
    """the eager twin computes the same outputs and returns such tensors"""
    why_not: str = ""
    """why it is not comparable"""


def measure(name: str) -> dict[str, Any]:
    """The row of one model type."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    row = Row(name)
    built = running(row)
    if built is not None:
        model, inputs = built
        row.outcome = "ran"
        with torch.no_grad():
            records = captured(row, model, inputs)
            truth(row, model, inputs, records)
    return asdict(row)


def classes(name: str) -> tuple[Any, Any]:
    """Configuration and model class of a type."""
    import transformers
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    known = MODEL_MAPPING_NAMES[name]
    known = known if isinstance(known, str) else known[0]
    return CONFIG_MAPPING[name], getattr(transformers, known)


def running(row: Row) -> tuple[nn.Module, dict[str, Any]] | None:
    """A tiny model of the type with inputs that it runs on."""
    failures: list[str] = []
    row.outcome = "not built"
    try:
        default, kind = classes(row.name)
    except Exception as error:  # noqa: BLE001 - a missing library has many faces
        row.reason = said(error)
        return None
    made = dict(recipes(row.name, default))
    for most in PARAMETERS:
        for recipe in list(made):
            found = tried(row, kind, recipe, made[recipe], most, failures)
            if isinstance(found, tuple):
                return found
            if found is None:
                del made[recipe]
    row.reason = " | ".join(failures)[:240]
    return None


def tried(
    row: Row, kind: Any, recipe: str, make: Any, most: int, failures: list[str]
) -> tuple[nn.Module, dict[str, Any]] | bool | None:
    """One recipe: a model with inputs, None where it fails, or False where it is larger than is allowed yet."""
    try:
        config = make()
        with torch.device("meta"):
            parameters = sum(p.numel() for p in kind(copy.deepcopy(config)).parameters())
        if parameters > most:
            failures.append(f"{recipe}: {parameters / 1e6:.0f} M parameters")
            return False
        torch.manual_seed(0)
        model = kind(config).eval()
        spread(model)
    except Exception as error:  # noqa: BLE001 - inconsistent configurations have many faces
        failures.append(f"{recipe}: {said(error)}")
        return None
    row.outcome, row.parameters = "not run", parameters
    for inputs in (one for proposed in candidates(row.name, model, config) for one in variants(proposed)):
        try:
            with torch.no_grad():
                called(model, inputs)
        except Exception as error:  # noqa: BLE001 - inputs that do not fit
            failures.append(f"{recipe}, {'+'.join(inputs)}: {said(error)}")
            continue
        row.recipe, row.inputs = recipe, list(inputs)
        return model, inputs
    return None


def said(error: BaseException) -> str:
    """The first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]


def spread(model: nn.Module) -> None:
    """Weights wide enough that attention is far from uniform."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2 and parameter.is_floating_point() and parameter.numel():
                std = float(parameter.std())
                wide = parameter.shape[1] ** -0.5
                if 0 < std < wide:
                    parameter.mul_(wide / std)


def called(model: nn.Module, inputs: Mapping[str, Any], **more: Any) -> Any:
    """The output, from one seed."""
    torch.manual_seed(1)
    return model(**copied(inputs), **more)


def copied(value: Any) -> Any:
    """Inputs that a model may write into."""
    if isinstance(value, Tensor):
        return value.clone()
    return {k: copied(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors of an output, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors(one)


def same(one: Any, other: Any) -> bool:
    """Whether two outputs agree in every bit."""
    pairs = list(itertools.zip_longest(tensors(one), tensors(other)))
    return all(
        a is not None and b is not None and a.shape == b.shape and torch.equal(bits(a), bits(b)) for a, b in pairs
    )


def bits(value: Tensor) -> Tensor:
    """Numbers in which not-a-number equals itself."""
    return value.nan_to_num() if value.is_floating_point() else value


class _Softmaxes(TorchFunctionMode):
    """Counts the softmaxes over three axes or more."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").split(".")[0]
        attends = name in ("scaled_dot_product_attention", "multi_head_attention_forward")
        if attends or (name in ("softmax", "_softmax") and isinstance(output, Tensor) and output.dim() > 2):
            self.count += 1
        return output


def captured(row: Row, model: nn.Module, inputs: Mapping[str, Any]) -> list[Any]:
    """The records of one forward; notes what the tap changed or left."""
    plain, again = called(model, inputs), called(model, inputs)
    row.random = not same(plain, again)
    with _Softmaxes() as counting:
        called(model, inputs)
    row.softmax = counting.count > 0
    before = state(model)
    tap = AttentionTap(model, max_bytes=BYTES, exact=True)
    with tap:
        watched = called(model, inputs)
    after = state(model)
    row.leftovers = sorted(key for key in before if before[key] != after[key])
    row.changed = not row.random and not same(plain, watched)
    records = [r for r in tap.records if r.weights is not None]
    row.records, row.unnamed = len(tap.records), sum(not r.module for r in tap.records if model is not None)
    row.kinds = sorted({r.kind for r in tap.records})
    errors = [r.error for r in records if r.error is not None]
    row.checked = max(errors) if errors else None
    return records


def state(model: nn.Module) -> dict[str, Any]:
    """Everything a tap might leave behind."""
    from transformers.modeling_utils import AttentionInterface

    own = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    tables = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_forward_hooks_always_called")
    return {
        "hooks of the model": sum(len(getattr(m, t)) for m in model.modules() for t in own),
        "hooks of the process": [len(getattr(module_tables, t)) for t in tables],
        "modes": torch._C._len_torch_function_stack(),  # noqa: SLF001 - torch offers no public way to ask
        "functions": [
            id(getattr(torch.nn.functional, n))
            for n in ("scaled_dot_product_attention", "softmax", "multi_head_attention_forward", "grid_sample")
        ],
        "attention interfaces": {k: id(v) for k, v in AttentionInterface._global_mapping.items()},  # noqa: SLF001 - as above
        "implementation": getattr(model.config, "_attn_implementation", None),
        "training": [m.training for m in model.modules()],
        "weights": [(p.data_ptr(), p._version, p.requires_grad, p.grad is None) for p in model.parameters()],  # noqa: SLF001 - as above
        "attributes": [sorted(vars(m)) for m in model.modules()],
    }


def truth(row: Row, model: nn.Module, inputs: Mapping[str, Any], records: list[Any]) -> None:
    """Compares the records with the tensors that an eager twin returns."""
    try:
        twin = eager(model)
        plain = called(model, inputs)
        own = called(twin, inputs, output_attentions=True)
        quiet = called(twin, inputs)
    except Exception as error:  # noqa: BLE001 - many do not offer it
        row.why_not = f"no eager attentions: {said(error)}"
        return
    shown = [t.flatten(3) for t in attentions(own) if t.dim() in (4, 5)]
    row.softmax = row.softmax or bool(shown)
    post = [t for t in shown if after_softmax(t)]
    row.truth = len(post)
    if not shown:
        row.why_not = "eager returns no attention per head"
    elif not post:
        row.why_not = "what eager returns is not after softmax"
    elif all(t.size(1) > 1 and torch.equal(t, t[:, :1].expand_as(t)) for t in post):
        row.why_not = "eager returns the same for all heads"
    elif row.random:
        row.why_not = "random in evaluation mode"
    elif not close(plain, quiet):
        row.why_not = "eager computes other outputs"
    else:
        row.comparable = True
    match(row, post, records)


def eager(model: nn.Module) -> nn.Module:
    """The same weights on the eager implementation."""
    config = copy.deepcopy(model.config)
    twin = type(model)._from_config(config, attn_implementation="eager").eval()  # noqa: SLF001 - the only way in
    twin.load_state_dict(model.state_dict())
    return twin


def attentions(output: Any) -> list[Tensor]:
    """Tensors of attention in an output."""
    found: list[Tensor] = []
    for key, value in output.items() if isinstance(output, Mapping) else ():
        if "attentions" in key:
            found += tensors(value)
        elif isinstance(value, Mapping):
            found += attentions(value)
    return found


def after_softmax(weights: Tensor) -> bool:
    """Whether rows sum to one (or to nothing, where all is masked)."""
    if not weights.numel() or not bool(torch.isfinite(weights).all()):
        return False
    sums = weights.float().sum(-1)
    return bool(((sums - 1).abs() < 1e-3).logical_or(sums.abs() < 1e-6).all()) and bool((weights >= 0).all())


def close(one: Any, other: Any) -> bool:
    """Whether two outputs agree to float32 rounding."""
    for a, b in zip(tensors(one), tensors(other), strict=False):
        if a.shape != b.shape:
            return False
        if a.is_floating_point() and a.numel():
            scale = float(bits(a).abs().max()) or 1.0
            if float((bits(a) - bits(b)).abs().max()) > 1e-3 * max(scale, 1e-6):
                return False
    return True


def match(row: Row, shown: list[Tensor], records: list[Any]) -> None:
    """Each shown tensor with the nearest record of its shape; none is used twice."""
    left, worst = list(records), 0.0
    for one in shown:
        pairs = [(error, i) for i, r in enumerate(left) if (error := difference(r, one)) is not None]
        if not pairs:
            worst = float("inf")
            continue
        error, index = min(pairs)
        left.pop(index)
        worst = max(worst, error)
        row.equal += error <= TOLERANCE
    row.worst = worst if shown else None


def difference(record: Any, shown: Tensor) -> float | None:
    """The largest difference between a record and what eager shows; None for other shapes."""
    weights = record.weights
    if isinstance(record.layout, Band):  # shown without the padding to whole windows
        weights = weights[:, :, : shown.size(2)]
    if weights.numel() != shown.numel() or weights.size(-1) != shown.size(-1):
        return None
    if record.kind == "deformable":  # shown as (batch, queries, heads, points)
        batch, queries, heads, points = shown.shape
        return float((weights.view(batch, heads, queries, points).transpose(1, 2) - shown).abs().max())
    return float((weights.reshape(shown.shape) - shown).abs().max()) if weights.size(-2) == shown.size(-2) else None
