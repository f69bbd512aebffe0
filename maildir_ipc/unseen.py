"""Which characters are written out: what a terminal would obey, what reorders a line, and what nobody sees.

A language model reads what a person does not see. That is what Unicode calls Default_Ignorable_Code_Point
(DerivedCoreProperties.txt, 16.0) and the marks of interlinear annotation, but for what honest text is made with.
"""

from __future__ import annotations

_OBEYED = [*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029]
# The marks that reorder a line are among them.
_IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_JOINERS = (0x200C, 0x200D)  # emoji and whole languages are written with them
_AS_EMOJI = "\ufe0f"  # after what may be a plain sign or an emoji, and after the digit of a keycap
_EMOJI = (
    (0x00A9, 0x00A9), (0x00AE, 0x00AE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139),
    (0x2194, 0x21AA), (0x2300, 0x23FF), (0x24C2, 0x24C2), (0x25AA, 0x25FE), (0x2600, 0x27BF), (0x2934, 0x2935),
    (0x2B05, 0x2B55), (0x3030, 0x3030), (0x303D, 0x303D), (0x3297, 0x3297), (0x3299, 0x3299), (0x1F000, 0x1FAFF),
)  # fmt: skip
_KEYS, _KEYCAP = "0123456789#*", "\u20e3"


def written_out(text: str) -> str:
    """Return *text* with each such character as an escape; tabs and line feeds stay."""
    if text.isascii():
        return text.translate(_CONTROLS)
    if not _ALL:
        # Four thousand, which most commands never need.
        ignorable = [code for first, last in _IGNORABLE for code in range(first, last + 1) if code not in _JOINERS]
        _ALL.update(_CONTROLS | _escapes(ignorable))
    before, *rest = text.split(_AS_EMOJI)
    shown = [before.translate(_ALL)]
    for after in rest:
        shown += [_AS_EMOJI if _is_sign(before, after) else _ALL[ord(_AS_EMOJI)], after.translate(_ALL)]
        before = after
    return "".join(shown)


def _is_sign(before: str, after: str) -> bool:
    """Return whether U+FE0F between these two changes how a sign looks: then it is seen, by its effect."""
    if not before:
        return False
    if before[-1] in _KEYS:
        return after.startswith(_KEYCAP)
    return any(first <= ord(before[-1]) <= last for first, last in _EMOJI)


def _escapes(codes: list[int]) -> dict[int, str]:
    return {
        code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
        for code in codes
    }


_CONTROLS = _escapes(_OBEYED)
_ALL: dict[int, str] = {}
