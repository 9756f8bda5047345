"""LRP: each rule against its formula in loops, conservation on whole architectures, and where it is known to fail."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.core.errors import ConfigError, DataError
from workbench.interpret import explain

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def mlp(*, bias=True):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6, bias=bias), nn.ReLU(), nn.Linear(6, 3, bias=bias))


def shares(x, layer, rule, epsilon=0.0, gamma=0.0, alpha=1.0):
    """(inputs, outputs) which part of an output's relevance an input has, cell by cell from the papers."""
    found = torch.zeros(len(x), len(layer.weight))
    for k in range(len(layer.weight)):
        parts = [float(x[j] * layer.weight[k, j].detach()) for j in range(len(x))]
        bias = 0.0 if layer.bias is None else float(layer.bias[k])
        z = sum(parts) + bias
        for j, part in enumerate(parts):
            if rule == "epsilon":
                found[j, k] = part / (z + epsilon * (1 if z >= 0 else -1))
            elif rule == "gamma":
                mine = (lambda v: max(v, 0.0)) if z > 0 else (lambda v: min(v, 0.0))
                total = sum(p + gamma * mine(p) for p in parts) + bias + gamma * mine(bias)
                found[j, k] = (part + gamma * mine(part)) / total
            else:
                plus = sum(max(p, 0.0) for p in parts) + max(bias, 0.0)
                minus = sum(min(p, 0.0) for p in parts) + min(bias, 0.0)
                positive = max(part, 0.0) / plus if plus else 0.0
                negative = min(part, 0.0) / minus if minus else 0.0
                found[j, k] = alpha * positive - (alpha - 1) * negative
    return found


@pytest.mark.parametrize(
    ("rule", "settings"),
    [("epsilon", {"epsilon": 0.3}), ("gamma", {"gamma": 0.5}), ("alpha_beta", {}), ("alpha_beta", {"alpha": 2.0})],
)
@pytest.mark.parametrize("bias", [True, False])
def test_every_rule_is_its_formula_on_two_layers(rule, settings, bias):
    model, x = mlp(bias=bias), torch.randn(3, 4)
    found = explain(model, x, "lrp", target=2, dense=rule, **{"epsilon": 0.0, **settings}).scores
    for row, scores in zip(x, found, strict=True):
        hidden = model[0](row).detach()
        at_hidden = shares(hidden.relu(), model[2], rule, **settings)[:, 2] * model(row)[2].detach()
        assert torch.allclose(scores, shares(row, model[0], rule, **settings) @ at_hidden, atol=1e-4)


def test_captums_documented_case():
    from captum.testing.helpers.basic_models import SimpleLRPModel

    found = explain(SimpleLRPModel(inplace=True).eval(), torch.tensor([[1.0, 2.0, 3.0]]), "lrp", epsilon=0.0)
    assert torch.allclose(found.scores, torch.tensor([[18.0, 36.0, 54.0]]))
    assert float(found.relative_gap) == 0


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.seeing = nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
        )
        self.saying = nn.Sequential(nn.Linear(36, 5), nn.ReLU(), nn.Linear(5, 2))

    def forward(self, x):
        return self.saying(self.seeing(x).flatten(1))


@pytest.mark.parametrize("convolution", ["epsilon", "gamma", "alpha_beta"])
def test_composites_equal_captum_on_positive_pictures(convolution):
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule

    model, x = Convolutional(), torch.rand(2, 2, 8, 8)
    for module in model.seeing:  # captum's rules for signs leave biases where no part of this size can go
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias)
    rules = {"epsilon": EpsilonRule, "gamma": GammaRule, "alpha_beta": Alpha1_Beta0_Rule}
    for module in (*model.seeing, *model.saying):
        if isinstance(module, nn.Conv2d):
            module.rule = rules[convolution]()
        elif isinstance(module, nn.Linear):
            module.rule = EpsilonRule(epsilon=1e-6)
    expected = LRP(model).attribute(x.clone(), target=1).detach()
    found = explain(model, x, "lrp", target=1, convolution=convolution)
    assert torch.allclose(found.scores, expected, atol=1e-5)


class Reused(nn.Module):
    """Functional, reused and in-place activations, and two residual additions."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.act, self.last = nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Linear(8, 3)

    def forward(self, x):
        x = self.act(self.first(x))
        for _ in range(2):
            x = F.relu(x + self.norm(self.second(x)))
        x = F.max_pool2d(x, 2)
        x *= 2.0
        return self.last(x.mean((2, 3)).clamp(min=0))


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu")
        self.body, self.last = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.body(x)[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(5)
        self.body = kind(4, 6, 2, bidirectional=True, batch_first=True)
        self.last = nn.Linear(12, 3)

    def forward(self, x):
        return self.last(self.body(x)[0][:, -1])


def hugging(name):
    import transformers

    torch.manual_seed(6)
    if name == "vit":
        return transformers.ViTForImageClassification(transformers.ViTConfig(image_size=16, patch_size=4, **SIZES))
    if name == "bert":
        return transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=50, **SIZES))
    if name == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=50, n_embd=16, n_layer=2, n_head=2, bos_token_id=None, eos_token_id=None,
            activation_function="gelu",
        )  # fmt: skip
        return transformers.GPT2LMHeadModel(config)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=50, num_key_value_heads=1, **SIZES))


def without_biases(model):
    """What has no input to hand relevance to is set to zero: biases, positions, types, the class token."""
    torch.manual_seed(7)
    for name, parameter in model.named_parameters():
        if any(word in name for word in ("bias", "position", "token_type", "cls_token", "wpe")):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            nn.init.normal_(parameter, 0, 0.3)
    return model


def tokens():
    return {"input_ids": torch.randint(5, 50, (2, 6), generator=torch.Generator().manual_seed(0))}


WHOLE = {
    "convolutional": (Convolutional, lambda: torch.randn(2, 2, 8, 8)),
    "residual": (Reused, lambda: torch.randn(2, 3, 12, 12)),
    "encoder": (Attending, lambda: torch.randn(2, 5, 8)),
    "lstm": (lambda: Recurrent(nn.LSTM), lambda: torch.randn(2, 7, 4)),
    "rnn": (lambda: Recurrent(nn.RNN), lambda: torch.randn(2, 7, 4)),
    "vit": (lambda: hugging("vit"), lambda: torch.randn(2, 3, 16, 16)),
    "bert": (lambda: hugging("bert"), tokens),
    "gpt2": (lambda: hugging("gpt2"), tokens),
    "llama": (lambda: hugging("llama"), tokens),
}


@pytest.mark.parametrize("name", WHOLE)
def test_relevance_is_conserved_where_nothing_absorbs_it(name):
    make, inputs = WHOLE[name]
    model, x = without_biases(make()), inputs()
    for settings in ({}, {"gates": "half"}, {"dense": "gamma"}):
        found = explain(model, x, "lrp", attention="constant", epsilon=1e-9, **settings)
        assert found.method.startswith("LRP")
        assert float(found.relative_gap.max()) < 1e-3, settings
        assert torch.allclose(found.base, torch.zeros(2), atol=1e-5)


@pytest.mark.parametrize("name", WHOLE)
def test_deeplift_adds_up_on_whole_architectures(name):
    make, inputs = WHOLE[name]
    found = explain(make(), inputs(), "deeplift")
    assert found.method.startswith("DeepLIFT")
    assert float(found.relative_gap.max()) < 1e-3


def test_the_gap_is_what_biases_absorb():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 2)), torch.randn(3, 4)
    found = explain(model, x, "lrp", target=1, epsilon=0.0)
    score = model(x)[:, 1].detach()
    assert torch.allclose(found.difference, score)
    assert torch.allclose(found.scores.sum(1), score - model[0].bias[1], atol=1e-5)
    scale = torch.maximum(score.abs(), score.std())
    assert torch.allclose(found.relative_gap, model[0].bias[1].abs().detach() / scale, rtol=0.3)


class OneHead(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(8)
        self.q, self.k, self.v = (nn.Linear(3, 3, bias=False) for _ in range(3))

    def forward(self, x):
        return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))[:, 0].sum(-1)


def test_attention_follows_the_rules_of_attnlrp():
    model, x = OneHead(), torch.randn(1, 4, 3)
    q, k, v = (layer(x[0]).detach() for layer in (model.q, model.k, model.v))
    scores = q @ k.T / 3**0.5
    weights = scores.softmax(-1)
    output = weights @ v
    at_output = torch.zeros(4, 3)
    at_output[0] = output[0]
    at_weights, at_values = torch.zeros(4, 4), torch.zeros(4, 3)
    for j in range(4):
        for i in range(4):
            for p in range(3):  # equation 14
                part = weights[j, i] * v[i, p] * at_output[j, p] / (2 * output[j, p])
                at_weights[j, i] += part
                at_values[i, p] += part
    at_scores = scores * (at_weights - weights * at_weights.sum(-1, keepdim=True))  # equation 13
    at_q, at_k = torch.zeros(4, 3), torch.zeros(4, 3)
    for j in range(4):
        for i in range(4):
            for p in range(3):
                part = q[j, p] * k[i, p] / 3**0.5 * at_scores[j, i] / (2 * scores[j, i])
                at_q[j, p] += part
                at_k[i, p] += part
    naive = torch.zeros(4, 3)
    for layer, relevance, z in ((model.q, at_q, q), (model.k, at_k, k), (model.v, at_values, v)):
        naive += x[0] * ((relevance / z) @ layer.weight)
    found = explain(model, x, "lrp", epsilon=0.0).scores[0]
    assert torch.allclose(found, naive.detach(), atol=1e-5)


def divided(value, parts):
    """The value with a part of its gradient."""
    return value / parts + (value - value / parts).detach()


def test_llama_follows_the_recipe_of_the_authors_of_attnlrp(monkeypatch):
    """As their library LXT patches it: gradients of queries, keys and values divided, norms and gates held fixed."""
    from transformers.models.llama import modeling_llama as llama

    plain = llama.eager_attention_forward

    def attend(module, query, key, value, *args, **kwargs):
        return plain(module, divided(query, 4), divided(key, 4), divided(value, 2), *args, **kwargs)

    def normalise(self, x):
        spread = x.pow(2).mean(-1, keepdim=True)
        return self.weight * x * torch.rsqrt(spread + self.variance_epsilon).detach()

    def mix(self, x):
        gate = self.gate_proj(x)
        held = gate * (self.act_fn(gate) / gate).detach()
        return self.down_proj(divided(held * self.up_proj(x), 2))

    model, ids = hugging("llama"), tokens()["input_ids"][:1]
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.3) if parameter.dim() > 1 else nn.init.ones_(parameter)
    found = explain(model, {"input_ids": ids}, "lrp", epsilon=0.0).scores[0]
    model.set_attn_implementation("eager")
    monkeypatch.setattr(llama, "eager_attention_forward", attend)
    monkeypatch.setattr(llama.LlamaRMSNorm, "forward", normalise)
    monkeypatch.setattr(llama.LlamaMLP, "forward", mix)
    point = model.get_input_embeddings()(ids).detach().requires_grad_()
    score = model(inputs_embeds=point, use_cache=False).logits[0, -1].max()
    (slope,) = torch.autograd.grad(score, point)
    assert torch.allclose(found, (point * slope).sum(-1)[0].detach(), atol=1e-4)


def test_a_gate_takes_half_or_nothing():
    class Gated(nn.Module):
        def forward(self, x):
            return torch.sigmoid(x[:, :1]).view(-1, 1) * x[:, 1:]

    x = torch.tensor([[0.7, 2.0]])
    score = float(Gated()(x))
    half = explain(Gated(), x, "lrp", epsilon=0.0, gates="half").scores
    assert torch.allclose(half, torch.tensor([[score / 2, score / 2]]))
    all_to_signal = explain(Gated(), x, "lrp", epsilon=0.0).scores
    assert torch.allclose(all_to_signal, torch.tensor([[0.0, score]]))


def test_positive_relevance_does_not_see_the_weights_above():
    """Sixt et al. 2020, arXiv:1912.09818: z+ relevance converges to one map, whatever the last layers are."""
    torch.manual_seed(9)
    layers = [part for _ in range(8) for part in (nn.Linear(30, 30), nn.ReLU())]
    model, x = nn.Sequential(*layers, nn.Linear(30, 4)), torch.rand(1, 30)

    def maps():
        found = [explain(model, x, name, target=0, **kw).scores[0] for name, kw in SEEN]
        return [f / f.norm() for f in found]

    before = maps()
    for layer in model[8:]:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    same = [abs(float(one @ other)) for one, other in zip(before, maps(), strict=True)]
    assert same[0] > 0.99  # half of the network is another one, and the map is the same
    assert same[1] < 0.9


SEEN = (("lrp", {"dense": "alpha_beta"}), ("lrp", {"dense": "epsilon"}))


@pytest.mark.parametrize("given", [{"dense": "zplus"}, {"epsilon": -1.0}, {"alpha": 0.5}])
def test_rules_that_there_are_not_are_one_sentence(given):
    with pytest.raises(ConfigError, match=next(iter(given))):
        explain(mlp(), torch.randn(1, 4), "lrp", **given)


# Rules of the layers that read the input


def shares_of_first(x, layer, rule, low, high):
    """(inputs, outputs) which part of an output's relevance an input has, cell by cell from the papers."""
    found = torch.zeros(len(x), len(layer.weight))
    for k, weights in enumerate(layer.weight.detach()):
        if rule == "flat":
            parts = [1.0 for _ in x]
        else:
            parts = [v * w - low * max(w, 0.0) - high * min(w, 0.0) for v, w in zip(x, weights, strict=True)]
        for j, part in enumerate(parts):
            found[j, k] = float(part / sum(parts))
    return found


@pytest.mark.parametrize("rule", ["flat", "z_b"])
def test_every_rule_of_the_first_layer_is_its_formula_also_where_an_input_is_zero(rule):
    model, x = mlp(), torch.randn(3, 4).clamp(-1, 1)
    x[:, 1] = 0
    found = explain(model, x, "lrp", target=2, first=rule, epsilon=0.0, low=-1.5, high=1.0).scores
    for row, scores in zip(x, found, strict=True):
        hidden = model[0](row).detach()
        at_hidden = shares(hidden.relu(), model[2], "epsilon")[:, 2] * model(row)[2].detach()
        assert torch.allclose(scores, shares_of_first(row, model[0], rule, -1.5, 1.0) @ at_hidden, atol=1e-4)


@pytest.mark.parametrize("rule", ["flat", "z_b"])
def test_rules_of_the_first_layer_hand_on_all_relevance_of_a_picture(rule):
    model = without_biases(Convolutional())
    x = torch.rand(2, 2, 8, 8)
    x[:, :, 2:5] = 0  # black, with relevance all the same
    found = explain(model, x, "lrp", first=rule)
    assert float(found.relative_gap.max()) < 1e-3
    assert bool(found.scores[:, :, 3].any())
    assert not bool(explain(model, x, "lrp").scores[:, :, 3].any())


def test_the_flat_rule_shares_alike_among_all_that_an_output_of_a_convolution_sees():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(1, 1, 2, stride=2, bias=False), nn.Flatten()), torch.rand(1, 1, 4, 4)
    found = explain(model, x, "lrp", target=3, first="flat").scores[0, 0]
    expected = torch.zeros(4, 4)
    expected[2:, 2:] = model(x)[0, 3].detach() / 4
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_input_is_the_input_also_when_it_was_arranged_anew():
    torch.manual_seed(0)
    layer, x = nn.Linear(6, 2, bias=False), torch.rand(2, 6)

    class Arranged(nn.Module):
        def forward(self, x):
            return layer(torch.cat(x.reshape(-1, 3, 2).transpose(1, 2).flatten(1).chunk(1, 1), 1))

    class Cut(nn.Module):
        def forward(self, x):
            return F.linear(x.chunk(2, 1)[1], layer.weight[:, :3])

    found = explain(Cut(), x, "lrp", target=0, first="flat").scores
    score = Cut()(x)[:, :1].detach()
    assert torch.allclose(found, torch.cat([torch.zeros(2, 3), score.expand(-1, 3) / 3], 1), atol=1e-6)
    assert (
        "no layer of Arranged with weights reads the input itself" in explain(Arranged(), x, "lrp", first="flat").doubt
    )


def test_the_flat_rule_does_not_see_what_the_first_layer_weighs_and_bounds_move_the_map():
    model, x = nn.Linear(3, 1, bias=False), torch.tensor([[1.0, 2.0, 0.0]])
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 0.0, 1.0]]))
    flat = explain(model, x, "lrp", first="flat").scores
    assert torch.allclose(flat, torch.full((1, 3), 1 / 3))  # the second is not used, the third is zero
    tight, wide = (explain(model, x, "lrp", first="z_b", low=low, epsilon=0.0).scores for low in (0.0, -9.0))
    assert torch.allclose(tight, torch.tensor([[1.0, 0.0, 0.0]]))
    assert torch.allclose(wide, torch.tensor([[10 / 19, 0.0, 9 / 19]]))


def test_bounds_that_do_not_hold_the_input_are_one_sentence():
    with pytest.raises(DataError, match=r"outside low=0 and high=0\.5"):
        explain(mlp(), torch.ones(1, 4), "lrp", first="z_b", low=0.0, high=0.5)
    with pytest.raises(ConfigError, match="low"):
        explain(mlp(), torch.ones(1, 4), "lrp", first="z_b", low=1.0)
