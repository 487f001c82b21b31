"""Compresses text for the state: deflate of the standard library, as text, because the state holds no binary."""

import zlib
from binascii import a2b_base64, b2a_base64


def deflated(data: bytes, dictionary: bytes = b"") -> str:
    """Data, compressed.

    Args:
        data: the data.
        dictionary: what such data has in common; `inflated` needs the same one.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zdict=dictionary)
    return b2a_base64(packer.compress(data) + packer.flush(), newline=False).decode()


def inflated(text: str, dictionary: bytes = b"") -> bytes:
    """The data that was compressed.

    Raises:
        ValueError: the text is damaged.
    """
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS, zdict=dictionary)
    try:
        data = unpacker.decompress(a2b_base64(text.encode(), strict_mode=True)) + unpacker.flush()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the compressed text is cut off")
    return data
