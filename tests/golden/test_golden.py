"""Messages that were made once must verify, and read the same, for ever (design, 3). Ours."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.golden.make import DRAFTS, FOLDER, message, values

EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
FILES = sorted(path.name for path in FOLDER.glob("*.eml"))
# The files themselves, so that nobody mends one to make a test pass.
DIGEST = "4321fca5dbefd24be65c4f11c011883ea7f9b8a774050786f6d007f3ec76167e"


def test_no_file_was_changed_added_or_lost() -> None:
    """For ever."""
    names = [*FILES, "expected.json"]
    content = "".join(f"{hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    assert hashlib.sha256(content.encode()).hexdigest() == DIGEST, content


@pytest.mark.parametrize("name", FILES)
def test_it_verifies_and_reads_as_it_always_did(name: str) -> None:
    """G4, G9: verdict and every value."""
    found = json.loads(json.dumps(values((FOLDER / name).read_bytes())))
    assert found == EXPECTED["messages"][name]
    assert found["verdict"] == "pass"


@pytest.mark.parametrize("name", FILES)
def test_it_verifies_by_the_protocol_page_alone(name: str) -> None:
    """protocol.md, 5, with nothing but the standard library: the files are right, and not only equal to our reading."""
    raw = (FOLDER / name).read_bytes().replace(b"\r\n", b"\n")
    head, _, body = raw.partition(b"\n\n")
    fields = [line.split(b":", 1) for line in re.sub(rb"\n[ \t]", b" ", head).split(b"\n")]
    relaxed = {field.strip().lower(): re.sub(rb"[ \t]+", b" ", value).strip() for field, value in fields}
    value = relaxed[b"ipc-signature"]
    tags = dict(tag.strip().split(b"=", 1) for tag in value.split(b";"))
    k = hmac.new(EXPECTED["secret"].encode(), b"maildir-ipc/1 mac", hashlib.sha256).digest()
    assert tags[b"s"].decode() == hashlib.sha256(b"maildir-ipc/1 keyid " + k).hexdigest()[:16]
    canonical = body.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    assert tags[b"bh"] == base64.b64encode(hashlib.sha256(canonical).digest())
    names = dict.fromkeys(n.strip() for n in tags[b"h"].split(b":"))
    signed = b"".join(n + b":" + relaxed[n] + b"\r\n" for n in names if n in relaxed)
    signed += b"ipc-signature:" + value[: value.rindex(b"b=") + 2]
    assert tags[b"b"] == base64.b64encode(hmac.new(k, signed, hashlib.sha256).digest())


@pytest.mark.parametrize("name", FILES)
def test_it_reads_the_same_with_the_email_package(name: str) -> None:
    """G7: RFC 5322, 2045, 2047, 2231, as a standard tool understands them."""
    expected = EXPECTED["messages"][name]
    found = email.message_from_bytes((FOLDER / name).read_bytes(), policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    assert not found.defects
    assert found["Subject"] == expected["subject"]
    assert [address.username for address in found["To"].addresses] == expected["to"]
    assert found["From"].addresses[0].username == expected["from"]
    assert found["Date"].datetime.timestamp() == expected["date"]
    files = list(found.iter_attachments()) if found.is_multipart() else []
    names = [part.get_filename() for part in files]
    assert names == [
        *(["data.json"] if expected["data"] is not None else []),
        *(a["name"] for a in expected["attachments"]),
    ]


@pytest.mark.parametrize("name", sorted(DRAFTS))
def test_the_same_draft_still_makes_the_same_bytes(name: str) -> None:
    """A sender of today is read by a reader of yesterday. A deliberate change of how v1 is written drops this test."""
    assert message(name) == (FOLDER / f"{name}.eml").read_bytes()


def test_the_script_refuses_to_write_over_them() -> None:
    """For ever."""
    before = {path: path.read_bytes() for path in FOLDER.iterdir()}
    script = str(Path(__file__).with_name("make.py"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "must stay" in done.stderr
    assert {path: path.read_bytes() for path in FOLDER.iterdir()} == before
