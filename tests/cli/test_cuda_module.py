"""The module for NVIDIA's cards, as it was built: it loads, gives one name, and on a machine without a
card or driver says so in one line.  Skipped where it was not built.

    python3 tests/cli/test_cuda_module.py BUILD/safeconf
"""

import ctypes
import pathlib
import subprocess
import sys
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)).resolve().parent
MODULE = BUILD / 'libsafeconf_cuda.so'
SC_OK, WHY = 0, 256


class Card(ctypes.Structure):
    """struct sc_gpu_card (src/engine/gpu/module.h)."""

    _fields_ = [
        ('name', ctypes.c_char * 96),
        ('arithmetic', ctypes.c_char * 48),
        ('library', ctypes.c_char * 48),
        ('versions', ctypes.c_char * 96),
        ('bytes', ctypes.c_size_t),
        ('free_bytes', ctypes.c_size_t),
        ('shared_bytes', ctypes.c_size_t),
        ('n_processors', ctypes.c_uint32),
    ]


COUNT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p)
DESCRIBE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Card), ctypes.c_char_p)
OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_char_p)


class Table(ctypes.Structure):
    """How struct sc_gpu_module begins."""

    _fields_ = [
        ('version', ctypes.c_uint32),
        ('bytes', ctypes.c_uint32),
        ('name', ctypes.c_char_p),
        ('count', COUNT),
        ('describe', DESCRIBE),
        ('open', OPEN),
    ]


def module(path):
    function = ctypes.CDLL(str(path)).sc_gpu_module
    function.restype = ctypes.POINTER(Table)
    return function().contents


@unittest.skipUnless(MODULE.exists(), "the module for NVIDIA's cards was not built")
class Module(unittest.TestCase):
    def test_is_of_the_version_that_the_emulated_one_is(self):
        ours, emulated = module(MODULE), module(BUILD / 'libsafeconf_emulated.so')
        self.assertEqual(ours.name, b'cuda')
        self.assertEqual((ours.version, ours.bytes), (emulated.version, emulated.bytes))

    def test_says_what_cards_there_are_or_why_there_are_none(self):
        table, n, why = module(MODULE), ctypes.c_int(-1), ctypes.create_string_buffer(WHY)
        status = table.count(ctypes.byref(n), why)
        if status == SC_OK:
            self.assertGreater(n.value, 0)
            card = Card()
            self.assertEqual(table.describe(0, ctypes.byref(card), why), SC_OK, why.value)
            self.assertRegex(card.arithmetic, rb'^sm_\d+$')
            self.assertGreater(card.free_bytes, 0)
            return
        self.assertEqual(n.value, 0)
        self.assertRegex(why.value.decode(), '^(no driver|the driver|looking for cards|.* is sm_)')
        self.assertNotIn(b'\n', why.value)
        opened = ctypes.c_void_p()
        for call in (
            lambda: table.describe(0, ctypes.byref(Card()), why),
            lambda: table.open(ctypes.byref(opened), 0, why),
        ):
            why.value = b''
            self.assertEqual(call(), status)
            self.assertNotEqual(why.value, b'')
        self.assertIsNone(opened.value)

    def test_gives_no_other_name_and_needs_nothing_of_cuda_to_load(self):
        names = subprocess.run(
            ['nm', '-D', '--defined-only', MODULE], capture_output=True, text=True, check=True
        ).stdout.split()
        self.assertEqual(names[2::3], ['sc_gpu_module'])
        needed = subprocess.run(['readelf', '-d', MODULE], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(needed, r'NEEDED.*\[lib(cu|nv)')


if __name__ == '__main__':
    unittest.main()
