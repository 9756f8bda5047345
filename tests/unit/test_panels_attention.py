"""The attention panel without a browser: every head of models whose attention is known, at any length."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench import interpret, panels
from workbench.interpret import AttentionMap, AttentionMaps
from workbench.panels import inspector as inspector_file
from workbench.panels.views._attention_layers import layers
from workbench.panels.views._attention_packing import packed
from workbench.panels.views._attention_places import grid_of, own_tokens, placed
from workbench.panels.views._attention_planes import Dense, Edges, reduced


class Known(nn.Module):
    """Attention with the weights it was given, (batch, heads, n, n), in every layer."""

    def __init__(self, *weights):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.layers = nn.ModuleList(Given(one) for one in weights)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x.mean((1, 2))[:, None] * self.gain


class Given(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, x):
        logits = self.weights[..., : x.shape[1], : x.shape[1]].log().expand(len(x), -1, -1, -1)
        return (logits.softmax(-1) @ x[:, None]).mean(1)


class Words:
    all_special_tokens = ("[CLS]", "[SEP]")

    def convert_ids_to_tokens(self, i):
        return ["[CLS]", "<img src=x onerror=alert(1)>", "two", "[SEP]"][i]

    def decode(self, ids):
        return self.convert_ids_to_tokens(ids[0])


class Embedded(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, tokens):
        return self.inner(tokens[..., None].float())


def drawn_from(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).add(0.01).softmax(-1)


def unpacked(message, name="head"):
    array = message["arrays"][name]
    numbers = np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).astype(np.float64)
    bits = 8 * np.dtype(array["dtype"]).itemsize
    if message["meta"].get("against"):
        numbers = (numbers - 2 ** (bits - 1)) / (2 ** (bits - 1) - 1)
        return array["top"] * np.sign(numbers) * np.abs(numbers) ** array["power"]
    return array["top"] * (numbers / (2**bits - 1)) ** array["power"]


def opened(model, inputs, **options):
    return panels.attach(model, inputs, **options).choose("attention")


def ask(panel, **part):
    panel.show({"tab": "attention", "part": part}, 1)
    return panel.detail


# Planes


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_a_pixel_is_the_strongest_weight_of_its_patch(tall, wide, rows, columns, seed):
    weights = torch.randn(tall, wide, generator=torch.Generator().manual_seed(seed))
    small = reduced(weights, rows, columns)
    down, right = (np.arange(n + 1) * m // n for n, m in ((min(rows, tall), tall), (min(columns, wide), wide)))
    assert small.shape == (len(down) - 1, len(right) - 1)
    for i, pixel in np.ndenumerate(small.numpy()):
        patch = weights[down[i[0]] : down[i[0] + 1], right[i[1]] : right[i[1] + 1]].flatten()
        assert pixel in patch
        assert abs(pixel) == pytest.approx(float(patch.abs().max()))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(0, 30), st.integers(1, 8), st.integers(0, 9))
def test_the_edges_of_a_graph_are_drawn_as_their_matrix(nodes, count, most, seed):
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.randperm(nodes * nodes, generator=generator)[:count]
    edges, weights = torch.stack([pairs % nodes, pairs // nodes]), torch.rand(len(pairs), 2, generator=generator)
    dense = torch.zeros(2, nodes * nodes)
    dense[:, pairs] = weights.T
    plane, matrix = Edges(edges, weights, nodes), Dense(dense.view(2, nodes, nodes))
    for rows, columns in (((0, nodes), (0, nodes)), ((nodes // 2, nodes), (0, nodes // 2 + 1))):
        assert torch.equal(plane.window(1, rows, columns, most), matrix.window(1, rows, columns, most))
    assert torch.equal(plane.thumbnails(8), matrix.thumbnails(8))
    assert torch.equal(plane.row(0, nodes - 1), matrix.row(0, nodes - 1))
    assert torch.equal(plane.column(0, 0), matrix.column(0, 0))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_weights_survive_their_journey(bits, signed):
    values = torch.linspace(-1 if signed else 0, 1, 33)
    values[5] = torch.nan
    arrays = packed("head", values, bits=bits, signed=signed)
    message = {"arrays": {"head": arrays["head"].message()}, "meta": {"against": "pinned" if signed else ""}}
    found = unpacked(message)
    assert np.allclose(np.delete(found, 5), np.delete(values.numpy(), 5), atol=2.5 / 2**bits * 2)
    assert np.unpackbits(arrays["head_nan"].data)[:33].nonzero()[0].tolist() == [5]
    assert set(packed("head", values[:5], bits=bits, signed=signed)) == {"head"}


# Layers


def a_map(module, weights, *, step=0, call=0, kind="self"):
    queries, keys = weights.shape[-2:]
    return AttentionMap(
        module=module,
        call=call,
        kind=kind,
        stored=weights,
        queries=(tuple(f"q{keys - queries + i}" for i in range(queries)),),
        keys=(tuple(f"q{i}" for i in range(keys)),),
        step=step,
    )


def test_the_steps_of_a_generation_are_one_triangle():
    whole = drawn_from(0, 1, 2, 6, 6).tril()
    parts = [whole[..., :3, :3], *(whole[..., i : i + 1, : i + 1] for i in range(3, 6))]
    maps = AttentionMaps(maps=tuple(a_map("a", part, step=i, call=i) for i, part in enumerate(parts)))
    (layer,) = layers(maps)
    assert torch.equal(layer.plane(0).window(1, (0, 6), (0, 6), 99), whole[0, 1])
    assert layer.ends == (3, 4, 5, 6)
    assert layer.labels(0) == ([f"q{i}" for i in range(6)],) * 2


def test_the_answers_looks_at_the_question_stand_below_each_other():
    whole = drawn_from(1, 1, 2, 4, 7)
    maps = tuple(a_map("x", whole[..., i : i + 1, :], step=i, call=i, kind="cross") for i in range(4))
    (layer,) = layers(AttentionMaps(maps=maps))
    assert torch.equal(layer.plane(0).window(0, (0, 4), (0, 7), 99), whole[0, 0])
    assert layer.crosses


def test_the_same_positions_looked_at_again_are_steps_and_repeated_calls_of_one_forward_are_layers():
    looks = [drawn_from(i, 1, 2, 5, 5) for i in range(3)]
    again = AttentionMaps(maps=tuple(a_map("a", one, step=i, call=i) for i, one in enumerate(looks)))
    (layer,) = layers(again, 1)
    assert layer.again == 3
    assert torch.equal(layer.plane(0).window(0, (0, 5), (0, 5), 99), looks[1][0, 0])
    shared = AttentionMaps(maps=tuple(a_map("a", one, call=i) for i, one in enumerate(looks)))
    assert [layer.name for layer in layers(shared)] == ["a", "a@1", "a@2"]


# Frames


def sent(panel, work):
    seen = []
    panel.observe(lambda change: seen.append(change["new"]), "frame")
    work()
    return seen


@pytest.mark.parametrize(("length", "first", "most"), [(128, 20_000, 200_000), (512, 1_000_000, 1_000_000)])
def test_twelve_times_twelve_heads_cost_few_bytes(length, first, most, monkeypatch):
    monkeypatch.setattr(inspector_file, "kernel_present", lambda: True)  # other tabs are not asked for
    weights = drawn_from(0, 1, 12, length, length)
    panel = panels.attach(Known(*[weights] * 12), torch.rand(1, length, 4))
    panel.session.max_bytes = 1 << 30
    panel.session.refresh()
    frames = sent(panel, lambda: panel.choose("attention"))
    assert frames[0]["bytes"] <= first
    assert sum(frame["bytes"] for frame in frames) <= most
    assert "thumbs" not in frames[0]["arrays"]
    assert frames[-1]["arrays"]["thumbs"]["shape"][0] == 144
    assert np.allclose(unpacked(frames[-1]), weights[0, 0].numpy(), atol=1e-2)
    panel.close()


def test_a_window_of_a_long_input_has_every_weight_and_the_whole_the_strongest():
    n = 1100
    weights = torch.full((1, 1, n, n), 1e-6)
    weights[0, 0, torch.arange(n), (torch.arange(n) - 1).clamp(0)] = 1
    panel = opened(Known(weights), torch.rand(1, n, 2))
    assert panel.frame["arrays"]["head"]["shape"] == [512, 512]
    whole = unpacked(panel.frame)
    assert whole[np.arange(512), np.arange(512)].min() > 0.9
    part = ask(panel, rows=[600, 610], columns=[595, 612])
    assert part["meta"]["window"] == [600, 610, 595, 612]
    expected = weights[0, 0, 600:610, 595:612].numpy()
    assert np.allclose(unpacked(part), expected, atol=1e-2)
    assert ask(panel, query=700)["meta"]["strip"]["to"][0][0] == 699
    assert part["bytes"] < 2_000
    panel.close()


def test_several_heads_as_one():
    weights = [drawn_from(i, 1, 3, 6, 6) for i in range(2)]
    panel = opened(Known(*weights), torch.rand(1, 6, 2))
    maps = panel.session.attention
    held = [one.weights[0] for one in maps]
    expected = {
        "mean of heads": held[1].mean(0),
        "largest of heads": held[1].amax(0),
        "mean of layers": torch.cat(held).mean(0),
        "largest of layers": torch.cat(held).amax(0),
        "rollout": maps.rollout()[0],
    }
    assert panel.frame["meta"]["overs"] == list(expected)
    for over, values in expected.items():
        assert np.allclose(unpacked(ask(panel, layer=1, over=over)), values, atol=1e-4)
    panel.choose("attention", layer=0, over="rollout")
    assert panel.frame["meta"]["over"] == "rollout"
    assert "layer=0, head=0, over='rollout'" in panel.frame["cell"]
    panel.close()


def test_the_difference_to_the_pinned_head_and_to_a_second_input():
    weights = drawn_from(3, 2, 2, 5, 5)
    model = Known(weights)
    panel = opened(model, torch.rand(2, 5, 2))
    found = ask(panel, head=1, against="pinned", pinned_layer=0, pinned_head=0)
    held = panel.session.attention[0].weights[0]
    assert np.allclose(unpacked(found), held[1] - held[0], atol=1e-3)
    assert ask(panel, head=1, against="other")["meta"]["against"] == ""
    model.layers[0].weights = drawn_from(4, 1, 2, 5, 5)
    panel.session.compare_with(torch.rand(1, 5, 2))
    panel.session.refresh()
    other = panel.session.other.attention[0].weights[0, 1]
    found = ask(panel, head=1, against="other")
    assert np.allclose(unpacked(found), panel.session.attention[0].weights[0, 1] - other, atol=1e-3)
    assert any("difference" in doubt["text"] for doubt in found["doubts"])
    panel.close()


def test_special_tokens_are_hidden_and_html_stays_text():
    weights = drawn_from(5, 1, 1, 4, 4)
    panel = opened(Embedded(Known(weights)), torch.arange(4)[None], processor=Words())
    assert panel.frame["meta"]["special"] == [[0, 3], [0, 3]]
    found = unpacked(ask(panel, hide=1))
    assert found[[0, 3]].max() == found[:, [0, 3]].max() == 0
    assert np.allclose(found[1:3, 1:3], panel.session.attention[0].weights[0, 0, 1:3, 1:3], atol=1e-4)
    assert "<img" not in panel.picture().replace("<img alt=", "")
    panel.close()


def test_weights_that_are_not_numbers_are_counted_and_marked():
    weights = drawn_from(6, 1, 2, 4, 4)
    weights[0, 1, 2] = torch.nan
    panel = opened(Known(weights), torch.rand(1, 4, 2))
    found = ask(panel, head=1)
    marks = np.unpackbits(np.frombuffer(found["arrays"]["head_nan"]["data"], np.uint8))[:16].reshape(4, 4)
    assert marks.tolist() == [[0] * 4, [0] * 4, [1] * 4, [0] * 4]
    assert any(d["level"] == "bad" and "4 of 16 weights" in d["text"] for d in found["doubts"])
    assert "thumbs_nan" in panel.frame["arrays"]
    panel.close()


class Masked(nn.Module):
    """Rows of padding look at nothing."""

    def forward(self, x):
        hole = torch.tensor([False, True, False])[:, None]
        return (((x @ x.mT).softmax(-1).masked_fill(hole, 0)) @ x).mean((1, 2))[:, None]


def test_rows_of_padding_look_at_nothing_and_are_counted():
    panel = opened(Masked(), torch.rand(1, 3, 2))
    assert ["queries without weight", "1 of 3"] in panel.frame["meta"]["facts"]
    panel.close()


def test_one_position_is_drawn_and_none_is_one_sentence(monkeypatch):
    monkeypatch.setattr(inspector_file, "kernel_present", lambda: True)  # saliency of nothing is not asked for
    model = Known(torch.ones(1, 2, 1, 1))
    panel = opened(model, torch.rand(1, 1, 2))
    assert unpacked(panel.frame).tolist() == [[1.0]]
    panel.close()
    panel = opened(Known(torch.ones(1, 2, 0, 0)), torch.rand(1, 0, 2))
    assert panel.frame["refused"] == (
        "This input has no positions, so nothing can look at anything: give one token or more."
    )
    panel.close()


def test_layers_beyond_the_byte_cap_are_computed_when_they_are_chosen():
    weights = [drawn_from(i, 1, 2, 16, 16) for i in range(3)]
    panel = panels.attach(Known(*weights), torch.rand(1, 16, 2))
    panel.session.max_bytes = 2 * 2 * (2 * 16 * 16) * 2  # two layers in the half that attention may hold
    panel.session.refresh()
    panel.choose("attention")
    kept = [layer["kept"] for layer in panel.frame["meta"]["layers"]]
    assert kept.count(False) >= 1
    at = kept.index(False)
    assert any("did not fit under the byte cap" in doubt["text"] for doubt in panel.frame["doubts"])
    found = ask(panel, layer=at, head=1)
    assert found["meta"]["layer"] == at
    assert np.allclose(
        unpacked(found), weights[at][0, 1].numpy() / weights[at][0, 1].sum(-1, keepdim=True).numpy(), atol=1e-4
    )
    panel.close()


def test_a_head_is_switched_off_when_asked():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    panel = opened(model, torch.rand(1, 5, 8))
    facts = dict(map(tuple, ask(panel, head=1, off=1)["meta"]["facts"]))
    found = interpret.knock_out(model, panel.session.batch, [(panel.session.attention[0].name, 1)])
    assert facts["switched off"] == f"output moves by up to {found.largest:.3g}"
    assert "switched off" not in dict(map(tuple, ask(panel, head=1)["meta"]["facts"]))
    panel.close()


@pytest.mark.parametrize(
    "part",
    [
        {"over": "<b>"},
        {"over": 3},
        {"against": ["pinned"]},
        {"rows": [5, 2]},
        {"rows": [99, 120], "columns": "x"},
        {"pinned_layer": 99, "pinned_head": 99, "against": "pinned"},
        {"step": 99, "hide": "yes", "query": -4},
    ],
)
def test_nonsense_becomes_something_that_exists(part):
    panel = opened(Known(drawn_from(0, 1, 2, 4, 4)), torch.rand(1, 4, 2))
    found = ask(panel, **part)
    assert found["meta"]["size"] == [4, 4]
    assert unpacked(found).shape == (4, 4)
    panel.close()


# Places


def test_patches_lie_on_their_picture():
    image = torch.rand(3, 28, 28)
    grid = grid_of(image, 50)
    assert (grid.rows, grid.columns, grid.before) == (7, 7, 1)
    assert grid.labels()[:3] == ["extra token", "0,0", "0,1"]
    assert (grid_of(torch.rand(3, 32, 64), 32).rows, grid_of(torch.rand(3, 32, 64), 32).columns) == (4, 8)
    assert grid_of(image, 24) is None
    assert grid_of(None, 49) is None


def test_neighbours_lie_near_each_other():
    ring = torch.arange(12)
    edges = torch.stack([ring, (ring + 5) % 12])
    at = placed(edges, 12)
    assert at.min() >= 0
    assert at.max() <= 1
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)
    assert apart[edges[0], edges[1]].mean() < 0.7 * apart.sum() / (12 * 11)
    given = torch.rand(12, 3)
    assert np.allclose(np.diff(placed(edges, 12, given)[:, 0]) > 0, np.diff(given[:, 0].numpy()) > 0)


def test_positions_are_called_what_a_person_calls_them():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(16, 8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, ids):
            x = self.embedding(ids)
            return self.attention(x, x, x)[0]

    panel = panels.attach(Reader(), torch.arange(5)[None], columns=["red", "blue", "red", "blue", "end"])
    panel.choose("attention")
    assert panel.frame["meta"]["queries"] == ["red", "blue", "red", "blue", "end"]
    assert panel.frame["meta"]["keys"] == ["red", "blue", "red", "blue", "end"]
    panel.close()


# Two side by side


def signed(message, name="apart"):
    array = message["arrays"][name]
    codes = np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).astype(np.float64)
    half = 2 ** (8 * np.dtype(array["dtype"]).itemsize - 1)
    part = (codes - half) / (half - 1)
    return array["top"] * np.sign(part) * np.abs(part) ** array["power"]


def with_head(weights, layer, head, of):
    """A model like Known(*weights) with one head replaced by another one's."""
    changed = [one.clone() for one in weights]
    changed[layer][:, head] = weights[of[0]][:, of[1]]
    return Known(*changed)


def test_two_models_stand_side_by_side_and_only_the_changed_head_differs():
    weights = [drawn_from(i, 1, 3, 6, 6) for i in range(2)]
    panel = opened(Known(*weights), torch.rand(1, 6, 2))
    panel.compare(model=with_head(weights, 1, 2, (0, 0)))
    largest = np.frombuffer(panel.frame["arrays"]["largest"]["data"], np.float32)
    assert (np.flatnonzero(largest) == [5]).all()
    drawn = signed(panel.frame, "thumbs_apart")
    assert np.abs(drawn[:5]).max() == 0
    assert np.abs(drawn[5]).max() > 0.1

    found = ask(panel, layer=1, head=2)
    first, second = weights[1][0, 2].numpy(), weights[0][0, 0].numpy()
    assert np.allclose(unpacked(found), first, atol=1e-3)
    assert np.allclose(unpacked(found, "second"), second, atol=1e-3)
    assert np.allclose(signed(found), first - second, atol=1e-3)
    assert found["arrays"]["head"]["top"] == found["arrays"]["second"]["top"]
    assert found["meta"]["beside"]["names"] == ["first model", "second model"]
    at = np.unravel_index(np.abs(first - second).argmax(), first.shape)
    assert dict(found["meta"]["facts"])["difference"].endswith(f", {at[0]} \N{RIGHTWARDS ARROW} {at[1]}")
    unchanged = ask(panel, layer=1, head=1)
    assert dict(unchanged["meta"]["facts"])["difference"] == "none"
    assert np.abs(signed(unchanged)).max() == 0
    assert unchanged["arrays"]["apart"]["top"] == pytest.approx(0.01), "rounding is not painted as if it were much"
    assert "beside" not in panel.alone().frame["meta"]
    panel.close()


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ([drawn_from(0, 1, 2, 6, 6)] * 2, "second model has 2 heads in this layer, so there is no 2."),
        ([drawn_from(0, 1, 3, 6, 6)], "second model has 1 attention layers, so there is no 1."),
    ],
    ids=["heads", "layers"],
)
def test_what_has_nothing_beside_it_says_why(other, sentence):
    weights = [drawn_from(i, 1, 3, 6, 6) for i in range(2)]
    panel = opened(Known(*weights), torch.rand(1, 6, 2)).compare(model=Known(*other))
    found = ask(panel, layer=1, head=2)
    assert found["meta"]["beside"]["said"] == sentence
    assert not {"second", "apart"} & set(found["arrays"])
    panel.close()


def test_inputs_of_other_lengths_stand_side_by_side_without_a_difference():
    panel = opened(Known(drawn_from(0, 1, 2, 9, 9)), torch.rand(1, 6, 2))
    panel.session.compare_with(torch.rand(1, 4, 2))
    found = ask(panel, head=1)
    times = "\N{MULTIPLICATION SIGN}"
    said = f"No difference: first input has 6 {times} 6 positions here, second input 4 {times} 4."
    assert found["meta"]["beside"]["said"] == said
    assert found["arrays"]["second"]["shape"] == [4, 4]
    assert "apart" not in found["arrays"]
    assert found["meta"]["beside"]["queries"] == list("0123")
    table = panel.table()
    assert len(table) == 36 + 16
    assert [row[0] for row in table.rows[35:37]] == ["first input", "second input"]
    panel.close()


def test_what_is_compared_is_in_the_table_the_picture_and_the_text():
    weights = [drawn_from(i, 1, 3, 6, 6) for i in range(2)]
    panel = opened(Known(*weights), torch.rand(1, 6, 2)).compare(model=with_head(weights, 1, 2, (0, 0)))
    panel.choose("attention", layer=1, head=2)
    table = panel.table()
    assert table.columns[0] == "input"
    held = {name: [row[-1] for row in table.rows if row[0] == name] for name in ("first model", "second model")}
    assert held["first model"] == pytest.approx(weights[1][0, 2].flatten().tolist(), abs=1e-3)
    assert held["second model"] == pytest.approx(weights[0][0, 0].flatten().tolist(), abs=1e-3)
    image = panel.view("attention").image()
    assert image.shape == (6, 6 * 3 + 2, 3)
    first, second, apart = image[:, :6], image[:, 7:13], image[:, 14:]
    assert (first[..., 0] == first[..., 2]).all()
    assert not np.array_equal(first, second)
    more = (weights[1][0, 2] > weights[0][0, 0] + 0.01).numpy()
    less = (weights[1][0, 2] < weights[0][0, 0] - 0.01).numpy()
    assert (apart[more][:, 2] > apart[more][:, 0]).all(), "blue where the first has more"
    assert (apart[less][:, 0] > apart[less][:, 2]).all(), "orange where the second has more"
    assert "first model minus second model" in panel.picture()
    assert panel.view("attention").text().count("second model") == 1
    panel.close()


# What a head does, and what stands before the patches


def test_facts_of_a_head_name_its_distance_and_its_induction_where_a_token_repeats():
    tokens = torch.tensor([[0, 1, 2, 0, 1, 3]])
    weights = drawn_from(7, 1, 2, 6, 6)
    panel = opened(Embedded(Known(weights)), tokens, processor=Words())
    scored = interpret.attention(panel.session.model, tokens).scores()
    shown = dict(ask(panel, head=1)["meta"]["facts"])
    assert shown["mean distance"] == f"{float(scored.distance[1]):.2f}"
    assert shown["induction"] == f"{float(scored.induction[1]):.2f}"
    found = np.frombuffer(panel.frame["arrays"]["scores"]["data"], np.float32).reshape(2, 6)
    assert np.allclose(found[:, 5], scored.induction, atol=1e-3)
    panel.session.use(torch.tensor([[0, 1, 2, 3]]))
    assert dict(ask(panel, head=1)["meta"]["facts"])["induction"] == "no token repeats"
    panel.close()
    numbers = opened(Known(weights), torch.rand(1, 6, 2))
    assert "induction" not in dict(numbers.frame["meta"]["facts"])
    numbers.close()


class Patched(nn.Module):
    def __init__(self, **own):
        super().__init__()
        for name, count in own.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(1, count, 4)))


@pytest.mark.parametrize(
    ("own", "names"),
    [
        ({"cls_token": 1}, ["class token"]),
        ({"class_embedding": 1}, ["class token"]),
        ({"cls_token": 1, "distillation_token": 1}, ["class token", "distillation token"]),
        ({"register_tokens": 4, "cls_token": 1}, ["class token", *(f"register {i}" for i in range(1, 5))]),
        ({"first": 1}, ["extra token"]),
        ({"cls_token": 1, "mask_token": 1, "reg_token": 1}, ["class token", "register"]),
        ({"cls_token": 1, "other": 2}, ["extra token 1", "extra token 2", "extra token 3"]),
    ],
)
def test_what_stands_before_the_patches_is_called_what_the_model_has(own, names):
    assert own_tokens(Patched(**own), len(names)) == names
