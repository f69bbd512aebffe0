"""Make the messages of golden/v1: files that every later version must verify and read the same, for ever.

    python tests/golden/make.py

It was run once for each version of the format, and refuses to write over a file that is there. A change of
the format makes a v2 beside v1; v1 stays as it is. The secret and the spool id are throw-away values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.message import compose, join, parse, split
from maildir_ipc.signing import Key, sign, verify

FOLDER = Path(__file__).resolve().parent / "v1"
SECRET = "golden secret, good for these files only"
SPOOL = "4be1c09f2a7d3358"
T = 1767709822  # 2026-01-06 14:30:22 UTC
_NAMES = (
    "barney",
    "fred",
    "wilma",
    "betty",
    "pebbles",
    "bamm-bamm",
    "dino",
    "hoppy",
    "gazoo",
    "mr_slate",
    "pearl_slaghoople",
)
_FILES = (
    Attachment("plain.txt", "text/plain", b"one\r\ntwo\nthree"),
    Attachment("Grüße an alle – 100%.txt", "application/octet-stream", bytes(range(256))),
    Attachment("quote\" \\ semi; colon's.bin", "application/octet-stream", b""),
    Attachment("a" * 120 + ".md", "text/markdown", b"# long name\n"),
)
DRAFTS: dict[str, tuple[Draft, tuple[str, ...]]] = {
    "01-plain": (Draft("Welcome to the team!"), ("barney",)),
    "02-emoji": (
        Draft("🎉 Grüße, 世界!\n\n\tindented  twice\n", subject="🎉 ein Betreff, der länger ist als eine Zeile 世界"),
        ("barney",),
    ),
    "03-quoted-printable": (Draft("a = b\r\ntrailing blank \nFrom here\n.\n" + "x" * 1200 + "\nend\n\n"), ("barney",)),
    "04-base64": (Draft("\0\r é" * 60), ("barney",)),
    "05-crlf": (Draft("sent with LF,\nstored with CR LF\n", subject="through a transport"), ("barney",)),
    "06-data": (Draft("see the data", data='{"job": 17, "tags": ["a", "é"], "deep": {"none": null}}'), ("barney",)),
    "07-attachments": (Draft("four files\n", attachments=_FILES), ("barney",)),
    "08-thread": (
        Draft(
            "an answer",
            subject="Re: a question",
            references=[f"1767709{n:03}.M000001P7Q{n}R00000000000000{n:02x}@ipc.invalid" for n in range(25)],
        ),
        ("barney",),
    ),
    "09-many-names": (Draft("to all of you"), _NAMES),
    "10-expires": (Draft("only good for two hours", expires=7200.0, importance="high"), ("barney",)),
    "11-notice": (
        Draft("fred is fred-debugging now", kind="notice", auto="auto-generated", importance="low"),
        ("all",),
    ),
    "12-empty": (Draft("", subject=""), ("barney",)),
}


def message(name: str) -> bytes:
    """Return the bytes of one of them."""
    draft, to = DRAFTS[name]
    sender = "system" if draft.kind == "notice" else "nessa"
    serial = f"{T}.M000001P4242Q{int(name[:2])}R0123456789abcdef"
    fields, body = compose(draft, sender=sender, to=to, id=serial, t=T)
    expires = None if draft.expires is None else T + int(draft.expires)
    value = sign(fields, body, Key(SECRET.encode()), spool=SPOOL, signer=f"{sender}@ipc.invalid", t=T, expires=expires)
    raw = join([("IPC-Signature", value), *fields], body)
    return raw.replace(b"\n", b"\r\n") if name == "05-crlf" else raw


def values(raw: bytes) -> dict[str, Any]:
    """Return the verdict on a file, and all that a reader sees of it, as JSON holds it."""
    key = Key(SECRET.encode())
    fields, body = split(raw)
    verdict, signature = verify(fields, body, lambda *of: key if of == (SPOOL, key.id) else None, [SPOOL])
    assert signature is not None
    found = parse(fields, body, size=len(raw), covered=signature.covers)
    return {
        "verdict": verdict,
        "key": signature.key_id,
        "t": signature.t,
        "x": signature.expires,
        "id": found.id,
        "ref": found.ref,
        "from": found.from_,
        "to": list(found.to),
        "subject": found.subject,
        "date": found.date,
        "expires": found.expires,
        "importance": found.importance,
        "kind": found.kind,
        "in_reply_to": found.in_reply_to,
        "references": list(found.references),
        "body": found.body,
        "data": found.data,
        "attachments": [{"name": a.name, "type": a.type, "content": a.content.hex()} for a in found.attachments],
        "size": found.size,
    }


def main() -> int:
    """Write all files, or none."""
    paths = [FOLDER / f"{name}.eml" for name in DRAFTS]
    there = [path.name for path in [*paths, FOLDER / "expected.json"] if path.exists()]
    if there:
        sys.stderr.write(f"make.py: {', '.join(there)} are there, and must stay as they are for ever\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for path, name in zip(paths, DRAFTS, strict=True):
        path.write_bytes(message(name))
        expected[path.name] = values(message(name))
    text = json.dumps({"secret": SECRET, "spool": SPOOL, "messages": expected}, indent=1, ensure_ascii=True)
    (FOLDER / "expected.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
