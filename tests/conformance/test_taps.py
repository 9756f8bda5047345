"""A tap leaves no trace on any entry of the zoo, however what it watches ends."""

import contextlib
import copy
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from workbench import data, tasks, zoo
from workbench.core.calling import call
from workbench.core.errors import MissingExtraError
from workbench.taps import AttentionTap, tap

INSTEAD = {"fashion_mnist": "digits"}
"""data of the same kind from PyPI, where a Debian package is absent"""

pytestmark = pytest.mark.parametrize("name", zoo.names())


class BrokenError(Exception):
    """What goes wrong."""


@cache
def dataset(name):
    task = tasks.load(zoo.entry(name).recipe.task)
    try:
        return data.load(task.data, **task.options)
    except MissingExtraError:
        return data.load(INSTEAD[task.data])


def made(name):
    """A tiny model with gradients, in a mode that is not the same everywhere, and inputs for it."""
    entry = zoo.entry(name)
    config = entry.configure(dataset(name), preset="tiny")
    model = entry.initialised(config, seed=0)
    if entry.examples is None:
        inputs = dataset(name).sample_batch(4, "train").inputs
    else:
        torch.manual_seed(0)
        inputs = entry.examples(config, 4)
    torch.manual_seed(1)
    sum(t.float().sum() for t in floats(call(model, inputs))).backward()
    model.eval()
    next(model.modules()).training = True
    return model, inputs


def floats(output):
    if isinstance(output, Tensor):
        return [output] if output.is_floating_point() else []
    values = output.values() if hasattr(output, "values") else output if isinstance(output, tuple | list) else ()
    return [tensor for value in values for tensor in floats(value)]


def outputs(model, inputs):
    torch.manual_seed(2)
    with torch.no_grad():
        return floats(call(model, inputs))


def state(model):
    """Everything of a model, of torch and of the libraries that a tap might leave changed."""
    import transformers.modeling_utils as library
    from torch._dynamo import eval_frame

    functional = {key: value for key, value in vars(nn.functional).items() if callable(value)}
    hooks = [key for key in vars(nn.Module()) if key.endswith(("_hooks", "_with_kwargs", "_always_called"))]
    return {
        "hooks": [{key: dict(getattr(m, key)) for key in hooks} for m in model.modules()],
        "process hooks": {
            k: len(v) for k, v in vars(torch_module).items() if k[:7] == "_global" and hasattr(v, "keys")
        },
        "attributes": [sorted(vars(m)) for m in model.modules()],
        "modes": [m.training for m in model.modules()],
        "requires grad": [p.requires_grad for p in model.parameters()],
        "versions": [t._version for t in (*model.parameters(), *model.buffers())],
        "random": torch.get_rng_state().tolist(),
        "torch functions": functional,
        "tensor methods": {k: v for k, v in vars(torch.Tensor).items() if callable(v)},
        "attention functions": (
            dict(library.AttentionInterface._global_mapping),
            dict(library.ALL_ATTENTION_FUNCTIONS._local_mapping),
        ),
        "function modes": torch._C._len_torch_function_stack(),
        "stance": eval_frame._stance,
        "gradients enabled": torch.is_grad_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
    }


def tensors(model):
    grads = {f"{name}.grad": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {key: value.clone() for key, value in (model.state_dict() | grads).items()}


def forward_raises(model, inputs, one, error):
    """The last module of the forward raises, by a hook of the person's own."""
    *_, site = tap(model).discover(inputs).modules[:-1]
    path = site.address.partition("@")[0].partition("[")[0]
    seen = one.read(path, "", ":inputs")

    def broken(*_):
        raise error

    handle = model.get_submodule(path).register_forward_pre_hook(broken)
    try:
        call(model, inputs)
    finally:
        handle.remove()
        assert ":inputs" in seen


def edit_raises(model, inputs, one, error):
    """An edit of a torch function raises."""
    site = tap(model).discover(inputs).functions[-1]

    def broken(_):
        raise error

    one.read("", site.address)
    one.edit({site.address: broken})
    call(model, inputs)


WAYS = {
    "forward raises": (forward_raises, BrokenError("on purpose")),
    "edit raises": (edit_raises, BrokenError("on purpose")),
    "interrupted": (forward_raises, KeyboardInterrupt()),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_behind_when_it_goes_wrong(name, way):
    model, inputs = made(name)
    plain, kept = outputs(model, inputs), tensors(model)
    breaking, error = WAYS[way]
    with torch.no_grad():
        torch.manual_seed(3)
        before = state(model)
        with pytest.raises(type(error)), tap(model) as one, AttentionTap(model):
            breaking(model, inputs, one, error)
        torch.manual_seed(3)  # a forward that was broken off may have drawn
        assert state(model) == before
    after = tensors(model)
    assert after.keys() == kept.keys()
    assert all(torch.equal(after[key], kept[key]) for key in kept)
    assert all(torch.equal(a, b) for a, b in zip(outputs(model, inputs), plain, strict=True))


def test_outputs_and_gradients_are_bit_identical_while_every_value_is_read(name):
    results = []
    model, inputs = made(name)
    for tapped in (False, True):
        one = copy.deepcopy(model)
        one.zero_grad()
        addresses = [site.address for site in tap(one).discover(inputs)]
        torch.manual_seed(4)
        with tap(one) if tapped else contextlib.nullcontext() as open_tap:
            seen = open_tap.read(*addresses) if tapped else {}
            output = floats(call(one, inputs))
            sum(t.float().sum() for t in output).backward()
        grads = [p.grad for p in one.parameters() if p.grad is not None]
        results.append([*output, *grads, *one.state_dict().values(), torch.get_rng_state()])
        assert not tapped or set(seen) == set(addresses)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_run_leaves_generator_modes_and_weights_alone(name):
    model, inputs = made(name)
    kept, before = tensors(model), state(model)
    first = tap(model).discover(inputs)[0]
    seen = tap(model).run(inputs, first.address)
    assert tuple(seen[first.address].shape) == first.shape
    with pytest.raises(BrokenError):
        broken(model, inputs, first.address)
    assert state(model) == before
    assert all(torch.equal(value, kept[key]) for key, value in tensors(model).items())


def broken(model, inputs, address):
    def raising(_):
        raise BrokenError

    one = tap(model)
    one.edit({address: raising})
    one.run(inputs, "")
