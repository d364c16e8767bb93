#!/usr/bin/env python3
"""report.html in a browser: it renders, filters, follows links, and hostile text does nothing.

  test_report_page.py PATH_TO_SAFECONF      Python's standard library and a Chromium; without one
                                            it says so and exits with 77.
"""
import html
import json
import os
import pathlib
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import browser

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../cli'))
import row_keys  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else 'build/safeconf'

EVIL = ('</script><script>document.title="owned"</script>',
        '<img src=x onerror="document.title=\'owned\'">',
        '"><svg onload=document.title="owned">',
        '<iframe srcdoc="<script>parent.document.title=1</script>"></iframe>',
        '<!--<script>', '@@script@@', '\u202eright to left\u2066', '\x1b[31mred\x1b]0;owned\x07',
        '\u2028\u200b\ufeff', '<a href="javascript:document.title=1">click</a>', '&lt;b&gt;', '\\u003cb>')
ODD_ID = 'odd&id="1" <b>#%+ \u00e9/?=\U0001f642'

# What a page that nobody has attacked may hold, and what may not be there as such.
CENSUS = '''(() => {
  const count = (s) => document.querySelectorAll(s).length;
  const all = [...document.querySelectorAll("*")];
  return {
    title: document.title,
    scripts: count("script"), styles: count("style"),
    foreign: count("img, svg, iframe, object, embed, link, base, video, audio, [src], [srcdoc]"),
    handlers: all.filter((e) => e.getAttributeNames().some((a) => a.startsWith("on"))).length,
    addresses: [...document.querySelectorAll("[href]")].filter((a) => !a.getAttribute("href").startsWith("#")).length,
    raw: (document.documentElement.outerHTML.match(/[\\x00-\\x08\\x0b-\\x1f\\x7f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]/g) || []).length
  };
})()'''

CHARTS = '''[...document.querySelectorAll("canvas")].map((c) => {
  const shown = !c.closest("figure").hidden && c.width > 0 && c.height > 0;
  const pixels = shown ? c.getContext("2d").getImageData(0, 0, c.width, c.height).data : [];
  let inked = 0;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3]) { inked++; if (colours.size < 50) colours.add(pixels[i] + "," + pixels[i + 1] + "," + pixels[i + 2]); }
  return { id: c.id, shown: shown, width: c.width, height: c.height, inked: inked, colours: colours.size };
})'''

ROWS = 'document.querySelectorAll("#list button[data-k]").length'
TRACES = 'document.querySelectorAll("#detail .trace").length'
HEADING = 'document.querySelector("#detail h3").textContent'
UNFOLD_ALL = '''(() => {
  document.getElementById("unfold").click();
  for (const d of document.querySelectorAll("details")) d.open = true;
})()'''


def call(*words):
    result = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise RuntimeError(f'{words}: {result.stderr}')


def write_benchmark(path, prompts):
    with open(path, 'w', encoding='utf-8') as file:
        for k, (name, prompt, category) in enumerate(prompts):
            file.write(json.dumps({'id': name, 'prompt': prompt, 'category': category,
                                   'label': 'unsafe' if k % 2 else 'safe'}) + '\n')


def sample(path, out):
    call('run', '--benchmark', path, '--max-new-tokens', 12, '--policy', 'fixed', '--max-traces', 3,
         '--out', out, '--quiet')


def ends_of(text, n):
    """n ends of tokens in bytes, between characters."""
    borders = [0]
    for c in text:
        borders.append(borders[-1] + len(c.encode()))
    return struct.pack(f'<{n}I', *(borders[(k + 1) * (len(borders) - 1) // n] for k in range(n)))


GIVEN = (  # as the program makes the table
    'CREATE TABLE given (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n'
    ' turn INTEGER NOT NULL, finish_reason TEXT, reasoning TEXT,\n'
    ' n_prompt_tokens INTEGER, n_generated INTEGER, entropy_low BLOB, entropy_high BLOB,\n'
    ' row_key INTEGER NOT NULL, PRIMARY KEY (instance, trace, turn)) STRICT')


WEIGHED = (
    'CREATE TABLE IF NOT EXISTS weighed (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n'
    ' detector TEXT NOT NULL, p_refusal REAL NOT NULL, pieces TEXT NOT NULL,\n'
    ' row_key INTEGER NOT NULL, PRIMARY KEY (instance, trace, detector)) STRICT')


def come_from_a_server(database, traces):
    """What a server may say of itself and of its traces."""
    config = json.loads(database.execute('SELECT json FROM configuration').fetchone()[0])
    config['source'] = {'kind': EVIL[0], 'name': EVIL[1], 'software': EVIL[2], 'revision': EVIL[3], 'logprobs': 'processed',
                        'top_k': 5, 'reproducible': 'no'}
    database.execute('UPDATE configuration SET json = ?', (json.dumps(config, separators=(',', ':')),))
    database.execute(GIVEN)
    for k, (instance, trace, n) in enumerate(traces):
        database.execute('INSERT INTO given VALUES (?, ?, 0, ?, ?, 1, 2, NULL, NULL, 0)',
                         (instance, trace, EVIL[k % len(EVIL)], EVIL[(k + 3) % len(EVIL)]))
    database.execute("UPDATE trace SET finish = 'filtered' WHERE trace = 1")


def poison(out):
    """Texts as a model might write them, and a detector with such a name, put into run.db."""
    database = sqlite3.connect(os.path.join(out, 'run.db'))
    with database:
        traces = database.execute('SELECT instance, trace, n_tokens FROM trace').fetchall()
        for k, (instance, trace, n) in enumerate(traces):
            answer = EVIL[k % len(EVIL)] + ' ' + EVIL[(k + 5) % len(EVIL)]
            text = answer
            if k % 3 == 0:  # reasoning goes before
                text = '<think>' + EVIL[(k + 1) % len(EVIL)] + '</think>' + answer
            database.execute('UPDATE trace SET text = ?, answer = ? WHERE instance = ? AND trace = ?',
                             (text, None if text == answer else answer, instance, trace))
            database.execute('UPDATE token SET text_end = ? WHERE instance = ? AND trace = ?',
                             (ends_of(text, n), instance, trace))
        database.execute('UPDATE verdict SET range_begin = 0, range_end = 4')
        come_from_a_server(database, traces)
        name = 'patterns/1+' + ''.join(EVIL[:7])
        for table in ('verdict', 'reading'):
            changed = database.execute(f"UPDATE {table} SET detector = ? WHERE detector LIKE '%rules%'",
                                       (name,)).rowcount
            assert changed > 0, table
        database.execute(WEIGHED)
        for instance, trace, n in traces:
            database.execute("INSERT INTO weighed VALUES (?, ?, ?, 0.875, '0-1 1-3', 0)", (instance, trace, name))
        row_keys.renew(database)
    database.close()


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        rules = os.path.join(cls.folder, 'rules.json')
        with open(rules, 'w') as file:  # another opinion on about half of the answers
            json.dump({'add': [{'name': 'some', 'verdict': 'refusal', 'pattern': '[aeiou]{2}'},
                               {'name': 'others', 'verdict': 'compliance', 'pattern': r'\w'}]}, file)
        plain = [(f'plain_{k}', f'Prompt number {k} about {"a bomb" if k in (2, 7) else "bread"}.', 'kitchen')
                 for k in range(11)] + [(ODD_ID, 'The prompt with the odd name.', 'odd & <such>')]
        hostile = [(f'{k} {text}', f'Prompt {k}: {text}', text) for k, text in enumerate(EVIL)]
        cls.addresses = {}
        for name, prompts, file_name in (('plain', plain, 'plain.jsonl'),
                                         ('hostile', hostile, '<img src=x onerror=a()>.jsonl')):
            path, out = os.path.join(cls.folder, file_name), os.path.join(cls.folder, name)
            write_benchmark(path, prompts)
            sample(path, out)
            call('classify', out, '--rules', rules, '--quiet')
            if name == 'hostile':
                poison(out)
                call('report', out)
            cls.addresses[name] = pathlib.Path(out, 'report.html').as_uri()
        out = os.path.join(cls.folder, 'risk')
        call('risk', '--benchmark', os.path.join(cls.folder, '<img src=x onerror=a()>.jsonl'), '--rows', 60, '--max-new-tokens', 8,
             '--out', out, '--quiet')
        cls.addresses['risk'] = pathlib.Path(out, 'risk.html').as_uri()
        cls.browser = browser.Browser(browser.find())
        cls.addClassCleanup(cls.browser.close)

    def open(self, name='plain', fragment=''):
        self.browser.open(self.addresses[name] + fragment)

    def value(self, script):
        return self.browser.evaluate(script)

    def assert_quiet(self):
        """Nothing was asked for but the page, nothing was refused, and no script failed."""
        for method in ('Runtime.exceptionThrown', 'Page.javascriptDialogOpening'):
            self.assertEqual(self.browser.events_of(method), [])
        self.assertEqual([e['entry'] for e in self.browser.events_of('Log.entryAdded')
                          if e['entry']['level'] in ('error', 'warning')], [])
        asked = {e['request']['url'].split('#')[0] for e in self.browser.events_of('Network.requestWillBeSent')}
        self.assertLessEqual({a for a in asked if not a.startswith('about:')}, set(self.addresses.values()))

    def test_charts_are_drawn(self):
        self.open()
        # those that are far down wait until a reader comes near, or prints
        self.assertTrue(self.value('Chart.getChart("chart-evolution") === undefined'))
        self.value('document.getElementById("chart-evolution").scrollIntoView()')
        self.browser.wait('Chart.getChart("chart-evolution") !== undefined')
        self.value('dispatchEvent(new Event("beforeprint"))')
        charts = {c['id']: c for c in self.value(CHARTS)}
        self.assertIn('chart-quadrants', charts)
        self.assertFalse(charts['chart-frontier']['shown'])  # no replay.json
        drawn = [c for c in charts.values() if c['shown']]
        self.assertGreaterEqual(len(drawn), 5, charts)
        for c in drawn:
            self.assertGreater(c['width'], 250, c)
            self.assertGreater(c['height'], 200, c)
            self.assertGreater(c['inked'], 500, c)
            self.assertGreater(c['colours'], 4, c)
        self.assertEqual(self.value(ROWS), 12)
        self.assertEqual(self.value(TRACES), 3)  # of the first prompt
        self.assert_quiet()

    def test_search_and_filters(self):
        self.open()
        self.value('''(() => { const s = document.getElementById("search"); s.value = "BOMB";
                      s.dispatchEvent(new Event("input")); })()''')
        self.browser.wait(ROWS + ' === 2')
        self.assertEqual(self.value('document.getElementById("count").textContent'), '2 of 12 prompts')
        self.value('document.getElementById("filter-label").value = "1";'
                   'document.getElementById("filter-label").dispatchEvent(new Event("change"))')
        self.assertEqual(self.value(ROWS), 1)  # of numbers 2 and 7 one is unsafe
        for fragment, rows in (('#q=bomb', 2), ('#q=prompt+bomb', 2), ('#q=nowhere', 0), ('#label=unsafe', 6),
                               ('#label=safe&q=bomb', 1), ('#category=odd+%26+%3Csuch%3E', 1), ('#explorer', 12),
                               ('#q=', 12), ('#label=none', 12), ('#=&&%', 12)):
            with self.subTest(fragment=fragment):
                self.open(fragment=fragment)
                self.assertEqual(self.value(ROWS), rows)
        self.assert_quiet()

    def test_links_to_prompts(self):
        self.open(fragment='#prompt=plain_7&trace=2')
        self.assertEqual(self.value(HEADING), 'plain_7')
        self.assertEqual(self.value('document.activeElement.querySelector("h4 span").textContent'), 'Trace 2')
        self.assertEqual(self.value(ROWS), 12)
        self.open(fragment='#q=bomb&prompt=plain_7')
        self.assertEqual((self.value(HEADING), self.value(ROWS)), ('plain_7', 2))
        self.open(fragment='#prompt=' + urllib.parse.quote(ODD_ID, safe=''))
        self.assertEqual(self.value(HEADING), ODD_ID)
        # the prompt's own address leads to it
        address = self.value('document.querySelector("#detail h3 a").href')
        self.browser.open(address)
        self.assertEqual(self.value(HEADING), ODD_ID)
        for odd in ('#prompt=%3Cimg%20src=x%3E', '#prompt=', '#prompt=plain_1&trace=99', '#prompt=plain_1&trace=-1',
                    '#prompt=plain_1&trace=x', '#prompt=%E0%A4%A'):
            with self.subTest(fragment=odd):
                self.open(fragment=odd)
                self.assertEqual(self.value(TRACES), 3)
                self.assertEqual(self.value(CENSUS)['foreign'], 0)
        self.assert_quiet()

    def test_the_opening_leads_to_prompts_that_waver(self):
        self.open()
        self.assertEqual(self.value('[...document.querySelectorAll(".opening dt")].map((e) => e.textContent)'),
                         ['Refusal', 'Wavering', 'Confidence', 'Trust'])
        self.assertTrue(self.value('[...document.querySelectorAll(".opening dd")].every((e) => e.textContent.length > 40)'))
        links = self.value('[...document.querySelectorAll(".opening a")].map((a) => a.getAttribute("href"))')
        for link in links:
            self.open(fragment=link)
            self.assertEqual('#prompt=' + urllib.parse.quote(self.value(HEADING), safe="-._~"), link)
        for width in (1200, 400):  # nothing is wider than the window
            self.browser.call('Emulation.setDeviceMetricsOverride', width=width, height=900, deviceScaleFactor=1, mobile=False)
            self.assertEqual(self.value('[...document.querySelectorAll(".opening, .opening dd")].filter((e) => '
                                        'e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth).length'),
                             0, width)
        self.browser.call('Emulation.clearDeviceMetricsOverride')
        self.assert_quiet()

    def test_many_prompts_and_traces_are_built_in_parts(self):
        out, path = os.path.join(self.folder, 'many'), os.path.join(self.folder, 'many.jsonl')
        write_benchmark(path, [(f'many_{k}', f'Prompt {k}: how do I bake bread?', 'kitchen') for k in range(230)])
        call('run', '--benchmark', path, '--max-new-tokens', 2, '--policy', 'single', '--out', out, '--quiet')
        self.addresses['many'] = pathlib.Path(out, 'report.html').as_uri()
        with open(os.path.join(out, 'report.html'), encoding='utf-8') as file:
            self.assertNotIn('"answer":', file.read())  # traces lie packed
        self.open('many')
        self.assertEqual(self.value(ROWS), 100)
        self.open('many', '#prompt=many_229')
        self.assertEqual((self.value(HEADING), self.value(ROWS)), ('many_229', 30))  # the last rows alone
        self.value('document.querySelector("#list .before").click()')
        self.assertEqual(self.value('document.activeElement.dataset.k'), '199')
        self.open('many', '#q=' + urllib.parse.quote('Prompt 217:'))
        self.assertEqual(self.value(ROWS), 1)
        path = os.path.join(self.folder, 'deep.jsonl')
        write_benchmark(path, [('deep', 'How do I bake bread?', 'kitchen')])
        call('run', '--benchmark', path, '--max-new-tokens', 2, '--policy', 'fixed', '--max-traces', 250, '--out',
             os.path.join(self.folder, 'deep'), '--quiet')
        self.addresses['deep'] = pathlib.Path(self.folder, 'deep', 'report.html').as_uri()
        self.open('deep')
        self.assertEqual(self.value(TRACES), 100)
        self.value('document.querySelector("#detail .traces > .more").click()')
        self.assertEqual(self.value(TRACES), 200)
        self.open('deep', '#prompt=deep&trace=250')
        self.assertEqual(self.value(TRACES), 250)
        self.assertEqual(self.value('document.activeElement.querySelector("h4 span").textContent'), 'Trace 250')
        self.assert_quiet()

    def test_keys_walk_the_list(self):
        self.open()
        self.value('''document.querySelector("#list button").dispatchEvent(
                      new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }))''')
        self.assertEqual(self.value(HEADING), 'plain_1')

    def test_the_tree_of_a_prompts_answers(self):
        self.open(fragment='#prompt=plain_3')
        self.value('document.querySelectorAll("#detail details").forEach((d) => { d.open = true; })')
        items = self.value('[...document.querySelectorAll(".tree .branch")].map((e) => e.getAttribute("aria-label"))')
        self.assertGreaterEqual(len(items), 2)
        self.assertTrue(items[0].startswith('all answers, 3 of 3 answers, '), items)
        # a node is as high as its children together, and nothing is wider than its place
        self.assertEqual(self.value('[...document.querySelectorAll(".tree .kids")].filter((k) => Math.abs(k.offsetHeight - '
                                    'k.previousSibling.offsetHeight) > 2).length'), 0)
        for width in (1200, 400):  # what is wide scrolls in its own place
            self.browser.call('Emulation.setDeviceMetricsOverride', width=width, height=900, deviceScaleFactor=1, mobile=False)
            self.assertLessEqual(self.value('document.querySelector(".tree").getBoundingClientRect().right'), width)
        self.browser.call('Emulation.clearDeviceMetricsOverride')
        press = '''(() => { document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "%s", bubbles: true }));
                   return document.activeElement.getAttribute("aria-label"); })()'''
        self.value('document.querySelector(".tree .branch").focus()')
        self.assertEqual(self.value(press % 'ArrowRight'), items[1])
        self.assertEqual(self.value('document.querySelectorAll(".tree [aria-selected]").length'), 1)
        self.assertIn('of 3 traces', self.value('document.querySelector(".tree-detail").textContent'))
        self.assertEqual(self.value(press % 'ArrowLeft'), items[0])
        self.assertEqual(self.value(press % 'ArrowUp'), items[0])  # nothing is there
        self.assertEqual(self.value('document.querySelectorAll(".tree [tabindex=\'0\']").length'), 1)
        self.value('document.querySelector(".tree .kids .branch .cell").click()')
        buttons = self.value('document.querySelectorAll(".tree-detail button").length')
        if buttons:  # a branch alone, and back
            self.value('document.querySelector(".tree-detail button").click()')
            self.assertNotEqual(self.value('document.activeElement.getAttribute("aria-label")'), items[0])
            self.value('[...document.querySelectorAll(".tree-detail button")].pop().click()')
        self.assertEqual(self.value('document.querySelector(".tree .branch").getAttribute("aria-label")'), items[0])
        self.assert_quiet()

    def test_the_page_of_an_exploration(self):
        self.open('risk')
        self.assertEqual(self.value('document.querySelectorAll("#prompts tbody tr").length'), len(EVIL))
        self.assertEqual(self.value('document.querySelectorAll("#trees > details").length'), len(EVIL))
        self.assertEqual(self.value('document.querySelectorAll(".tree").length'), 1)  # of the one that is open
        self.value(UNFOLD_ALL.replace('document.getElementById("unfold").click();', ''))
        self.browser.wait(f'document.querySelectorAll(".tree").length === {len(EVIL)}')
        shares = self.value('[...document.querySelectorAll(".tree .branch")].map((e) => e.getAttribute("aria-label"))')
        self.assertTrue(shares[0].startswith('all answers, 100\u00a0% answers, '), shares[0])
        self.assertEqual(self.value('[...document.querySelectorAll(".tree .kids")].filter((k) => Math.abs(k.offsetHeight - '
                                    'k.previousSibling.offsetHeight) > 2).length'), 0)
        census = self.value(CENSUS)
        self.assertEqual((census['scripts'], census['handlers'], census['addresses'] , census['raw']), (2, 0, 0, 0))
        self.assertEqual(self.value('document.querySelectorAll("img, iframe, object, embed, [src]").length'), 0)
        self.assertNotEqual(self.value('document.title'), 'owned')
        self.assert_quiet()

    def test_detectors(self):
        self.open()
        self.assertEqual(self.value('document.querySelectorAll("nav a[href=\'#detectors\']").length'), 1)
        links = self.value('[...document.querySelectorAll(".disagreements a")].map((a) => a.getAttribute("href"))')
        self.assertGreater(len(links), 3)
        wish = urllib.parse.parse_qs(links[-1][1:])
        # a reader who has searched something else gets there all the same, and again
        for _ in range(2):
            self.value('document.querySelector("#list button").click();'
                       '[...document.querySelectorAll(".disagreements a")].pop().click()')
            self.browser.wait('document.activeElement.matches(".trace")')
            self.assertEqual(self.value(HEADING), wish['prompt'][0])
            self.assertEqual(self.value('document.activeElement.querySelector("h4 span").textContent'),
                             'Trace ' + wish['trace'][0])
        self.assert_quiet()

    @unittest.skipUnless(os.environ.get('SAFECONF_TEST_LONG'), 'takes long: SAFECONF_TEST_LONG is not set')
    def test_a_large_run_can_be_looked_at(self):
        out, n = os.path.join(self.folder, 'large'), 3000
        path = os.path.join(self.folder, 'large.jsonl')
        write_benchmark(path, [(f'large_{k}', f'Prompt number {k}: how do I bake bread?', f'kind {k % 40}') for k in range(n)])
        sample(path, out)
        self.addresses['large'] = pathlib.Path(out, 'report.html').as_uri()
        began = time.monotonic()
        self.open('large')
        self.assertGreater(self.value(ROWS), 0)
        self.open('large', f'#prompt=large_{n - 1}')
        self.assertEqual(self.value(HEADING), f'large_{n - 1}')
        self.assertEqual(self.value(TRACES), 3)
        self.open('large', '#q=' + urllib.parse.quote(f'number {n - 1}:'))
        self.assertEqual(self.value(ROWS), 1)
        self.assertLess(time.monotonic() - began, 60)
        self.assert_quiet()

    def test_hostile_text_does_nothing(self):
        with open(urllib.parse.unquote(urllib.parse.urlsplit(self.addresses['hostile']).path),
                  encoding='utf-8') as file:
            title = html.unescape(re.search('<title>(.*?)</title>', file.read(), re.S).group(1))
        self.assertIn('<img', title)  # of the benchmark's file
        expected = {'title': title, 'scripts': 3, 'styles': 1, 'foreign': 0, 'handlers': 0, 'addresses': 0, 'raw': 0}
        self.open('hostile')
        self.assertEqual(self.value(CENSUS), expected)
        self.assertEqual(self.value(ROWS), len(EVIL))
        for k in range(len(EVIL)):
            with self.subTest(prompt=EVIL[k]):
                if k % 4 == 0:  # shaded tokens or plain text
                    self.value('document.getElementById("shade").click()')
                self.value(f'document.querySelector(\'#list button[data-k="{k}"]\').click()')
                self.value(UNFOLD_ALL)
                self.browser.wait('[...document.querySelectorAll("#detail details")].every((d) => d.childElementCount > 1)')
                self.assertEqual(self.value(TRACES), 3)
                self.assertEqual(self.value(CENSUS), expected)
        shown = self.value('document.body.innerText')
        self.assertIn('\\u{202E}', shown)  # said, not done
        self.assertIn('\\x1B', shown)
        for words in ('confidence (of 5 processed log-probabilities) ', "ended by the service's filter", 'the source calls its end',
                      'the reader gives a refusal 87.5', 'most by \u201c',
                      'Reasoning, which the verdict does not read'):
            self.assertGreaterEqual(shown.count(words), 1, words)
        self.open('hostile', '#q=' + urllib.parse.quote('onerror'))
        self.assertGreater(self.value(ROWS), 0)
        self.open('hostile', '#prompt=' + urllib.parse.quote(f'0 {EVIL[0]}', safe=''))
        self.assertEqual(self.value(HEADING), f'0 {EVIL[0]}')
        self.value('document.querySelector(".disagreements a").click()')
        self.browser.wait('document.activeElement.matches(".trace")')
        self.assertEqual(self.value(CENSUS), expected)
        self.assert_quiet()


if __name__ == '__main__':
    if browser.find() is None:
        print('skipped: no Chromium or Chrome found (SAFECONF_BROWSER may name one)')
        sys.exit(77)
    unittest.main(verbosity=1)
