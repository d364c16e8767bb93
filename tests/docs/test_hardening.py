#!/usr/bin/env python3
"""tools/check-hardening has a word for each flag that is left out.      Python's standard library only."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A frame of pages, a call through a pointer, a copy into an array, a call of libm.
SOURCE = r'''
#include <stdio.h>
#include <string.h>
static int long_frame(const char *text) { char room[20000]; strncpy(room, text, strlen(text)); puts(room); return room[9]; }
#ifdef WRITABLE_CODE
__asm__(".section .written,\"awx\",@progbits\n.quad 0\n.text");
#endif
#define FOUR(x) int x##0(void) { return 0; } int x##1(void) { return 0; } int x##2(void) { return 0; } int x##3(void) { return 0; }
FOUR(a) FOUR(b) FOUR(c) FOUR(d) FOUR(e)
int (*volatile chosen)(const char *) = long_frame;
int main(int argc, char **argv) { return argc + chosen(argv[0]); }
'''
MACHINE = os.uname().machine
MARKED = {'x86_64': '-fcf-protection=full', 'aarch64': '-mbranch-protection=standard'}
GOOD = ('-O2', '-fPIE', '-pie', '-fstack-protector-strong', '-fstack-clash-protection', '-U_FORTIFY_SOURCE',
        '-D_FORTIFY_SOURCE=3', '-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack', MARKED.get(MACHINE, '-O2'))
# What is put in the place of what (or at the end), and the word that it must have.
WITHOUT = [
    ('-pie', '-no-pie', 'not position-independent'),
    ('-Wl,-z,relro,-z,now', '-Wl,-z,norelro,-z,now', '-z relro'),
    ('-Wl,-z,relro,-z,now', '-Wl,-z,relro,-z,lazy', '-z now'),
    ('-Wl,-z,noexecstack', '-Wl,-z,execstack', '-z noexecstack'),
    ('', '-Wl,-rpath,/nowhere', 'RUNPATH'),
    ('', '-DWRITABLE_CODE', 'writable and executable'),
    ('-fstack-protector-strong', '-fno-stack-protector', '-fstack-protector-strong'),
    ('-D_FORTIFY_SOURCE=3', '-D_FORTIFY_SOURCE=0', '-D_FORTIFY_SOURCE'),
]
OF_X86 = [
    ('-fPIE', '-fno-pie -mcmodel=large -Wl,-z,notext', 'as it is loaded'),
    ('-fstack-clash-protection', '-fno-stack-clash-protection', '-fstack-clash-protection'),
    ('-fcf-protection=full', '-fcf-protection=none', '-fcf-protection'),
]
CROSS = 'aarch64-linux-gnu-gcc'


@unittest.skipIf(shutil.which('gcc') is None, 'no gcc')
class Hardening(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder)

    def said_of(self, flags):
        source, program = os.path.join(self.folder, 'a.c'), os.path.join(self.folder, 'safeconf')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(SOURCE)
        subprocess.run(['gcc', '-w', *flags, source, '-o', program], check=True, capture_output=True)
        return subprocess.run([os.path.join(ROOT, 'tools', 'check-hardening'), '--files', program],
                              capture_output=True, text=True, check=False)

    def test_with_all_flags_it_says_nothing(self):
        said = self.said_of(GOOD)
        self.assertEqual((said.returncode, said.stderr), (0, ''), said.stdout)

    def test_each_flag_that_is_missing_is_named(self):
        for flag, instead, word in WITHOUT + (OF_X86 if MACHINE == 'x86_64' else []):
            with self.subTest(without=flag, instead=instead):
                flags = ' '.join([instead if given == flag else given for given in GOOD] + ([] if flag else [instead])).split()
                said = self.said_of(flags)
                self.assertEqual(said.returncode, 1, said.stdout)
                self.assertIn(word, said.stdout)

    def test_stripping_hides_nothing(self):
        self.said_of([*GOOD, '-s'])
        said = self.said_of(['-fno-stack-clash-protection' if f == '-fstack-clash-protection' else f for f in GOOD] + ['-s'])
        if MACHINE == 'x86_64':
            self.assertIn('-fstack-clash-protection', said.stdout)

    @unittest.skipIf(shutil.which(CROSS) is None, 'no compiler for AArch64')
    def test_calls_and_returns_on_aarch64(self):
        library = os.path.join(self.folder, 'libsafeconf.so')
        source = 'int f(int (*g)(int)) { return g(1) + g(2); }\n' + ''.join(f'int f{i}(void) {{ return 0; }}\n' for i in range(20))
        for flag, words in (('standard', ()), ('bti', ('returns are not signed',)), ('pac-ret', ('targets of calls',)),
                            ('none', ('returns are not signed', 'targets of calls'))):
            subprocess.run([CROSS, '-O2', '-fPIC', '-shared', '-nostdlib', f'-mbranch-protection={flag}', '-xc', '-', '-o', library],
                           input=source, text=True, check=True)
            said = subprocess.run([os.path.join(ROOT, 'tools', 'check-hardening'), '--files', library],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(said.stderr, '')
            for word in ('returns are not signed', 'targets of calls'):
                self.assertEqual(word in said.stdout, word in words, (flag, said.stdout))


if __name__ == '__main__':
    unittest.main()
