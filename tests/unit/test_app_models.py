"""What the sidebar asks of a kernel: read without a trace, also beside a busy cell, whatever names and values are."""

import queue
import subprocess
import sys
import time
import timeit
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from torch import nn

from workbench import data
from workbench.app import desk, layers, models, runs
from workbench.objectives import Supervised
from workbench.train import Job, Settings, start

ROOT = Path(__file__).resolve().parent.parent.parent
OPEN = "__import__('workbench.app.desk', fromlist=['x']).opened((lambda: 0).__globals__)"


# In this process


def by_name(namespace: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in models.listing(namespace)["models"]}


def test_a_model_is_listed_with_what_it_is():
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 2)).eval()
    assert by_name({"net": model, "x": 3})["net"] == {
        "name": "net",
        "also": [],
        "code": True,
        "kind": "Sequential",
        "parameters": 8 * 16 + 16 + 16 * 2 + 2,
        "device": "cpu",
        "training": False,
        "runs": [],
        "data": "",
    }


def test_a_model_with_two_names_is_listed_once():
    model = nn.Linear(2, 2)
    assert models.listing({"a b": model, "a": model, "b": model})["models"][0]["name"] == "a"
    assert models.listing({"a b": model, "a": model, "b": model})["models"][0]["also"] == ["a b", "b"]


def test_shared_parameters_count_once_and_lazy_ones_not_at_all():
    tied = nn.ModuleList([nn.Linear(4, 4, bias=False)] * 2)
    lazy = nn.LazyLinear(3)
    found = by_name({"tied": tied, "lazy": lazy})
    assert found["tied"]["parameters"] == 16
    assert found["lazy"]["parameters"] is None


def test_what_ipython_caches_is_not_listed():
    model = nn.Linear(1, 1)
    cached = dict.fromkeys(("_", "__", "___", "_1", "_42", "_i3", "_oh"), model)
    assert models.listing(cached)["models"] == []
    assert set(by_name({**cached, "_mine": nn.Linear(1, 1), "__x__": nn.Linear(1, 1)})) == {"_mine", "__x__"}


class Hostile:
    """Raises whatever one asks of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = None  # type: ignore[assignment]


class Broken(nn.Module):
    """A model that fails when it is asked for anything."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")


def test_broken_values_are_stepped_over_and_broken_models_listed():
    weird = type("<img src=x onerror=alert(1)>", (nn.Module,), {})
    namespace = {
        "h": Hostile(),
        "b": Broken.__new__(Broken),
        3: nn.Linear(1, 1),
        "w": weird(),
        "m": types.ModuleType("m"),
    }
    found = by_name(namespace)
    assert set(found) == {"b", "w"}
    assert found["b"]["parameters"] is None
    assert found["w"]["kind"] == "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "class",
        "",
        "x;import os",
        "x)\nprint(1",
        '"',
        "<b>",
        "\u202eabc",
        "ﬁt",  # a ligature: Python reads fit
        "a" * 300,
        "\ud800",
        "1a",
    ],
)
def test_names_that_are_no_code_say_so(name: str):
    (model,) = models.listing({name: nn.Linear(1, 1)})["models"]
    assert not model["code"]
    model["name"].encode("utf-8")


@pytest.mark.parametrize("name", ["net", "_net", "模型", "été", "__init__", "match"])
def test_identifiers_are_code(name: str):
    assert by_name({name: nn.Linear(1, 1)})[name]["code"]


def test_many_models_are_cut_and_the_rest_counted():
    found = models.listing({f"m{i}": nn.Identity() for i in range(models.MOST_MODELS + 7)})
    assert len(found["models"]) == models.MOST_MODELS
    assert found["more"] == 7


def test_a_large_namespace_is_read_in_time():
    deep = nn.Sequential(*(nn.Linear(2, 2) for _ in range(1000)))
    namespace: dict[str, Any] = (
        {f"v{i}": i for i in range(20_000)} | {f"m{i}": deep[i] for i in range(100)} | {"d": deep}
    )
    assert min(timeit.repeat(lambda: models.listing(namespace), number=1, repeat=5)) < 0.1


def test_layers_lists_parameters_and_buffers():
    found = layers.layers({"m": nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.LazyLinear(1))}, "m")
    rows = {row[0]: row[1:] for row in found["rows"]}
    assert rows["0.weight"] == ["Linear", [2, 3], "float32", 6]
    assert rows["1.num_batches_tracked"] == ["BatchNorm1d", [], "int64", 1]
    assert rows["2.weight"] == ["LazyLinear", [], "float32", None]
    assert found["more"] == 0


def test_layers_of_what_is_no_model_is_a_sentence():
    assert layers.layers({"m": 3}, "m") == {"error": "There is no model of this name any more."}
    assert "RuntimeError" in layers.layers({"m": Broken.__new__(Broken)}, "m")["error"]


def test_an_unknown_wish_is_a_sentence():
    assert "does not know" in desk.answer({}, {"want": "rm"})["error"]
    assert "does not know" in desk.answer({}, {})["error"]


class Slow(nn.Module):
    """A model whose steps take long enough to be watched."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.002)
        return self.linear(x.flatten(1))


def test_a_run_is_found_without_a_variable_and_stopped_by_its_id():
    model = Slow()
    run = start(
        Supervised(), Job(model=model, data=data.load("digits"), settings=Settings(batch_size=8), steps=100_000)
    )
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = desk.answer({"net": model}, {"want": "models"})
            (listed,) = found["models"]
            (seen,) = [r for r in found["runs"] if r["id"] in listed["runs"]]
            if len(seen["losses"]) >= 5:
                break
            time.sleep(0.1)
        assert seen["running"]
        assert seen["status"] == "running"
        assert 0 < seen["step"] < seen["total"] == 100_000
        assert desk.answer({}, {"want": "stop", "run": seen["id"]}) == {"stopped": True}
        run.wait()
        assert run.status == "stopped"
        assert desk.answer({}, {"want": "stop", "run": seen["id"]}) == {"stopped": False}
    finally:
        run.stop()
        run.wait()
    assert not desk.answer({}, {"want": "stop", "run": "nothing"})["stopped"]


def test_a_sparkline_holds_the_mean_of_each_stretch():
    history = types.SimpleNamespace(
        phases=lambda: ["validation", "train"],
        names=lambda phase: ["loss"],
        column=lambda phase, name: (None, torch.arange(480.0).numpy() if phase == "train" else None),
    )
    assert runs.losses(history) == [float(f"{i * 10 + 4.5:.6g}") for i in range(runs.POINTS)]


def test_listing_imports_neither_torch_nor_numpy():
    code = f"{OPEN}; import sys; print(sorted({{'torch', 'numpy', 'IPython'}} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


# In a kernel, as the extension does it


class Kernel:
    """A kernel and a client of it."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, code: str, **how: Any) -> dict[str, Any]:
        """Run a cell and wait."""
        return self.client.execute(code, reply=True, timeout=60, **how)["content"]

    def control(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """Ask on the control channel."""
        sent = self.client.session.msg(kind, content)
        self.client.control_channel.send(sent)
        while True:
            reply = self.client.get_control_msg(timeout=20)
            if reply["parent_header"]["msg_id"] == sent["header"]["msg_id"]:
                return reply["content"]

    def open(self) -> dict[str, Any]:
        """Make the kernel serve, as the extension does first."""
        reply = self.run("", silent=True, store_history=False, user_expressions={"wb": OPEN})
        return reply["user_expressions"]["wb"]["data"]["application/json"]

    def ask(self, **wish: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Ask in a subshell of its own; the answer, and all that came over IOPub until then."""
        subshell = self.control("create_subshell_request", {})["subshell_id"]
        content = {"comm_id": f"c{time.monotonic_ns()}", "target_name": desk.TARGET, "data": wish}
        sent = self.client.session.msg("comm_open", content)
        sent["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(sent)
        seen: list[dict[str, Any]] = []
        try:
            while True:
                seen.append(self.client.get_iopub_msg(timeout=20))
                if seen[-1]["msg_type"] == "comm_msg" and seen[-1]["content"]["comm_id"] == content["comm_id"]:
                    return seen[-1]["content"]["data"], seen
        finally:
            self.control("delete_subshell_request", {"subshell_id": subshell})


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """A kernel with torch and two models."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        kernel = Kernel(client)
        kernel.run("import torch; net = torch.nn.Linear(3, 2); globals()['<b>'] = torch.nn.ReLU()")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def drain(kernel: Kernel) -> None:
    while True:
        try:
            kernel.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            return


def test_a_kernel_is_read_without_a_trace(kernel: Kernel):
    names = {"names": "sorted(globals())", "counter": "get_ipython().execution_count"}
    before = kernel.run("", silent=True, user_expressions=names)["user_expressions"]
    assert {model["name"] for model in kernel.open()["models"]} == {"net", "<b>"}
    for _ in range(3):
        found, _ = kernel.ask(want="models")
        assert {model["name"] for model in found["models"]} == {"net", "<b>"}
    kernel.open()
    assert kernel.run("", silent=True, user_expressions=names)["user_expressions"] == before
    left = kernel.run(
        "",
        silent=True,
        user_expressions={
            "n": "(len(get_ipython().kernel.comm_manager.comms), __import__('threading').active_count())"
        },
    )["user_expressions"]["n"]["data"]["text/plain"]
    kernel.ask(want="models")
    again = kernel.run(
        "",
        silent=True,
        user_expressions={
            "n": "(len(get_ipython().kernel.comm_manager.comms), __import__('threading').active_count())"
        },
    )["user_expressions"]["n"]["data"]["text/plain"]
    assert left == again
    assert kernel.control("list_subshell_request", {})["subshell_id"] == []


BUSY = """
import time
noted = []
get_ipython().events.register('post_execute', lambda: noted.append(1))
for i in range(40):
    print(i, flush=True)
    time.sleep(0.05)
asked = input()
early = len(noted)
"""


def test_a_busy_cell_is_answered_beside_and_not_disturbed(kernel: Kernel):
    kernel.open()
    drain(kernel)
    cell = kernel.client.execute(BUSY, allow_stdin=True)
    time.sleep(0.3)
    kernel.ask(want="models")
    waits, parents = [], set()
    for _ in range(5):
        began = time.perf_counter()
        found, seen = kernel.ask(want="models")
        waits.append(time.perf_counter() - began)
        assert {model["name"] for model in found["models"]} == {"net", "<b>"}
        streams = [m for m in seen if m["msg_type"] == "stream"]
        parents |= {m["parent_header"]["msg_id"] for m in streams}
        time.sleep(0.1)
    assert sorted(waits)[2] < 0.3
    assert parents <= {cell}
    assert kernel.client.get_stdin_msg(timeout=20)["msg_type"] == "input_request"
    kernel.client.input("yes")
    reply = kernel.client.get_shell_msg(timeout=20)
    while reply["parent_header"]["msg_id"] != cell:
        reply = kernel.client.get_shell_msg(timeout=20)
    assert reply["content"]["status"] == "ok"
    shown = kernel.run("", silent=True, user_expressions={"n": "(asked, early)"})["user_expressions"]["n"]
    assert shown["data"]["text/plain"] == "('yes', 0)"


def test_a_kernel_without_torch_says_so():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        assert Kernel(client).open() == {"torch": False, "models": [], "runs": [], "more": 0}
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
