#!/usr/bin/env python3
"""tools/check-links finds what it is for, in a made-up checkout.      Python's standard library only."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, 'tools', 'check-links')

GOOD = {
    'README.md': '# One\n\n[a](docs/A.md), [b](docs/A.md#two-words--or-3) `src/x.c` `src/NAME.c` [w](https://x.org/y)\n'
                 '```\n[not](a/link)\n```\n`[nor](this)`\n',
    'docs/A.md': '# A\n\n## Two words – or 3!\n\n## Again\n## Again\n\n[up](../README.md#one) [second](#again-1)\n',
    'mkdocs.yml': 'nav:\n  - Start: A.md\n',
    'src/x.c': '',
}


class Links(unittest.TestCase):
    def check(self, **changes):
        files = {**GOOD, **{name.replace('__', '/').replace('_md', '.md').replace('_yml', '.yml'): text
                            for name, text in changes.items()}}
        folder = tempfile.mkdtemp(prefix='safeconf-links-')
        self.addCleanup(shutil.rmtree, folder)
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write(text)
        result = subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True, check=False)
        self.assertEqual(result.stderr, '')
        return result

    def test_good_ones_pass(self):
        result = self.check()
        self.assertEqual((result.returncode, result.stdout[:9]), (0, 'links: 5 '), result.stdout)

    def test_each_fault_is_named_with_its_line(self):
        for text, fault in (('\n[a](docs/B.md)', 'README.md:2: docs/B.md: there is no docs/B.md'),
                            ('[a](docs/A.md#gone)', 'README.md:1: docs/A.md#gone: docs/A.md has no heading'),
                            ('[a](#one)', 'README.md:1: #one: README.md has no heading'),
                            ('[a](docs/A.md) `src/y.c`', 'README.md:1: `src/y.c` is not in the tree')):
            with self.subTest(text=text):
                result = self.check(README_md=text)
                self.assertEqual(result.returncode, 1)
                self.assertIn(fault, result.stdout)

    def test_the_list_of_pages_is_whole(self):
        result = self.check(docs__B_md='# B\n')
        self.assertEqual((result.returncode, result.stdout),
                         (1, 'docs/B.md: is not in the list of pages, nav in mkdocs.yml\n'))
        result = self.check(mkdocs_yml='nav:\n  - Start: A.md\n  - Other: C.md\n')
        self.assertEqual((result.returncode, result.stdout), (1, 'mkdocs.yml: C.md: there is no such page\n'))
        result = self.check(mkdocs_yml='nav:\n  - Start: A.md\n  - Again: A.md\n')
        self.assertEqual((result.returncode, result.stdout), (1, 'mkdocs.yml: A.md is in the list twice\n'))


if __name__ == '__main__':
    unittest.main()
