"""Names the required keys of a part of a file, so that an error can list them all at once."""

import re

from msgspec import Struct, inspect

_STEP = re.compile(r"\.(\w+)|\[[^\]]*\]")
_MISSING = "missing required field"


def required_hint(kind: type[Struct], what: str, path: str, otherwise: str) -> str:
    """The hint for a value that does not fit its type.

    Args:
        kind: the type of the whole file.
        what: msgspec's message.
        path: the place in the file, such as `$.queues[0]`.
        otherwise: the hint for any other fault; it also ends this one.
    """
    if _MISSING not in what:
        return otherwise
    keys = required_keys(kind, path)
    return f"Required here: {', '.join(keys)}. {otherwise}" if keys else otherwise


def required_keys(kind: type[Struct], path: str) -> tuple[str, ...]:
    """The required keys of a part of a file, in the order of their declaration; none if the part has no keys.

    Args:
        kind: the type of the whole file.
        path: the place of the part, such as `$.queues[0]`.
    """
    part: inspect.Type | None = inspect.type_info(kind)
    for step in _STEP.finditer(path):
        part = _step(part, step[1])
    part = _of(part, inspect.StructType)
    if not isinstance(part, inspect.StructType):
        return ()
    return tuple(field.encode_name for field in part.fields if field.required)


def _step(part: inspect.Type | None, name: str | None) -> inspect.Type | None:
    if name is None:
        part = _of(part, inspect.VarTupleType, inspect.DictType)
        if isinstance(part, inspect.DictType):
            return part.value_type
        return part.item_type if isinstance(part, inspect.VarTupleType) else None
    part = _of(part, inspect.StructType)
    if not isinstance(part, inspect.StructType):
        return None
    return next((field.type for field in part.fields if field.encode_name == name), None)


def _of(part: inspect.Type | None, *kinds: type[inspect.Type]) -> inspect.Type | None:
    """A type of one of the given kinds, which may be annotated or one of several alternatives."""
    if isinstance(part, inspect.Metadata):
        return _of(part.type, *kinds)
    if isinstance(part, inspect.UnionType):
        return next((found for each in part.types if (found := _of(each, *kinds)) is not None), None)
    return part if isinstance(part, kinds) else None
