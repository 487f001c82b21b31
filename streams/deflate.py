"""Compresses text with deflate of the standard library; the result is text, because the state holds no binary data."""

import zlib
from binascii import a2b_base64, b2a_base64


def deflated(data: bytes, dictionary: bytes = b"", *, has_checksum: bool = False) -> str:
    """Data, compressed; `inflated` needs the same arguments.

    Args:
        data: the data.
        dictionary: what such data has in common.
        has_checksum: add a checksum, 8 characters, so that damage is noticed.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, _bits(has_checksum=has_checksum), 9, zdict=dictionary)
    return b2a_base64(packer.compress(data) + packer.flush(), newline=False).decode()


def _bits(*, has_checksum: bool) -> int:
    """What zlib takes for a format with or without a header and a checksum."""
    return zlib.MAX_WBITS if has_checksum else -zlib.MAX_WBITS


def inflated(text: str, dictionary: bytes = b"", *, has_checksum: bool = False) -> bytes:
    """The data that was compressed.

    Raises:
        ValueError: the text is damaged.
    """
    unpacker = zlib.decompressobj(_bits(has_checksum=has_checksum), zdict=dictionary)
    try:
        data = unpacker.decompress(a2b_base64(text.encode(), strict_mode=True)) + unpacker.flush()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the compressed text is cut off")
    return data
