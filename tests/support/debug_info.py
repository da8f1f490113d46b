"""Types of the installed carla wheel, read from the debug information inside its extension module.

The wheel ships DWARF 4: every compile unit of the client's C++ sources with the size of each structure, the
offset of each member, the value of each enumerator and the full names of templates. All units together are
43 MB; only those that are asked for are parsed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile

ELF_MAGIC = b"\x7fELF"

_RECORDS = ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type")
_ENUMERATION = "DW_TAG_enumeration_type"
_TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")
_KINDS = {0x02: "u", 0x04: "f", 0x05: "i", 0x06: "i", 0x07: "u", 0x08: "u"}
"""DW_ATE_boolean, float, signed, signed_char, unsigned, unsigned_char -> numpy's kinds."""


class NoDebugInformationError(RuntimeError):
    """The client carries none, or not that unit or type: what it speaks has to be found out anew."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One number inside a structure.

    Attributes:
        path: names of the members that lead to it, joined by dots.
        offset: bytes from the start of the outermost structure.
        kind: numpy's kind: "u", "i", "f"; "S" for an array of characters.
        size: bytes.
    """

    path: str
    offset: int
    kind: str
    size: int


def extension_module() -> Path:
    """The client's extension module, without importing it.

    Raises:
        NoDebugInformationError: there is no wheel, or not exactly one module in it.
    """
    spec = importlib.util.find_spec("carla")
    if spec is None or spec.origin is None:
        raise NoDebugInformationError("no carla wheel is installed")
    modules = [p for p in Path(spec.origin).parent.iterdir() if p.suffix in (".so", ".pyd")]
    if len(modules) != 1:
        raise NoDebugInformationError(f"expected one extension module beside {spec.origin}, found {modules}")
    return modules[0]


class WheelTypes:
    """Types by their full C++ names.

    Attributes:
        enumerations: name -> enumerator -> value.
        names: of all records (structures, classes, unions), templates with their arguments.
    """

    def __init__(self, module: Path, units: tuple[str, ...]) -> None:
        """Parse some compile units.

        Args:
            module: an ELF file.
            units: ends of the names of source files, such as "s11n/EpisodeStateSerializer.cpp".

        Raises:
            NoDebugInformationError: the file has no debug information, or lacks one of the units.
        """
        with module.open("rb") as file:
            elf = ELFFile(file)
            if not elf.has_dwarf_info():
                raise NoDebugInformationError(f"{module.name} carries no debug information")
            found: dict[str, CompileUnit] = {}
            self._records: dict[str, DIE] = {}
            self.enumerations: dict[str, dict[str, int]] = {}
            for unit in elf.get_dwarf_info(relocate_dwarf_sections=False).iter_CUs():
                source = _text(unit.get_top_DIE(), "DW_AT_name")
                for wanted in units:
                    if source.endswith(wanted):
                        found[wanted] = unit
            missing = set(units) - set(found)
            if missing:
                raise NoDebugInformationError(f"{module.name} has no compile units {sorted(missing)}")
            for unit in found.values():
                self._read(unit.get_top_DIE(), "")
            # Members are looked up lazily in the file: do it while it is open.
            self._sizes = {name: _number(die, "DW_AT_byte_size") for name, die in self._records.items()}
            self._layouts = {
                name: tuple(_leaves(die, 0, "")) for name, die in self._records.items() if _is_plain(name)
            }
            self._members = {
                name: tuple(_text(member, "DW_AT_name") for member in _members(die))
                for name, die in self._records.items()
                if _is_plain(name)
            }
        self.names = tuple(self._sizes)

    def size(self, name: str) -> int:
        """Bytes of a structure."""
        return self._sizes[self._known(name)]

    def layout(self, name: str) -> tuple[Leaf, ...]:
        """The numbers in a structure of numbers, in the order of their declaration."""
        return self._layouts[self._known(name)]

    def members(self, name: str) -> tuple[str, ...]:
        """Names of a structure's own members in the order of their declaration; static ones do not count."""
        return self._members[self._known(name)]

    def template_arguments(self, template: str) -> tuple[str, ...]:
        """Arguments of the only instantiation of a template, such as `boost::variant2::variant` of commands.

        Args:
            template: full name and the beginning of the arguments, such as "std::pair<int".

        Raises:
            NoDebugInformationError: none or several.
        """
        found = [name for name in self.names if name.startswith(template)]
        if len(found) != 1:
            raise NoDebugInformationError(f"{template}: expected one instantiation, found {len(found)}")
        return tuple(_split_arguments(found[0][found[0].index("<") + 1 : found[0].rindex(">")]))

    def _known(self, name: str) -> str:
        if name not in self._layouts:
            raise NoDebugInformationError(f"the debug information that was read has no type {name}")
        return name

    def _read(self, parent: DIE, scope: str) -> None:
        for die in parent.iter_children():
            if die.tag == "DW_TAG_subprogram" or "DW_AT_declaration" in die.attributes:
                continue
            if "DW_AT_name" not in die.attributes:
                continue
            name = scope + _text(die, "DW_AT_name")
            if die.tag == "DW_TAG_namespace":
                self._read(die, name + "::")
            elif die.tag in _RECORDS:
                self._records.setdefault(name, die)
                self._read(die, name + "::")
            elif die.tag == _ENUMERATION:
                self.enumerations[name] = {
                    _text(one, "DW_AT_name"): _number(one, "DW_AT_const_value") for one in die.iter_children()
                }


def _is_plain(name: str) -> bool:
    """Whether a record is one of CARLA's own and no template."""
    return name.startswith("carla::") and "<" not in name


def _text(die: DIE, attribute: str) -> str:
    value = die.attributes[attribute].value if attribute in die.attributes else b""
    return value.decode() if isinstance(value, bytes) else str(value)


def _number(die: DIE, attribute: str) -> int:
    return int(die.attributes[attribute].value) if attribute in die.attributes else 0


def _members(record: DIE) -> Iterator[DIE]:
    for member in record.iter_children():
        if member.tag == "DW_TAG_member" and "DW_AT_external" not in member.attributes:
            yield member


def _type_of(die: DIE) -> DIE:
    target = die.get_DIE_from_attribute("DW_AT_type")
    while target.tag in _TRANSPARENT:
        target = target.get_DIE_from_attribute("DW_AT_type")
    return target


def _leaves(record: DIE, base: int, prefix: str) -> Iterator[Leaf]:
    """The numbers of a record and of the records inside it; what is no number (pointers …) is left out."""
    for child in record.iter_children():
        if child.tag == "DW_TAG_inheritance":
            offset = base + _number(child, "DW_AT_data_member_location")
            yield from _leaves(_type_of(child), offset, prefix)
    for member in _members(record):
        offset = base + _number(member, "DW_AT_data_member_location")
        name = prefix + _text(member, "DW_AT_name")
        kind = _type_of(member)
        if kind.tag in _RECORDS:
            yield from _leaves(kind, offset, name + ".")
        elif kind.tag == "DW_TAG_array_type":
            yield from _elements(kind, offset, name)
        else:
            if kind.tag == _ENUMERATION:
                kind = _type_of(kind)
            if kind.tag == "DW_TAG_base_type":
                yield Leaf(name, offset, _kind(kind), _number(kind, "DW_AT_byte_size"))


def _elements(array: DIE, offset: int, name: str) -> Iterator[Leaf]:
    """An array of bytes as one leaf, one of other numbers as a leaf each."""
    element = _type_of(array)
    counts = [_number(d, "DW_AT_count") for d in array.iter_children() if d.tag == "DW_TAG_subrange_type"]
    if element.tag != "DW_TAG_base_type":
        return
    size = _number(element, "DW_AT_byte_size")
    if size == 1:
        yield Leaf(name, offset, "S", counts[0])
        return
    for position in range(counts[0]):
        yield Leaf(f"{name}.{position}", offset + position * size, _kind(element), size)


def _kind(base_type: DIE) -> str:
    return _KINDS[_number(base_type, "DW_AT_encoding")]


def _split_arguments(text: str) -> Iterator[str]:
    """The arguments of a template, split at its own commas only."""
    depth = start = 0
    for position, character in enumerate(text):
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()
