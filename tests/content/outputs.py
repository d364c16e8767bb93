"""What must hold of everything that the program writes and prints, whatever it was given: one function for each way out.

Each takes bytes and raises Bad with the place; check_folder looks at all files of a folder and knows them by their
names, so that a new kind of file is not passed over.  Python's standard library only.
"""
import csv
import gzip
import html.parser
import io
import json
import os
import re
import sqlite3
import unicodedata
import urllib.parse
import xml.parsers.expat
import zipfile
import zlib

import latex


class Bad(AssertionError):
    pass


def fail(where, what, text=''):
    raise Bad(f'{where}: {what}: {text[:300]!a}')


# Shown by most fonts as nothing at all, though Unicode does not call them format characters: fillers, selectors.
BLANK = {0x34F, 0x2065, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE0E), *range(0xFFF0, 0xFFF9),
         *range(0xE0000, 0xE1000)}
# Format characters that are seen: signs that enclose numbers.
SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}


def is_hidden(c):
    """Acts on a terminal or on the order of what is read, or is not seen: worked out here apart from the program."""
    cp = ord(c)
    if c in '\n\t' or cp in SEEN:
        return False
    nothing = (cp & 0xFFFE) == 0xFFFE or 0xFDD0 <= cp <= 0xFDEF
    return nothing or cp in BLANK or unicodedata.category(c) in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')


PLAIN = re.compile(r'[^ -~\n\t]')
KNOWN = {}


def first_hidden(text):
    """Its place, or None."""
    for found in PLAIN.finditer(text):
        c = found[0]
        if c not in KNOWN:
            KNOWN[c] = is_hidden(c)
        if KNOWN[c]:
            return found.start()
    return None


def text_of(data, where):
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return fail(where, 'not UTF-8', str(error) + repr(data[max(0, error.start - 60):error.start + 60]))


def visible(data, where):
    """UTF-8 in which nothing is hidden."""
    text = text_of(data, where)
    at = first_hidden(text)
    if at is not None:
        fail(where, 'hidden character', text[max(0, at - 80):at + 80])
    return text


OURS = re.compile('\x1b\\[[0-9;]*m|(?<= {10})\r|\r(?=\n|\x1b\\[K|[0-9]+/[0-9]+ | {10})|\x1b\\[K')  # colours; a terminal's line ends, a line of progress


def printed(data, where='printed', terminal=False):
    text = text_of(data, where)
    if terminal:
        text = OURS.sub('', text)
    return visible(text.encode(), where)


def strictly(text, where, repeated=False):
    """JSON as the standard has it: no NaN, no key twice."""
    def constant(word):
        fail(where, 'no JSON', word)

    def pairs(found):
        if len(dict(found)) != len(found) and not repeated:
            keys = [key for key, _ in found]
            fail(where, 'a key twice', next(key for key in keys if keys.count(key) > 1))
        return dict(found)
    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=pairs)
    except ValueError as error:
        return fail(where, f'no JSON: {error}', text)
    except RecursionError:
        return fail(where, 'too deep', text)


def check_json(data, where):
    return strictly(visible(data, where), where)


def check_lines(data, where):
    return [strictly(line, where) for line in visible(data, where).split('\n') if line]


WIDE = '\uff1d\uff0b\uff0d\uff20'


def check_csv(data, where):
    text = text_of(data, where)
    csv.field_size_limit(1 << 27)
    if '\0' in text:
        fail(where, 'NUL', text[max(0, text.index('\0') - 60):])
    rows = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    for row in rows:
        if len(row) != len(rows[0]):
            fail(where, f'{len(row)} fields instead of {len(rows[0])}', repr(row))
        for field in row:
            first = field.lstrip(' ')[:1]
            if (first and first in '=+-@' + WIDE) or field[:1] in ('\t', '\r', '\n'):
                try:
                    float(field)
                except ValueError:
                    fail(where, 'a formula', field)
    return rows


# ---- pages ----------------------------------------------------------------------------------------------------------

TAGS = set('html head meta title style script body header main nav section footer h1 h2 h3 h4 h5 p a ul ol li dl dt dd div span table thead tbody tfoot '
           'tr th td caption details summary figure figcaption canvas button input select option label strong em b i code pre small abbr sup sub mark '
           'noscript template form fieldset article math head legend br hr colgroup col svg g rect path line text circle polyline polygon time q kbd output progress'.split())
REFRESHING = {'content-security-policy', 'viewport', 'color-scheme', 'referrer'}


class Page(html.parser.HTMLParser):
    def __init__(self, where):
        super().__init__(convert_charrefs=True)
        self.where, self.scripts, self.inside, self.policy = where, [], None, None

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        if tag not in TAGS:
            fail(self.where, 'an element that no page of ours has', tag)
        for name, value in attrs:
            value = value or ''
            if name.startswith('on') or name in ('src', 'srcdoc', 'action', 'formaction', 'data', 'background', 'ping', 'srcset'):
                fail(self.where, f'{name} of {tag}', value)
            if name in ('href', 'xlink:href') and re.match(r'\s*([a-z][a-z0-9+.-]*:|//|/)', value, re.I):
                fail(self.where, 'an address', value)
            if name == 'style' and re.search(r'url|expression|import|[<>"\\]', value, re.I):
                fail(self.where, 'a style', value)
        given = dict(attrs)
        if tag == 'meta' and 'http-equiv' in given:
            if given['http-equiv'].lower() != 'content-security-policy':
                fail(self.where, 'meta', str(attrs))
            self.policy = given['content']
        if tag == 'form' and set(given) - {'id', 'hidden'}:
            fail(self.where, 'a form', str(attrs))
        if tag == 'script':
            self.scripts.append('')

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == 'script':
            self.scripts[-1] += data

    def handle_comment(self, data):
        fail(self.where, 'a comment', data)

    def unknown_decl(self, data):
        fail(self.where, 'a declaration', data)

    def handle_pi(self, data):
        fail(self.where, 'an instruction', data)


def check_html(data, where):
    page = Page(where)
    page.feed(visible(data, where))
    page.close()
    if page.policy is None or "default-src 'none'" not in page.policy or "form-action 'none'" not in page.policy or "base-uri 'none'" not in page.policy or 'unsafe' in page.policy:
        fail(where, 'its policy', str(page.policy))
    for script in page.scripts:
        if script[:1] in '{[':
            strictly(script, where)
    return page


class Fragment(html.parser.HTMLParser):
    """What the Python package gives a notebook: paragraphs of text, without an attribute."""

    def __init__(self, where):
        super().__init__(convert_charrefs=True)
        self.where = where

    def handle_starttag(self, tag, attrs):
        if tag not in ('p', 'b', 'pre') or attrs:
            fail(self.where, 'an element', f'{tag} {attrs}')

    def refuse(self, data):
        fail(self.where, 'neither text nor an element', data)

    handle_comment = unknown_decl = handle_pi = handle_decl = refuse


def check_notebook(data, where):
    """notebook.json of notebook.py: what stands behind a prompt, and what a page shows."""
    made = strictly(text_of(data, where), where)
    for text in made['texts']:
        visible(text.encode('utf-8', 'surrogatepass'), where)
    for page in made['pages']:
        fragment = Fragment(where)
        fragment.feed(visible(page.encode('utf-8', 'surrogatepass'), where))
        fragment.close()
    return made


# ---- papers ---------------------------------------------------------------------------------------------------------

def check_latex(data, where):
    try:
        latex.check(visible(data, where))
    except latex.Bad as bad:
        fail(where, 'no table of ours', str(bad))


def check_markdown(data, where):
    text = visible(data, where)
    rows = [line for line in text.split('\n') if line.startswith('|')]
    counts = {len(re.findall(r'(?<!\\)(?:\\\\)*\|', row)) for row in rows}
    if len(counts) != 1 or not all(row.endswith('|') for row in rows):
        fail(where, 'rows differ', str([row for row in rows][:3]))
    escaped = re.sub(r'\\[!-/:-@\[-`{-~]', '', text)
    for name, pattern in (('markup', '<'), ('a link', r'\]\s?[(\[]'), ('an address', r'[a-z]:[/\w]|www\.|\w@\w'), ('code', '`'), ('a template', r'\{[{%#]'),
                          ('a reference', r'^\s*\[[^\]]*\]:'), ('a heading', r'^\s*#'), ('emphasis', r'(?<!\*)\*(?!\*)|_|~')):
        found = re.search(pattern, '\n'.join(line for line in escaped.split('\n') if not line.startswith('**')), re.M | re.I)
        if found:
            fail(where, name, escaped[max(0, found.start() - 60):found.start() + 60])


# ---- pictures and archives ------------------------------------------------------------------------------------------

def check_svg(data, where):
    """Well-formed, without scripts, handlers, foreign content and addresses of other places."""
    text = visible(data, where)
    parser = xml.parsers.expat.ParserCreate()

    def element(name, attributes):
        if name.split(':')[-1].lower() in ('script', 'foreignobject', 'image', 'iframe', 'a', 'animate', 'set', 'handler'):
            fail(where, 'an element', name)
        for key, value in attributes.items():
            if key.lower().startswith('on') or (key.endswith('href') and not value.startswith('#')):
                fail(where, key, value)
            if 'url(' in value and not re.fullmatch(r'.*url\(#[\w-]+\).*', value, re.S):
                fail(where, key, value)
    parser.StartElementHandler = element
    parser.EntityDeclHandler = lambda *a: fail(where, 'an entity', str(a))
    try:
        parser.Parse(text.encode(), True)
    except xml.parsers.expat.ExpatError as error:
        fail(where, str(error), text)


def check_pdf(data, where):
    if not data.startswith(b'%PDF-'):
        fail(where, 'no PDF', repr(data[:20]))
    streams = [data]
    for found in re.finditer(rb'stream\r?\n(.*?)endstream', data, re.S):
        try:
            streams.append(zlib.decompressobj().decompress(found[1]))
        except zlib.error:
            pass
    outside = re.sub(rb'stream\r?\n.*?endstream', b'', data, flags=re.S)
    for word in (b'/JavaScript', b'/JS', b'/Launch', b'/URI', b'/OpenAction', b'/AA', b'/EmbeddedFile', b'/SubmitForm'):
        if re.search(re.escape(word) + rb'\b', outside):
            fail(where, 'acts', word.decode())


def check_eval(data, where):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if archive.testzip() is not None or len(set(names)) != len(names):
            fail(where, 'the archive', str(names[:9]))
        for name in names:
            if first_hidden(name) is not None or name.startswith('/') or '\\' in name or '..' in name.split('/') or len(name.encode()) > 400:
                fail(where, 'a name in it', name)
            strictly(visible(archive.read(name), f'{where}/{name}'), f'{where}/{name}')


def check_database(path, where):
    db = sqlite3.connect('file:' + urllib.parse.quote(os.fsencode(path)) + '?mode=ro', uri=True)
    db.text_factory = bytes
    try:
        if db.execute('PRAGMA integrity_check').fetchall() != [(b'ok',)]:
            fail(where, 'the database')
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f'SELECT * FROM "{table.decode()}"'):
                for value in row:
                    if isinstance(value, bytes) and b'\0' in value and table not in (b'token', b'turn', b'given', b'cut'):
                        fail(where, f'NUL in {table.decode()}', repr(value))
    finally:
        db.close()


def check_parquet(data, where):
    """Its contents are read where pyarrow is: here only that it is one."""
    if data[:4] != b'PAR1' or data[-4:] != b'PAR1':
        fail(where, 'no Parquet', repr(data[:8]))


def check_text(data, where):
    visible(data, where)


CHECKS = {'.json': check_json, '.jsonl': check_lines, '.csv': check_csv, '.html': check_html, '.tex': check_latex, '.md': check_markdown, '.svg': check_svg,
          '.pdf': check_pdf, '.eval': check_eval, '.parquet': check_parquet, '.txt': check_text, '.log': check_text, '.png': lambda *_: None}
NAMELESS = {'run.lock', 'lock', '.gitignore'}


def check_file(path, where):
    name = os.path.basename(path)
    ending = os.path.splitext(name)[1]
    if ending == '.db':
        return check_database(path, where)
    if name.endswith(('.db-wal', '.db-shm')) or name in NAMELESS:
        return None
    if ending not in CHECKS:
        fail(where, 'a file of a kind that is not checked')
    with open(path, 'rb') as file:
        return CHECKS[ending](file.read(), where)


def files_of(folder):
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            yield os.path.join(parent, name)


def check_folder(folder, where=''):
    for path in files_of(folder):
        check_file(path, f'{where}{os.path.relpath(path, folder)}')


# ---- what reached where ---------------------------------------------------------------------------------------------

def unpacked(path):
    """All bytes of a file as its reader sees them: archives decompressed, texts and blobs of databases apart."""
    with open(path, 'rb') as file:
        data = file.read()
    out = [data]
    if data[:2] == b'\x1f\x8b':
        out.append(gzip.decompress(data))
    if data[:4] == b'PK\x03\x04':
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            out += [archive.read(name) for name in archive.namelist()]
    if data[:15] == b'SQLite format 3':
        db = sqlite3.connect('file:' + urllib.parse.quote(os.fsencode(path)) + '?mode=ro', uri=True)
        db.text_factory = bytes
        try:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in db.execute(f'SELECT * FROM "{table.decode()}"'):
                    out += [value for value in row if isinstance(value, bytes)]
        finally:
            db.close()
    return b'\n'.join(out)
