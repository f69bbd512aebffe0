"""The signature against its standards: RFC 2104 and 4231, RFC 4648, RFC 6376; and each verdict of protocol.md, 5.4."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.message import split
from maildir_ipc.signing import (
    BAD,
    MALFORMED,
    MISDIRECTED,
    NONE,
    PASS,
    REQUIRED,
    UNKNOWN_KEY,
    Key,
    Malformed,
    base32,
    content_digest,
    fingerprint,
    reference,
    sign,
    signed_bytes,
    verify,
)
from tests.unit.making import KEY, SPOOL, T, key_of, signed, signed_fields

# RFC 4231, section 4: (key, data, HMAC-SHA-256).
VECTORS = {
    "4.2": (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    "4.3": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "4.4": (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    "4.5": (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    "4.7": (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    "4.8": (
        b"\xaa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than block-size data. "
            b"The key needs to be hashed before being used by the HMAC algorithm."
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


@pytest.mark.parametrize("section", sorted(VECTORS))
def test_the_mac_is_hmac_sha256(section: str) -> None:
    """RFC 4231: the vectors fix the standard library's HMAC, which then fixes ours, also for keys over one block."""
    secret, data, expected = VECTORS[section]
    assert _hmac(secret, data).hex() == expected
    derived = _hmac(secret, b"maildir-ipc/1 mac")
    assert Key(secret).mac(data) == _hmac(derived, data)


@pytest.mark.parametrize("length", [1, 31, 63, 64, 65, 200])
def test_secrets_of_any_length_derive_as_the_protocol_says(length: int) -> None:
    """protocol.md, 5.1: around the block length, where HMAC changes what it does."""
    secret = bytes(33 + n % 90 for n in range(length))
    derived = _hmac(secret, b"maildir-ipc/1 mac")
    assert Key(secret).mac(b"data") == _hmac(derived, b"data")
    assert Key(secret).id == hashlib.sha256(b"maildir-ipc/1 keyid " + derived).hexdigest()[:16]


def test_a_key_can_be_used_again_and_again() -> None:
    """The half-done hashes are copied, not used up."""
    assert KEY.mac(b"a") == KEY.mac(b"a") != KEY.mac(b"b")


def test_a_key_shows_no_secret() -> None:
    """G10: a traceback or a log must not hold it."""
    assert repr(Key(b"hunter2hunter2hunter2")) == f"<Key {Key(b'hunter2hunter2hunter2').id}>"
    assert not hasattr(KEY, "__dict__")
    assert not any(isinstance(getattr(KEY, name), bytes) for name in Key.__slots__)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"f", "my"),
        (b"fo", "mzxq"),
        (b"foo", "mzxw6"),
        (b"foob", "mzxw6yq"),
        (b"fooba", "mzxw6ytb"),
        (b"foobar", "mzxw6ytboi"),
    ],
)
def test_base32_is_that_of_rfc_4648(data: bytes, text: str) -> None:
    """RFC 4648, 10; lower case and without padding."""
    assert base32(data) == text
    assert base32(data) == base64.b32encode(data).decode().rstrip("=").lower()


def test_a_reference_is_base32_of_the_sha256_of_the_message_id() -> None:
    """protocol.md, 4."""
    expected = base64.b32encode(hashlib.sha256(b"x@ipc.invalid").digest()).decode().rstrip("=").lower()
    assert reference("x@ipc.invalid") == expected
    assert fingerprint("x@ipc.invalid") == expected[:26]
    assert content_digest(b"x") == hashlib.sha256(b"x").hexdigest()
    assert len(reference("\udcff \U0001f600")) == 52


def _body_hash(body: bytes) -> str:
    value = sign([("From", "a")], body, KEY, spool=SPOOL, signer="a", t=T)
    return value.replace("\n", "").partition(" bh=")[2].partition(";")[0]


def _canonical(text: bytes) -> str:
    return base64.b64encode(hashlib.sha256(text).digest()).decode()


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n"),  # RFC 6376, 3.4.5, example 2
        (b" C \nD \t E\n\n\n", b" C \r\nD \t E\r\n"),  # the same, as a Maildir keeps it
        (b"", b"\r\n"),
        (b"\r\n", b"\r\n"),
        (b"\n\n\r\n", b"\r\n"),
        (b"no end", b"no end\r\n"),
        (b"a\rb\n", b"a\rb\r\n"),
        (b"a\r\n\rb", b"a\r\n\rb\r\n"),
        (b"a\r\r\n", b"a\r\r\n"),
        (b" \n", b" \r\n"),
    ],
)
def test_the_body_is_canonicalised_as_simple(body: bytes, canonical: bytes) -> None:
    """RFC 6376, 3.4.3 and 3.4.5."""
    assert _body_hash(body) == _canonical(canonical)


def test_the_empty_body_has_the_hash_of_the_standard() -> None:
    """RFC 6376, 3.4.3 states it."""
    assert _body_hash(b"") == "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="


def test_large_bodies_are_hashed_in_pieces_and_yet_the_same() -> None:
    """A CR LF on the border of two pieces is not cut in two; beyond a megabyte another hash is used."""
    for size in (65535, 65536, 65537, 131071, 1 << 20, (1 << 20) + 65537):
        body = b"x" * (size - 1) + b"\r\ny\r" + b"\n" * 3 + b"z" * 70000
        canonical = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
        assert _body_hash(body) == _canonical(canonical), size


def test_random_bodies_are_canonicalised_as_the_definition_says() -> None:
    """RFC 6376, 3.4.3, said once more in the plainest way."""
    source = random.Random(1)
    for _ in range(500):
        body = bytes(source.choice(b"\r\n\r\n a") for _ in range(source.randrange(12)))
        lines = body.replace(b"\r\n", b"\n")
        plain = lines.rstrip(b"\n")
        assert _body_hash(body) == _canonical(plain.replace(b"\n", b"\r\n") + b"\r\n"), body


def test_the_header_is_canonicalised_as_relaxed() -> None:
    """RFC 6376, 3.4.5, example 1, but for the space before its second colon."""
    fields, body = split(b"A: X\r\nB: Y\t\r\n\tZ  \r\n\r\n C \r\n")
    assert fields == [("a", b"X"), ("b", b"Y Z")]
    assert body == b" C \r\n"


def test_a_space_before_the_colon_is_refused() -> None:
    """RFC 5322, 3.6.8 has no such field names; RFC 6376, 3.4.2 would delete the space. Two readings, so: none."""
    with pytest.raises(Malformed):
        split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\n")


def test_the_signed_bytes_are_those_of_the_protocol() -> None:
    """protocol.md, 5.2 and 5.3, done by hand with the standard library."""
    raw = signed(Draft("text"))
    fields, body = split(raw)
    values = dict(fields)
    value = values["ipc-signature"]
    tags = dict(part.strip().split(b"=", 1) for part in value.split(b";"))
    covered = [name.strip().decode() for name in tags[b"h"].split(b":")]
    taken = dict(values)
    lines = [f"{name}:{taken.pop(name).decode()}\r\n" for name in covered if name in taken]
    unsigned = value[: value.rindex(b"b=") + 2].decode()
    data = "".join([*lines, f"ipc-signature:{unsigned}"]).encode()
    derived = _hmac(b"a secret for tests, of enough length", b"maildir-ipc/1 mac")
    assert base64.b64encode(_hmac(derived, data)) == tags[b"b"]
    _, signature = verify(fields, body, key_of, [SPOOL])
    assert signature is not None
    assert signed_bytes(signature, fields, value) == data
    assert signature.d == tags[b"b"][:16].decode()
    for name, _ in fields:
        assert name == "ipc-signature" or covered.count(name) == 2, name
    assert set(REQUIRED) <= set(covered)
    assert all(covered.count(name) == 1 for name in REQUIRED if name not in values)


def _with(old: bytes, new: bytes) -> bytes:
    raw = signed(Draft("text", expires=60))
    assert old in raw
    return raw.replace(old, new, 1)


def _verdict(raw: bytes) -> str:
    fields, body = split(raw)
    return verify(fields, body, key_of, [SPOOL])[0]


UNTOUCHED = signed(Draft("text", expires=60))
SIGNATURE = UNTOUCHED[: UNTOUCHED.index(b"\nDate:") + 1]


@pytest.mark.parametrize(
    ("what", "raw", "verdict"),
    [
        ("untouched", UNTOUCHED, PASS),
        ("no signature", UNTOUCHED.removeprefix(SIGNATURE), NONE),
        ("two signatures", SIGNATURE + UNTOUCHED, MALFORMED),
        ("another version", _with(b"v=1", b"v=2"), MALFORMED),
        ("another algorithm", _with(b"hmac-sha256", b"rsa-sha256"), MALFORMED),
        ("a relaxed body", _with(b"relaxed/simple", b"relaxed/relaxed"), MALFORMED),
        ("another domain", _with(b"d=ipc.invalid", b"d=example.org"), MALFORMED),
        ("a body length", _with(b"v=1;", b"v=1; l=4;"), MALFORMED),
        ("a tag twice", _with(b"v=1;", b"v=1; v=1;"), MALFORMED),
        ("a control character", _with(b"v=1;", b"v=1; q=a\x07;"), MALFORMED),
        ("a DEL", _with(b"v=1;", b"v=1; q=a\x7f;"), MALFORMED),
        ("no v", _with(b"v=1;", b""), MALFORMED),
        ("no sp", _with(b"sp=4be1c09f2a7d3358;", b""), MALFORMED),
        ("no s", _with(b"s=%b;" % KEY.id.encode(), b""), MALFORMED),
        ("no i", _with(b"i=nessa@ipc.invalid;", b""), MALFORMED),
        ("no t", _with(b"t=%d;" % T, b""), MALFORMED),
        ("no bh", _with(b"bh=", b"ch="), MALFORMED),
        ("t is no number", _with(b"t=%d" % T, b"t=now"), MALFORMED),
        ("x is no number", _with(b"x=%d" % (T + 60), b"x=-1"), MALFORMED),
        ("b is not the last", _with(b"b=", b"zz=1; b=").replace(b"\nDate:", b"; y=1\nDate:", 1), MALFORMED),
        ("no tags", b"IPC-Signature: x\nFrom: a\n\n", MALFORMED),
        ("an empty signature", b"IPC-Signature:\nFrom: a\n\n", MALFORMED),
        ("not ASCII", b"IPC-Signature: v=1\nFrom: a\n\n".replace(b"v=1", b"v"), MALFORMED),
        ("another key", _with(b"s=%b" % KEY.id.encode(), b"s=0000000000000000"), UNKNOWN_KEY),
        ("another spool", _with(b"sp=4be1", b"sp=0000"), MISDIRECTED),
        ("another t", _with(b"t=%d" % T, b"t=%d" % (T + 1)), BAD),
        ("another x", _with(b"x=%d" % (T + 60), b"x=%d" % (T + 61)), BAD),
        ("x taken out", _with(b" x=%d;" % (T + 60), b""), BAD),
        ("another signer", _with(b"i=nessa@", b"i=fred@"), BAD),
        ("another author", _with(b"From: nessa@", b"From: fred@"), BAD),
        ("an author's name added", _with(b"From: nessa@ipc.invalid", b"From: Fred <nessa@ipc.invalid>"), BAD),
        ("a required name not covered", _with(b"sender:", b"zender:"), BAD),
        ("a covered name twice", _with(b"Subject: text", b"Subject: text\nSubject: text"), BAD),
        ("an absent name appears", _with(b"Subject: text", b"Subject: text\nCc: all@ipc.invalid"), BAD),
        ("an IPC field not covered", _with(b"Subject: text", b"Subject: text\nIPC-New: 1"), BAD),
        ("another body", _with(b"\n\ntext", b"\n\ntexT"), BAD),
        ("an indented body", _with(b"\n\ntext", b"\n\n text"), BAD),
        ("an uncovered field", _with(b"Subject: text", b"Subject: text\nX-Seen: 1"), PASS),
        ("content-length from mutt", _with(b"Subject: text", b"Subject: text\nContent-Length: 5"), PASS),
    ],
)  # fmt: skip
def test_each_change_gets_its_verdict(what: str, raw: bytes, verdict: str) -> None:
    """G4: protocol.md, 5.4, the first row that applies."""
    assert _verdict(raw) == verdict, what


def test_a_tag_list_may_be_spaced_and_ends_with_b() -> None:
    """RFC 6376, 3.2: white space around tags; protocol.md, 5: nothing after b=, where the MAC would not cover it."""
    fields, body = split(UNTOUCHED)
    assert _verdict(_with(b"v=1; a=", b"v=1;\n\t a=")) == PASS
    value = dict(fields)["ipc-signature"]
    for tail in (b";", b"; ", b"; q=1", b";;"):
        assert verify([("ipc-signature", value + tail), *fields[1:]], body, key_of, [SPOOL])[0] == MALFORMED


def test_content_length_must_not_be_covered() -> None:
    """protocol.md, 5.3: mutt adds it; a signer who covers it made a signature that breaks."""
    assert _verdict(signed_fields([("From", "nessa@ipc.invalid"), ("Content-Length", "5")], b"text\n")) == BAD


def test_every_field_that_begins_with_ipc_is_covered_by_sign() -> None:
    """protocol.md, 5.3."""
    raw = signed_fields([("From", "nessa@ipc.invalid"), ("IPC-Anything", "x")], b"text\n")
    assert _verdict(raw) == PASS
    assert _verdict(raw.replace(b"IPC-Anything: x", b"IPC-Anything: y")) == BAD


def test_a_key_of_another_spool_verifies_and_is_misdirected() -> None:
    """protocol.md, 5.4: mail of a spool that is no peer, even where its key is known."""
    fields, body = split(UNTOUCHED)
    assert verify(fields, body, key_of, ["0" * 16])[0] == MISDIRECTED
    assert verify(fields, body, key_of, ["0" * 16, SPOOL])[0] == PASS


def test_a_comparison_takes_no_part_of_a_mac_for_the_whole() -> None:
    """G4: a b= that is cut short, empty, or longer is bad."""
    value = dict(split(UNTOUCHED)[0])["ipc-signature"]
    whole = value[value.rindex(b"b=") + 2 :]
    for other in (b"", whole[:-1], whole[:16], whole + b"A", whole.lower()):
        assert _verdict(UNTOUCHED.replace(whole, other, 1)) == BAD
