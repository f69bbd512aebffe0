"""key: the spool's key, which this account holds and the spool does not."""

from __future__ import annotations

import os

from ..account import rotate
from ..errors import Usage
from ..render import VERSION, to_json, when
from .arguments import FLAG, Arguments
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "key list | export | import | rotate [--now]"
OPTIONS = {"now": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Do one of the four; a secret is printed by `export` alone, and read by `import` from standard input alone."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    acts = {"list": _list, "export": _export, "import": _import, "rotate": _rotate}
    act = acts.get(given.operands[0]) if len(given.operands) == 1 else None
    if act is None:
        raise Usage("no act", f"mipc {USAGE}")
    return act(call, given)


def _list(call: Call, given: Arguments) -> int:
    spool, keyring, now = call.account.spool_record(), call.account.keyring, call.account.clock()
    rows = [
        (key, since, spool.signing_key() == key, keyring.key(spool.id, key) is not None) for key, since in spool.keys
    ]
    if given.flag("json"):
        keys = [{"id": key, "since": since, "signs": signs, "held": held} for key, since, signs, held in rows]
        call.out(to_json({"v": VERSION, "spool": spool.id, "keys": keys}) + "\n")
        return 0
    for key, since, signs, held in rows:
        begins = f" from {when(since, now)}" if since > now else ""
        call.out(f"{key} {'signs' if signs else 'verifies'}{begins} {'held' if held else 'not held here'}\n")
    return 0


def _export(call: Call, _: Arguments) -> int:
    spool = call.account.spool()
    spool.signing_key()
    secrets = [call.account.keyring.secret(spool.id, key) for key, _ in spool.keys]
    lines = [secret.decode() for secret in secrets if secret is not None]
    call.out("\n".join([*lines, ""]))
    call.say("each line is a secret: pass them on by a safe way, into mipc key import")
    return 0


def _import(call: Call, _: Arguments) -> int:
    from ..settings import check_secret

    data = b""
    while chunk := os.read(0, 65536):
        data += chunk
    secrets = data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    for secret in secrets:
        check_secret(secret, "standard input")
    for secret in secrets:
        call.out(f"{call.account.import_key(secret).id}\n")
    return 0


def _rotate(call: Call, given: Arguments) -> int:
    now = given.flag("now")
    key, since = rotate(call.account, now=now)
    call.out(to_json({"v": VERSION, "id": key.id, "since": since}) + "\n" if given.flag("json") else f"{key.id}\n")
    begins = "now" if now else when(since, call.account.clock())
    call.say(f"key {key.id} verifies at once and signs from {begins}; other accounts need it by then: mipc key export")
    return 0
