"""The schema files, read into messages, structs and fields.

A file holds one or more messages. A message is a line

    KIND NAME [key:N] versions:A-B flexible:A+|none [unstable:N] [listeners:a,b]

and, indented below it, its fields, one a line:

    NAME TYPE [VERSIONS] [null[:VERSIONS]] [tag:N] [=DEFAULT] [ignorable] [flexible:none]

VERSIONS is 3, 3-5 or 3+; without it a field is there in every version of the struct around it. TYPE
is a scalar, string, bytes, records, a struct's name, or [] and one of these. A struct's fields
follow its field, indented deeper, or stand once at the end of the message below `struct NAME`.
# begins a comment.
"""

import re
from dataclasses import dataclass, field as dataclass_field

VERSION_MAX = 32767
SIZES = {
    "bool": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint16": 2,
    "uint32": 4,
    "float64": 8,
    "uuid": 16,
}
VARIABLE = ("string", "bytes", "records")
KINDS = (
    "request",
    "response",
    "header",
    "metadata",
    "coordinator-key",
    "coordinator-value",
    "data",
)
FIELDS_MAX = 64  # json.cc has room for so many


class SchemaError(Exception):
    pass


@dataclass(frozen=True)
class Range:
    first: int
    last: int

    def cut(self, other):
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Range(first, last) if first <= last else None

    def has(self, version):
        return self.first <= version <= self.last


@dataclass
class Field:
    name: str
    type: str
    array: bool
    versions: Range
    null: Range | None = None
    tag: int | None = None
    default: str | None = None
    ignorable: bool = False
    never_flexible: bool = False
    struct: "Struct | None" = None

    @property
    def snake(self):
        return snake(self.name)

    @property
    def json(self):
        return self.name[0].lower() + self.name[1:]

    @property
    def default_null(self):
        return self.default == "null" or (self.type == "records" and self.null is not None)


@dataclass
class Struct:
    name: str
    versions: Range
    fields: list = dataclass_field(default_factory=list)


@dataclass
class Message:
    kind: str
    name: str
    key: int
    versions: Range
    flexible: Range | None
    unstable: int
    listeners: list
    root: Struct | None = None
    structs: list = dataclass_field(default_factory=list)  # leaves first, without the root

    @property
    def namespace(self):
        return snake(self.name)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def parse_range(text, within):
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
    if not match:
        raise SchemaError(f"no version range: {text}")
    first = int(match[1])
    last = VERSION_MAX if match[2] else int(match[3] or first)
    return Range(first, last).cut(within)


@dataclass
class Line:
    indent: int
    words: list
    where: str


def read_lines(path):
    lines = []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            text = text.split("#")[0].rstrip()
            if text:
                lines.append(Line(len(text) - len(text.lstrip()), text.split(), f"{path}:{number}"))
    return lines


def parse_file(path):
    """All messages of one file."""
    messages, lines = [], read_lines(path)
    while lines:
        try:
            messages.append(parse_message(lines))
        except SchemaError as error:
            raise SchemaError(f"near {lines[0].where if lines else path}: {error}") from error
    return messages


def parse_message(lines):
    head = lines.pop(0)
    if head.indent or len(head.words) < 3 or head.words[0] not in KINDS:
        raise SchemaError(f"no message line: {' '.join(head.words)}")
    options = dict(word.split(":", 1) for word in head.words[2:])
    versions = parse_range(options.pop("versions"), Range(0, VERSION_MAX - 1))
    message = Message(
        kind=head.words[0],
        name=head.words[1],
        key=int(options.pop("key", -1)),
        versions=versions,
        flexible=parse_range(options.pop("flexible"), versions),
        unstable=int(options.pop("unstable", VERSION_MAX)),
        listeners=[part for part in options.pop("listeners", "").split(",") if part],
    )
    if options:
        raise SchemaError(f"unknown options {sorted(options)}")
    message.root = Struct(message.name, versions)
    inline, common = {}, {}
    message.root.fields = parse_fields(lines, 0, message.root.versions, inline)
    while lines and lines[0].words[0] == "struct" and not lines[0].indent:
        name = lines.pop(0).words[1]
        common[name] = Struct(name, versions)
        common[name].fields = parse_fields(lines, 0, versions, inline)
    resolve(message, inline, common)
    return message


def parse_fields(lines, indent, within, structs):
    """The fields deeper than `indent`; structs that are defined below them go into `structs`."""
    fields = []
    depth = lines[0].indent if lines else 0
    while lines and lines[0].indent > indent:
        line = lines.pop(0)
        if line.indent != depth:
            raise SchemaError(f"{line.where}: uneven indentation")
        field = parse_field(line, within)
        if lines and lines[0].indent > depth:
            if field.type in structs:
                raise SchemaError(f"{line.where}: {field.type} is defined twice")
            structs[field.type] = field.struct = Struct(field.type, field.versions)
            field.struct.fields = parse_fields(lines, depth, field.versions, structs)
        fields.append(field)
    return fields


def parse_field(line, within):
    name, kind, *words = line.words
    field = Field(name, kind.removeprefix("[]"), kind.startswith("[]"), within)
    for word in words:
        option, _, value = word.partition(":")
        if word[0].isdigit():
            field.versions = parse_range(word, within)
        elif option == "null":
            field.null = parse_range(value, field.versions) if value else field.versions
        elif option == "tag":
            field.tag = int(value)
        elif word.startswith("="):
            field.default = word[1:]
        elif word == "ignorable":
            field.ignorable = True
        elif word == "flexible:none":
            field.never_flexible = True
        else:
            raise SchemaError(f"{line.where}: unknown word {word}")
    if field.versions is None:
        raise SchemaError(f"{line.where}: {name} is in no version")
    return field


def resolve(message, inline, common):
    """Ties field types to structs, orders these, checks what the generated code relies on."""
    known = {**common, **inline}
    state = {}

    def visit(struct):
        if state.get(struct.name) == "open":
            raise SchemaError(f"{struct.name} contains itself")
        if state.get(struct.name):
            return
        state[struct.name] = "open"
        for field in struct.fields:
            check_field(message, struct, field)
            if field.type in SIZES or field.type in VARIABLE:
                continue
            if field.type not in known:
                raise SchemaError(f"unknown type {field.type}")
            field.struct = known[field.type]
            visit(field.struct)
        state[struct.name] = "done"
        if struct is not message.root:
            message.structs.append(struct)

    visit(message.root)
    unused = set(known) - set(state)
    if unused:
        raise SchemaError(f"{message.name}: unused structs {sorted(unused)}")


def check_field(message, struct, field):
    where = f"{message.name}.{struct.name}.{field.name}"
    if len(struct.fields) > FIELDS_MAX:
        raise SchemaError(f"{where}: too many fields")
    if field.tag is not None:
        covered = message.flexible and field.versions.cut(message.flexible)
        if covered != field.versions:
            raise SchemaError(f"{where}: a tag in versions that are not flexible")
        if sum(1 for other in struct.fields if other.tag == field.tag) > 1:
            raise SchemaError(f"{where}: tag {field.tag} is used twice")
        if field.type == "records":
            raise SchemaError(f"{where}: records cannot be tagged")
    if field.array and field.type in ("bool", "uint16", "uint32", "float64", "bytes", "records"):
        raise SchemaError(f"{where}: no arrays of {field.type}")
    if field.null and field.type in SIZES and not field.array:
        raise SchemaError(f"{where}: {field.type} is never null")


def min_size(struct, version, flexible):
    """The least number of bytes of one struct in a version."""
    total = 0
    for field in struct.fields:
        if field.tag is not None or not field.versions.has(version):
            continue
        compact = flexible and not field.never_flexible
        if field.array:
            total += 1 if compact else 4
        elif field.type in SIZES:
            total += SIZES[field.type]
        elif field.struct:
            nullable = field.null and field.null.has(version)
            total += 1 if nullable else min_size(field.struct, version, flexible)
        else:
            total += 1 if compact else 2 if field.type == "string" else 4
    return total + (1 if flexible else 0)
