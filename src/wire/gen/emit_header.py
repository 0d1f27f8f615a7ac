"""The generated header of a schema file."""

from cpp import initialiser, member, needs_is_default, owned_type, structs, view_type

BANNER = "// Generated from src/wire/schema/{schema} by src/wire/gen; not for editing.\n"


def header(schema, messages):
    parts = [
        "#pragma once\n",
        BANNER.format(schema=schema),
        "\n#include \"wire/message.h\"\n\n",
        "namespace partita::wire {\n",
    ]
    for message in messages:
        parts.append(message_text(message))
    parts.append("\n}  // namespace partita::wire\n")
    return "".join(parts)


def message_text(message):
    namespace, name = message.namespace, message.name
    wanted = needs_is_default(message)
    inner = [f"\nnamespace {namespace} {{\n\n", "extern const MessageDescriptor kMessage;\n"]
    for struct in message.structs:
        inner.append(owned_struct(struct, struct.name, [], wanted))
        inner.append(view_struct(struct, struct.name + "View", [], False))
        inner.append(materialise_text(struct))
    own = [f"using {s.name} = {namespace}::{s.name};" for s in message.structs]
    views = [f"using {s.name} = {namespace}::{s.name}View;" for s in message.structs]
    inner.append(f"\nstruct {name}View;\n")
    own.insert(0, f"using View = {name}View;")
    inner += [owned_root(message, own), view_struct(message.root, name + "View", views, True)]
    inner.append(materialise_text(message.root))
    inner.append(f"\n}}  // namespace {namespace}\n")
    inner += [
        f"using {namespace}::{name};\n",
        f"using {namespace}::{name}View;\n",
        f"using {namespace}::materialise;\n",
    ]
    return "".join(inner)


def materialise_text(struct):
    name = struct.name
    return (
        f"void fill({name}& owned, const {name}View& view, const Bytes& frame);\n"
        f"inline {name} materialise(const {name}View& view, const Bytes& frame = {{}}) {{\n"
        f"  {name} owned;\n  fill(owned, view, frame);\n  return owned;\n}}\n"
    )


def owned_struct(struct, name, aliases, wanted):
    lines = [f"\nstruct {name} {{\n"]
    lines += [f"  {alias}\n" for alias in aliases]
    lines += [
        f"  {owned_type(field)} {member(field)}{initialiser(field, False)};\n"
        for field in struct.fields
    ]
    lines.append("\n" if struct.fields else "")
    lines.append("  void write(Writer& writer, int16_t version) const;\n")
    if struct.name in wanted:
        lines.append("  bool is_default() const;\n")
    lines.append(f"  bool operator==(const {name}&) const = default;\n}};\n")
    return "".join(lines)


def owned_root(message, aliases):
    text = owned_struct(message.root, message.name, aliases, ())
    extra = (
        "  static const MessageDescriptor& descriptor() { return kMessage; }\n"
        "  [[nodiscard]] Result<> encode(Writer& writer, int16_t version) const;\n"
    )
    return text.replace("  void write(Writer& writer", extra + "  void write(Writer& writer", 1)


def view_struct(struct, name, aliases, root):
    lines = [f"\nstruct {name}{' : MessageView' if root else ''} {{\n"]
    lines += [f"  {alias}\n" for alias in aliases]
    lines += [
        f"  {view_type(field)} {member(field)}{initialiser(field, True)};\n"
        for field in struct.fields
    ]
    lines.append("\n" if struct.fields else "")
    if root:
        owner = name.removesuffix("View")
        lines.append(
            f"  static const MessageDescriptor& descriptor() {{ return {owner}::descriptor(); }}\n"
        )
        lines.append(
            f"  [[nodiscard]] static Result<{name}> decode(ByteView body, int16_t version);\n"
        )
    else:
        lines.append("  static const StructDescriptor& descriptor();\n")
    lines.append(f"  static {name} read(Reader& reader, int16_t version);\n}};\n")
    return "".join(lines)


def any_record_header(records):
    """The header that joins all metadata records into one variant.

    `records`: (include, message), by key.
    """
    lines = [
        "#pragma once\n",
        "// Generated from src/wire/schema/metadata by src/wire/gen; not for editing.\n\n",
        "#include <variant>\n\n",
    ]
    lines += [f'#include "{include}"\n' for include, _ in sorted(records, key=lambda pair: pair[0])]
    lines.append(
        "\nnamespace partita::wire {\n\n/// Any record of the metadata log, by rising key.\n"
    )
    names = ",\n                 ".join(message.name for _, message in records)
    lines.append(f"using MetadataRecord =\n    std::variant<{names}>;\n")
    lines.append("\n}  // namespace partita::wire\n")
    return "".join(lines)
