"""wb.tap on torch functions and inputs: addresses, edits, listing, another path, caps, and ending a forward early."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.core.errors import AddressError, ModelError
from workbench.taps import ablate, patch, replace, scale, steer, tap


class Attention(nn.Module):
    """Softmax attention as people write it by hand, with two softmaxes."""

    def __init__(self, width=8):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.sharp = True

    def forward(self, x, mask=None):
        scores = self.query(x) @ self.key(x).transpose(-1, -2) / math.sqrt(x.shape[-1])
        if mask is not None:
            scores = scores + mask
        weights = F.softmax(scores, dim=-1)
        if self.sharp:
            weights = (weights * 2).softmax(-1)
        return weights @ self.value(x)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn, self.mlp = Attention(), nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True))

    def forward(self, x):
        x = x + self.attn(x, mask=torch.zeros(5, 5))
        return x + self.mlp(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(3))
        self.head = nn.Linear(8, 4)
        self.heads = 0

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        self.heads += 1
        return self.head(x)


def made():
    torch.manual_seed(0)
    return Model().eval(), torch.randn(2, 5, 8)


def by_hand(model, x, layers):
    """The input of a layer and both of its softmaxes, written out."""
    with torch.no_grad():
        for layer in model.layers[:layers]:
            x = layer(x)
        attn = model.layers[layers].attn
        first = (attn.query(x) @ attn.key(x).transpose(-1, -2) / math.sqrt(8)).softmax(-1)
        return x, first, (first * 2).softmax(-1)


def test_functions_are_counted_by_name_within_the_module_that_calls_them():
    model, x = made()
    given, first, second = by_hand(model, x, 1)
    with tap(model) as one, torch.no_grad():
        seen = one.read(
            "layers.1.attn:softmax#0", "layers.1.attn:softmax#1", "layers.1.attn:softmax", "layers.1:inputs"
        )
        model(x)
    torch.testing.assert_close(seen["layers.1.attn:softmax#0"], first)
    torch.testing.assert_close(seen["layers.1.attn:softmax#1"], second)
    assert torch.equal(seen["layers.1.attn:softmax"], seen["layers.1.attn:softmax#0"])
    assert torch.equal(seen["layers.1:inputs"]["0"], given)


def test_outputs_are_bit_identical_when_functions_are_read():
    model, x = made()
    plain = model(x)
    with tap(model) as one:
        one.read("layers.1.attn:softmax#0", ":inputs", "head:linear")
        assert torch.equal(model(x), plain)
    assert torch._C._len_torch_function_stack() == 0


def test_an_edited_function_equals_the_model_with_that_line_changed():
    model, x = made()
    with tap(model) as one:
        one.edit({"layers.0.attn:softmax#1": lambda weights: torch.full_like(weights, 1 / 5)})
        edited = model(x)
    layer = model.layers[0]
    mean = layer.attn.value(x).mean(1, keepdim=True).expand(2, 5, 8)
    h = x + mean
    h = h + layer.mlp(h)
    torch.testing.assert_close(edited, model.head(model.layers[2](model.layers[1](h))))


def test_inputs_by_position_and_by_name_are_edited():
    model, x = made()
    closed = torch.zeros(5, 5).masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)
    with tap(model) as one:
        one.edit({"layers.0.attn:inputs[mask]": lambda _: closed, "layers.2:inputs[0]": torch.zeros_like})
        seen = one.read("layers.0.attn:softmax", "layers.2:inputs[0]")
        output = model(x)
    assert not seen["layers.0.attn:softmax"].triu(1).any()
    assert not seen["layers.2:inputs[0]"].any()
    torch.testing.assert_close(output, model.head(model.layers[2](torch.zeros(2, 5, 8))))


def test_the_edit_of_a_function_that_works_in_place_reaches_who_reads_the_tensor_afterwards():
    class InPlace(nn.Module):
        def forward(self, x):
            y = x * 1
            y.add_(1)  # its result is thrown away
            return y

    with tap(InPlace()) as one:
        one.edit({":add_": lambda value: value * 10})
        assert torch.equal(one.model(torch.ones(3)), torch.full((3,), 20.0))


def test_addresses_found_by_discover_are_unique_stable_and_readable():
    model, x = made()
    listed = tap(model).discover((x,))
    assert [site.address for site in listed] == [site.address for site in tap(model).discover((x,))]
    names = [site.address for site in listed]
    assert len(set(names)) == len(names)
    assert {"layers.2.attn:softmax#1", "layers.0:add#0", "", "head"} <= set(names)
    with tap(model) as one, torch.no_grad():
        seen = one.read(*names)
        model(x)
    for site in listed:
        value = seen[site.address]
        assert (tuple(value.shape), value.dtype, value.nbytes) == (site.shape, site.dtype, site.bytes)
    assert not seen.warnings
    assert {s.address for s in listed.modules} | {s.address for s in listed.functions} == set(names)
    assert listed.bytes == sum(site.bytes for site in listed)


def test_a_listing_prints_one_row_a_value():
    model, x = made()
    text = repr(tap(model).discover((x,)))
    (row,) = [line for line in text.splitlines() if line.startswith("layers.1.attn:softmax#0 ")]
    assert row.split() == ["layers.1.attn:softmax#0", "softmax", "2x5x5", "float32", "200"]


def test_the_second_call_of_a_shared_module_has_functions_of_its_own():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = Attention()

        def forward(self, x):
            return self.attn(self.attn(x))

    model, x = Twice(), torch.randn(1, 3, 8)
    with tap(model) as one, torch.no_grad():
        seen = one.read("attn@1:softmax#0", "attn@1:inputs[0]", "attn")
        model(x)
        expected = by_hand_once(model.attn, seen["attn"])
    torch.testing.assert_close(seen["attn@1:softmax#0"], expected)
    assert torch.equal(seen["attn@1:inputs[0]"], seen["attn"])


def by_hand_once(attn, x):
    return (attn.query(x) @ attn.key(x).transpose(-1, -2) / math.sqrt(8)).softmax(-1)


def test_another_path_is_noticed_and_what_was_computed_instead_is_named():
    model, x = made()
    with tap(model) as one:
        seen = one.read("layers.1.attn:softmax#1", "layers.1.attn:softmax#0", "layers.1.attn:relu", "layers.1.attn@1")
        model(x)
        assert "layers.1.attn:softmax#1" in seen
        assert not seen.warnings
        model.layers[1].attn.sharp = False
        model(x)
    with pytest.raises(AddressError, match=r"'layers.1.attn' did not call it.*'softmax#0'"):
        seen["layers.1.attn:softmax#1"]
    with pytest.raises(AddressError, match=r"did not call it"):
        seen["layers.1.attn:relu"]
    with pytest.raises(AddressError, match=r"it computed 'layers.1.attn'"):
        seen["layers.1.attn@1"]
    assert "another path" in seen.warnings["layers.1.attn:softmax#0"]
    assert "softmax#1" in seen.warnings["layers.1.attn:softmax#0"]
    assert "layers.1.attn:softmax#1" in seen.dropped
    assert "did not call it" in repr(seen)


def test_a_module_on_the_branch_not_taken_names_its_neighbours():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.left(x)

    with tap(nn.Sequential(Branch())) as one:
        seen = one.read("0.right")
        one.model(torch.ones(1, 2))
    with pytest.raises(AddressError, match=r"another path.*'0.left'"):
        seen["0.right"]


def test_a_run_ends_after_the_deepest_address_and_leaves_the_rest_uncomputed():
    model, x = made()
    training = model.layers[1].training = True
    seen = tap(model).run((x,), "layers.0", "layers.1.attn:softmax#0")
    assert model.heads == 0
    assert model.layers[1].training is training
    model.eval()
    assert torch.equal(seen["layers.0"], by_hand(model, x, 1)[0])
    torch.testing.assert_close(seen["layers.1.attn:softmax#0"], by_hand(model, x, 1)[1])
    tap(model).run((x,), "layers.0", stop=False)
    assert model.heads == 1
    assert torch.equal(tap(model).run((x,), "")[""], model(x))


def test_a_run_whose_address_is_never_computed_goes_to_the_end_and_says_so():
    model, x = made()
    seen = tap(model).run((x,), "layers.0:softmax", "layers.0[2]")
    assert not seen
    assert len(seen.dropped) == 2
    assert model.heads == 0  # the parts that are missing are known to be missing
    seen = tap(model).run((x,), "layers.0@3")
    assert model.heads == 1


def test_edits_apply_to_a_run_and_a_run_inside_the_block_leaves_the_tap_open():
    model, x = made()
    with tap(model) as one:
        one.edit({"layers.0": torch.zeros_like})
        seen = one.run((x,), "layers.1:inputs[0]")
        assert not seen["layers.1:inputs[0]"].any()
        later = one.read("layers.0")
        model(x)
    assert not later["layers.0"].any()
    assert tuple(seen) == ("layers.1:inputs[0]",)
    assert not model._forward_hooks
    assert not model.layers[0]._forward_hooks


def test_a_run_with_gradients_gives_the_gradient_that_autograd_gives():
    model, x = made()
    seen = tap(model, grad=True).run((x,), "layers.1", "")
    seen[""].sum().backward()
    assert torch.equal(seen["layers.1"].grad, reference_gradient(model, x))


def reference_gradient(model, x):
    h = model.layers[1](model.layers[0](x)).detach().requires_grad_()
    return torch.autograd.grad(model.head(model.layers[2](h)).sum(), h)[0]


def test_a_value_kept_with_its_graph_and_overwritten_by_the_model_is_refused():
    model, x = made()
    seen = tap(model, grad=True).run((x,), "layers.0.mlp.0", "layers.0.mlp.1")
    with pytest.raises(AddressError, match="in place"):
        seen["layers.0.mlp.0"]
    assert seen["layers.0.mlp.1"].requires_grad


def test_edits_of_the_library():
    model, x = made()
    model.layers = model.layers[:1]
    model.layers[0].mlp = nn.Identity()
    direction = torch.randn(8)
    plain = tap(model).run((x,), "layers.0")["layers.0"]

    def edited(edit):
        with tap(model) as one, torch.no_grad():
            one.edit({"layers.0": edit})
            seen = one.read("layers.0")
            model(x)
        return seen["layers.0"]

    torch.testing.assert_close(edited(steer(direction, 3.0)), plain + 3 * direction)
    torch.testing.assert_close(edited(scale(0.5)), plain / 2)
    assert not edited(ablate()).any()
    torch.testing.assert_close(edited(ablate(mean=(0, 1))), plain.mean((0, 1)).expand(2, 5, 8))
    assert torch.equal(edited(replace(2.0)), torch.full((2, 5, 8), 2.0))
    part = edited(ablate(at=(slice(None), 3)))
    assert not part[:, 3].any()
    assert torch.equal(part[:, :3], plain[:, :3])
    with pytest.raises(ModelError, match="steer a value of shape"):
        edited(steer(torch.randn(3)))


def test_a_patch_from_a_stored_run_reproduces_that_run_bit_by_bit():
    model, x = made()
    y = torch.randn(2, 5, 8)
    stored = tap(model).run((x,), "layers.1", "layers.0.attn:softmax#1")
    with tap(model) as one, torch.no_grad():
        one.edit(patch(stored, "layers.1"))
        assert torch.equal(model(y), model_of(model, x))
    with tap(model) as one, torch.no_grad():
        one.edit(patch(stored, "layers.1", at=(slice(None), 2)))
        seen = one.read("layers.1")
        model(y)
    assert torch.equal(seen["layers.1"][:, 2], stored["layers.1"][:, 2])
    assert not torch.equal(seen["layers.1"][:, 1], stored["layers.1"][:, 1])
    with pytest.raises(AddressError, match="not read in that run"):
        patch(stored, "layers.2")
    with tap(model) as one:
        one.edit(patch(stored, "layers.1"))
        with pytest.raises(ModelError, match="patch runs of inputs of one size"):
            model(y[:1])


def model_of(model, x):
    with torch.no_grad():
        return model(x)


def test_gradients_pass_through_an_edit():
    model, x = made()
    strength = torch.zeros((), requires_grad=True)
    with tap(model) as one:
        one.edit({"layers.0": lambda value: value + strength})
        model(x).sum().backward()
    h = model.layers[0](x).detach().requires_grad_()
    (expected,) = torch.autograd.grad(model.head(model.layers[2](model.layers[1](h))).sum(), h)
    torch.testing.assert_close(strength.grad, expected.sum())


def test_what_an_edit_computes_is_not_counted_as_the_models():
    model, x = made()
    with tap(model) as outer, tap(model) as inner:
        outer.edit({"layers.0.attn.query": lambda value: value.softmax(-1)})
        seen = inner.read("layers.0.attn:softmax#0")
        model(x)
    assert seen["layers.0.attn:softmax#0"].shape == (2, 5, 5)


def test_nested_taps_may_close_in_any_order_and_with_other_modes_between():
    model, x = made()
    outer, inner = tap(model), tap(model)
    outer.__enter__()
    with torch.device("cpu"):
        inner.__enter__()
        first = outer.read("layers.0.attn:softmax#0")
        second = inner.read("layers.0.attn:softmax#0")
        model(x)
        outer.__exit__(None, None, None)
        model(x * 2)
    assert not torch.equal(first["layers.0.attn:softmax#0"], second["layers.0.attn:softmax#0"])
    inner.__exit__(None, None, None)
    assert torch._C._len_torch_function_stack() == 0
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_taps_see_the_edits_of_those_entered_before_them_whoever_asks_first():
    model, x = made()
    with tap(model) as outer, tap(model) as inner:
        seen = inner.read("layers.0", "layers.0.attn:softmax#0")
        outer.edit({"layers.0": torch.zeros_like, "layers.0.attn:softmax#0": torch.ones_like})
        model(x)
    assert not seen["layers.0"].any()
    assert bool((seen["layers.0.attn:softmax#0"] == 1).all())


def test_what_does_not_fit_is_kept_in_half_precision_where_that_fits_and_both_are_said():
    model, x = made()
    whole = 2 * 5 * 8 * 4
    seen = tap(model, max_bytes=whole + whole // 2 + 8).run((x,), "layers.0", "layers.1", "layers.2")
    assert seen["layers.0"].dtype is torch.float32
    assert seen["layers.1"].dtype is torch.float16
    assert "half precision" in seen.warnings["layers.1"]
    assert tuple(seen.warnings) == ("layers.1",)
    with pytest.raises(AddressError, match="320 bytes are more than the 8 left"):
        seen["layers.2"]
    huge = replace(1e6)
    with tap(model, max_bytes=whole // 2) as one:
        one.edit({"layers.0": huge})
        seen = one.read("layers.0")
        model(x)
    assert "layers.0" not in seen  # it would have become infinite


def test_a_dtype_that_is_asked_for_holds_for_floating_values_alone():
    model = nn.Sequential(nn.Embedding(5, 4))
    ids = torch.tensor([1, 2])
    with tap(model) as one:
        seen = one.read("0", "0:inputs[0]", dtype=torch.float16)
        model(ids)
    assert seen["0"].dtype is torch.float16
    assert seen["0:inputs[0]"].dtype is torch.int64


def test_an_edit_of_another_dtype_is_refused_with_both():
    model, x = made()
    with tap(model) as one:
        one.edit({"layers.0": lambda value: value.double()})
        with pytest.raises(ModelError, match=r"float64\[2, 5, 8\] where the model computed float32\[2, 5, 8\]"):
            model(x)


@pytest.mark.parametrize("text", ["layers.0:", "layers.0:softmax#x", ":soft max", "layers.0#1", "layers.0[", "@"])
def test_an_address_that_is_none_says_what_one_looks_like(text):
    model, _ = made()
    with pytest.raises(AddressError, match=r"is no address.*path:softmax#0"):
        tap(model).read(text)
