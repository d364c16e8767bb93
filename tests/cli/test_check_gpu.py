"""tools/check-gpu, tried on the emulated card: every stage that needs no real one, over a build in place of a kit.

    python3 tests/cli/test_check_gpu.py BUILD/safeconf
"""
import os
import subprocess
import sys
import unittest

from program import PROGRAM, ROOT, Folder, call

BUILD = os.path.dirname(PROGRAM)
EMULATED = os.path.join(BUILD, 'libsafeconf_emulated.so')


def check_gpu(*words):
    return subprocess.run([sys.executable, os.path.join(ROOT, 'tools', 'check-gpu'), *words], capture_output=True,
                          text=True, timeout=300, stdin=subprocess.DEVNULL)


class CheckGpu(Folder):
    def ends_of(self, stages):
        result = check_gpu('run', BUILD, '--emulated', '--stages', stages, '--out', self.path('record.md'))
        record = self.read('record.md').decode()
        rows = record.split('| stage | how it ended |')[1].splitlines()[2:]
        ends = dict(row.strip('| ').split(' | ', 1) for row in rows if row)
        self.assertEqual(set(ends), set(stages.split(',')))
        return result, record, ends

    def test_the_card_and_its_tests(self):
        result, record, ends = self.ends_of('card,tests,baseline,sanitizer,bench-large')
        self.assertEqual(result.returncode, 0, record)
        self.assertEqual((ends['card'], ends['tests']), ('done', 'done'), record)
        self.assertTrue(all(ends[name].startswith('SKIPPED') for name in ('baseline', 'sanitizer', 'bench-large')))
        self.assertIn('| card | emulated GPU |', record)
        self.assertRegex(record, r'\| test_gpu_rows \| [1-9]\d* passed \|  \|')

    def test_runs_of_the_program(self):
        if call('score', '--tokens', '1,2', '--device', 'cuda', env={'SAFECONF_GPU_MODULE': EMULATED}).returncode != 0:
            self.skipTest('the device computes no step yet')
        result, record, ends = self.ends_of('card,identity,bench-small,run')
        self.assertEqual(result.returncode, 0, record)
        self.assertEqual(set(ends.values()), {'done'}, record)

    def test_a_stage_that_fails_stops_no_other(self):
        os.mkdir(self.path('empty'))
        result = check_gpu('run', self.path('empty'), '--emulated', '--stages', 'card,run', '--out', self.path('record.md'))
        self.assertEqual(result.returncode, 1)
        record = self.read('record.md').decode()
        self.assertRegex(record, r'\| card \| FAILED: .*\n\| run \| FAILED: ')

    def test_unknown_stages_are_wrong_words(self):
        self.assertEqual(check_gpu('run', '--stages', 'card,tests,lunch').returncode, 2)


if __name__ == '__main__':
    unittest.main()
