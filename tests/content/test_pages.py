#!/usr/bin/env python3
"""The pages in a browser, with every payload in every field: no script of theirs runs, nothing is asked for, all of it is text.

  test_pages.py PATH_TO_SAFECONF      Python's standard library and a Chromium; without one it says so and exits with 77.

A part of the payloads where the whole takes long; with SAFECONF_CONTENT_ALL (tools/check-content) all of them, those
of a million letters included, and pages of what servers and judges said.
"""
import os
import pathlib
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'browser')]
import world as worlds  # noqa: E402  (takes the program's path off the command line)
import asked  # noqa: E402
import browser  # noqa: E402
import outputs  # noqa: E402
import payloads  # noqa: E402
import stored  # noqa: E402

# What would be there if a payload had become part of the page.
CENSUS = '''(() => {
  const all = [...document.querySelectorAll("*")];
  return {
    title: document.title,
    foreign: [...document.querySelectorAll("img, iframe, object, embed, link, base, video, audio, math, [src], [srcdoc], [action], meta[http-equiv=refresh]")].map((e) => e.outerHTML.slice(0, 200)),
    handlers: all.filter((e) => e.getAttributeNames().some((a) => a.startsWith("on"))).map((e) => e.outerHTML.slice(0, 200)),
    addresses: all.flatMap((e) => ["href", "xlink:href"].map((a) => e.getAttribute(a))).filter((a) => a && /^\\s*([a-z][a-z0-9+.-]*:|\\/)/i.test(a)),
    nonces: document.querySelectorAll("script:not([nonce]):not([type='application/json'])").length,
    text: document.body.textContent
  };
})()'''
OPEN_ALL = '''(() => { for (let i = 0; i < 3; i++) for (const d of document.querySelectorAll("details")) d.open = true; })()'''


ALL = bool(os.environ.get('SAFECONF_CONTENT_ALL'))


def suite_of_all(world):
    """One suite with every payload: in its name, and as what each of its runs is told."""
    texts = [text[:300] for _, text in payloads.texts()]
    lines = [f'name = {asked.quote("".join(text[:40] for text in texts))}', '[defaults]', 'num-instances = 1', 'max-new-tokens = 1', 'policy = "single"']
    for k, text in enumerate(texts):
        lines += ['[[phase]]', f'name = "p{k}"', f'system = {asked.quote("S" + text)}']
        lines += [f'when = "p{k - 1}.overall.n_traces >= 0"'] if k % 20 == 1 else []
    world.say('experiment', world.write('all.toml', '\n'.join(lines)), '--out', world.path('o', 'suite'), '--quiet', expect=(0, 3))


# Chooses a prompt of the list, which shows a hundred at first.
CHOOSE = '''(k) => {
  const find = () => document.querySelector(`#list button[data-k="${k}"]`), more = document.querySelector("#list .more:not(.before)");
  if (!find() && more) more.click();
  if (find()) find().click();
  return Boolean(find());
}'''


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = worlds.World()
        cls.addClassCleanup(cls.world.close)
        stored.rows(cls.world, ALL, None)
        stored.benchmarks(cls.world, ALL, None)
        if ALL:
            suite_of_all(cls.world)
            asked.judges(cls.world, False, None)
            asked.servers(cls.world, False, None)
        else:
            asked.suites(cls.world, False, None)
        cls.browser = browser.Browser(browser.find())
        cls.addClassCleanup(cls.browser.close)
        cls.browser.call('Page.addScriptToEvaluateOnNewDocument', source='window.alert = window.prompt = window.confirm = () => { document.title = "owned"; };'
                         'addEventListener("securitypolicyviolation", (e) => { console.error("refused " + e.violatedDirective + " " + e.blockedURI); });')

    def look(self, address):
        found = self.browser.evaluate(CENSUS)
        self.assertNotEqual(found['title'], 'owned')
        for what in ('foreign', 'handlers', 'addresses'):
            self.assertEqual(found[what], [], what)
        self.assertEqual(found['nonces'], 0)
        self.assertIsNone(outputs.first_hidden(found['text'].replace('\r', '\n')), ascii(found['text'][(outputs.first_hidden(found['text']) or 0) - 60:][:120]))
        for method in ('Runtime.exceptionThrown', 'Page.javascriptDialogOpening', 'Runtime.consoleAPICalled'):
            self.assertEqual(self.browser.events_of(method), [])
        self.assertEqual([e['entry'] for e in self.browser.events_of('Log.entryAdded') if e['entry']['level'] in ('error', 'warning')], [])
        requests = {e['request']['url'].split('#')[0] for e in self.browser.events_of('Network.requestWillBeSent')}
        self.assertLessEqual({url for url in requests if not url.startswith('about:')}, {address})

    def test_what_is_looked_for_is_found(self):
        """The look can fail."""
        for k, body in enumerate(('<img src=x>', '<b onclick="">x</b>', '<a href="javascript:1">x</a>', '<script>document.title = "owned"</script>', '<p>a\u202eb</p>',
                                  '<script nonce="x">throw 1</script>', '<a href="http://evil.invalid/">x</a>')):
            with self.subTest(body):
                address = pathlib.Path(self.world.write(f'bad{k}.html', '<meta charset=utf-8><title>t</title>' + body)).as_uri()
                self.browser.open(address)
                with self.assertRaises(AssertionError):
                    self.look(address)

    def test_every_page(self):
        pages = [path for path in outputs.files_of(self.world.out) if path.endswith('.html')]
        kinds = {os.path.basename(path) for path in pages}
        self.assertLessEqual({'report.html', 'diff.html', 'summary.html', 'risk.html'}, kinds)
        for path in pages:
            with self.subTest(os.path.relpath(path, self.world.out)):
                address = pathlib.Path(path).as_uri()
                self.browser.open(address)
                self.browser.evaluate(OPEN_ALL)
                self.look(address)

    def test_every_prompt_of_a_report(self):
        """Each payload as id, prompt, answer, category and reason in the browser of prompts."""
        address = pathlib.Path(self.world.path('o', 'run', 'report.html')).as_uri()
        self.browser.open(address)
        seen = 0
        for k in range(400):
            if not self.browser.evaluate(f'({CHOOSE})({k})'):
                break
            seen += 1
            self.browser.evaluate(OPEN_ALL)
            if ALL or k % 10 == 0:
                self.look(address)
        self.assertGreaterEqual(seen, len(payloads.texts(ALL)))
        self.look(address)


if __name__ == '__main__':
    if browser.find() is None:
        print('skipped: no Chromium or Chrome found (SAFECONF_BROWSER may name one)')
        sys.exit(77)
    unittest.main()
