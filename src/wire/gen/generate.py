#!/usr/bin/env python3
"""Writes the C++ of all schemas: generate.py SCHEMA_DIR OUTPUT_DIR [--list].

OUTPUT_DIR gets wire/..., to be put on the include path. --list only prints what would be written,
one a line (for CMake). A file whose text would not change is not touched, so that nothing depending
on it is compiled again.
"""

import os
import re
import sys

from emit_header import any_record_header, header
from emit_source import source
from emit_tables import api_enum, api_table, registry_source
from model import SchemaError, parse_file


def schema_files(root):
    found = []
    for folder, _, names in os.walk(root):
        found += [
            os.path.relpath(os.path.join(folder, name), root)
            for name in names
            if name.endswith(".txt")
        ]
    return sorted(found)


def stem(schema):
    """Where a schema's code goes: 00_produce.txt -> wire/messages/produce,
    metadata/02_topic_record.txt -> wire/metadata/topic_record."""
    folder, name = os.path.split(schema)
    name = re.sub(r"^\d+_", "", name.removesuffix(".txt"))
    return f"wire/{name}" if name == "headers" else f"wire/{folder or 'messages'}/{name}"


def outputs(root):
    """Every generated file and its text."""
    files, all_messages, records = {}, [], []
    for schema in schema_files(root):
        messages = parse_file(os.path.join(root, schema))
        include = stem(schema) + ".h"
        files[include] = header(schema, messages)
        files[stem(schema) + ".cc"] = source(schema, include, messages)
        all_messages += messages
        if schema.startswith("metadata/"):
            records += [(include, message) for message in messages]
    check_names(all_messages)
    records.sort(key=lambda pair: pair[1].key)
    requests = sorted((m for m in all_messages if m.kind == "request"), key=lambda m: m.key)
    responses = {m.key: m for m in all_messages if m.kind == "response"}
    files["wire/metadata/any_record.h"] = any_record_header(records)
    files["wire/registry_table.cc"] = registry_source(sorted(all_messages, key=lambda m: m.name))
    files["wire/api_key_enum.h"] = api_enum(requests)
    files["wire/api_table.cc"] = api_table([(m, responses[m.key]) for m in requests])
    return files


def check_names(messages):
    seen = set()
    for message in messages:
        if message.name in seen:
            raise SchemaError(f"{message.name} is defined twice")
        seen.add(message.name)


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments):
    root, target = arguments[0], arguments[1]
    try:
        files = outputs(root)
        if "--list" in arguments:
            print("\n".join(files))
            return 0
        for name, text in files.items():
            write_if_changed(os.path.join(target, name), text)
    except SchemaError as error:
        print(f"schema error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
