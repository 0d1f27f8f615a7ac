"""The generated source of a schema file: read, write and materialise of every struct."""

import re

from cpp import READS, SCALARS, condition, differs, flexible, member, needs_is_default, view_element
from emit_header import BANNER
from emit_tables import tables


def source(schema, include, messages):
    parts = [
        BANNER.format(schema=schema),
        f'\n#include "{include}"\n\n',
        "namespace partita::wire {\n",
    ]
    for message in messages:
        wanted = needs_is_default(message)
        parts.append(f"\nnamespace {message.namespace} {{\n")
        parts.append(tables(message))
        for struct in message.structs:
            parts.append(struct_text(message, struct, wanted))
        parts.append(struct_text(message, message.root, ()))
        parts.append(root_text(message))
        parts.append(f"\n}}  // namespace {message.namespace}\n")
    parts.append("\n}  // namespace partita::wire\n")
    return "".join(parts)


def root_text(message):
    name = message.name
    return f"""
Result<{name}View> {name}View::decode(ByteView body, int16_t version) {{
  Reader reader(body);
  {name}View view;
  if (kMessage.versions.has(version)) view = read(reader, version);
  CHECKED(detail::finish_decode(reader, kMessage, body, version, view));
  return view;
}}

Result<> {name}::encode(Writer& writer, int16_t version) const {{
  if (detail::can_encode(writer, kMessage, version)) write(writer, version);
  return writer.result();
}}

void recode(Reader& reader, int16_t version, Writer& writer) {{
  const {name}View view = {name}View::read(reader, version);
  if (!reader.ok()) return;
  materialise(view).write(writer, version);
}}
"""


def struct_text(message, struct, wanted):
    text = ""
    if struct is not message.root:
        text += (
            f"\nconst StructDescriptor& {struct.name}View::descriptor() "
            f"{{ return k{struct.name}Struct; }}\n"
        )
    text += read_text(message, struct) + write_text(message, struct)
    if struct.name in wanted:
        text += is_default_text(struct)
    return text + materialise_text(struct)


def function(head, message, struct, body):
    uses = "\n".join(body)
    lines = [f"\n{head} {{"]
    if "flexible" in uses:
        lines.append(f"  const bool flexible = {flexible(message, struct)};")
    return "\n".join(lines + body) + "\n}\n"


def guarded(condition_text, lines, otherwise=None):
    if not condition_text:
        return ["  " + line for line in lines]
    result = [f"  if ({condition_text}) {{"] + ["    " + line for line in lines]
    if otherwise:
        result += [f"  }} else {otherwise[0]}{{", f"    {otherwise[1]}"]
    return result + ["  }"]


# Reading.


def read_text(message, struct):
    name = struct.name + "View"
    body = [f"  {name} view;"]
    for field in struct.fields:
        if field.tag is None:
            body += guarded(
                condition(field.versions, struct.versions), read_lines(message, struct, field)
            )
    body += read_tags(message, struct)
    body.append("  return view;")
    text = function(f"{name} {name}::read(Reader& reader, int16_t version)", message, struct, body)
    return unused_version(text)


def unused_version(text):
    _, _, body = text.partition("{\n")
    if re.search(r"\bversion\b", body):
        return text
    return text.replace("int16_t version)", "int16_t)", 1)


def compact(field):
    if field.never_flexible:
        return "false"
    return "true" if field.tag is not None else "flexible"


def read_lines(message, struct, field):
    name, form = f"view.{member(field)}", compact(field)
    if field.array:
        call = "read_array" if field.null else "read_present_array"
        lines = [f"{name} = {call}<{view_element(field)}>(reader, version, {form});"]
    elif field.struct:
        lines = read_struct_lines(field, name)
    elif field.type in SCALARS:
        lines = [f"{name} = reader.{READS.get(field.type, field.type)}();"]
    else:
        kind = "string" if field.type == "string" else "bytes"
        lines = [f"{name} = reader.{'nullable_' if field.null else ''}{kind}({form});"]
    if field.null:
        allowed = condition(field.null, field.versions)
        if allowed:
            lines.append(f"if (!{name} && !({allowed})) reader.fail();")
    return lines


def read_struct_lines(field, name):
    kind = view_element(field)
    if not field.null:
        return [f"{name} = {kind}::read(reader, version);"]
    present = "reader.uvarint() != 0" if field.tag is not None else "reader.present()"
    allowed = condition(field.null, field.versions)
    if allowed:
        present = f"!({allowed}) || {present}"
    return [
        f"if ({present}) {{",
        f"  {name} = {kind}::read(reader, version);",
        "} else {",
        f"  {name}.reset();",
        "}",
    ]


def read_tags(message, struct):
    form = flexible(message, struct)
    if form == "false":
        return []
    tagged = [field for field in struct.fields if field.tag is not None]
    if not tagged:
        return guarded("" if form == "true" else "flexible", ["skip_tags(reader);"])
    lines = ["for (TagReader tags(reader); tags.next();) {"]
    lines.append("  switch (tags.tag()) {")
    for field in sorted(tagged, key=lambda field: field.tag):
        lines.append(f"    case {field.tag}:")
        within = message.flexible.cut(struct.versions)
        allowed = condition(field.versions, within)
        if allowed:
            lines += [
                f"      if (!({allowed})) {{",
                "        tags.skip();",
                "        break;",
                "      }",
            ]
        lines += ["      " + line for line in read_lines(message, struct, field)]
        lines.append("      break;")
    lines += ["    default: tags.skip();", "  }", "}"]
    return guarded("" if form == "true" else "flexible", lines)


# Writing.


def write_text(message, struct):
    body = []
    for field in struct.fields:
        if field.tag is None:
            body += write_field(struct, field, write_lines(struct, field))
    body += write_tags(message, struct)
    text = function(
        f"void {struct.name}::write(Writer& writer, int16_t version) const", message, struct, body
    )
    if not body:
        return f"\nvoid {struct.name}::write(Writer&, int16_t) const {{}}\n"
    return unused_version(text)


def lost(struct, field):
    """What happens to a set field that the version lacks: (condition, statement), or nothing."""
    if field.ignorable:
        return None
    return (f"if ({differs(field)}) ", f'writer.lacks("{struct.name}.{field.snake}");')


def write_field(struct, field, lines):
    allowed = condition(field.versions, struct.versions)
    return guarded(allowed, lines, lost(struct, field) if allowed else None)


def write_lines(struct, field):
    name, form = member(field), compact(field)
    lines = []
    allowed = condition(field.null, field.versions) if field.null else ""
    if allowed:
        lines.append(f'if (!{name} && !({allowed})) writer.null("{struct.name}.{field.snake}");')
    if field.array:
        return lines + write_array_lines(field, name, form)
    if field.struct:
        return lines + write_struct_lines(field, name, allowed)
    if field.type in SCALARS:
        return [f"writer.{READS.get(field.type, field.type)}({name});"]
    return lines + [f"writer.{'nullable_' if field.null else ''}{field.type}({name}, {form});"]


def write_struct_lines(field, name, allowed):
    if not field.null:
        return [f"{name}.write(writer, version);"]
    mark = (
        f"writer.uvarint({name} ? 1 : 0);"
        if field.tag is not None
        else f"writer.int8({name} ? 1 : -1);"
    )
    if allowed:
        mark = f"if ({allowed}) {mark}"
    return [mark, f"if ({name}) {name}->write(writer, version);"]


def write_array_lines(field, name, form):
    if field.struct:
        element = "element.write(writer, version);"
    elif field.type == "string":
        element = f"writer.string(element, {form});"
    else:
        element = f"writer.{field.type}(element);"
    if not field.null:
        return [
            f"writer.array_count({name}.size(), {form});",
            f"for (const auto& element : {name}) {element}",
        ]
    return [
        f"if ({name}) {{",
        f"  writer.array_count({name}->size(), {form});",
        f"  for (const auto& element : *{name}) {element}",
        "} else {",
        f"  writer.null_array({form});",
        "}",
    ]


def write_tags(message, struct):
    form = flexible(message, struct)
    if form == "false":
        return []
    tagged = sorted(
        (field for field in struct.fields if field.tag is not None), key=lambda field: field.tag
    )
    if not tagged:
        return guarded("" if form == "true" else "flexible", ["writer.no_tags();"])
    within = message.flexible.cut(struct.versions)
    lines = ["const size_t tags = writer.begin_tags();"]
    for field in tagged:
        tests = [text for text in (condition(field.versions, within), differs(field)) if text]
        lines.append(f"if ({' && '.join(tests)}) {{")
        lines.append(f"  const Writer::Tag tag = writer.add_tag(tags, {field.tag});")
        lines += ["  " + line for line in write_lines(struct, field)]
        lines += ["  writer.end_tag(tag);", "}"]
    result = guarded("" if form == "true" else "flexible", lines)
    for field in tagged:
        allowed = condition(field.versions, struct.versions)
        loss = lost(struct, field)
        if allowed and loss:
            result.append(f"  if (!({allowed}) && {differs(field)}) {loss[1]}")
    return result


def is_default_text(struct):
    tests = [f"!({differs(field)})" for field in struct.fields]
    text = " && ".join(tests) or "true"
    return f"\nbool {struct.name}::is_default() const {{\n  return {text};\n}}\n"


# From view to owned.


def materialise_text(struct):
    lines = [line for field in struct.fields for line in materialise_lines(field)]
    body = "\n".join(lines)
    names = [name if struct.fields and name in body else "" for name in ("owned", "view", "frame")]
    return (
        f"\nvoid fill({struct.name}& {names[0]}, const {struct.name}View& {names[1]}, "
        f"const Bytes& {names[2]}) {{\n{body}\n}}\n"
    )


def materialise_lines(field):
    name = f"owned.{member(field)}"
    if not field.null:
        return [f"  {fill_line(field, name, f'view.{member(field)}')}"]
    view = f"view.{member(field)}"
    if field.array or field.struct:
        filled = [f"    {name}.emplace();", f"    {fill_line(field, f'*{name}', f'*{view}')}"]
    else:
        filled = [f"    {fill_line(field, name, f'*{view}')}"]
    return [f"  if ({view}) {{", *filled, "  } else {", f"    {name}.reset();", "  }"]


def fill_line(field, owned, view):
    if field.array:
        return f"detail::own_array({owned}, {view}{', frame' if field.struct else ''});"
    if field.struct:
        return f"fill({owned}, {view}, frame);"
    own = {"bytes": f"detail::own({view}, frame)", "records": f"detail::own_records({view}, frame)"}
    return f"{owned} = {own.get(field.type, view)};"
