"""The fused inference kernels of torch under a tap: what they give out keeps every bit, and their weights are known."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from workbench.interpret import attention
from workbench.taps import AttentionTap, tap

X = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(0))
PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] + [True] * 4])
CAUSAL = nn.Transformer.generate_square_subsequent_mask(5)


def encoder(layers=2, **options):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, **{"batch_first": True} | options)
    model = nn.TransformerEncoder(layer, layers).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def multi_head(**options):
    torch.manual_seed(0)
    return nn.MultiheadAttention(16, 2, **{"batch_first": True} | options).eval()


CASES = {
    "encoder": (encoder, {"src": X}, 2),
    "encoder with padding": (encoder, {"src": X, "src_key_padding_mask": PADDING}, 2),
    "encoder with nothing but padding at the end": (
        encoder, {"src": X, "src_key_padding_mask": PADDING | (torch.arange(5) > 2)}, 2,
    ),
    "causal encoder": (encoder, {"src": X, "mask": CAUSAL, "is_causal": True}, 2),
    "encoder with a mask and padding": (
        encoder, {"src": X, "mask": CAUSAL.bool(), "src_key_padding_mask": PADDING}, 2,
    ),
    "encoder, norm first": (
        lambda: encoder(norm_first=True, activation="gelu"), {"src": X, "src_key_padding_mask": PADDING}, 2,
    ),
    "encoder that is not fused": (lambda: encoder(activation=nn.SiLU()), {"src": X}, 2),
    "encoder, keys first": (lambda: encoder(batch_first=False), {"src": X}, 2),
    "layer": (lambda: encoder().layers[0], {"src": X}, 1),
    "multi-head": (multi_head, {"query": X, "key": X, "value": X}, 1),
    "multi-head without weights": (multi_head, {"query": X, "key": X, "value": X, "need_weights": False}, 1),
    "multi-head with padding": (
        multi_head, {"query": X, "key": X, "value": X, "key_padding_mask": PADDING, "need_weights": False}, 1,
    ),
    "multi-head with numbers to add": (
        multi_head, {"query": X, "key": X, "value": X, "attn_mask": torch.randn(5, 5), "need_weights": False}, 1,
    ),
    "multi-head of another sequence": (
        multi_head, {"query": X, "key": X[:, :3], "value": X[:, :3], "need_weights": False}, 1,
    ),
    "multi-head without biases": (lambda: multi_head(bias=False), {"query": X, "key": X, "value": X}, 1),
    "decoder": (
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 32, batch_first=True), 2).eval(),
        {"tgt": X, "memory": X[:, :3]}, 4,
    ),
    "transformer": (
        lambda: nn.Transformer(16, 2, 1, 1, 32, batch_first=True).eval(), {"src": X, "tgt": X[:, :2]}, 3,
    ),
}  # fmt: skip


class Fused(TorchDispatchMode):
    """Counts the calls of fused kernels."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.__name__.split(".")[0] in ("_transformer_encoder_layer_fwd", "_native_multi_head_attention")
        return func(*args, **(kwargs or {}))


def tensors(output):
    return [one for one in (output if isinstance(output, tuple) else (output,)) if one is not None]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("name", CASES)
def test_no_bit_of_the_output_is_another(name, mode):
    make, inputs, count = CASES[name]
    torch.manual_seed(1)
    model = make()
    with mode():
        expected = model(**inputs)
        with AttentionTap(model) as one, AttentionTap(model) as two:
            output = model(**inputs)
        again = model(**inputs)
        with Fused() as plain:
            model(**inputs)
        with Fused() as tapped, AttentionTap(model):
            model(**inputs)
    assert all(torch.equal(a, b) for a, b in zip(tensors(expected), tensors(output), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(tensors(expected), tensors(again), strict=True))
    assert plain.count == tapped.count
    for tapping in (one, two):
        assert len(tapping.records) == count
        assert all(record.error < 1e-5 for record in tapping.records)
    assert not _get_current_function_mode_stack()
    assert not _get_current_dispatch_mode_stack()


def test_fused_kernels_are_really_met():
    for name in ("encoder", "encoder with padding", "causal encoder", "encoder, norm first", "layer", "multi-head"):
        make, inputs, count = CASES[name]
        model = make()
        with torch.no_grad(), Fused() as seen:
            model(**inputs)
        assert seen.count == count, name


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", ["encoder", "encoder with padding", "causal encoder", "encoder, norm first"])
def test_weights_of_a_fused_encoder_equal_those_its_layers_return_themselves(name):
    make, inputs, _ = CASES[name]
    model = make()
    maps = attention(model, inputs, exact=True)
    assert maps.names == ("layers.0.self_attn", "layers.1.self_attn")
    nested = "src_key_padding_mask" in inputs and model.use_nested_tensor  # padded queries are not computed
    real = ~PADDING if nested else torch.ones_like(PADDING)
    hidden = inputs["src"]
    for layer, one in zip(model.layers, maps, strict=True):
        with torch.no_grad():
            given = layer.norm1(hidden) if layer.norm_first else hidden
            masks = {"attn_mask": inputs.get("mask"), "key_padding_mask": inputs.get("src_key_padding_mask")}
            _, own = layer.self_attn(given, given, given, average_attn_weights=False, **masks)
            hidden = layer(hidden, src_mask=inputs.get("mask"), src_key_padding_mask=inputs.get("src_key_padding_mask"))
        assert torch.allclose(one.weights, own * real[:, None, :, None], atol=1e-6)
        assert one.kind == "self"


def test_a_wrong_map_of_a_fused_kernel_would_be_told(monkeypatch):
    from workbench.taps import fused

    own = fused.attention_weights
    monkeypatch.setattr(fused, "attention_weights", lambda *args: own(*args).roll(1, -1))
    for model, inputs in ((encoder(), {"src": X}), (multi_head(), {"query": X, "key": X, "value": X})):
        assert all(one.error > 0.01 for one in attention(model, inputs))


def test_modules_are_chosen_inside_fused_layers():
    model = encoder(3)
    assert attention(model, X, modules=["layers.1"]).names == ("layers.1.self_attn",)
    assert attention(model, X, modules=["layers.2.self_attn"]).names == ("layers.2.self_attn",)


def test_a_mode_of_ones_own_is_told_as_without_a_tap():
    class Own(TorchFunctionMode):
        def __init__(self):
            super().__init__()
            self.names = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    model = encoder(1)
    with torch.no_grad():
        with Own() as alone:
            expected = model(X)
        with Own() as outer, AttentionTap(model) as tapping:
            assert torch.equal(model(X), expected)
        with AttentionTap(model), Own() as inner:
            assert torch.equal(model(X), expected)
    assert len(tapping.records) == 1
    assert "multi_head_attention_forward" in {*alone.names} & {*outer.names} & {*inner.names}


def test_reading_inside_a_fused_layer_beside_its_attention():
    model = encoder(1)
    with torch.no_grad(), tap(model) as reading, AttentionTap(model) as tapping:
        seen = reading.read("layers.0.linear1")
        model(X)
    assert seen["layers.0.linear1"].shape == (3, 5, 32)
    assert len(tapping.records) == 1


def test_a_forward_that_raises_puts_the_modes_back():
    model = encoder(2)
    model.layers[1].linear2.register_forward_hook(lambda *_: 1 / 0)  # not fused: it has a hook
    with torch.no_grad(), AttentionTap(model) as tapping:
        with pytest.raises(ZeroDivisionError):
            model(X)
        assert len(_get_current_function_mode_stack()) == 1
        assert not _get_current_dispatch_mode_stack()
        model.layers[1].linear2._forward_hooks.clear()
        model(X)
    assert len(tapping.records) == 4
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.slow
@pytest.mark.parametrize("tapped", ["encoder", "multi-head without weights"])
def test_a_compiled_encoder_trains_bit_by_bit_as_alone_while_another_model_is_tapped(tapped):
    counters = torch._dynamo.utils.counters

    def losses():
        torch._dynamo.reset()
        counters.clear()
        model = torch.compile(encoder(1, dropout=0.0).train(), backend="aot_eager")
        optimiser, found = torch.optim.SGD(model.parameters(), 1e-2), []
        while len(found) < 100 or (looking and len(looks) < 100):
            loss = model(X).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        return found

    looking, looks = False, []
    alone = losses()
    compiled = dict(counters["stats"])
    make, inputs, _ = CASES[tapped]
    other, looking = make(), True
    with torch.no_grad():
        expected = other(**inputs)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(losses)
        while len(looks) < 100 or not training.done():
            with torch.no_grad(), AttentionTap(other):
                looks.append(other(**inputs))
    assert training.result()[:100] == alone[:100]
    assert dict(counters["stats"]) == compiled
    assert all(torch.equal(a, b) for look in looks for a, b in zip(tensors(expected), tensors(look), strict=True))


def test_attention_in_a_layer_of_ones_own_inside_a_fused_encoder_is_seen():
    class Layer(nn.TransformerEncoderLayer):
        def _sa_block(self, x, *_, **__):
            return (x @ x.mT).softmax(-1) @ x

    torch.manual_seed(0)
    model = nn.TransformerEncoder(Layer(16, 2, 32, batch_first=True, activation=nn.SiLU()), 1).eval()
    with torch.no_grad(), AttentionTap(model) as tapping:
        model(X)
    assert [(record.module, record.kind) for record in tapping.records] == [("layers.0", "softmax")]
