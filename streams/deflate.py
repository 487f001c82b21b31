"""Compresses text with deflate of the standard library; the result is text, because the state holds no binary data."""

import zlib
from binascii import a2b_base64, b2a_base64
from functools import cache

_SHORT_BITS, _SHORT_MEMORY, _MOST_MEMORY = 14, 6, 9


def deflated(data: bytes, dictionary: bytes = b"", *, has_checksum: bool = False) -> str:
    """Data, compressed; `inflated` needs the same arguments.

    Args:
        data: the data.
        dictionary: what such data has in common.
        has_checksum: add a checksum, 8 characters, so that damage is noticed.
    """
    packer = _packer(dictionary, has_checksum=has_checksum).copy()
    return b2a_base64(packer.compress(data) + packer.flush(), newline=False).decode()


@cache
def _packer(dictionary: bytes, *, has_checksum: bool) -> "zlib._Compress":
    """What to copy for each text: to read the dictionary again would take as long as to compress a short text.

    With a dictionary, texts are short, and half of the usual window and less memory compress them as well in half of the time.
    """
    bits, memory = (_SHORT_BITS, _SHORT_MEMORY) if dictionary else (zlib.MAX_WBITS, _MOST_MEMORY)
    return zlib.compressobj(9, zlib.DEFLATED, bits if has_checksum else -bits, memory, zdict=dictionary)


def inflated(text: str, dictionary: bytes = b"", *, has_checksum: bool = False) -> bytes:
    """The data that was compressed.

    Raises:
        ValueError: the text is damaged.
    """
    unpacker = zlib.decompressobj(zlib.MAX_WBITS if has_checksum else -zlib.MAX_WBITS, zdict=dictionary)
    try:
        data = unpacker.decompress(a2b_base64(text.encode(), strict_mode=True)) + unpacker.flush()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the compressed text is cut off")
    return data
