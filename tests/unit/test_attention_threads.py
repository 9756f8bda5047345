"""AttentionTap beside other threads: what they run, and every function they share with the tapped model, stays."""

import copy
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from workbench.taps import AttentionTap

IDS = torch.arange(8)[None]
EDGES = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])


def gpt2(seed=0, **options):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    sizes = {"n_layer": 1, "n_embd": 16, "n_head": 2, "vocab_size": 50, "n_positions": 32}
    return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, **options))


class MultiHead(nn.Module):
    """An ``nn.MultiheadAttention`` that is asked for no weights."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


def gat():
    from torch_geometric.nn import GATConv

    return GATConv(3, 4, heads=2)


def kinds():
    """Models whose attention is torch calls, each with its inputs and how many attentions it computes."""
    return {
        "sdpa": (gpt2(1), (IDS,), 1),
        "eager": (gpt2(1, attn_implementation="eager"), (IDS,), 1),
        "multi-head": (MultiHead(), (torch.randn(5, 1, 8),), 1),
        "edges": (gat(), (torch.randn(4, 3), EDGES), 1),
    }


@cache
def spaces():
    """Where functions stand that all models of this process have in common."""
    import torch_geometric.nn.conv.gat_conv as convolution
    import transformers.modeling_utils as library

    found = {
        "F": vars(F),
        "PyG": vars(convolution),
        "PyG's softmax": vars(sys.modules["torch_geometric.utils._softmax"]),
    }
    found["transformers"] = library.AttentionInterface._global_mapping
    for name, module in list(sys.modules.items()):
        if name.startswith("transformers.") and "ALL_ATTENTION_FUNCTIONS" in vars(module):
            found[name] = module.ALL_ATTENTION_FUNCTIONS._local_mapping
    return found


def shared():
    """All of those functions, by where they stand."""
    from torch._dynamo import eval_frame

    found = {
        (space, key): value for space, names in spaces().items() for key, value in names.items() if callable(value)
    }
    found["stance", ""] = eval_frame._stance
    found["module", "forward"] = nn.MultiheadAttention.forward
    found["module", "call"] = nn.Module.__call__
    return found


class Looking(TorchFunctionMode):
    """Has another thread look at what is shared, at every torch call, also those made while a tap handles one."""

    def __init__(self, pool):
        super().__init__()
        self.pool, self.before, self.looks, self.changed = pool, shared(), 0, set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():
            now = self.pool.submit(shared).result()
        self.looks += 1
        self.changed |= {key for key in {*now, *self.before} if now.get(key) is not self.before.get(key)}
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["sdpa", "eager", "multi-head", "edges"])
def test_no_function_of_the_process_is_another_while_a_tap_is_open(kind):
    model, inputs, count = kinds()[kind]
    model.eval()
    plain = model(*inputs)
    with ThreadPoolExecutor(1) as pool, Looking(pool) as looking:
        with AttentionTap(model) as one, AttentionTap(model) as two:
            tapped = model(*inputs)
        with AttentionTap(model, gate=lambda module, call: None) as three:
            model(*inputs)
    assert looking.changed == set()
    assert looking.looks > 5
    assert [len(tap.records) for tap in (one, two, three)] == [count] * 3
    assert torch.equal(getattr(plain, "logits", plain), getattr(tapped, "logits", tapped))


def trained(model, steps):
    """Losses of a training that knows nothing of the step lock."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        loss = model(IDS, labels=IDS).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("backend", [None, "inductor"])
def test_attention_of_one_model_changes_no_bit_of_what_another_thread_trains(backend, implementation):
    counters = torch._dynamo.utils.counters

    def job():
        torch._dynamo.reset()
        counters.clear()
        model = gpt2(attn_implementation=implementation, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
        return model if backend is None else torch.compile(model, backend=backend)

    steps = 300 if backend is None else 40
    alone = trained(job(), steps)
    compiled = dict(counters["stats"])
    others = [(model.eval(), inputs) for model, inputs, _ in kinds().values()]
    with ThreadPoolExecutor(1) as pool:
        watched, looks = pool.submit(trained, job(), steps), 0
        while not watched.done():
            for other, inputs in others:
                with AttentionTap(other) as tap:
                    other(*inputs)
                assert len(tap.records) == 1
                looks += 1
    assert looks > 20
    assert watched.result() == alone
    assert dict(counters["stats"]) == compiled


@pytest.fixture
def fused():
    """A kernel of one's own, registered with transformers, that makes no torch call which a mode could see."""
    from transformers.modeling_utils import AttentionInterface

    name, calls = "fused_of_this_test", []

    def kernel(module, query, key, value, attention_mask, scaling=None, **_):
        if not torch.compiler.is_compiling():
            calls.append(module)
        with torch._C.DisableTorchFunction():
            output = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
            return output.transpose(1, 2).contiguous(), None

    AttentionInterface.register(name, kernel)
    yield SimpleNamespace(name=name, kernel=kernel, calls=calls, table=AttentionInterface._global_mapping)
    AttentionInterface._global_mapping.pop(name, None)


def test_a_fused_kernel_is_told_of_while_a_model_that_uses_it_runs_and_no_other_is_touched(fused):
    model, other = (gpt2(1, attn_implementation=fused.name).eval() for _ in range(2))
    plain, meanwhile = gpt2(1, attn_implementation="eager").eval(), []

    def elsewhere(*_):
        thread = threading.Thread(target=lambda: meanwhile.append((shared(), other(IDS).logits)))
        thread.start()
        thread.join()

    before, expected, own = shared(), plain(IDS, output_attentions=True).attentions[0], model(IDS).logits
    model.transformer.h[0].mlp.register_forward_hook(elsewhere)
    with AttentionTap(model, exact=True) as one, AttentionTap(model, exact=True) as two:
        assert shared() == before
        tapped = model(IDS).logits
        assert shared() == before
    ((now, theirs),) = meanwhile
    assert now == before
    assert torch.equal(tapped, own)
    assert torch.equal(theirs, own)
    assert len(fused.calls) == 3
    for tap in (one, two):
        (record,) = tap.records
        assert (record.module, record.kind) == ("transformer.h.0.attn", f"transformers:{fused.name}")
        assert torch.allclose(record.weights, expected, atol=1e-6)
        assert record.error < 1e-5


def test_a_forward_that_raises_puts_a_fused_kernel_back(fused):
    model, before = gpt2(1, attn_implementation=fused.name).eval(), shared()

    def fail(*_):
        assert "forward" in vars(model.transformer.h[0].attn)
        raise ZeroDivisionError

    handle = model.transformer.h[0].mlp.register_forward_hook(fail)
    with AttentionTap(model) as tap:
        with pytest.raises(ZeroDivisionError):
            model(IDS)
        assert "forward" not in vars(model.transformer.h[0].attn)
        assert shared() == before
        handle.remove()
        model(IDS)
    assert len(tap.records) == 2
    assert shared() == before


@pytest.mark.slow
def test_a_compiled_training_with_a_kernel_never_meets_a_look_at_another_model_with_it(fused):
    def job():
        torch._dynamo.reset()
        return torch.compile(gpt2(attn_implementation=fused.name, attn_pdrop=0.0), backend="aot_eager")

    alone = trained(job(), 30)
    other = gpt2(1, attn_implementation=fused.name).eval()
    with ThreadPoolExecutor(1) as pool:
        watched, looks = pool.submit(trained, job(), 30), 0
        while not watched.done():
            with AttentionTap(other) as tap:
                other(IDS)
            assert len(tap.records) == 1
            looks += 1
    assert looks > 5
    assert watched.result() == alone


def test_a_model_that_changes_to_a_fused_kernel_while_it_is_tapped_is_still_seen(fused):
    model = gpt2(1).eval()
    with AttentionTap(model) as tap:
        model(IDS)
        model.set_attn_implementation(fused.name)
        model(IDS)
    assert [record.kind for record in tap.records] == ["transformers:sdpa", f"transformers:{fused.name}"]
    assert torch.allclose(tap.records[0].weights, tap.records[1].weights, atol=1e-6)
    assert fused.table[fused.name] is fused.kernel


def patched(model):
    """The model with forwards put in their place, as accelerate does."""
    for block in model.transformer.h:
        block.attn.forward = partial(type(block.attn).forward, block.attn)
    return model


def test_a_module_with_another_forward_is_told_of_by_swapping_its_kernel(fused):
    model, before = patched(gpt2(1, attn_implementation=fused.name).eval()), shared()
    own, forward = model(IDS).logits, model.transformer.h[0].attn.forward
    meanwhile = []
    handle = model.transformer.h[0].mlp.register_forward_hook(lambda *_: meanwhile.append(shared()))
    with AttentionTap(model) as tap:
        assert torch.equal(model(IDS).logits, own)
    handle.remove()
    changed = {key for key in before if meanwhile[0][key] is not before[key]}
    assert changed == {("transformers", fused.name)}
    assert shared() == before
    assert model.transformer.h[0].attn.forward is forward
    assert [record.kind for record in tap.records] == [f"transformers:{fused.name}"]


def test_an_attention_module_alone_is_told_of(fused):
    attend, hidden = gpt2(1, attn_implementation=fused.name).eval().transformer.h[0].attn, torch.randn(1, 8, 16)
    own, before = attend(hidden)[0], shared()
    with AttentionTap(attend) as tap:
        assert torch.equal(attend(hidden)[0], own)
    assert [record.kind for record in tap.records] == [f"transformers:{fused.name}"]
    assert shared() == before


def test_a_copy_that_is_made_meanwhile_is_the_model_as_it_was(fused):
    model, copies = gpt2(1, attn_implementation=fused.name).eval(), []
    attend, hidden = model.transformer.h[0].attn, torch.randn(1, 8, 16)
    model.transformer.h[0].mlp.register_forward_hook(lambda *_: copies.append(copy.deepcopy(attend)))
    with AttentionTap(model):
        model(IDS)
    assert copies[0].forward.__self__ is copies[0]
    assert torch.equal(copies[0](hidden)[0], attend(hidden)[0])


def test_a_kernel_that_is_registered_anew_while_it_is_swapped_stays(fused):
    model, new = gpt2(1, attn_implementation=fused.name).eval(), partial(fused.kernel)
    patched(model)
    model.transformer.h[0].mlp.register_forward_hook(lambda *_: fused.table.update({fused.name: new}))
    with AttentionTap(model):
        model(IDS)
    assert fused.table[fused.name] is new


def llama(implementation):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": 50}
    config = LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, pad_token_id=0)
    model = LlamaForCausalLM(config).eval()
    model.set_attn_implementation(implementation)
    return model


@pytest.mark.slow
def test_flex_attention_is_told_of_and_runs_as_without_a_tap():
    torch._dynamo.reset()
    model, inputs = llama("flex_attention"), {"input_ids": IDS.repeat(2, 1), "attention_mask": torch.ones(2, 8).long()}
    inputs["attention_mask"][0, 6:] = 0
    with torch.no_grad():
        own = model(**inputs).logits
        with AttentionTap(model, exact=True) as tap:
            tapped = model(**inputs).logits
        (expected,) = llama("eager")(**inputs, output_attentions=True).attentions
    (record,) = tap.records
    assert torch.equal(own, tapped)
    assert record.kind == "transformers:flex_attention"
    assert torch.allclose(record.weights[:, :, :6], expected[:, :, :6], atol=1e-6)
    assert record.error < 1e-5


def test_queries_packed_by_key_heads_in_a_decoding_step_come_out_by_head():
    model = llama("sdpa")
    mask = torch.ones_like(IDS)
    mask[0, 0] = 0  # with a mask the kernel gets the queries of a step packed
    options = {"attention_mask": mask, "max_new_tokens": 3, "do_sample": False, "eos_token_id": None}
    with AttentionTap(model, exact=True) as tap:
        model.generate(IDS, **options)
    assert [tuple(r.weights.shape) for r in tap.records] == [(1, 4, 8, 8), (1, 4, 1, 9), (1, 4, 1, 10)]
    model.set_attn_implementation("eager")
    eager = model.generate(IDS, **options, output_attentions=True, return_dict_in_generate=True).attentions
    for record, (shown,) in zip(tap.records, eager, strict=True):
        assert torch.allclose(record.weights[:, :, -1], shown[:, :, -1], atol=1e-5)
        assert record.error < 1e-5


def test_the_edge_softmax_of_pygs_own_kernel_library_is_seen(monkeypatch):
    import torch_geometric.typing
    from torch_geometric import EdgeIndex

    def softmax_csr(src, ptr, _):
        index = torch.repeat_interleave(torch.arange(len(ptr) - 1), ptr.diff())
        whole = src.new_zeros(len(ptr) - 1, *src.shape[1:]).index_add(0, index, src.exp())
        return src.exp() / whole[index]

    library = torch.library.Library("of_this_test", "DEF")
    library.define("softmax_csr(Tensor src, Tensor ptr, int dim) -> Tensor")
    library.impl("softmax_csr", softmax_csr, "CompositeImplicitAutograd")
    layer, x = gat().eval(), torch.randn(4, 3)
    layer.add_self_loops = False
    edges = EdgeIndex(EDGES, sparse_size=(4, 4)).sort_by("col").values
    _, (_, expected) = layer(x, edges.as_tensor(), return_attention_weights=True)
    stand_in = SimpleNamespace(ops=SimpleNamespace(softmax_csr=torch.ops.of_this_test.softmax_csr))
    monkeypatch.setattr(torch_geometric.typing, "WITH_SOFTMAX", True)
    monkeypatch.setattr(sys.modules["torch_geometric.utils._softmax"], "pyg_lib", stand_in)
    with AttentionTap(layer) as tap:
        layer(x, edges)
    (record,) = tap.records
    assert torch.equal(record.edges, edges.as_tensor())
    assert torch.allclose(record.weights, expected, atol=1e-6)
