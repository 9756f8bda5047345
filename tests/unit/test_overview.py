"""overview: every part of any module with its cost; figures by closed forms."""

import pytest
import torch
from torch import nn

from workbench.core.errors import AddressError
from workbench.interpret import overview


def test_operations_parameters_and_shapes_of_a_small_network():
    model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    table = overview(model, torch.randn(2, 1, 8, 8))
    assert [p.path for p in table] == ["", "0", "1", "2", "3"]
    assert table["0"].flops == 2 * 2 * 4 * 36 * 9
    assert table["3"].flops == 2 * 2 * 144 * 3
    assert table.flops == table[""].flops == table["0"].flops + table["3"].flops
    assert table.parameters == 36 + 435
    assert table.bytes == 4 * 471
    assert table["1"].output == "2x4x6x6"
    assert table["1"].kind == "ReLU"
    assert table["3"].depth == 1
    assert table[""].children == 4
    assert table.examples == 2
    assert 0.5 < table[""].time_share <= 1.01
    assert sum(table[str(i)].time_share for i in range(4)) <= table[""].time_share
    with pytest.raises(AddressError, match="no part"):
        table["9"]


def test_attention_and_recurrent_kernels_are_counted():
    width, length, batch = 8, 5, 2
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 2, 16, batch_first=True), 2).eval()
    per_layer = 2 * batch * length * (4 * width * width + 2 * width * 16) + 2 * 2 * batch * length * length * width
    assert overview(encoder, torch.randn(batch, length, width)).flops == 2 * per_layer
    cell = nn.LSTM(4, 5, batch_first=True)
    assert overview(cell, torch.randn(2, 3, 4)).flops == 2 * 2 * 3 * 20 * (4 + 5)
    multi = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(2, 5, 8)
    expected = 2 * 2 * 5 * 4 * 64 + 2 * 2 * 2 * 25 * 8
    assert overview(multi, (x, x, x)).flops == expected


def test_experts_are_counted_and_operators_of_others_are_named():
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=32,
        num_local_experts=4,
        num_experts_per_tok=2,
    )
    tokens, model = 14, MixtralForCausalLM(config)
    table = overview(model, {"input_ids": torch.randint(3, 60, (2, 7))})
    assert table["model.layers.0.mlp.experts"].flops == 2 * (2 * tokens) * 3 * 16 * 32

    @torch.library.custom_op("foreign_to_torch::double", mutates_args=())
    def double(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    class Foreign(nn.Module):
        def forward(self, x):
            return double(x)

    assert "foreign_to_torch::double are not counted" in overview(Foreign(), torch.randn(2, 3)).doubt


def test_dead_units_are_those_that_are_zero_on_all_inputs():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([-1e3, 1e3, 1e3, -1e3]))
    table = overview(model, torch.randn(8, 3))
    assert table["1"].dead == 0.5
    assert table["1"].zeros == 0.5
    assert table["2"].dead is None  # it passes on what was dead before
    assert table["0"].dead is None
    convolution = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU())
    with torch.no_grad():
        convolution[0].bias.copy_(torch.tensor([-1e3, 1e3, 1e3, 1e3]))
    assert overview(convolution, torch.randn(2, 1, 3, 3))["1"].dead == 0.25


def test_tied_weights_are_counted_once_and_named():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=8, n_layer=1, n_head=2, n_positions=16))
    table = overview(model, {"input_ids": torch.randint(0, 40, (1, 6))})
    assert ("transformer.wte.weight", "lm_head.weight") in table.tied
    assert table["lm_head"].tied == ("transformer.wte.weight",)
    assert table.parameters == sum(p.numel() for p in model.parameters())
    assert table["lm_head"].parameters == 320


def test_modules_that_do_not_run_are_said():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return {"logits": self.used(x)}

    table = overview(Branch(), torch.randn(3, 2))
    assert table["idle"].calls == 0
    assert table["idle"].output == ""
    assert "idle" in table.doubt
    assert table[""].output == "3x2"


def test_a_shared_module_is_counted_for_every_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(4, 4)

        def forward(self, x):
            return self.step(self.step(x))

    table = overview(Twice(), torch.randn(3, 4))
    assert table["step"].calls == 2
    assert table["step"].flops == table.flops == 2 * 2 * 3 * 16


def test_graphs_mappings_and_a_call_of_ones_own():
    from torch_geometric.data import Data
    from torch_geometric.nn import GATConv

    graph = Data(x=torch.randn(5, 3), edge_index=torch.randint(0, 5, (2, 9)))
    assert overview(GATConv(3, 4, heads=2), graph)[""].output == "5x8"
    assert overview(nn.Linear(3, 2), {"a": torch.randn(4, 3)}, lambda m, x: m(x["a"]))[""].output == "4x2"


def test_the_model_and_the_process_stay_as_they_were():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout()), torch.randn(5, 3)
    state = {k: v.clone() for k, v in model.state_dict().items()}

    def process():
        flags = (torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled)
        return flags, torch.default_generator.get_state().tolist()

    before = process()
    overview(model, x)
    with pytest.raises(RuntimeError):
        overview(model, torch.randn(5, 7))
    assert process()[0] == before[0]
    overview(model, x)
    assert model.training
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert not any(len(m._forward_hooks) for m in model.modules())
    before = process()
    overview(model, x)
    assert process() == before


def test_text_and_html_hold_every_part():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    table = overview(model, torch.randn(5, 3))
    assert "Linear" in str(table)
    assert table.summary.startswith("Sequential: 16 parameters")
    assert table._repr_html_().count("<tr>") == 4


def test_saturated_units_stay_at_a_bound_on_all_inputs():
    squash = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU6())
    with torch.no_grad():
        for layer in (squash[0], squash[2]):
            layer.weight.zero_()
        squash[0].bias.copy_(torch.tensor([9.0, -9.0, 0.0, 1.0]))
        squash[2].bias.copy_(torch.tensor([9.0, -9.0, 3.0, 5.97]))
    table = overview(squash, torch.randn(5, 2))
    assert table["1"].saturated == 0.5  # at +1 and at -1
    assert table["3"].saturated == 0.5  # at 6, and within 1 % of it
    assert table["3"].dead == 0.25  # zero is where a ReLU is dead
    assert table["0"].saturated is None


def test_a_unit_that_leaves_its_bound_once_is_not_saturated():
    gate = nn.Sequential(nn.Sigmoid())
    assert overview(gate, torch.tensor([[99.0, 99.0], [99.0, 0.0]]))["0"].saturated == 0.5
    pictures = torch.full((2, 4, 3, 3), 99.0)
    pictures[1, 0, 2, 2] = 0.0
    assert overview(gate, pictures)["0"].saturated == 0.75
