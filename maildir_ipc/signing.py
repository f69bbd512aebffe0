"""Which bytes a signature covers, how it is made, and what a reader may conclude from it.

The data model is DKIM's, RFC 6376, with c=relaxed/simple and a=hmac-sha256; protocol.md, section 5,
is the same in prose. Pure: knows neither files nor what the fields mean. Fields arrive as
(lower-case name, value in relaxed canonical form): the one split of the header block, made by
`message.split`, feeds both the MAC and the parse, so nothing that is shown was not covered.
"""

from __future__ import annotations

import binascii
from _operator import _compare_digest  # what hmac.compare_digest is, without loading hmac

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # CPython 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # up to 3.11; hashlib would load OpenSSL, a third of a command's start
        except ImportError:
            from hashlib import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Field = tuple[str, bytes]

FIELD = "ipc-signature"
DOMAIN = b"ipc.invalid"
REQUIRED = (
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
    "expires", "importance", "auto-submitted", "mime-version", "content-type", "content-transfer-encoding",
    "content-disposition", "content-id", "content-description", "content-language",
)  # fmt: skip

PASS, NONE, BAD, UNKNOWN_KEY = "pass", "none", "bad", "unknown-key"
MISDIRECTED, MALFORMED, EXPIRED, REPLAY = "misdirected", "malformed", "expired", "replay"

_MAC_CONTEXT = b"maildir-ipc/1 mac"
_KEYID_CONTEXT = b"maildir-ipc/1 keyid "
_CHUNK = 65536  # bytes canonicalised at a time, so that a large body is never held twice
_REQUIRED_SET = frozenset(REQUIRED)
_FORBIDDEN = frozenset((FIELD, "content-length"))  # mutt adds Content-Length to what it copies


class Key:
    """A MAC key: the two half-done hashes of HMAC and the key's id. Its repr shows no secret.

    Source: RFC 2104.
    """

    __slots__ = ("_inner", "_outer", "id")

    def __init__(self, secret: bytes) -> None:
        key = _Hmac(secret).digest(_MAC_CONTEXT)
        mac = _Hmac(key)
        self._inner, self._outer = mac.inner, mac.outer
        self.id = sha256(_KEYID_CONTEXT + key).hexdigest()[:16]

    def mac(self, data: bytes) -> bytes:
        """Return HMAC-SHA256 of *data* under this key."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return f"<Key {self.id}>"


class _Hmac:
    __slots__ = ("inner", "outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > 64:
            key = sha256(key).digest()
        key = key.ljust(64, b"\0")
        self.inner = sha256(bytes(b ^ 0x36 for b in key))
        self.outer = sha256(bytes(b ^ 0x5C for b in key))

    def digest(self, data: bytes) -> bytes:
        self.inner.update(data)
        self.outer.update(self.inner.digest())
        return self.outer.digest()


class Signature:
    """What a signature claims; true only once `verify` said pass. `d` is the first 16 characters of b=."""

    __slots__ = ("bh", "covers", "d", "expires", "key_id", "mac", "names", "signer", "spool", "t")

    def __init__(self, tags: dict[bytes, bytes]) -> None:
        self.spool = tags[b"sp"].decode("ascii")
        self.key_id = tags[b"s"].decode("ascii")
        self.signer = tags[b"i"].decode("ascii")
        self.t = _seconds(tags[b"t"])
        self.expires = _seconds(tags[b"x"]) if b"x" in tags else None
        self.names, self.covers = _covered(tags[b"h"])
        self.bh = tags[b"bh"]
        self.mac = tags[b"b"]
        self.d = self.mac[:16].decode("ascii")


class Malformed(ValueError):
    """The bytes are not what they claim to be; the text says where."""


def sign(
    fields: Sequence[tuple[str, str]],
    body: bytes,
    key: Key,
    *,
    spool: str,
    signer: str,
    t: int,
    expires: int | None = None,
) -> str:
    """Return the value of the IPC-Signature field over *fields* and *body*, folded, without a final LF.

    *fields* are in the order of the file, with their written names; each value is already canonical:
    one line, single spaces. That saves a second pass over them.
    """
    text = "".join([f"{name.lower()}:{value}\r\n" for name, value in fields])
    names = _h_tag(tuple(name for name, _ in fields))
    x = "" if expires is None else f" x={expires};"
    value = (
        f"v=1; a=hmac-sha256; c=relaxed/simple; d=ipc.invalid;\n sp={spool}; s={key.id};\n i={signer}; t={t};{x}\n"
        f" h={names};\n bh={_base64(_body_hash(body))};\n b="
    )
    unfolded = value.replace("\n", "")  # every fold above keeps its one space
    return value + _base64(key.mac(f"{text}{FIELD}:{unfolded}".encode("ascii")))


def verify(
    fields: Sequence[Field], body: bytes, key_of: Callable[[str, str], Key | None], spools: Sequence[str]
) -> tuple[str, Signature | None]:
    """Return the verdict on the signature alone, and the signature if it could be read.

    `pass` means: whoever holds the key `key_of(spool, key id)` wrote every covered field and the body.
    *spools* are the ids of this spool and its peers. What depends on the reader (who was addressed,
    what was seen before, what has expired) is judged by `mailbox`.
    """
    signatures = [value for name, value in fields if name == FIELD]
    if not signatures:
        return NONE, None
    if len(signatures) > 1:
        return MALFORMED, None
    try:
        signature = Signature(_tags(signatures[0]))
    except (Malformed, KeyError, ValueError):
        return MALFORMED, None
    key = key_of(signature.spool, signature.key_id)
    if key is None:
        return (UNKNOWN_KEY if signature.spool in spools else MISDIRECTED), signature
    if not _holds(signature, fields, signatures[0], body, key):
        return BAD, signature
    return (PASS if signature.spool in spools else MISDIRECTED), signature


def signed_bytes(signature: Signature, fields: Sequence[Field], value: bytes) -> bytes | None:
    """Return what the MAC is taken over; *value* is the signature field's.

    None when a covered field occurs twice, or an IPC-* field is not covered.
    """
    values: dict[str, bytes] = {}
    for name, text in fields:
        if name in signature.covers:
            if name in values:
                return None
            values[name] = text
        elif name.startswith("ipc-") and name != FIELD:
            return None
    parts = [b"%b:%b\r\n" % (name.encode(), values[name]) for name in signature.names if name in values]
    head, _, _ = value.rpartition(b"b=")
    parts.append(b"%b:%bb=" % (FIELD.encode(), head))
    return b"".join(parts)


def content_digest(data: bytes) -> str:
    """Return the SHA-256 of *data* in hexadecimal."""
    return sha256(data).hexdigest()


def reference(message_id: str) -> str:
    """Return the whole reference of a Message-ID: base32, lower case; its first 5 or more characters name it."""
    return base32(sha256(message_id.encode("utf-8", "surrogateescape")).digest())


def fingerprint(text: str) -> str:
    """Return 130 bits of the SHA-256 of *text* as 26 characters that may be a file name."""
    return base32(sha256(text.encode("utf-8", "surrogatepass")).digest()[:17])[:26]


def base32(data: bytes) -> str:
    """Return RFC 4648 base32 of *data* in lower case, without padding; base64 would not survive case folding."""
    size = -(-len(data) * 8 // 5)
    number = int.from_bytes(data, "big") << (size * 5 - len(data) * 8)
    return "".join(["abcdefghijklmnopqrstuvwxyz234567"[(number >> 5 * i) & 31] for i in range(size - 1, -1, -1)])


def _holds(signature: Signature, fields: Sequence[Field], value: bytes, body: bytes, key: Key) -> bool:
    if not _REQUIRED_SET.issubset(signature.covers) or not _FORBIDDEN.isdisjoint(signature.covers):
        return False
    author = [v for name, v in fields if name == "from"]
    if len(author) != 1 or author[0].decode("latin-1") != signature.signer:
        return False
    data = signed_bytes(signature, fields, value)
    if data is None or _base64(_body_hash(body)).encode() != signature.bh:
        return False
    return _compare_digest(_base64(key.mac(data)).encode(), signature.mac)


def _body_hash(body: bytes) -> bytes:
    """Return the SHA-256 of the *simple* canonical form. Source: RFC 6376, 3.4.3."""
    end = len(body)
    while end and body[end - 1] == 10:
        end -= 2 if end > 1 and body[end - 2] == 13 else 1
    digest = _bulk_sha256() if end > 16 * _CHUNK else sha256()
    start = 0
    while start < end:
        stop = min(start + _CHUNK, end)
        while stop < end and body[stop - 1] == 13:
            stop += 1  # a CR LF must not be cut in two
        digest.update(body[start:stop].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        start = stop
    digest.update(b"\r\n")
    return digest.digest()


def _bulk_sha256() -> hashlib._Hash:
    """Return OpenSSL's SHA-256: slow to load, four times as fast on a megabyte and more."""
    import hashlib

    return hashlib.sha256()


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _tags(value: bytes) -> dict[bytes, bytes]:
    """Return the tags of a signature. Source: RFC 6376, 3.2.

    Raises: Malformed.
    """
    if not (value.isascii() and value.decode().isprintable()):
        raise Malformed("a character that no tag has")
    tags: dict[bytes, bytes] = {}
    for part in value.split(b";"):
        name, equals, text = part.partition(b"=")
        name = name.strip(b" ")
        if not equals or name in tags or not _is_tag(name):
            raise Malformed("a tag without a value, or twice")
        tags[name] = text.replace(b" ", b"") if name in (b"b", b"bh") else text.strip(b" ")
    fixed = (tags.get(b"v"), tags.get(b"a"), tags.get(b"c"), tags.get(b"d"))
    if fixed != (b"1", b"hmac-sha256", b"relaxed/simple", DOMAIN) or b"l" in tags or next(reversed(tags)) != b"b":
        raise Malformed("not a version 1 signature")
    return tags


def _is_tag(name: bytes) -> bool:
    return name[:1].isalpha() and name.replace(b"_", b"").isalnum()


def _seconds(text: bytes) -> int:
    if not text.isdigit() or len(text) > 12:
        raise Malformed("not a time")
    return int(text)


_h_parsed: dict[bytes, tuple[tuple[str, ...], frozenset[str]]] = {}
_h_written: dict[tuple[str, ...], str] = {}


def _covered(h: bytes) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names in an h= tag, each once, in their order; remembered, for nearly all mail has the same."""
    known = _h_parsed.get(h)
    if known is None:
        names = [n.strip(b" ").decode("ascii").lower() for n in h.split(b":")]
        known = tuple(dict.fromkeys(names)), frozenset(names)
        if len(_h_parsed) < 64:
            _h_parsed[h] = known
    return known


def _h_tag(present: tuple[str, ...]) -> str:
    """Return h= for a header with these fields: each of them twice, each absent one of REQUIRED once."""
    known = _h_written.get(present)
    if known is None:
        lower = [name.lower() for name in present]
        names = [n for name in lower for n in (name, name)] + [n for n in REQUIRED if n not in lower]
        lines, line = [], ""
        for name in names:
            if line and len(line) + len(name) > 72:
                lines.append(line)
                line = ""
            line += name + ":"
        known = _h_written[present] = "\n ".join([*lines, line[:-1]])
    return known
