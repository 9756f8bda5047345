"""A page's wish is heard whatever subshells came and went."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from workbench.app import desk

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
from threading import Event
from workbench.panels.page.base import Panel
from workbench.panels.page.frame import Frame

class Slow(Panel):
    _esm = "export default { render() {} }"
    gate = Event()

    def answers(self, wish):
        if wish.get("late"):
            yield "frame", Frame(meta=dict(wish, part=1))
            self.gate.wait(20)
        yield "frame", Frame(meta=dict(wish, part=2))

panel = Slow()
from workbench.app.desk import opened
_ = opened(globals())
panel.comm.comm_id
"""


@pytest.fixture
def client() -> Iterator[BlockingKernelClient]:
    """A kernel with a panel that answers in two parts."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def control(client: BlockingKernelClient, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    sent = client.session.msg(kind, content)
    client.control_channel.send(sent)
    while True:
        reply = client.get_control_msg(timeout=20)
        if reply["parent_header"]["msg_id"] == sent["header"]["msg_id"]:
            return reply["content"]


def say(client: BlockingKernelClient, kind: str, content: dict[str, Any], subshell: str | None = None) -> str:
    sent = client.session.msg(kind, content)
    if subshell is not None:
        sent["header"]["subshell_id"] = subshell
    client.shell_channel.send(sent)
    return sent["header"]["msg_id"]


def answered(client: BlockingKernelClient, comm: str, part: int) -> dict[str, Any]:
    """The message with which the panel shows a part of its answer."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        message = client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm:
            frame = message["content"]["data"].get("state", {}).get("frame")
            if frame and frame["meta"].get("part") == part:
                return message
    raise AssertionError(f"part {part} was not shown")


def shown(client: BlockingKernelClient, code: str = OPEN) -> str:
    """Run a cell that makes a panel; the id of its comm."""
    sent = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "execute_result" and message["parent_header"]["msg_id"] == sent:
            client.get_shell_msg(timeout=20)
            return str(message["content"]["data"]["text/plain"]).strip("'")
        assert message["msg_type"] != "error", message["content"]["traceback"]


def wish(client: BlockingKernelClient, comm: str, seq: int, subshell: str | None = None, **what: Any) -> str:
    content = {"type": "wish", "seq": seq, "wish": what}
    data = {"comm_id": comm, "data": {"method": "custom", "content": content}}
    return say(client, "comm_msg", data, subshell)


def test_a_wish_is_heard_after_a_subshell_that_asked_meanwhile_has_ended(client: BlockingKernelClient) -> None:
    comm = shown(client)
    wish(client, comm, 1, late=True)
    answered(client, comm, 1)

    # While the panel computes, the sidebar asks something in a subshell of its own, which it then ends.
    subshell = control(client, "create_subshell_request", {})["subshell_id"]
    say(client, "comm_open", {"comm_id": "side", "target_name": desk.TARGET, "data": {"want": "models"}}, subshell)
    while client.get_iopub_msg(timeout=20)["content"].get("comm_id") != "side":
        pass
    say(
        client, "execute_request", {"code": "", "silent": True, "user_expressions": {"x": "panel.gate.set()"}}, subshell
    )
    answered(client, comm, 2)
    control(client, "delete_subshell_request", {"subshell_id": subshell})

    wish(client, comm, 2)
    assert answered(client, comm, 2)["content"]["data"]["state"]["frame"]["seq"] == 2


def test_a_wish_is_heard_after_the_page_that_wished_before_has_gone(client: BlockingKernelClient) -> None:
    comm = shown(client)
    subshell = control(client, "create_subshell_request", {})["subshell_id"]
    wish(client, comm, 1, subshell)
    answered(client, comm, 2)
    control(client, "delete_subshell_request", {"subshell_id": subshell})
    wish(client, comm, 2)
    assert answered(client, comm, 2)["content"]["data"]["state"]["frame"]["seq"] == 2


def test_a_wish_is_heard_beside_a_busy_cell(client: BlockingKernelClient) -> None:
    comm = shown(client)
    subshell = control(client, "create_subshell_request", {})["subshell_id"]
    client.execute("import time; time.sleep(4)")
    wish(client, comm, 1, subshell)
    answered(client, comm, 2)
    assert not client.shell_channel.msg_ready(), "the cell had ended before"
