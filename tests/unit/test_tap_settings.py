"""wb.tap where models live: compiled, checkpointed, generating, in threads, under inference, bf16, jit, DDP."""

import copy
import subprocess
import sys
import threading

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from workbench.core.errors import AddressError, ModelError
from workbench.taps import ablate, scale, tap

counters = torch._dynamo.utils.counters


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 3))


def frames():
    return dict(counters["frames"]), dict(counters["stats"])


@pytest.mark.parametrize("kind", ["torch.compile", "module.compile", "inner"])
def test_a_compiled_model_is_read_eagerly_and_never_compiled_anew(kind):
    torch._dynamo.reset()
    model, x = net().eval(), torch.randn(5, 4)
    plain = model(x)
    compiled = model
    if kind == "torch.compile":
        compiled = torch.compile(model, backend="aot_eager")
    elif kind == "module.compile":
        model.compile(backend="aot_eager")
    else:
        model[1] = torch.compile(model[1], backend="aot_eager")
    compiled(x)
    before, stance = frames(), torch._dynamo.eval_frame._stance
    with tap(compiled) as one:
        seen = one.read("1", "0:linear#0")
        one.edit({"3": scale(2.0)})
        doubled = compiled(x)
    assert torch.equal(tap(compiled).run((x,), "0")["0"], model[0](x))
    assert torch.equal(doubled, 2 * plain)
    assert torch.equal(seen["0:linear#0"].tanh(), seen["1"])
    assert frames() == before
    torch.testing.assert_close(compiled(x), plain)
    assert frames() == before
    assert torch._dynamo.eval_frame._stance is stance


def test_a_stance_that_somebody_sets_meanwhile_comes_and_goes_as_if_nobody_tapped():
    compiled, x = torch.compile(net().eval(), backend="eager"), torch.randn(1, 4)
    before = torch._dynamo.eval_frame._stance
    with torch.compiler.set_stance("eager_on_recompile"):
        theirs = torch._dynamo.eval_frame._stance
        with tap(compiled):
            compiled(x)
        assert torch._dynamo.eval_frame._stance is theirs
    assert torch._dynamo.eval_frame._stance is before
    with tap(compiled):
        with torch.compiler.set_stance("eager_on_recompile"):
            assert torch._dynamo.eval_frame._stance.stance == "eager_on_recompile"
        seen: list[str] = []
        thread = threading.Thread(target=lambda: seen.append(torch._dynamo.eval_frame._stance.stance))
        thread.start()
        thread.join()
        assert seen == ["default"]
        assert torch._dynamo.eval_frame._stance.stance == "force_eager"
    assert torch._dynamo.eval_frame._stance is before


def test_a_function_compiled_inside_a_forward_is_not_compiled_anew_when_functions_are_read():
    torch._dynamo.reset()

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = torch.compile(lambda x: torch.tanh(x) * 2, backend="aot_eager")

        def forward(self, x):
            return self.act(x)

    model, x = Model(), torch.randn(3)
    model(x)
    before = frames()
    with tap(model) as one:
        seen = one.read(":tanh")
        model(x)
    assert torch.equal(seen[":tanh"], x.tanh())
    model(x)
    assert frames() == before


def trained(model, x, steps):
    """Losses of a training with dropout."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(3)
    losses = []
    for _ in range(steps):
        noise = torch.rand(x.shape, generator=generator)
        loss = model(x * (noise > 0.2)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.slow
@pytest.mark.parametrize("backend", [None, "inductor"])
def test_tapping_one_model_changes_no_bit_of_what_another_thread_trains(backend):
    def job():
        torch._dynamo.reset()
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3))
        return model if backend is None else torch.compile(model, backend=backend)

    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(1))
    alone = trained(job(), x, 300)
    compiled = frames()
    other, y = net(), torch.randn(2, 4)
    other_compiled = torch.compile(net(), backend="eager")
    watched: list[float] = []
    counters.clear()
    model = job()
    thread = threading.Thread(target=lambda: watched.extend(trained(model, x, 300)))
    looks = 0
    thread.start()
    while thread.is_alive():
        for one in (other, other_compiled):
            with tap(one) as open_tap:
                open_tap.read("1", "0:linear#0")
                open_tap.edit({"0": ablate()})
                one(y)
            looks += 1
    thread.join()
    assert looks > 20
    assert watched == alone
    if backend:
        assert frames()[1].get("unique_graphs") == compiled[1].get("unique_graphs")


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant, shared=False):
        super().__init__()
        self.reentrant = reentrant
        first = net(1)[:2]
        self.blocks = nn.ModuleList([first, first if shared else nn.Sequential(nn.Linear(8, 8), nn.Tanh())])
        if shared:
            first[0] = nn.Linear(4, 4)

    def forward(self, x, *, recompute=True):
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant) if recompute else block(x)
        return x


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_forwards_are_edited_again_when_they_are_computed_again(reentrant):
    model = Checkpointed(reentrant=reentrant)
    x = torch.randn(3, 4, requires_grad=True)
    gradients = []
    for recompute in (True, False):
        model.zero_grad()
        with tap(model) as one:
            one.edit({"blocks.0.0": scale(3.0), "blocks.1.1:tanh#0": scale(0.5)})
            seen = one.read("blocks.0.0", "blocks.1.1:tanh#0")
            model(x, recompute=recompute).sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
        assert len(seen) == 2
        assert not seen.warnings
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_an_edit_of_one_of_several_checkpointed_calls_is_refused():
    model = Checkpointed(reentrant=False, shared=True)
    with tap(model) as one:
        one.edit({"blocks.0.0": scale(2.0)})
        output = model(torch.randn(3, 4, requires_grad=True))
        with pytest.raises(ModelError, match="computed again for its gradient"):
            output.sum().backward()


def test_a_training_step_inside_a_tap_is_the_step_without():
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    results = []
    for tapped in (False, True):
        model = net()
        optimiser = torch.optim.SGD(model.parameters(), 0.1)
        torch.manual_seed(7)
        with tap(model) if tapped else torch.enable_grad() as one:
            if tapped:
                one.read("1", "3:linear", "2:inputs")
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
        results.append([*model.state_dict().values(), torch.get_rng_state()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("kind", ["decoder", "encoder and decoder"])
def test_generation_writes_the_same_tokens_and_its_last_step_is_read(kind):
    import transformers

    torch.manual_seed(0)
    if kind == "decoder":
        config = transformers.GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=40, n_positions=32)
        model, address = transformers.GPT2LMHeadModel(config).eval(), "transformer.h.1"
    else:
        config = transformers.T5Config(
            vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
        )
        model, address = transformers.T5ForConditionalGeneration(config).eval(), "decoder.block.1[0]"
    ids = torch.randint(3, 40, (1, 5))
    options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    plain = model.generate(ids, **options)
    with tap(model) as one:
        seen = one.read(address, *(["encoder.block.1[0]"] if "encoder" in kind else []))
        tokens = model.generate(ids, **options)
    assert torch.equal(tokens, plain)
    assert seen[address].shape == (1, 1, 16)
    if "encoder" in kind:  # computed once, before the steps of the decoder
        assert seen["encoder.block.1[0]"].shape == (1, 5, 16)


def test_values_read_in_inference_mode_can_be_used_outside_of_it():
    model, x = net().eval(), torch.randn(2, 4)
    with torch.inference_mode(), tap(model) as one:
        seen = one.read("1", "0:linear")
        one.edit({"0": scale(2.0)})
        model(x)
    weight = torch.ones(8, requires_grad=True)
    (seen["1"] * weight).sum().backward()
    assert torch.equal(weight.grad, seen["1"].sum(0))
    assert not seen["0:linear"].is_inference()


def test_bfloat16_is_read_and_edited_as_it_is():
    model, x = net().eval().bfloat16(), torch.randn(2, 4).bfloat16()
    stored = tap(model).run((x,), "0", "1")
    assert stored["0"].dtype is torch.bfloat16
    with tap(model) as one:
        one.edit({"0": scale(2.0)})
        assert model(x).dtype is torch.bfloat16


def test_autocast_values_have_the_dtype_of_the_kernel():
    model, x = net().eval(), torch.randn(2, 4)
    with torch.autocast("cpu", torch.bfloat16), tap(model) as one:
        seen = one.read("0", "0:linear")
        model(x)
    assert seen["0"].dtype is torch.bfloat16
    assert torch.equal(seen["0"], seen["0:linear"])


def encoder():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.TransformerEncoder(layer, 2).eval(), torch.randn(2, 5, 8)


def test_the_fused_encoder_keeps_its_kernel_until_something_inside_it_is_asked_for():
    model, x = encoder()
    mask = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.no_grad():
        plain = model(x, src_key_padding_mask=mask)
        with tap(model) as one:
            one.read("layers.0")
            assert torch.equal(model(x, src_key_padding_mask=mask), plain)
        with tap(model) as one:
            seen = one.read("layers.0.linear1", "layers.1.self_attn[0]", "layers.0", "layers.0:relu#0")
            close = model(x, src_key_padding_mask=mask)
    torch.testing.assert_close(close[0], plain[0])
    assert seen["layers.0.linear1"].shape == (2, 5, 16)
    assert set(seen) >= {"layers.0.linear1", "layers.1.self_attn[0]", "layers.0"}
    assert all("forward" not in vars(module) for module in model.modules())
    assert "layers.0.linear1" in [site.address for site in tap(model).discover((x,))]


def test_a_fused_layer_is_edited_and_nested_taps_may_close_in_any_order():
    model, x = encoder()
    first, second = tap(model), tap(model)
    with torch.no_grad():
        first.__enter__()
        second.__enter__()
        second.read("layers.1")
        first.edit({"layers.1": torch.zeros_like})
        assert not model(x).any()
        first.__exit__(None, None, None)
        seen = second.read("layers.1")
        assert torch.equal(model(x), seen["layers.1"])
        second.__exit__(None, None, None)
    assert all("forward" not in vars(module) for module in model.modules())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["trace", "script"])
def test_a_torch_jit_part_is_read_by_its_output_and_says_so(kind):
    inner, x = net().eval(), torch.randn(2, 4)
    jitted = torch.jit.trace(inner, x) if kind == "trace" else torch.jit.script(inner)
    model = nn.Sequential(jitted, nn.Linear(3, 2))
    plain = model(x)
    with tap(model) as one:
        seen = one.read("0", "1:linear")
        one.edit({"0": scale(2.0)})
        edited = model(x)
        with pytest.raises(AddressError, match=r"inside the torch.jit module '0'"):
            one.read("0.1")
        with pytest.raises(AddressError, match="only its output"):
            one.read("0:linear")
    assert torch.equal(seen["0"], 2 * inner(x))
    assert not torch.equal(plain, edited)
    assert "hook" in seen.warnings["0"]
    assert torch.equal(model(x), plain)
    with tap(jitted) as one:
        seen = one.read("")
        jitted(x)
    assert torch.equal(seen[""], inner(x))


class Spread(nn.Module):
    """A model that runs a part of itself in another thread."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        results = []
        thread = threading.Thread(target=lambda: results.append(self.second(x)))
        thread.start()
        thread.join()
        return self.first(x) + results[0]


def test_a_part_that_a_forward_runs_in_another_thread_is_read_with_a_warning_and_not_edited():
    model, x = Spread(), torch.randn(2, 4)
    with tap(model) as one:
        seen = one.read("first", "second", "second:linear")
        model(x)
    assert torch.equal(seen["second"], model.second(x))
    assert "another thread" in seen.warnings["second"]
    assert "first" not in seen.warnings
    assert "second:linear" in seen.dropped
    with tap(model) as one:
        one.edit({"second": scale(0.0)})
        with pytest.warns(UserWarning, match="'second' was not applied"):
            model(x)


def test_a_tap_in_each_of_several_threads():
    model, results = net().eval(), {}

    def look(i):
        x = torch.full((2, 4), float(i))
        for _ in range(20):
            with tap(model) as one:
                one.edit({"0": scale(float(i))})
                seen = one.read("0", "1:tanh")
                model(x)
            results.setdefault(i, []).append(torch.equal(seen["1:tanh"], (model[0](x) * i).tanh()))

    threads = [threading.Thread(target=look, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(len(v) == 20 and all(v) for v in results.values())
    assert len(results) == 4
    assert not any(m._forward_hooks for m in model.modules())


def test_a_tap_is_read_in_the_thread_that_entered_it():
    model, errors = net(), []
    with tap(model) as one:

        def ask():
            try:
                one.read("0:linear")
            except ModelError as error:
                errors.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert "another thread" in errors[0]


def test_a_step_waits_for_the_forward_that_is_being_read():
    from workbench.core import live

    model, order = net(), []

    class Slow(nn.Module):
        def forward(self, x):
            stepping.start()
            stepping.join(0.3)
            order.append("read")
            return x

    def step():
        one = live.Step(0)
        one.enter(0)
        order.append("step")
        one.leave()

    stepping = threading.Thread(target=step)
    model[2] = Slow()
    with tap(model) as one:
        one.read("0")
        model(torch.randn(1, 4))
        stepping.join()
    assert order == ["read", "step"]


def test_an_interrupted_forward_leaves_the_tap_usable_and_the_lock_free():
    from workbench.core import live

    model, x = net().eval(), torch.randn(1, 4)

    def interrupt(_):
        raise KeyboardInterrupt

    with tap(model) as one:
        one.edit({"1": interrupt})
        with pytest.raises(KeyboardInterrupt):
            model(x)
        one._engine._edits.clear()
        seen = one.read("1")
        model(x)
        assert torch.equal(seen["1"], model[0](x).tanh())
    got = []
    thread = threading.Thread(target=lambda: (live.look().__enter__(), got.append(1)))
    thread.start()
    thread.join(5)
    assert got


def test_a_copy_made_while_a_tap_is_open_is_not_tapped():
    model, x = net().eval(), torch.randn(1, 4)
    with tap(model) as one:
        one.edit({"0": torch.zeros_like})
        other = copy.deepcopy(model)
        assert not torch.equal(other(x), model(x))
    assert torch.equal(other(x), model(x))


def test_a_model_that_calls_itself_is_counted_by_call():
    class Tree(nn.Module):
        def __init__(self):
            super().__init__()
            self.join = nn.Linear(2, 2)

        def forward(self, x, depth=2):
            return self.join(x if depth == 0 else self(x, depth - 1))

    model, x = Tree(), torch.randn(1, 2)
    with tap(model) as one:
        seen = one.read("join@2", "", "@2")
        output = model(x)
    assert torch.equal(seen["join@2"], output)
    assert torch.equal(seen[""], output)
    assert torch.equal(seen["@2"], model.join(x))


DDP = """
import torch, torch.distributed as dist
from torch import nn
from workbench.taps import tap, scale
dist.init_process_group("gloo", init_method="file://{file}", rank=0, world_size=1)
torch.manual_seed(0)
inner = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
model = nn.parallel.DistributedDataParallel(inner)
x = torch.randn(5, 4)
gradients = []
for tapped in (False, True):
    model.zero_grad()
    if tapped:
        with tap(model) as one:
            seen = one.read("0", "module.1", "1:tanh#0")
            model(x).sum().backward()
        assert torch.equal(seen["0"].tanh(), seen["1:tanh#0"]) and torch.equal(seen["module.1"], seen["1:tanh#0"])
        assert [s.address for s in tap(model).discover((x,)).modules] == ["0", "1", "2", ""]
    else:
        model(x).sum().backward()
    gradients.append([p.grad.clone() for p in inner.parameters()])
assert all(torch.equal(a, b) for a, b in zip(*gradients))
dist.destroy_process_group()
print("same")
"""


def test_a_model_in_distributed_data_parallel_is_read_under_its_own_names(tmp_path):
    code = DDP.replace("{file}", str(tmp_path / "store"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip().endswith("same"), done.stderr
