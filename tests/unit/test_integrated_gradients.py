"""integrated_gradients: complete, equal to captum where captum can go, honest where the gap stays open."""

import pytest
import torch
from torch import nn

from workbench.core.batch import Batch
from workbench.core.errors import ConfigError, DataError
from workbench.interpret import improving_integrated_gradients, integrated_gradients


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Dropout(0.5), nn.Linear(16, 3))


def language_model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=32,
            initializer_range=0.3,
        )
    )


def test_a_linear_model_has_a_closed_form():
    model, x, reference = nn.Linear(4, 2), torch.randn(3, 4), torch.randn(4)
    result = integrated_gradients(model, x, target=1, reference=reference, steps=1)
    assert torch.allclose(result.scores, (x - reference) * model.weight[1], atol=1e-6)
    assert result.converged
    assert result.relative_gap.shape == (3,)


def test_numbers_equal_captum():
    from captum.attr import IntegratedGradients

    model, x = classifier().eval(), torch.randn(4, 5)
    reference = torch.randn(1, 5)
    classes = model(x).argmax(-1)
    expected = IntegratedGradients(model).attribute(
        x, reference.expand_as(x), target=classes, n_steps=32, method="gausslegendre"
    )
    result = integrated_gradients(model, x, reference=reference, steps=32)
    assert torch.allclose(result.scores, expected.float(), atol=1e-5)
    assert result.targets == tuple(str(int(c)) for c in classes)


def test_tokens_equal_captum_at_the_embedding():
    from captum.attr import LayerIntegratedGradients

    model, ids = language_model().eval(), torch.randint(3, 50, (2, 6))
    last = model(ids).logits[:, -1].argmax(-1)
    method = LayerIntegratedGradients(lambda i: model(i).logits[:, -1], model.model.embed_tokens)
    expected = method.attribute(
        ids, baselines=torch.full_like(ids, 2), target=last, n_steps=32, method="gausslegendre"
    ).sum(-1)
    result = integrated_gradients(model, {"input_ids": ids}, steps=32)
    assert "token 2 (eos token)" in result.reference
    assert "next token" in result.target
    assert result.scores.shape == ids.shape
    assert torch.allclose(result.scores, expected.detach(), atol=1e-4)


def test_scores_add_up_to_the_difference_they_explain():
    model, x = classifier(), torch.randn(6, 5)
    result = integrated_gradients(model, x, bound=0.001)
    assert result.converged
    assert torch.allclose(result.scores.sum(1), result.difference, rtol=0.002, atol=1e-5)
    assert not result.warnings


def test_steps_double_until_the_gap_closes_and_a_gap_that_stays_open_is_said():
    class Steep(nn.Module):
        def forward(self, x):
            return torch.tanh(200 * (x - 0.4321)).sum(-1, keepdim=True)

    x = torch.ones(1, 3)
    results = list(improving_integrated_gradients(Steep(), x, reference=0.0, steps=2, most=256))
    assert [r.steps for r in results] == [2 * 2**i for i in range(len(results))]
    assert results[-1].converged
    assert not any(r.converged for r in results[:-1])
    poor = integrated_gradients(Steep(), x, reference=0.0, steps=2, most=4)
    assert poor.steps == 4
    assert not poor.converged
    assert "miss the difference" in poor.doubt
    assert float(poor.relative_gap) > 0.05


def test_a_norm_first_model_jumps_at_zero_and_not_at_the_default_reference():
    class NormFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.RMSNorm(8, eps=1e-8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 3))

        def forward(self, x):
            return self.net(x).mean(1)

    torch.manual_seed(0)
    model, x = NormFirst(), torch.randn(3, 4, 8)
    zero = integrated_gradients(model, x, reference=0.0, most=64)
    assert not zero.converged
    assert zero.warnings
    assert integrated_gradients(model, x, most=64).converged


def test_every_kind_of_reference_is_named():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    assert "blurred" in integrated_gradients(model, torch.randn(1, 1, 8, 8)).reference
    assert "mean of the 4 examples" in integrated_gradients(classifier(), torch.randn(4, 5)).reference
    assert "noise" in integrated_gradients(classifier(), torch.randn(1, 5)).reference
    assert "constant 0.5" in integrated_gradients(classifier(), torch.randn(2, 5), reference=0.5).reference
    given = integrated_gradients(language_model(), {"input_ids": torch.tensor([[3, 4]])}, reference=7)
    assert "given" in given.reference


def test_the_model_and_the_process_stay_as_they_were():
    model, x = classifier().train(), torch.randn(2, 5)
    model[0].weight.requires_grad = False
    before = torch.default_generator.get_state()
    weights = [p.clone() for p in model.parameters()]
    first, second = integrated_gradients(model, x), integrated_gradients(model, x)
    assert torch.equal(first.scores, second.scores)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [False, True, True, True]
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), weights, strict=True))
    assert torch.equal(torch.default_generator.get_state(), before)
    assert not x.requires_grad
    with torch.no_grad():
        assert torch.equal(integrated_gradients(model, x).scores, first.scores)


def test_targets_a_person_gives():
    model, x = classifier(), torch.randn(3, 5)
    classes = torch.tensor([0, 2, 1])
    by_class = integrated_gradients(model, x, target=classes)
    by_function = integrated_gradients(model, x, target=lambda out: out[torch.arange(len(out)), classes])
    assert torch.allclose(by_class.scores, by_function.scores)
    assert by_class.targets == ("0", "2", "1")
    assert integrated_gradients(model, x, target=2).targets == ("2", "2", "2")
    for wrong in (3, -1, [0, 1]):
        with pytest.raises(DataError, match="from 0 to 2"):
            integrated_gradients(model, x, target=wrong)
    with pytest.raises(DataError, match="no classes"):
        integrated_gradients(nn.Linear(5, 1), x, target=0)
    with pytest.raises(DataError, match="position must be"):
        integrated_gradients(model, x, target=(9, 0))


def test_a_node_of_a_graph_depends_on_its_neighbours_only():
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv

    torch.manual_seed(0)
    graph = Data(x=torch.randn(5, 3), edge_index=torch.tensor([[0, 1, 3], [1, 2, 4]]))
    result = integrated_gradients(GCNConv(3, 2), graph, target=(1, 0))
    assert result.scores.shape == (5, 3)
    assert result.relative_gap.shape == (1,)
    assert result.converged
    assert bool(result.scores[[0, 1]].any(1).all())
    assert not bool(result.scores[[2, 3, 4]].any())
    assert list(result.parts) == ["x"]


def test_both_inputs_of_an_encoder_decoder_with_one_embedding_are_explained():
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0)
    )
    inputs = {"input_ids": torch.randint(3, 50, (1, 6)), "decoder_input_ids": torch.randint(3, 50, (1, 3))}
    result = integrated_gradients(model, inputs, most=256)
    assert {name: tuple(s.shape) for name, s in result.parts.items()} == {
        "input_ids": (1, 6),
        "decoder_input_ids": (1, 3),
    }
    assert all(bool(s.any()) for s in result.parts.values())
    assert result.converged


def test_an_encoder_without_a_head_explains_its_mean_vector():
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2))
    result = integrated_gradients(model, {"input_ids": torch.randint(1, 50, (2, 5))})
    assert "mean hidden vector" in result.target
    assert result.scores.shape == (2, 5)
    assert result.converged


def test_a_model_called_in_its_own_way():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 2)

        def forward(self, first, *, second):
            return {"answer": self.inner(first) * second}

    model, x = Odd(), torch.randn(4, 3)
    result = integrated_gradients(model, Batch((x,)), target=0, call=lambda m, i: m(i[0], second=2.0)["answer"])
    reference = x.mean(0)
    assert torch.allclose(result.scores, (x - reference) * model.inner.weight[0] * 2, atol=1e-5)


def test_what_cannot_be_explained_gets_one_sentence():
    with pytest.raises(DataError, match="differentiated"):
        integrated_gradients(nn.Identity(), torch.arange(6).view(2, 3))
    detached = nn.Linear(3, 2)
    with pytest.raises(DataError, match="does not depend"):
        integrated_gradients(detached, torch.randn(2, 3), target=lambda out: out.detach().sum(-1))
    with pytest.raises(ConfigError, match="steps must be 1"):
        integrated_gradients(detached, torch.randn(2, 3), steps=0)
    with pytest.raises(DataError, match="cannot be spread"):
        integrated_gradients(detached, torch.randn(2, 3), reference=torch.zeros(7))
    with pytest.raises(DataError, match="token ids"):
        integrated_gradients(language_model(), {"input_ids": torch.tensor([[3, 4]])}, reference=0.5)


def test_an_input_that_does_not_matter_is_named():
    class Half(nn.Module):
        def forward(self, first, second):
            return first.sum(-1, keepdim=True) + 0 * second.sum()

    result = integrated_gradients(Half(), (torch.randn(2, 3), torch.randn(2, 3)), reference=0.0)
    assert any("does not depend on second" in said for said in result.warnings)


def test_weights_that_change_meanwhile_are_said():
    model = classifier()
    results = improving_integrated_gradients(model, torch.randn(2, 5), steps=1, bound=1e-9, most=8)
    assert not any("weights changed" in said for said in next(results).warnings)
    with torch.no_grad():
        model[0].weight.add_(0.1)
    assert any("weights changed" in said for said in next(results).warnings)


def test_the_papers_are_cited_and_html_is_escaped():
    result = integrated_gradients(classifier(), torch.randn(2, 5))
    assert result.cited[0].arxiv == "1703.01365"
    assert "<td>" in result._repr_html_()
