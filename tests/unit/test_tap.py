"""wb.tap: reads and edits module outputs of any live model and leaves no trace."""

import copy
import threading
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from workbench.core.calling import call
from workbench.core.errors import AddressError, ConfigError, ModelError
from workbench.taps import AttentionTap, tap


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 3)), (
        torch.randn(6, 4),
    )


def bert():
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    ids = torch.randint(0, 50, (2, 7))
    return BertModel(config), {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def encoder():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.TransformerEncoder(layer, 2), (torch.randn(2, 5, 8),)


def gat():
    from torch_geometric.data import Data
    from torch_geometric.nn import GATConv

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = GATConv(3, 4, heads=2, dropout=0.3), GATConv(8, 2)

        def forward(self, x, edge_index):
            return self.second(self.first(x, edge_index).relu(), edge_index)

    return Net(), Data(x=torch.randn(6, 3), edge_index=torch.randint(0, 6, (2, 14)))


MODELS = {"mlp": (mlp, "2"), "bert": (bert, "encoder.layer.1"), "encoder": (encoder, "layers.1"), "gat": (gat, "first")}


def first_tensor(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def state(model):
    """Everything of a model and of the process that observing might change."""
    hooks = [k for k in vars(nn.Module()) if k.endswith("_hooks")]
    per_module = [{k: dict(getattr(m, k)) for k in hooks} for m in model.modules()]
    process = {k: len(v) for k, v in vars(torch_module).items() if k.startswith("_global") and hasattr(v, "__len__")}
    import torch_geometric.nn.conv.gat_conv as convolution
    from transformers.modeling_utils import AttentionInterface

    return {
        "hooks": per_module,
        "process hooks": process,
        "modes": [m.training for m in model.modules()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grad": [p.grad is None for p in model.parameters()],
        "versions": [t._version for t in (*model.parameters(), *model.buffers())],
        "random": torch.default_generator.get_state().tolist(),
        "functions": (nn.functional.scaled_dot_product_attention, convolution.softmax),
        "kernels": dict(AttentionInterface._global_mapping),
        "function modes": torch._C._len_torch_function_stack(),
        "attributes": [sorted(vars(m)) for m in model.modules()],
        "fast path": torch.backends.mha.get_fastpath_enabled(),
    }


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("ending", ["normal", "wrong name", "forward raises"])
@pytest.mark.parametrize("engine", ["values", "attention"])
def test_observing_leaves_no_trace(kind, ending, engine, monkeypatch):
    torch.manual_seed(0)
    make, address = MODELS[kind]
    model, inputs = make()
    model.train()
    next(model.parameters()).requires_grad = False
    model.eval()
    weights = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        expected = first_tensor(call(model, inputs))
    next(model.modules()).training = True  # a mode that is not the same everywhere
    before = state(model)
    modes = [m.training for m in model.modules()]

    def observe():
        if engine == "values":
            with tap(model) as one:
                seen = one.read("no.such.place" if ending == "wrong name" else address)
                call(model, inputs)
            assert first_tensor(seen[address]) is not None
        else:
            with AttentionTap(model, modules=["no.such.place"] if ending == "wrong name" else None):
                call(model, inputs)

    with torch.no_grad():
        if ending == "normal":
            observe()
        elif ending == "wrong name":
            with pytest.raises(AddressError):
                observe()
        else:
            with monkeypatch.context() as patch:
                inner = model.get_submodule(address)
                patch.setattr(type(inner), "forward", lambda *_, **__: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    observe()
    assert state(model) == before
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    next(model.modules()).training = False
    with torch.no_grad():
        assert torch.equal(first_tensor(call(model, inputs)), expected)


@pytest.mark.parametrize("kind", MODELS)
def test_outputs_are_bit_identical_while_observed_also_in_training_mode(kind):
    torch.manual_seed(1)
    make, address = MODELS[kind]
    model, inputs = make()
    for training in (False, True):
        model.train(training)
        with torch.no_grad():
            torch.manual_seed(2)
            plain = first_tensor(call(copy.deepcopy(model), inputs))
            torch.manual_seed(2)
            with tap(model) as one:
                one.read(address, "")
                watched = first_tensor(call(model, inputs))
        assert torch.equal(plain, watched)


def test_values_are_detached_copies_on_the_cpu_that_later_changes_in_place_do_not_reach():
    model, (x,) = mlp()
    model.eval()
    with tap(model) as one:
        seen = one.read("1", "2")
        model(x)
    assert not seen["1"].requires_grad
    assert bool((seen["1"] < 0).any())  # the ReLU after it works in place
    assert torch.equal(seen["1"].relu(), seen["2"])


def test_attached_values_carry_the_gradient_of_the_model():
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
    with tap(model) as one:
        seen = one.read("1", attached=True)
        output = model(torch.randn(3, 4)).sum()
    (gradient,) = torch.autograd.grad(output, seen["1"])
    assert torch.allclose(gradient, model[2].weight.expand(3, 5))


def test_a_wrong_name_is_refused_at_once_with_the_nearest_names():
    model, _ = bert()
    with tap(model) as one, pytest.raises(AddressError, match=r"encoder\.layer\.1"):
        one.read("encoder.layr.1")
    with tap(model) as one, pytest.raises(AddressError, match=r"attention\.self"):
        one.read("self")
    with tap(model) as one, pytest.raises(AddressError, match="never called itself"):
        one.read("encoder.layer")
    with tap(model) as one, pytest.raises(AddressError, match="no address"):
        one.read("encoder@x")


def test_reading_a_value_that_was_never_computed_says_so():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    model = Branch()
    with tap(model) as one:
        seen = one.read("idle", "used", "used@1")
        with pytest.raises(AddressError, match="never computed"):
            seen["used"]
        model(torch.randn(1, 2))
    assert set(seen) == {"used"}
    for address in ("idle", "used@1"):
        with pytest.raises(AddressError, match="never computed"):
            seen[address]
    with pytest.raises(AddressError, match="not asked for"):
        seen["other"]


def test_calls_of_a_shared_module_are_counted_and_start_again_with_every_forward():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(2, 2)

        def forward(self, x):
            return self.step(self.step(x))

    model, x, y = Twice(), torch.randn(3, 2), torch.randn(3, 2)
    with tap(model) as one:
        seen = one.read("step", "step@0", "step@1")
        model(x)
        model(y)
    assert torch.equal(seen["step"], model.step(y))
    assert torch.equal(seen["step"], seen["step@0"])
    assert torch.equal(seen["step@1"], model.step(model.step(y)))


def test_a_module_with_two_names_answers_to_both():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model.again = model[0]
    with tap(model) as one:
        seen = one.read("0", "again")
        one.model[0](torch.randn(1, 2))
    assert torch.equal(seen["0"], seen["again"])


def test_parts_of_tuples_mappings_and_model_outputs():
    class Pair(NamedTuple):
        left: torch.Tensor
        right: str

    class Both(nn.Module):
        def forward(self, x):
            return {"a": x + 1, "b": (x, Pair(x * 2, "text"))}

    model = nn.Sequential(Both())
    x = torch.randn(2)
    with tap(model) as one:
        seen = one.read("0[a]", "0[b][1][0]", "0[c]", "0")
        model(x)
    assert torch.equal(seen["0[a]"], x + 1)
    assert torch.equal(seen["0[b][1][0]"], x * 2)
    assert seen["0"]["b"][1].right == "text"
    with pytest.raises(AddressError, match=r"no part \[c\]"):
        seen["0[c]"]
    model, inputs = bert()
    with tap(model) as one:
        seen = one.read("", "[last_hidden_state]")
        output = call(model, inputs)
    assert type(seen[""]) is type(output)
    assert torch.equal(seen[""].last_hidden_state, seen["[last_hidden_state]"])


@pytest.mark.parametrize("kind", MODELS)
def test_every_edit_reaches_the_output(kind):
    make, address = MODELS[kind]
    model, inputs = make()
    model.eval()
    plain = first_tensor(call(model, inputs))
    part = "[0]" if isinstance(_value(model, inputs, address), tuple) else ""
    with tap(model) as one:
        seen = one.read(address + part)
        one.edit({address + part: torch.zeros_like})
        edited = first_tensor(call(model, inputs))
    assert not torch.equal(plain, edited)
    assert not bool(seen[address + part].any())
    assert torch.equal(plain, first_tensor(call(model, inputs)))


def _value(model, inputs, address):
    with tap(model) as one:
        seen = one.read(address)
        call(model, inputs)
    return seen[address]


def test_an_edit_of_an_output_equals_surgery_on_the_weights():
    model, (x,) = mlp()
    model.eval()
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[0].weight.mul_(2)
        other[0].bias.mul_(2)
    with tap(model) as one:
        one.edit({"0": lambda value: value * 2})
        edited = model(x)
    assert torch.allclose(edited, other(x))


def test_edits_in_place_and_of_another_shape_are_refused():
    model, (x,) = mlp()
    with tap(model) as one:
        one.edit({"0": lambda value: value.mul_(2)})
        with pytest.raises(ModelError, match="in place"):
            model(x)
    with tap(model) as one:
        one.edit({"0": lambda value: value[:1]})
        with pytest.raises(ModelError, match="same shape"):
            model(x)
    with tap(model) as one:
        one.edit({"0": lambda value: None})
        with pytest.raises(ModelError, match="same shape"):
            model(x)


def test_nested_taps_see_each_others_edits_in_the_order_of_entering():
    model, (x,) = mlp()
    model.eval()
    with tap(model) as outer, tap(model) as inner:
        outer.edit({"4": lambda value: value + 1})
        seen = inner.read("4")
        inner.edit({"4": lambda value: value * 0})
        output = model(x)
    plain = model(x)
    assert torch.allclose(seen["4"], plain * 0)
    assert torch.equal(output, torch.zeros_like(plain))


def test_a_tap_is_entered_once_at_a_time_and_can_be_used_again():
    model, (x,) = mlp()
    one = tap(model)
    with one, pytest.raises(ModelError, match="already in use"):
        one.__enter__()
    with one:
        seen = one.read("0")
        model(x)
    assert "0" in seen


def test_the_byte_cap_keeps_the_model_running_and_says_what_did_not_fit():
    model, (x,) = mlp()
    model.eval()
    with tap(model, max_bytes=6 * 8 * 4) as one:
        seen = one.read("0", "1")
        output = model(x)
    assert torch.equal(output, model(x))
    assert seen.bytes == 192
    with pytest.raises(AddressError, match="max_bytes=192"):
        seen["1"]
    with pytest.raises(ConfigError):
        tap(model, max_bytes=-1)


def test_another_thread_is_neither_seen_nor_edited():
    model, (x,) = mlp()
    model.eval()
    plain, results = model(x), []
    with tap(model) as one:
        seen = one.read("4")
        one.edit({"4": torch.zeros_like})
        thread = threading.Thread(target=lambda: results.append(model(x)))
        thread.start()
        thread.join()
        assert "4" not in seen
    assert torch.equal(results[0], plain)


def test_another_model_of_the_same_class_is_not_seen():
    (model, (x,)), (other, _) = mlp(), mlp()
    with tap(model) as one:
        seen = one.read("0")
        other(x)
    assert not seen


def test_discover_lists_every_value_of_a_forward_and_keeps_none():
    model, (x,) = mlp()
    model.train()
    mean = model[1].running_mean.clone()
    listed = tap(model).discover((x,))
    sites = listed.modules
    assert [site.address for site in sites] == ["0", "1", "2", "3", "4", ""]
    assert sites[0].kind == "Linear"
    assert sites[0].shape == (6, 8)
    assert sites[0].bytes == 6 * 8 * 4
    assert sites[0].dtype is torch.float32
    assert torch.equal(model[1].running_mean, mean)
    assert model.training


def test_compiled_models_are_read_under_their_own_names():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    compiled = torch.compile(model, backend="eager")
    x = torch.randn(4, 2)
    with tap(compiled) as one:
        seen = one.read("0", "_orig_mod.1")
        compiled(x)
    assert torch.equal(seen["0"], model[0](x))
    assert torch.equal(seen["_orig_mod.1"], model(x))


def test_something_that_is_no_module_is_refused():
    with pytest.raises(ModelError, match="not str"):
        tap("bert")
