#!/usr/bin/env python3
"""Hostile content through every way in to every way out: nothing acts, nothing hides, what is kept is kept.

  test_content.py PATH_TO_SAFECONF [TEST ...]      Python's standard library only.

A part of the table, where the whole takes long; tools/check-content has all of it.
"""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world as worlds  # noqa: E402  (takes the program's path off the command line)
import latex  # noqa: E402
import outputs  # noqa: E402
import asked  # noqa: E402
import stored  # noqa: E402


class Content(unittest.TestCase):
    def try_way(self, way, large=False, python=None):
        world = worlds.World()
        try:
            way(world, large, python)
            world.check()
        except outputs.Bad as bad:
            self.fail(str(bad))
        finally:
            world.close()
        return world.reached


class Lists(unittest.TestCase):
    """The page and the Python package hide what the program hides."""

    def ranges(self, path, begin, end):
        with open(os.path.join(worlds.ROOT, path), encoding='utf-8') as file:
            text = file.read()
        text = text[text.index(begin):]
        return text[:text.index(end)]

    def test_the_page_and_the_package_have_the_same_list(self):
        text = self.ranges('src/base/text.c', '} hidden[] = {', '};')
        ours = {c for low, high in re.findall(r'\{0x(\w+), 0x(\w+)\}', text) for c in range(int(low, 16), int(high, 16) + 1)}
        first_planes = {c for c in range(0xF0000) if not 0xD800 <= c < 0xE000 and outputs.is_hidden(chr(c)) and ((c & 0xFFFE) != 0xFFFE or c < 0x10000)}
        self.assertEqual(sorted(map(hex, ours ^ first_planes))[:20], [])
        page = re.sub(r'\\u\{?(\w+)\}?', lambda m: '\\U' + m[1].zfill(8), self.ranges('src/report/page/tree.js', 'const hidden = /', ']/gu')[16:] + ']')
        package = ''.join(re.findall(r'"(.*)"', self.ranges('python/safeconf/_visible.py', '_UNSEEN = ', ')\n'))).replace('\\\\', '\\')
        for name, pattern in (('page', page), ('package', package)):
            found = {ord(c) for c in re.findall(pattern, ''.join(map(chr, (c for c in range(0xF0000) if not 0xD800 <= c < 0xE000))))}
            found = {c for c in found if (c & 0xFFFE) != 0xFFFE or c < 0x10000}
            self.assertEqual(sorted(map(hex, found ^ ours))[:20], [], name)


class Papers(unittest.TestCase):
    def test_tables_that_are_broken_are_refused(self):
        """The grammar of tables can fail."""
        latex.check(latex.GOOD)
        latex.check(latex.GOOD + '\n' + latex.GOOD)
        for good, bad in latex.BROKEN:
            with self.subTest(bad):
                self.assertIn(good, latex.GOOD)
                with self.assertRaises(latex.Bad):
                    latex.check(latex.GOOD.replace(good, bad, 1))


def with_packages():
    """An interpreter that draws figures and writes Parquet, named by SAFECONF_CONTENT_PYTHON, and what it needs of ours."""
    python = os.environ.get('SAFECONF_CONTENT_PYTHON')
    return python and (python, os.path.join(worlds.ROOT, 'python'), os.path.join(os.path.dirname(worlds.PROGRAM), 'libsafeconf.so'))


def add(way):
    def test(self):
        reached = self.try_way(way, bool(os.environ.get('SAFECONF_CONTENT_ALL')), with_packages())
        self.assertTrue(reached)
        if with_packages() and way is stored.rows:
            self.assertLessEqual({'Parquet', 'SVG', 'LaTeX', 'notebooks'}, {out for _, out in reached})
    setattr(Content, 'test_' + way.__name__, test)


for each in asked.WAYS if os.environ.get('SAFECONF_CONTENT') == 'asked' else stored.WAYS:
    add(each)

if __name__ == '__main__':
    unittest.main()
