"""One agent over MCP and one through bin/, from first contact to the end of their work."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.driving import run, terminals
from tests.mcp.shell import Shell
from tests.mcp.talking import CHECKOUT, ask, bounded, there


def _content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def test_an_agent_over_mcp_and_one_in_a_terminal_work_together(home: Path, tmp_path: Path) -> None:
    """Rename, a large message both ways, a broadcast, a thread; a third one registers late and has its mail."""
    scripts = CHECKOUT / "bin"

    async def scene() -> None:
        shell = Shell(tmp_path / "a")
        async with there(home, door=shell.door) as fred:
            await ask(fred, "register", name="fred")
            with terminals(1, home) as (terminal,):
                assert terminal.run(f"{scripts}/ipc-register barney").code == 0
                assert terminal.run(f"{scripts}/ipc-send fred 'shall we begin?'").code == 0
                (message,) = (await ask(fred, "check")).data["messages"]
                assert (message["from"], message["body"], message["verdict"]) == ("barney", "shall we begin?", "pass")
                await ask(fred, "send", in_reply_to=message["ref"], body="yes", data={"step": 1})
                shown = terminal.run(f"{scripts}/ipc-check").out
                assert "from fred" in shown
                assert 'Data: {"step": 1}' in shown

                assert "reaches you until" in (await ask(fred, "rename", new_name="fred-debugging")).text
                assert "forwarded from fred to fred-debugging" in terminal.run(f"{scripts}/ipc-send fred 'hm'").err
                assert [m["body"] for m in (await ask(fred, "check")).data["messages"]] == ["hm"]
                assert "fred is now fred-debugging" in terminal.run(f"{scripts}/ipc-check").out

                log = home / "log"
                log.write_text("".join(f"line {number} of the log\n" for number in range(3000)))
                assert terminal.run(f"{scripts}/ipc-send fred-debugging - <{log}").code == 0
                (large,) = (await ask(fred, "check")).data["messages"]
                assert large["truncated"]
                assert "line 2999 of the log" in _content(large["saved_to"])
                assert (await ask(fred, "read", ref=large["ref"])).data["next_offset"]
                await ask(fred, "send", to="barney", body=log.read_text())
                shown = terminal.run(f"{scripts}/ipc-check").out
                saved = shown.partition("Full content saved to: ")[2].split("\n", 1)[0]
                assert "line 2999 of the log" in _content(saved)

                queued = await ask(fred, "send", to="wilma", body="for later", queue=True)
                assert "queued for wilma" in queued.text
                assert len((await ask(fred, "broadcast", body="lunch")).data["deliveries"]) == 1
                assert "lunch" in terminal.run(f"{scripts}/ipc-check").out
                assert terminal.run(f"{scripts}/ipc-broadcast 'back'").code == 0
                assert [m["body"] for m in (await ask(fred, "check")).data["messages"]] == ["back"]
            async with there(home, "legacy", door=Shell(tmp_path / "b").door) as wilma:
                assert (await ask(wilma, "register", name="wilma")).data["unread"] == 1
                assert [m["body"] for m in (await ask(wilma, "check")).data["messages"]] == ["for later"]
            whole = run(str(scripts / "mipc"), "doctor", home=home)
            assert whole.code == 0, whole

    bounded(scene)
