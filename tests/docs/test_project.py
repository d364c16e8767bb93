#!/usr/bin/env python3
"""Files about the project say the same of it.      Python's standard library only."""
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        return file.read()


class Versions(unittest.TestCase):
    def test_there_is_one_version(self):
        version = re.search(r'project\(safeconf VERSION ([\d.]+)', read('CMakeLists.txt'))[1]
        self.assertEqual(re.search(r'#define SAFECONF_VERSION "(.*)"', read('include/safeconf/core.h'))[1], version)
        self.assertEqual(re.search(r'^version: (.*)$', read('CITATION.cff'), re.M)[1], version)

    def test_changes_know_it_with_its_day(self):
        citation = read('CITATION.cff')
        version, day = (re.search(rf'^{key}: (.*)$', citation, re.M)[1] for key in ('version', 'date-released'))
        headings = re.findall(r'^## (.*)$', read('CHANGELOG.md'), re.M)
        self.assertEqual(headings[0], 'Unreleased')
        self.assertEqual(headings[1], f'{version} - {day}')
        self.assertEqual(headings[1:], sorted(headings[1:], reverse=True))


class Arithmetic(unittest.TestCase):
    def test_the_page_on_gpus_holds_what_its_tool_computes(self):
        sys.path.insert(0, os.path.join(ROOT, 'tools'))
        import gpu_arithmetic
        page = read('docs/speed/gpu-arithmetic.md')
        computed = gpu_arithmetic.tables()
        self.assertEqual(page.count('|---|'), sum(table.count('|---|') for table in computed))
        for table in computed:
            self.assertIn(f'\n\n{table}\n\n', page)


if __name__ == '__main__':
    unittest.main()
