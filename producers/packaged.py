"""The mappings and sample extracts supplied with Blue Lamp, by name."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from facts.errors import MappingError
from producers.declaration import Mapping
from producers.mapping import load_mapping


def mapping_names() -> tuple[str, ...]:
    """The names of the supplied mappings."""
    return names_in("mappings", ".toml")


def sample_names() -> tuple[str, ...]:
    """The names of the supplied sample extracts; the mapping with the same name reads each."""
    return names_in("samples", ".csv")


def packaged_mapping(name: str) -> Mapping:
    """A supplied mapping.

    Raises:
        MappingError: no supplied mapping has this name.
    """
    return load_mapping(_file("mappings", f"{name}.toml", mapping_names()).read_text("utf-8"), f"{name}.toml")


def packaged_sample(name: str) -> Traversable:
    """A supplied sample extract, which `read_extract` accepts like a path.

    Raises:
        MappingError: no supplied sample has this name.
    """
    return _file("samples", f"{name}.csv", sample_names())


def names_in(folder: str, ending: str) -> tuple[str, ...]:
    """The names of the supplied files in a folder under producers, without their ending."""
    names = (each.name for each in files("producers").joinpath(folder).iterdir())
    return tuple(sorted(name.removesuffix(ending) for name in names if name.endswith(ending)))


def _file(folder: str, file_name: str, known: tuple[str, ...]) -> Traversable:
    # Only a listed name is opened, so that a name cannot be used as a path.
    name, _, _ = file_name.rpartition(".")
    if name in known:
        return files("producers").joinpath(folder, file_name)
    what = f"There is no {name!r} in producers/{folder}."
    raise MappingError(what, where=f"producers/{folder}", hint=f"Choose one of {', '.join(known)}.")
