"""Turns the bytes of a file, which may still grow, into lines of text."""

import codecs
import re
from collections import deque
from collections.abc import Iterable, Iterator

from facts.errors import MappingError

LINE_LETTERS_MAX = 1024 * 1024
"""A longer line is cut, so that a file without line ends cannot fill the memory."""
_LINE_END = re.compile(r"\r\n|\n|\r(?=.)", re.DOTALL)
_HEAD_BYTES = 64
WORKBOOK_BEGINS = b"PK\x03\x04"
"""The first bytes of a workbook, which is a zip archive."""
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BROKEN = "\udcff"


class CountedLines:
    """The lines of a file, with their number; the last ones can be put back.

    Args:
        chunks: the file's bytes in parts of any size. An empty part says that the file has not grown for a while.
        encoding: its encoding.
        name: its name, for errors.

    Attributes:
        lines_read: the number of lines read and not put back.
    """

    def __init__(self, chunks: Iterable[bytes], encoding: str, name: str) -> None:
        self._lines = _decoded(chunks, encoding, name)
        self._ahead: deque[str] = deque()
        self.lines_read = 0

    def first(self) -> str | None:
        """The next line, however long it takes to arrive; None at the end of the file."""
        line = self._ahead.popleft() if self._ahead else next((line for line in self._lines if line is not None), None)
        self.lines_read += line is not None
        return line

    def following(self) -> str | None:
        """The next line if it is there; None at the end of the file, or if the file has not grown for a while."""
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        self.lines_read += line is not None
        return line

    def put_back(self, lines: list[str]) -> None:
        """Put back the last lines read."""
        self._ahead.extendleft(reversed(lines))
        self.lines_read -= len(lines)


def _decoded(chunks: Iterable[bytes], encoding: str, name: str) -> Iterator[str | None]:
    """The lines, each with its end; None where the file has not grown for a while. The last line may have no end."""
    stream = iter(chunks)
    head = _head(stream)
    if not head:
        return
    codec, mark = _codec(head, encoding, name)
    # Bytes invalid in the encoding become surrogates, so that only their own row is malformed.
    decoder = codecs.getincrementaldecoder(codec)(errors="surrogateescape")
    unfinished = ""
    try:
        for chunk in _chain(head[mark:], stream):
            if not chunk:
                yield None
                continue
            unfinished += decoder.decode(chunk)
            begin = 0
            for match in _LINE_END.finditer(unfinished):
                yield unfinished[begin : match.end()]
                begin = match.end()
            unfinished = unfinished[begin:]
            if len(unfinished) > LINE_LETTERS_MAX:
                yield unfinished
                unfinished = ""
        unfinished += _rest(decoder)
    except UnicodeError:
        raise _not_in(encoding, name) from None
    if unfinished:
        yield unfinished


def _chain(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from stream


def _rest(decoder: codecs.IncrementalDecoder) -> str:
    """What is left at the end of the file: nothing, unless it ends within a letter."""
    try:
        return decoder.decode(b"", final=True)
    except UnicodeError:
        return _BROKEN


def _head(stream: Iterator[bytes]) -> bytes:
    """The first bytes of a file: a whole line or so, from which its encoding can be checked."""
    head = b""
    while len(head) < _HEAD_BYTES and b"\n" not in head[4:]:
        chunk = next(stream, None)
        if chunk is None:
            return head
        head += chunk
    return head


def _codec(head: bytes, encoding: str, name: str) -> tuple[str, int]:
    """The codec to decode a file with, and the length of its byte order mark.

    Raises:
        MappingError: its first bytes show that it is in another encoding.
    """
    if head.startswith(_COMPRESSED):
        raise MappingError("The file is compressed.", where=name, hint="Unpack it first, for example with gunzip.")
    if head.startswith(WORKBOOK_BEGINS):
        raise MappingError("The file is an Excel workbook.", where=name, hint='Set `format = "xlsx"` under [source].')
    declared = codecs.lookup(encoding).name.removesuffix("-sig")
    mark, found = next(((mark, found) for mark, found in _MARKS if head.startswith(mark)), (b"", ""))
    if found and found not in (declared, f"{declared}-le", f"{declared}-be"):
        what = f"The file begins with the byte order mark of {found}, but `source.encoding` is {encoding}."
        raise MappingError(what, where=name, hint=f'Set `encoding = "{found[:6].rstrip("-")}"` under [source].')
    if declared.startswith(("utf-16", "utf-32")):
        if b"\0" not in head:
            raise _not_in(encoding, name)
        return found or (_by_zeros(head) if declared == "utf-16" else declared), len(mark)
    if b"\0" in head:
        what = f"The file has zero bytes, so it is not in {encoding}; it looks like UTF-16 without a byte order mark."
        raise MappingError(what, where=name, hint='Set `encoding = "utf-16"` under [source].')
    return found or declared, len(mark)


def _by_zeros(head: bytes) -> str:
    """The byte order of UTF-16 without a mark: the half of each letter that is zero in a text of mostly Latin letters."""
    return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"


def _not_in(encoding: str, name: str) -> MappingError:
    hint = "Set `source.encoding` to the extract's encoding."
    return MappingError(f"The file is not in {encoding}.", where=name, hint=hint)
