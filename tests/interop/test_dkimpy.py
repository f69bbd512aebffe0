"""dkimpy, an implementation of RFC 6376 by others, as the judge of which bytes a signature covers."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maildir_ipc.draft import Draft
from maildir_ipc.message import compose, join, split
from maildir_ipc.signing import FIELD, Key, Signature, _tags, sign, signed_bytes, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

canonicalization = pytest.importorskip("dkim.canonicalization", reason="dkimpy: in the requirements")
dkim = pytest.importorskip("dkim", reason="dkimpy: in the requirements")

pytestmark = pytest.mark.interop

KEY = Key(b"correct horse battery staple")
SPOOL = "4be1c09f2a7d3358"
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)
gaps = st.sampled_from([" ", "  ", "\t", "\n ", "\n\t", " \n  \t", "\r\n ", ""])
values = st.lists(st.tuples(gaps, words), max_size=6).map(lambda parts: "".join(g + w for g, w in parts))
names = st.sampled_from(["Subject", "TO", "Cc", "IPC-Kind", "ipc-note", "X-Unsigned", "References", "Importance"])
lines = st.one_of(
    st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
    st.sampled_from([b"", b"", b" ", b"\t", b".", b"From here"]),
)
ends = st.sampled_from([b"\n", b"\r\n"])
bodies = st.tuples(st.lists(lines, max_size=8), ends, st.one_of(st.just(b""), ends)).map(
    lambda parts: parts[1].join(parts[0]) + parts[2]
)


def dkimpy_body_hash(body: bytes) -> bytes:
    """Return the body hash as dkimpy has it, which wants CR LF."""
    policy = canonicalization.CanonicalizationPolicy.from_c_value(b"relaxed/simple")
    canonical = policy.canonicalize_body(body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return base64.b64encode(hashlib.sha256(canonical).digest())


def dkimpy_signed_bytes(raw: bytes, covered: Sequence[str]) -> bytes:
    """Return the bytes that dkimpy would feed to a MAC for the message *raw* with its signature."""
    policy = canonicalization.CanonicalizationPolicy.from_c_value(b"relaxed/simple")
    fields, _ = dkim.rfc822_parse(raw)
    (own,) = (field for field in fields if field[0].lower() == FIELD.encode())
    collected = Collected()
    names = [name.encode() for name in covered]
    dkim.hash_headers(collected, policy, policy.canonicalize_headers(fields), names, own, {})
    return b"".join(collected)


class Collected(list[bytes]):
    """What dkimpy takes for a hash; it keeps what it is fed."""

    def update(self, data: bytes) -> None:
        self.append(data)


def ours(raw: bytes) -> tuple[Signature, bytes | None]:
    fields, _ = split(raw)
    (value,) = (value for name, value in fields if name == FIELD)
    signature = Signature(_tags(value))
    return signature, signed_bytes(signature, fields, value)


@given(bodies)
@example(b"")
@example(b"\n\n\n")
@example(b" \n\n")
@example(b"text without an end")
def test_dkimpy_computes_the_same_body_hash(body: bytes) -> None:
    """RFC 6376, 3.4.3: simple. Not relaxed: the indentation of code is part of what it says."""
    value = sign([("From", "alice@ipc.invalid")], body, KEY, spool=SPOOL, signer="alice@ipc.invalid", t=1)
    assert Signature(_tags(value.replace("\n", "").encode())).bh == dkimpy_body_hash(body)


@given(st.integers(65530, 65540), st.integers(1, 3), st.sampled_from([b"\r\n", b"\n", b"\r\r\n", b"\n\n"]))
def test_dkimpy_computes_the_same_body_hash_across_the_chunks_of_a_large_body(
    length: int, times: int, end: bytes
) -> None:
    """RFC 6376, 3.4.3. A line end must not be cut in two where a chunk ends."""
    body = (b"x" * length + end) * times + b"y"
    value = sign([("From", "alice@ipc.invalid")], body, KEY, spool=SPOOL, signer="alice@ipc.invalid", t=1)
    assert Signature(_tags(value.replace("\n", "").encode())).bh == dkimpy_body_hash(body)


@given(
    st.text(max_size=200),
    st.one_of(st.none(), st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]))),
    st.lists(st.integers(0, 10**20).map(lambda n: f"{n}@ipc.invalid"), max_size=25),
)
def test_dkimpy_reads_the_same_signed_bytes_out_of_what_we_compose(
    text: str, subject: str | None, references: list[str]
) -> None:
    """RFC 6376, 3.4.2 and 3.7. We sign before folding; everybody else unfolds: the bytes must be the same."""
    draft = Draft(text, subject=subject, references=references)
    fields, body = compose(draft, sender="alice", to=["bob"], id="1", t=1767709822)
    value = sign(fields, body, KEY, spool=SPOOL, signer="alice@ipc.invalid", t=1767709822)
    raw = join([("IPC-Signature", value), *fields], body)
    signature, data = ours(raw)
    assert data == dkimpy_signed_bytes(raw, signature.names)
    assert signature.bh == dkimpy_body_hash(split(raw)[1])
    assert verify(*split(raw), lambda *_: KEY, [SPOOL])[0] == "pass"


@given(
    st.lists(st.tuples(names, values), max_size=8, unique_by=lambda field: field[0].lower()),
    bodies,
    ends,
)
def test_dkimpy_reads_the_same_signed_bytes_out_of_what_others_fold(
    extra: list[tuple[str, str]], body: bytes, end: bytes
) -> None:
    """RFC 6376, 3.4.2: relaxed. Folding, case, white space and line ends are not ours to rely on."""
    covered = ("from", "to", "subject", "cc", "references", "importance", "ipc-kind", "ipc-note", "date")
    value = (
        f"v=1; a=hmac-sha256; c=relaxed/simple;  d=ipc.invalid;\n\tsp={SPOOL}; s={KEY.id};\n  i=alice@ipc.invalid;"
        f" t=1;\n h={':'.join(covered)};\n bh=AAAA;\n b=BBBB"
    )
    head = [("From", " alice@ipc.invalid"), *extra, ("IPC-Signature", " " + value)]
    text = "".join(f"{name}:{value}\n" for name, value in head).replace("\r\n", "\n")
    raw = (text + "\n").encode().replace(b"\n", end) + body
    signature, data = ours(raw)
    assert data == dkimpy_signed_bytes(raw, signature.names)
