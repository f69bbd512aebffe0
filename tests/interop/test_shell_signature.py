"""Two implementations of one signature: Python's, and sh with openssl, written only from the protocol."""

from __future__ import annotations

import base64
import hmac
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.message import compose, join
from tests.interop.support import HERE, SECRET, TEXTS, Pair, run, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.interop

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
REFERENCES = [f"{i}.of.a.long.thread.{'x' * 30}@ipc.invalid" for i in range(60)]
DRAFTS = {
    **{name: Draft(text) for name, text in TEXTS.items()},
    "long subject": Draft("body", subject="a subject of many words " * 30),
    "long word as subject": Draft("body", subject="x" * 900),
    "subject that is not ASCII": Draft("body", subject="Grüße \U0001f680 " * 20),
    "many references": Draft("body", references=REFERENCES),
    "everything": Draft(
        "body", subject="s", data='{"a": "é"}', importance="high", expires=7200, references=REFERENCES[:2], auto="x"
    ),
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.peer(name)) for name in SHELLS])
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[request.param]


class Scripts:
    """sign.sh and verify.sh with the spool's id and secret, under one shell."""

    def __init__(self, pair: Pair, folder: Path, shell: list[str]) -> None:
        self.pair, self.folder, self.shell = pair, folder, shell
        self.secret = folder / "secret"
        self.secret.write_text(SECRET + "\n")

    def verdict(self, raw: bytes) -> str:
        path = self.folder / f"message.{os.urandom(6).hex()}"
        path.write_bytes(raw)
        argv = [*self.shell, f"{HERE}/verify.sh", self.pair.spool.id, str(self.secret), str(path)]
        done = run(argv, env=self.pair.environment())
        verdict = done.stdout.strip()
        assert (done.returncode, done.stderr) == (0 if verdict == "pass" else 76, ""), done
        return verdict

    def sign(self, unsigned: bytes) -> bytes:
        argv = [*self.shell, f"{HERE}/sign.sh", self.pair.spool.id, str(self.secret)]
        done = run(argv, stdin=unsigned, env=self.pair.environment())
        assert done.returncode == 0, done.stderr
        return done.stdout.encode("utf-8", "surrogateescape")

    def unsigned(self, draft: Draft) -> bytes:
        serial = self.pair.alice.namer.serial()
        return join(*compose(draft, sender="alice", to=["bob"], id=serial, t=int(serial.partition(".")[0])))


def each(work: Callable[[str], str], names: list[str]) -> dict[str, str]:
    """Return what *work* says for each name; the shell spends its time in other processes."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(work, names), strict=True))


@pytest.mark.peer("openssl")
def test_what_python_signs_the_shell_accepts(pair: Pair, tmp_path: Path, shell: list[str]) -> None:
    """G4, protocol 5: ours. One format, whoever reads it."""
    scripts, raws = Scripts(pair, tmp_path, shell), {}
    for name, draft in DRAFTS.items():
        unsigned = pair.names()
        assert pair.alice.send(["bob"], draft).error is None
        (file,) = pair.names() - unsigned
        raws[name] = (tmp_path / "home/.local/share/maildir-ipc/bob/new" / file).read_bytes()
    assert each(lambda name: scripts.verdict(raws[name]), list(raws)) == dict.fromkeys(raws, "pass")


@pytest.mark.peer("openssl")
def test_what_the_shell_signs_python_shows_as_mail(pair: Pair, tmp_path: Path, shell: list[str]) -> None:
    """G4, G9, protocol 5: ours. Text for text, also what only sh would write, such as CR LF sent as it is."""
    scripts = Scripts(pair, tmp_path, shell)

    def text(name: str) -> str:
        received = pair.judged(scripts.sign(scripts.unsigned(DRAFTS[name])))
        return f"{received.verdict}: {text_of(received)}"

    assert each(text, list(DRAFTS)) == {name: f"pass: {draft.text}" for name, draft in DRAFTS.items()}
    head = b"From: alice@ipc.invalid\nTo: bob@ipc.invalid\nMessage-ID: <1@ipc.invalid>\nSubject: s\n\n"
    bodies = {"CR LF": b"a\r\nb\r\n", "no end": b"a", "blank end": b"a\n\n \n\n", "none": b"", "latin": b"\xe9\n"}
    verdicts = each(lambda name: pair.judged(scripts.sign(head + bodies[name])).verdict, list(bodies))
    assert verdicts == dict.fromkeys(bodies, "pass")


def tamperings(raw: bytes, spool: str) -> dict[str, bytes]:
    """Return changes of one message, each named after what was done to it."""
    head, _, body = raw.partition(b"\n\n")

    def put(new: bytes, before: bytes = b"\nTo:") -> bytes:
        assert before in raw
        return raw.replace(before, new + before, 1)

    def swap(old: bytes, new: bytes) -> bytes:
        assert old in raw
        return raw.replace(old, new, 1)

    return {
        "nothing": raw,
        "CR LF": raw.replace(b"\n", b"\r\n"),
        "CR LF in the header": head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body,
        "CR LF before the empty line": head + b"\r\n\n" + body,
        "an empty line of CR LF": head + b"\n\r\n" + body,
        "refolded": swap(b"From: ", b"From:\n\t"),
        "another case": swap(b"\nFrom:", b"\nFROM:"),
        "a blank before the colon": swap(b"\nFrom:", b"\nFrom :"),
        "no blank after the colon": swap(b"\nFrom: ", b"\nFrom:"),
        "empty lines at the end": raw + b"\n\r\n\n",
        "no line end": raw[:-1],
        "uncovered field": put(b"\nX-TUID: 12345"),
        "Content-Length": put(b"\nContent-Length: 5"),
        "uncovered field not ASCII": put(b"\nX-Name: \xc3\xa9"),
        "control characters": put(b"\nX-Name: \x01\x0b\x7f"),
        "blank at the end": raw + b" \n",
        "CR at the end": raw + b"\r",
        "body": raw[:-2] + b"!\n",
        "indented": swap(b"\nsecond", b"\n  second"),
        "line before the body": swap(b"\n\n", b"\n\n\n"),
        "header cut off": body,
        "signature cut off": raw[raw.index(b"\nDate:") + 1 :],
        "second signature": put(b"\nIPC-Signature: v=1"),
        "signature empty": swap(raw[: raw.index(b"\nDate:")], b"IPC-Signature:"),
        "second From": put(b"\nFrom: alice@ipc.invalid"),
        "Cc": put(b"\nCc: eve@ipc.invalid"),
        "Reply-To": put(b"\nReply-To: eve@ipc.invalid"),
        "IPC field": put(b"\nIPC-Run: now"),
        "From": swap(b"From: alice", b"From: bob"),
        "From and i=": swap(b"From: alice", b"From: bob").replace(b"i=alice", b"i=bob"),
        "i=": swap(b"i=alice", b"i=bob"),
        "display name": swap(b"From: alice@ipc.invalid", b"From: Boss <alice@ipc.invalid>"),
        "To": swap(b"To: bob", b"To: eve"),
        "Date": swap(b"\nDate: ", b"\nDate: Mon, "),
        "Subject": swap(b"\nSubject: ", b"\nSubject: Re: "),
        "v=2": swap(b"v=1", b"v=2"),
        "a=none": swap(b"hmac-sha256", b"none"),
        "c=relaxed": swap(b"relaxed/simple", b"relaxed/relaxed"),
        "d=": swap(b"d=ipc.invalid", b"d=example.invalid"),
        "l=": swap(b"v=1;", b"v=1; l=3;"),
        "tag twice": swap(b"v=1;", b"v=1; v=1;"),
        "new tag": swap(b"v=1;", b"v=1; q=1;"),
        "tag without =": swap(b"v=1;", b"v=1; q;"),
        "empty tag": swap(b"v=1;", b"v=1;;"),
        "tag name of digits": swap(b"v=1;", b"v=1; 9=1;"),
        "tag name with a blank": swap(b"v=1;", b"v=1; q q=1;"),
        "tag without a name": swap(b"v=1;", b"v=1; =1;"),
        "control character in a tag": swap(b"v=1;", b"v=1; q=\x01;"),
        "tag after b=": put(b"; q=1", b"\nDate:"),
        "; after b=": put(b";", b"\nDate:"),
        "b= cut": swap(b"=\nDate:", b"\nDate:"),
        "b= folded": swap(b"\n b=", b"\n b=\n  "),
        "bh=": swap(b" bh=", b" bh=A"),
        "no t=": re.sub(rb" t=\d+;", b"", raw, count=1),
        "t= later": re.sub(rb" t=\d+", rb"\g<0>0", raw, count=1),
        "t= not a number": swap(b" t=", b" t=x"),
        "t= negative": swap(b" t=", b" t=-"),
        "x= longer": re.sub(rb" x=\d+", rb"\g<0>0", raw, count=1),
        "x= added": swap(b"v=1;", b"v=1; x=99999999999;"),
        "x= not a number": swap(b"v=1;", b"v=1; x=soon;"),
        "no sp=": re.sub(rb" sp=[^;]+;", b"", raw, count=1),
        "another spool": swap(spool.encode(), b"0123456789abcdef"),
        "another key": re.sub(rb" s=.", b" s=_", raw, count=1),
        "h= without cc": swap(b":cc:", b":"),
        "h= with content-length": swap(b":cc:", b":cc:content-length:"),
        "h= with the signature": swap(b":cc:", b":cc:ipc-signature:"),
        "h= with nothing": swap(b":cc:", b":cc::"),
        "a line that is no field": put(b"\nnonsense"),
        "a name with a blank": put(b"\nfoo bar: 1"),
        "a name with DEL": put(b"\nfo\x7fo: 1"),
        "an empty name": put(b"\n: 1"),
        "mbox line": b"From alice Mon Jan  1 00:00:00 2026\n" + raw,
        "begins with a blank": b" " + raw,
        "CR in a value": swap(b"\nSubject: ", b"\nSubject: a\rb"),
        "300 fields": put(b"\nX: 1" * 300),
        "header of 66 kB": put(b"\nX: " + b"y " * 33000),
        "17 MB": raw + b"x" * (17 << 20),
    }


@pytest.mark.peer("dash", "openssl")
def test_both_give_the_same_verdict_on_every_tampering(pair: Pair, tmp_path: Path) -> None:
    """G4, protocol 5.4: ours. What differs between two readers is where a forger would work."""
    scripts = Scripts(pair, tmp_path, SHELLS["dash"])
    raw = pair.taken("first\nsecond", subject="s", references=["a@ipc.invalid"], expires=3600)
    changed = tamperings(raw, pair.spool.id)
    expected = {name: pair.account.verdict_of(data) for name, data in changed.items()}
    assert each(lambda name: scripts.verdict(changed[name]), list(changed)) == expected
    assert set(expected.values()) == {"pass", "none", "bad", "malformed", "misdirected", "unknown-key"}


@pytest.mark.peer("dash", "openssl")
def test_a_file_without_a_header_gets_the_same_verdict_from_both(pair: Pair, tmp_path: Path) -> None:
    """G4, protocol 5.4: ours."""
    scripts = Scripts(pair, tmp_path, SHELLS["dash"])
    headless = {"empty": b"", "empty line": b"\n", "only a body": b"\nFrom: alice@ipc.invalid\n"}
    expected = {name: pair.account.verdict_of(data) for name, data in headless.items()}
    assert each(lambda name: scripts.verdict(headless[name]), list(headless)) == expected


@pytest.mark.peer("dash", "openssl")
def test_both_call_it_expired_once_its_time_has_passed(pair: Pair, tmp_path: Path) -> None:
    """G4, protocol 5.4: ours. The expiry is signed, so nobody can put it off."""
    scripts = Scripts(pair, tmp_path, SHELLS["dash"])
    now = pair.account.clock()
    fields, body = compose(Draft("late", expires=60), sender="alice", to=["bob"], id="1", t=int(now) - 120)
    signed = scripts.sign(join(fields, body))
    assert f"x={int(now) - 60};".encode() in signed
    assert scripts.verdict(signed) == "expired"
    assert pair.judged(signed).verdict == "expired"


@pytest.mark.peer("strace", "openssl")
def test_neither_script_gives_secret_or_key_to_another_process(pair: Pair, tmp_path: Path, shell: list[str]) -> None:
    """Threat model: ours. Every account can read another's argument lists in /proc."""
    scripts, trace = Scripts(pair, tmp_path, shell), tmp_path / "trace"
    scripts.shell = ["strace", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", str(trace), *shell]
    environment = {k: v for k, v in pair.environment().items() if k != "IPC_SHARED_SECRET"}
    argv = [*scripts.shell, f"{HERE}/sign.sh", pair.spool.id, str(scripts.secret)]
    signed = run(argv, stdin=scripts.unsigned(Draft("text")), env=environment)
    assert signed.returncode == 0, signed.stderr
    traced = trace.read_text()
    (tmp_path / "signed").write_text(signed.stdout)
    argv = [*scripts.shell, f"{HERE}/verify.sh", pair.spool.id, str(scripts.secret), str(tmp_path / "signed")]
    verified = run(argv, env=environment)
    assert verified.stdout == "pass\n", verified.stderr
    traced += trace.read_text()
    assert traced.count("openssl") > 4  # so the trace did see the other processes
    assert forms_in(traced) == []
    # The look-out would have seen it:
    run(["strace", "-s", "100000", "-o", str(trace), "true", *forms_of_the_key().values()])
    assert forms_in(trace.read_text()) == list(forms_of_the_key())


def forms_in(trace: str) -> list[str]:
    words = "".join(trace.split()).replace("\\\\", "\\").lower()
    return [name for name, form in forms_of_the_key().items() if "".join(form.split()).lower() in words]


def forms_of_the_key() -> dict[str, str]:
    """Return secret and MAC key in every way in which a shell could pass them on."""
    secret = SECRET.encode()
    block = secret.ljust(64, b"\0")
    key = hmac.digest(secret, b"maildir-ipc/1 mac", "sha256")
    forms = {"secret": SECRET}
    pads = {"secret": secret, "secret ipad": block, "key": key, "key ipad": key.ljust(64, b"\0")}
    for name, data in pads.items():
        masks = {"ipad": 0x36, "opad": 0x5C} if "ipad" in name else {"": 0}
        for mask, value in masks.items():
            octets = bytes(b ^ value for b in data)[:16]  # a part of it would be too much already
            forms[f"{name} {mask} hex"] = octets.hex()
            forms[f"{name} {mask} octal"] = "".join(f"\\0{b:03o}" for b in octets)
            forms[f"{name} {mask} base64"] = base64.b64encode(octets[:15]).decode()
    return forms
