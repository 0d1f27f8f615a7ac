"""How a field looks in C++: its two types, its default, and the conditions on versions."""

from model import VERSION_MAX

SCALARS = {
    "bool": "bool",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "float64": "double",
    "uuid": "Uuid",
}
READS = {"bool": "boolean"}
OWNED = {"string": "std::string", "bytes": "Bytes", "records": "ByteChain"}
VIEWS = {"string": "std::string_view", "bytes": "ByteView", "records": "ByteView"}
KEYWORDS = {
    "default",
    "operator",
    "namespace",
    "class",
    "struct",
    "public",
    "private",
    "delete",
    "new",
    "register",
    "signed",
    "unsigned",
    "int",
    "short",
    "long",
    "bool",
    "char",
    "export",
    "template",
    "this",
    "version",
}


def member(field):
    return field.snake + "_" if field.snake in KEYWORDS else field.snake


def owned_element(field):
    return SCALARS.get(field.type) or OWNED.get(field.type) or field.type


def view_element(field):
    return SCALARS.get(field.type) or VIEWS.get(field.type) or field.type + "View"


def optional(field, text):
    return f"std::optional<{text}>" if field.null else text


def owned_type(field):
    element = owned_element(field)
    return optional(field, f"std::vector<{element}>" if field.array else element)


def view_type(field):
    element = view_element(field)
    return optional(field, f"ArrayView<{element}>" if field.array else element)


def scalar_default(field):
    if field.type == "uuid":
        return ""
    if field.type == "bool":
        return "true" if field.default == "true" else "false"
    if field.type == "float64":
        return repr(float(field.default or 0))
    value = int(field.default or "0", 0)
    if field.type == "int64" and abs(value) > 2**31:
        return f"int64_t{{{value}}}"
    return f"-{2**31 - 1} - 1" if value == -(2**31) else str(value)


def initialiser(field, view):
    """What follows the member's name in the struct."""
    if field.type in SCALARS and not field.array:
        value = scalar_default(field)
        return f" = {value}" if value else ""
    if field.null and not field.default_null:
        return "{std::in_place}"
    if field.default not in (None, "null"):
        raise ValueError(f"no such default in C++: {field.name} = {field.default}")
    return ""


def differs(field):
    """C++ for: the owned member has another value than its default."""
    name = member(field)
    if field.null:
        if field.default_null:
            return f"{name}.has_value()"
        empty = f"{name}->is_default()" if field.struct and not field.array else f"{name}->empty()"
        return f"!({name}.has_value() && {empty})"
    if field.array or field.type in OWNED:
        return f"!{name}.empty()"
    if field.struct:
        return f"!{name}.is_default()"
    if field.type == "uuid":
        return f"!{name}.is_zero()"
    if field.type == "bool":
        return f"!{name}" if field.default == "true" else name
    return f"{name} != {scalar_default(field)}"


def condition(versions, within):
    """C++ for: `version`, known to be in `within`, is in `versions`; "" where it always is."""
    if versions is None:
        return "false"
    parts = []
    if versions.first > within.first:
        parts.append(f"version >= {versions.first}")
    if versions.last < min(within.last, VERSION_MAX):
        parts.append(f"version <= {versions.last}")
    if len(parts) == 2 and versions.first == versions.last:
        return f"version == {versions.first}"
    return " && ".join(parts)


def flexible(message, struct):
    """C++ for: the struct is flexible in `version`."""
    versions = message.flexible and message.flexible.cut(struct.versions)
    if not versions:
        return "false"
    return condition(versions, struct.versions) or "true"


def structs(message):
    """All structs, leaves first, the root last."""
    return message.structs + [message.root]


def needs_is_default(message):
    """Names of the structs whose is_default() something asks for."""
    names = set()
    pending = [
        (struct, field)
        for struct in structs(message)
        for field in struct.fields
        if field.struct
        and not field.array
        and (field.tag is not None or (not field.ignorable and field.versions != struct.versions))
    ]
    while pending:
        _, field = pending.pop()
        if field.null and field.default_null or field.struct.name in names:
            continue
        names.add(field.struct.name)
        pending += [
            (field.struct, inner)
            for inner in field.struct.fields
            if inner.struct and not inner.array
        ]
    return names
