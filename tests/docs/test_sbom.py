#!/usr/bin/env python3
"""The list of what the program is made of (tools/make-sbom) is whole and well formed.

  test_sbom.py PATH_TO_SAFECONF      Python's standard library only
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE = os.path.join(ROOT, 'tools', 'make-sbom')
# https://spdx.github.io/spdx-spec/v2.3/: what a document, a package and a relation must have
FIELDS = {'spdxVersion', 'dataLicense', 'SPDXID', 'name', 'documentNamespace', 'creationInfo', 'packages', 'relationships'}
PACKAGE_FIELDS = {'SPDXID', 'name', 'downloadLocation', 'filesAnalyzed', 'licenseConcluded', 'licenseDeclared', 'copyrightText'}
MAY = PACKAGE_FIELDS | {'versionInfo', 'comment', 'checksums', 'externalRefs', 'sourceInfo'}
KINDS = {'DESCRIBES', 'DYNAMIC_LINK', 'CONTAINS', 'OPTIONAL_DEPENDENCY_OF', 'BUILD_TOOL_OF'}
LICENCES = {'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'GPL-2.0-only', 'GPL-3.0-or-later', 'LGPL-2.1-or-later', 'MIT',
            'NOASSERTION', 'Unicode-DFS-2015', 'Zlib', 'blessing', 'curl', 'GCC-exception-3.1'}


def make(*words):
    return subprocess.run([MAKE, *words], capture_output=True, text=True, check=False)


@unittest.skipIf(shutil.which('dpkg-query') is None, 'not a Debian system')
class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        said = make(PROGRAM)
        assert said.returncode == 0, said.stderr
        cls.text = said.stdout
        cls.document = json.loads(said.stdout)

    def test_its_form(self):
        d = self.document
        self.assertEqual(set(d), FIELDS)
        self.assertEqual((d['spdxVersion'], d['dataLicense'], d['SPDXID']), ('SPDX-2.3', 'CC0-1.0', 'SPDXRef-DOCUMENT'))
        self.assertRegex(d['creationInfo']['created'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        for creator in d['creationInfo']['creators']:
            self.assertRegex(creator, r'^(Tool|Person|Organization): ')
        for package in d['packages']:
            self.assertLessEqual(PACKAGE_FIELDS, set(package), package['name'])
            self.assertLessEqual(set(package), MAY, package['name'])
            self.assertRegex(package['SPDXID'], r'^SPDXRef-[A-Za-z0-9.-]+$')
            self.assertLessEqual(set(re.split(' (?:AND|OR|WITH) ', package['licenseDeclared'])), LICENCES)
            for reference in package.get('externalRefs', []):
                self.assertRegex(reference['referenceLocator'], r'^pkg:(deb/debian|pypi)/\S+$')

    def test_relations_lead_to_what_is_there(self):
        ids = [p['SPDXID'] for p in self.document['packages']] + ['SPDXRef-DOCUMENT']
        self.assertEqual(len(ids), len(set(ids)))
        related = set()
        for r in self.document['relationships']:
            self.assertIn(r['relationshipType'], KINDS)
            related |= {r['spdxElementId'], r['relatedSpdxElement']}
        self.assertEqual(related, set(ids))

    @staticmethod
    def owners(path):
        """By name: where / and /usr are one, dpkg may know it by either."""
        ways = [path, os.path.realpath(path), re.sub('^/usr', '', os.path.realpath(path))]
        said = subprocess.run(['dpkg-query', '-S', *ways], capture_output=True, text=True, check=False).stdout
        return {line.split(':')[0] for line in said.splitlines()}

    def test_every_library_is_in_it_with_its_version(self):
        linked = {r['relatedSpdxElement'][8:] for r in self.document['relationships'] if r['relationshipType'] == 'DYNAMIC_LINK'}
        listed = re.findall(r'=> (/\S+)', subprocess.run(['ldd', PROGRAM], capture_output=True, text=True, check=True).stdout)
        direct = re.findall(r'NEEDED.*\[(.*)\]', subprocess.run(['readelf', '-dW', PROGRAM], capture_output=True, text=True,
                                                                check=True, env=dict(os.environ, LC_ALL='C')).stdout)
        for path in listed:
            if os.path.basename(path) in direct:
                self.assertTrue(self.owners(path) & linked, path)
        self.assertGreater(len(linked), 8)
        for package in self.document['packages']:
            if package['name'] in linked:
                said = subprocess.run(['dpkg-query', '-W', '-f', '${Version} ', package['name']], capture_output=True, text=True,
                                      check=True).stdout
                self.assertIn(package['versionInfo'], said.split())

    def test_models_and_what_is_compiled_in(self):
        names = {p['name'] for p in self.document['packages']}
        models = {f'model-{name}' for name in os.listdir(os.path.join(ROOT, 'models'))}
        self.assertLessEqual(models | {'libjs-chart.js', 'librandom123-dev', 'synthetic-benchmark', 'python-cffi'}, names)

    def test_the_same_each_time(self):
        self.assertEqual(make(PROGRAM).stdout, self.text)

    def test_a_library_of_nobody_is_an_error(self):
        with tempfile.TemporaryDirectory(prefix='safeconf-test-') as folder:
            library, program = os.path.join(folder, 'libnobody.so'), os.path.join(folder, 'program')
            subprocess.run(['gcc', '-shared', '-xc', '/dev/null', '-o', library], check=True)
            subprocess.run(['gcc', '-xc', '-', '-xnone', '-Wl,--no-as-needed', library, f'-Wl,-rpath,{folder}', '-o', program],
                           input=b'int main(void) { return 0; }', check=True)
            said = make(program)
            self.assertEqual(said.returncode, 1)
            self.assertIn('libnobody.so is of no Debian package', said.stderr)


if __name__ == '__main__':
    unittest.main()
