#!/usr/bin/env python3
"""The generator refuses schemas that its code could not keep true; unchanged files stay."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import generate
from model import SchemaError, parse_file

GOOD = """
# A comment.
request ThingRequest key:7 versions:1-3 flexible:2+ listeners:broker
  Name string
  Items []Item 2+ null:3 ignorable
    Id int32 =-1
    Extra string 3 tag:0 null =null
response ThingResponse key:7 versions:1-3 flexible:2+
  ErrorCode int16
"""


class GenerateTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.schema = os.path.join(self.folder.name, "schema")
        os.makedirs(self.schema)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, text):
        path = os.path.join(self.schema, "07_thing.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_schema_is_read(self):
        request, response = parse_file(self.write(GOOD))
        items = request.root.fields[1]
        self.assertEqual((items.versions.first, items.versions.last), (2, 3))
        self.assertEqual((items.null.first, items.null.last), (3, 3))
        self.assertEqual(items.struct.fields[1].tag, 0)
        self.assertEqual(response.name, "ThingResponse")

    def test_what_cannot_be_kept_is_refused(self):
        changes = {
            "an unknown word": (" ignorable", " ignorible"),
            "an unknown type": ("ErrorCode int16", "ErrorCode int17"),
            "a tag below the flexible versions": ("3 tag:0 null =null", "tag:0 null =null"),
            "a null number": ("Id int32 =-1", "Id int32 null"),
            "a field in no version": ("Extra string 3", "Extra string 9"),
            "a range that is none": ("Items []Item 2+", "Items []Item 2-"),
            "uneven indentation": ("    Extra", "   Extra"),
        }
        for name, (old, new) in changes.items():
            with self.subTest(name):
                self.assertIn(old, GOOD)
                text = GOOD.replace(old, new)
                if name.startswith("a tag"):
                    text = text.replace("Items []Item 2+ null:3", "Items []Item null:3")
                with self.assertRaises(SchemaError):
                    parse_file(self.write(text))

    def test_unchanged_files_are_not_touched(self):
        self.write(GOOD)
        target = os.path.join(self.folder.name, "out")
        self.assertEqual(generate.main([self.schema, target]), 0)
        header = os.path.join(target, "wire/messages/thing.h")
        os.utime(header, (1, 1))
        self.assertEqual(generate.main([self.schema, target]), 0)
        self.assertEqual(os.stat(header).st_mtime, 1)


if __name__ == "__main__":
    unittest.main()
