"""What a sender decides about a message, checked, so that composing it cannot fail."""

from __future__ import annotations

from .errors import BadData
from .signing import content_digest
from .wire import IMPORTANCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TITLE = 4000  # characters, of a subject that was given
MAX_FILE_NAME = 255
MAX_EXPIRES = 100 * 365 * 86400  # seconds; what ends later does not end
_TYPE = {ord(c): None for c in "-+._"}


class Attachment:
    """A file that came with a message: its name as the sender wrote it (not safe as a path), type, content."""

    __slots__ = ("content", "name", "type")

    def __init__(self, name: str, type: str, content: bytes) -> None:
        self.name, self.type, self.content = name, type, content


class Draft:
    """All that a sender decides about a message; checked, so that composing it cannot fail.

    Raises: BadData, saying which value cannot be sent.
    """

    __slots__ = (
        "attachments", "auto", "data", "expires", "hops", "importance", "kind", "receipt",
        "references", "subject", "text",
    )  # fmt: skip

    def __init__(
        self,
        text: str,
        *,
        subject: str | None = None,
        data: str | None = None,
        attachments: Sequence[Attachment] = (),
        importance: str | None = None,
        expires: float | None = None,
        references: Sequence[str] = (),
        auto: str | None = None,
        hops: int = 0,
        kind: str = "message",
        receipt: bool = False,
    ) -> None:
        try:
            for part in (text, subject or "", data or ""):
                if not part.isascii():
                    part.encode()
        except UnicodeEncodeError:
            raise BadData("the text, subject or data is not UTF-8", "send it as a file: --attach FILE") from None
        if subject is not None and (len(subject) > MAX_TITLE or any(c in subject for c in "\r\n\0")):
            raise BadData("the subject is too long or has a line break in it", "give a subject of one line")
        if importance not in (None, *IMPORTANCE):
            raise BadData(f"no such importance: {importance!a}", "one of " + " ".join(IMPORTANCE))
        if expires is not None and not 0 <= expires <= MAX_EXPIRES:
            raise BadData("that is no time to expire after", f"give 0 to {MAX_EXPIRES} seconds")
        for word in (kind, *references, *([] if auto is None else [auto])):
            if not (word and word.isascii() and word.isprintable()) or " " in word:
                raise BadData(f"{word!a} cannot stand in a header", "kinds and references are one ASCII word")
        for file in attachments:
            _check_file(file)
        if data is not None:
            _check_object(data)
        self.text, self.subject, self.data, self.attachments = text, subject, data, tuple(attachments)
        self.importance, self.expires, self.references = importance, expires, tuple(references)
        self.auto, self.hops, self.kind, self.receipt = auto, hops, kind, receipt

    def automatic(self, auto: str, hops: int) -> Draft:
        """Return the same draft as an automatic message, after at least *hops* others."""
        made = object.__new__(Draft)
        for name in self.__slots__:
            setattr(made, name, getattr(self, name))
        made.auto, made.hops = self.auto or auto, max(self.hops, hops)
        return made

    def digest(self, to: Sequence[str]) -> str:
        """Return what tells this draft to these recipients from any other."""
        parts = [
            ",".join(to),
            self.text,
            self.subject,
            self.data,
            self.importance,
            self.expires,
            self.references,
        ]
        files = [(a.name, a.type, content_digest(a.content)) for a in self.attachments]
        asks = ("receipt",) if self.receipt else ()
        return content_digest(repr((parts, files, self.auto, self.kind, *asks)).encode())


def _check_file(file: Attachment) -> None:
    try:
        named = bool(file.name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        named = False
    if not named or len(file.name) > MAX_FILE_NAME or "\0" in file.name:
        raise BadData(f"{file.name[:40]!a} is not the name of a file", "give the attachment another")
    if "/" not in file.type or not file.type.replace("/", "", 1).translate(_TYPE).isalnum() or not file.type.isascii():
        raise BadData(f"{file.type!a} is not a media type", "like application/octet-stream")


def _check_object(data: str) -> None:
    from .mime import NO_OBJECT, fault_of

    try:
        fault = fault_of(data)
    except ValueError:
        fault = NO_OBJECT
    if fault is not None:
        raise BadData(f"the data {fault}", 'give a JSON object such as {"key": 1}')
