"""The generated constant tables: descriptors of messages, the registry, the API table."""

from cpp import structs
from model import VERSION_MAX, min_size, snake

TYPES = {"bool": "boolean"}


def range_text(versions):
    return f"{{{versions.first}, {versions.last}}}" if versions else "{0, -1}"


def tables(message):
    return "".join(struct_table(message, struct) for struct in structs(message)) + message_table(
        message
    )


def struct_table(message, struct):
    name, text = struct.name, "\n"
    if struct.fields:
        text += f"static constexpr FieldDescriptor k{name}Fields[] = {{\n"
        text += "".join(field_row(field) for field in struct.fields) + "};\n"
    sizes = []
    for version in range(struct.versions.first, struct.versions.last + 1):
        sizes.append(
            str(min_size(struct, version, bool(message.flexible and message.flexible.has(version))))
        )
    text += f"static constexpr uint16_t k{name}Sizes[] = {{{', '.join(sizes)}}};\n"
    fields = f"k{name}Fields" if struct.fields else "{}"
    text += (
        f"static constexpr StructDescriptor k{name}Struct = {{\"{name}\", {fields}, "
        f"{range_text(message.flexible)}, {struct.versions.first}, k{name}Sizes}};\n"
    )
    return text


def field_row(field):
    parts = [
        f".name = \"{field.json}\"",
        f".type = Type::{TYPES.get(field.type, field.type) if not field.struct else 'structure'}",
    ]
    if field.array:
        parts.append(".array = true")
    if field.never_flexible:
        parts.append(".never_flexible = true")
    if field.default_null:
        parts.append(".default_null = true")
    if field.tag is not None:
        parts.append(f".tag = {field.tag}")
    parts.append(f".versions = {range_text(field.versions)}")
    if field.null:
        parts.append(f".nullable = {range_text(field.null)}")
    value = default_number(field)
    if value:
        parts.append(f".default_value = {value}")
    if field.struct:
        parts.append(f".structure = &k{field.type}Struct")
    return f"    {{{', '.join(parts)}}},\n"


def default_number(field):
    if field.array or field.default in (None, "null") or field.struct:
        return 0
    if field.type == "bool":
        return 1 if field.default == "true" else 0
    return int(field.default, 0)


def message_table(message):
    kind = message.kind.replace("-", "_")
    return (
        f"\nstatic void recode(Reader& reader, int16_t version, Writer& writer);\n"
        f"const MessageDescriptor kMessage = {{\"{message.name}\", MessageKind::{kind}, "
        f"{message.key}, {range_text(message.versions)}, {range_text(message.flexible)}, "
        f"&k{message.name}Struct, &recode}};\n"
    )


def registry_source(messages):
    lines = [
        "// Generated from src/wire/schema by src/wire/gen; not for editing.\n\n",
        '#include "wire/registry.h"\n\nnamespace partita::wire {\n\n',
    ]
    for message in messages:
        lines.append(
            f"namespace {message.namespace} {{\nextern const MessageDescriptor kMessage;\n}}\n"
        )
    lines.append("\nstd::span<const MessageDescriptor* const> all_messages() {\n")
    lines.append("  static constexpr const MessageDescriptor* kAll[] = {\n")
    lines += [f"      &{message.namespace}::kMessage,\n" for message in messages]
    lines.append("  };\n  return kAll;\n}\n\n}  // namespace partita::wire\n")
    return "".join(lines)


def api_name(message):
    return message.name.removesuffix("Request")


def api_enum(requests):
    lines = [
        "#pragma once\n// Generated from src/wire/schema by src/wire/gen; not for editing.\n\n",
        "#include <cstdint>\n\nnamespace partita::wire {\n\n",
        "/// The number that names a request in its header.\nenum class ApiKey : int16_t {\n",
    ]
    lines += [f"  {snake(api_name(request))} = {request.key},\n" for request in requests]
    lines.append("};\n\n}  // namespace partita::wire\n")
    return "".join(lines)


def api_table(pairs):
    """`pairs`: (request, response), by rising key."""
    lines = [
        "// Generated from src/wire/schema by src/wire/gen; not for editing.\n\n",
        '#include "wire/api_key.h"\n\nnamespace partita::wire {\n\n',
    ]
    for request, response in pairs:
        for message in (request, response):
            lines.append(
                f"namespace {message.namespace} {{\nextern const MessageDescriptor kMessage;\n}}\n"
            )
    lines.append(
        "\nstd::span<const ApiInfo> all_apis() {\n  static constexpr ApiInfo kApis[] = {\n"
    )
    for request, response in pairs:
        stable = min(request.versions.last, request.unstable - 1)
        flexible = request.flexible.first if request.flexible else VERSION_MAX
        on = [
            f"true" if where in request.listeners else "false" for where in ("broker", "controller")
        ]
        lines.append(
            f"      {{ApiKey::{snake(api_name(request))}, \"{api_name(request)}\", "
            f"{range_text(request.versions)}, {stable}, {flexible}, {on[0]}, {on[1]}, "
            f"&{request.namespace}::kMessage, &{response.namespace}::kMessage}},\n"
        )
    lines.append("  };\n  return kApis;\n}\n\n}  // namespace partita::wire\n")
    return "".join(lines)
