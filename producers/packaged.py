"""The mappings and samples that come with the project, by name."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from facts.errors import MappingError
from producers.declaration import Mapping
from producers.mapping import load_mapping


def mapping_names() -> tuple[str, ...]:
    """The mappings that come with the project."""
    return _names("mappings", ".toml")


def sample_names() -> tuple[str, ...]:
    """The sample extracts that come with the project; each is read by the mapping of its own name."""
    return _names("samples", ".csv")


def packaged_mapping(name: str) -> Mapping:
    """A mapping that comes with the project.

    Raises:
        MappingError: there is none of this name.
    """
    return load_mapping(_file("mappings", f"{name}.toml", mapping_names()).read_text("utf-8"), f"{name}.toml")


def packaged_sample(name: str) -> Traversable:
    """A sample extract that comes with the project; `read_extract` takes it as it takes a path.

    Raises:
        MappingError: there is none of this name.
    """
    return _file("samples", f"{name}.csv", sample_names())


def _names(folder: str, ending: str) -> tuple[str, ...]:
    found = (each.name for each in files("producers").joinpath(folder).iterdir())
    return tuple(sorted(name.removesuffix(ending) for name in found if name.endswith(ending)))


def _file(folder: str, file_name: str, known: tuple[str, ...]) -> Traversable:
    # Only a listed name is opened: a name is not a path.
    name, _, _ = file_name.rpartition(".")
    if name in known:
        return files("producers").joinpath(folder, file_name)
    what = f"There is none called {name!r} in producers/{folder}."
    raise MappingError(what, where=f"producers/{folder}", hint=f"Those that come with it: {', '.join(known)}.")
