#!/usr/bin/env python3
"""Templates of our own that use every construct, rendered by Jinja2: tests/golden/jinja.jsonl.

Needs jinja2 from PyPI (3.1.6 made the file).  The environment is that of chat templates: the immutable
sandbox with trimmed blocks and loop controls, generation blocks, tojson without HTML's escapes, and
raise_exception and strftime_now (of 2024-07-26).

  python3 tests/golden/make_jinja_golden.py > tests/golden/jinja.jsonl

The first line holds the variables of all templates; every other one a template with its text, or with how it
fails: "parse" (before it is run), "run", or "raised" with the words of raise_exception.
"""
import datetime
import json

import jinja2
import jinja2.ext
import jinja2.sandbox

VARIABLES = {
    'messages': [{'role': 'system', 'content': '  Be brief. '}, {'role': 'user', 'content': 'Hi <|end|> ü ß'},
                 {'role': 'assistant', 'content': 'ok\nthen\r\n x'}, {'role': 'user', 'content': ''}],
    'n': 7, 'f': 2.5, 'none_': None, 'yes': True, 's': 'hello World-foo bar', 'neg': -3, 'big': 10**12, 'num': '42',
    'd': {'a': 1, 'b': 'x', 'items': 5, 'c': {'k': [1, 2]}, '_u': 6, 'append': 'key'}, 'l': [3, 1, 2],
    'empty': [], 'ls': ['b', 'A', 'a', 'c'], 'mixed': [1, 'x', None, True, 2.5, [1], {'k': 'v'}],
    'u': 'Straße ŉ ǆ İ ΣΑΣ ὈΔΥΣΣΕΎΣ 漢字 e\u0301', 'html': '<a href="x">\'&\'</a>', 'lines': 'a\n\n b\r\nc\n',
    'nested': [[1, [2, 3]], [4, []]], 'tree': [{'v': 1, 'c': [{'v': 2, 'c': []}, {'v': 3, 'c': [{'v': 4, 'c': []}]}]}],
    'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': {'x': 1.0, 'q': '<é"\\\t\u0001\u007f😀>'}}}],
}


class Generation(jinja2.ext.Extension):
    """{% generation %}: its body is rendered as it stands."""
    tags = {'generation'}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(('name:endgeneration',), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method('render'), [], [], body).set_lineno(line)

    def render(self, caller):
        return caller()


class Raised(Exception):
    """What raise_exception says."""


class Dict:
    """dict() without the attributes of the type."""

    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise Raised(message)

    env.filters['tojson'] = tojson
    env.globals.update(raise_exception=raise_exception, dict=Dict(),
                       strftime_now=lambda form: datetime.datetime(2024, 7, 26).strftime(form))
    return env


# Each is printed as an expression.
EXPRESSIONS = r'''
1 + 2 * 3 - 4
(1 + 2) * 3
7 / 2 ~ 7 // 2 ~ 7 % 3
-7 // 2 ~ ' ' ~ -7 % 3 ~ ' ' ~ 7 % -3 ~ ' ' ~ 7 // -2
7.5 // 2 ~ ' ' ~ -7.5 % 2 ~ ' ' ~ 7.5 % -2 ~ ' ' ~ -6.0 // 4
2 ** 10 ~ ' ' ~ 2 ** 3 ** 2 ~ ' ' ~ 2 ** -1 ~ ' ' ~ 4 ** 0.5
-2 ** 2
-n | abs
- f
+ neg
1 + 2 ~ 3
1 ~ 2 + 3
'a' ~ none ~ true ~ 1.0 ~ [1]
'a' + 'b' * 3 + s[0]
3 * 'ab' ~ [1] * 2 ~ (1,) * 2 ~ 'x' * -1
[1] + [2] + l
(1, 2) + (3,)
1 == 1.0 and 1 == true and not 0 == false ~ ''
'1' == 1
[1, 2] == [1, 2.0]
{'a': 1} == {'a': true}
1 < 2 < 3 > 2
1 < 2 > 5
'a' < 'b' <= 'b'
[1, 2] < [1, 3]
'Z' < 'a'
not 1 in l
1 not in l
'lo' in s and 'xx' not in s
'a' in d ~ 5 in d
'b' in ls
none in mixed
not true or true
not (true or true)
false and undefined_one.x
true or undefined_one.x
0 or 'x'
1 and 'y'
'' and 'y'
[] or {} or 'end'
n if yes else 1/0
'x' if not yes
'a' if empty else 'b' if none_ else 'c'
('a' if yes) ~ ('b' if empty)
1 if 2 if 3 else 4 else 5
"it's" ~ 'say "x"'
'a' 'b' "c"
'\n\t\\\'\"\x41\u00e9\U0001F600\101\q'
'\
joined'
1_000 + 0x1F + 0b101 + 0o17
1.5e3 ~ 1e-7 ~ 1_0.2_5 ~ 2E2
[1.0, 1e16, 1e15, 123456789012345680.0, 0.1, 0.0001, 0.00001, 1/3, -0.0, 1e300, 5e-324]
9223372036854775807 - 1
[true, True, false, False, none, None]
[]
()
(1,)
(1, 2)
1, 2
[1, [2, (3,)], {'k': none}]
{}
{'a': 1, 2: 'b', none: [], (1, 2): true, 'a': 3}
[1, 2,]
{'a': 1,}
["it's", 'q"', 'both \' "', '\n', '\\', '\x00\x7f', 'é', '\u200b', '\u00a0', '😀']
s[0] ~ s[-1] ~ s[4]
s[100]
l[5]
l[-1] ~ l[0]
l['0']
s[1:4] ~ '|' ~ s[-3:] ~ '|' ~ s[:-15] ~ '|' ~ s[::4] ~ '|' ~ s[::-1]
s[5:2] ~ s[100:] ~ '|' ~ s[-100:3]
l[::-1] ~ l[1:] ~ l[-2:-1] ~ l[::2] ~ l[5:]
(1, 2, 3)[1:]
range(10)[2:8:3] | list
range(5)[1]
u[8:12] ~ u[::-3]
l[none:none:none]
l[true]
l[1.0]
d.a ~ d['a'] ~ d.b
d['items']
d.zz
d.c.k[1]
d['c']['k'].0
d._u
d.get('a') ~ d.get('zz') ~ d.get('zz', 4) ~ d.get('c').k
d.keys() | list
d.values() | list
d.c.items()
d.c.keys()
d.c.values()
d.append
d.pop is defined
l.append is defined
l.append(1)
d.update({'x': 1})
l.index(1) ~ l.count(3)
l.index(9)
(1, 2, 1).count(1)
messages[1].role ~ messages[-1]['role']
messages[9].role
messages[9] is defined
none_.x is defined
none_['x'] is defined
n.x is defined
undefined_one is defined
undefined_one.x is defined
undefined_one
undefined_one.x
undefined_one['x']
undefined_one()
undefined_one + 1
undefined_one ~ 'x'
undefined_one == undefined_two
undefined_one == none
undefined_one < 1
-undefined_one
[undefined_one]
undefined_one | length
undefined_one | list
undefined_one | default('d')
undefined_one | upper
undefined_one | int
s.__class__ is defined
s.__class__
s.__class__.x
'x'.foo
'x'.foo()
5()
range(3)
range(1, 4) | list
range(5, 0, -2) | list
range(1, 9, 3)
range(3) == range(0, 3)
range(100001)
range(1, 2, 0)
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1)])
namespace(a=1).a
namespace({'a': 1}, b=2).b
namespace(a=1).zz is defined
joiner('-')() ~ '|'
cycler(1, 2).next()
strftime_now('%Y-%m-%d %d %B %b %A %a %j %y %H:%M:%S %I %p %U %W %w %u %V %G %% %e %-d %F %T %D %R %c %x %X')
raise_exception('no: ' ~ s)
raise_exception(5)
n is odd
n is even
n is divisibleby 7
n is divisibleby(2)
n is number and f is number and yes is number and s is not number
n is integer and f is float and yes is not integer and yes is boolean
s is string and none_ is none and d is mapping and l is sequence and l is iterable
s is sequence and s is iterable and d is sequence and n is not iterable
none_ is not none
yes is true and empty is not false
s is defined and s is not undefined
1 is eq 1 and 1 is equalto(1.0) and 1 is ne 2 and 1 is lt 2 and 2 is ge(2) and 3 is gt 2 and 1 is le 1
1 is lessthan 2 and 2 is greaterthan 1
1 is in l
'x' is in 'xyz'
'abc' is lower and 'ABC' is upper and 'Abc' is not lower
'1' is lower
range is callable and s is not callable
none is sameas none
s is sameas s
'a' is escaped
'a' | e is escaped
'upper' is filter and 'nope' is not filter and 'odd' is test
4 is divisibleby 2 and 5 is odd
not n is even
n is not even and n
l is sequence if yes else 3
'  x y '.strip() ~ '|' ~ '  x '.lstrip() ~ '|' ~ ' x  '.rstrip() ~ '|'
'xxaxx'.strip('x') ~ 'abcba'.lstrip('ab') ~ 'abcba'.rstrip('ab')
'\u3000x\u2003'.strip()
' \n'.rstrip() ~ ' \t'.lstrip() ~ ' '.strip() ~ ''.rstrip() ~ '|'
-0.5 | round(0, 'ceil')
'a b  c'.split() ~ 'a b  c'.split(' ') ~ ' a b '.split(none, 1) ~ ' a b c '.rsplit(none, 1)
'a,b,c'.split(',', 1) ~ 'a,b,c'.rsplit(',', 1) ~ 'aXXbXX'.split('XX') ~ ''.split() ~ ''.split(',')
'a'.split('')
'a,b,c'.split(',', maxsplit=1)
'a,b'.split(sep=',')[-1]
lines.splitlines() ~ lines.splitlines(true) ~ ''.splitlines()
'a-b-c'.partition('-') ~ 'a-b-c'.rpartition('-') ~ 'abc'.partition('-') ~ 'abc'.rpartition('-')
s.startswith('he') ~ s.endswith('bar') ~ s.startswith(('x', 'h')) ~ s.endswith(()) ~ s.startswith('ell', 1) ~ s.endswith('o', 0, 5)
s.replace('o', '0') ~ s.replace('o', '0', 1) ~ 'ab'.replace('', '-') ~ 'ab'.replace('', '-', 2)
s.upper() ~ s.lower() ~ s.title() ~ s.capitalize() ~ s.swapcase()
u.upper()
u.lower()
u.title()
u.capitalize()
u.swapcase()
"they're bill's friends-from the UK".title()
'ǆungla ﬁne'.capitalize() ~ 'ŉ ß ﬃ'.upper()
s.find('o') ~ s.rfind('o') ~ s.find('zz') ~ s.find('o', 5) ~ s.index('W') ~ s.count('o') ~ s.count('') ~ u.find('漢')
s.index('zz')
'-'.join(ls) ~ ''.join([]) ~ ', '.join('abc')
'-'.join([1])
'42'.zfill(5) ~ '-42'.zfill(5) ~ 'x'.ljust(3) ~ 'x'.rjust(3, '*') ~ 'x'.center(4) ~ 'xy'.center(5, '.') ~ 'abc'.center(2)
'prefix-x'.removeprefix('prefix-') ~ 'x.txt'.removesuffix('.txt') ~ 'x'.removesuffix('')
'12'.isdigit() ~ '²'.isdigit() ~ '1.2'.isdigit() ~ ''.isdigit() ~ 'ab'.isalpha() ~ 'a1'.isalnum() ~ ' \t'.isspace() ~ 'AB1'.isupper() ~ 'a'.islower() ~ 'Ab C'.istitle() ~ '½'.isnumeric() ~ '½'.isdecimal()
'a\tb\n\tc'.expandtabs(4)
'%s-%d-%5.2f|%-4s|%04d|%x|%r|%%' % ('a', 3.9, 3.14159, 'l', 42, 255, "it's")
'%(a)s and %(b)s' % {'a': 1, 'b': 2}
'%s' % s
'%s' % none_
'%s %s' % ('a',)
'%d' % 'x'
'%s' % ('a', 'b')
'x' % [1] ~ 'x' % {} ~ 'x' % () ~ 'x' % undefined_one
'x' % 5
dict(undefined_one)
'%+d % d %5s|%e|%g|%c' % (3, 4, 'r', 12345.678, 0.00001234, 'z')
'%.2s|%5.1s|%*d' % ('abc', 'xyz', 4, 7)
'{} {}'.format(1, 'b') ~ '{1}{0}'.format('x', 'y') ~ '{a.role}{b[0]}'.format(a=messages[0], b=l)
'{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+.2f}|{:,}|{:x}|{:.1%}'.format('a', 'b', 'c', 'd', 42, 3.14159, 1234567, 255, 0.256)
'{!r}{!s}'.format('a', 'b') ~ '{{}}'.format() ~ '{:{}}|'.format('a', 4)
'{}'.format()
'{'.format()
'{0.__class__}'.format('x')
'{k}'.format_map({'k': 1})
2.0.is_integer() ~ f.is_integer()
s | upper ~ s | lower ~ s | title ~ s | capitalize
'a-b (c) [d] {e} <f>g' | title
none_ | upper
5 | string ~ 5.0 | string ~ none | string
s | trim ~ '  x ' | trim ~ '|' ~ 'xxaxx' | trim('x')
s | replace('o', 'X') ~ s | replace('o', 'X', 1) ~ 5 | replace(5, 6)
s | length ~ l | length ~ d | length ~ u | length ~ range(4) | count
n | length
s | first ~ s | last ~ l | first ~ l | last ~ d | first
empty | first
empty | first is defined
empty | last is defined
l | join ~ l | join('-') ~ ls | join(', ') ~ 'abc' | join('.') ~ mixed | join('|')
messages | join(',', attribute='role')
l | sort ~ ls | sort ~ ls | sort(case_sensitive=true) ~ l | sort(reverse=true) ~ l | sort(true)
messages | sort(attribute='role') | map(attribute='role') | join(',')
messages | sort(attribute='role,content', reverse=true) | map(attribute='content') | list
nested | sort(attribute='1')
[none, 1] | sort
mixed | sort
d.c | dictsort ~ {'b': 1, 'A': 2} | dictsort ~ {'b': 1, 'A': 2} | dictsort(true) ~ {'b': 1, 'A': 2} | dictsort(false, 'value') ~ {'b': 1, 'A': 2} | dictsort(reverse=true)
l | reverse | list ~ s | reverse ~ d.c | reverse | list
ls | unique | list ~ ls | unique(true) | list ~ [1, 1.0, true, '1'] | unique | list
messages | unique(attribute='role') | map(attribute='role') | list
l | min ~ l | max ~ ls | min ~ ls | max(case_sensitive=true) ~ empty | min is defined
messages | max(attribute='content')
l | sum ~ [1.5, 2] | sum ~ [] | sum ~ l | sum(start=10) ~ nested | sum(attribute=0)
['a'] | sum
l | list ~ s[:3] | list ~ d | list ~ d.items() | list | length
l | batch(2) | list ~ l | batch(2, 'x') | list ~ l | batch(9) | list
range(7) | slice(3) | list ~ range(7) | slice(3, 'x') | list
messages | map(attribute='role') | list
messages | map(attribute='zz', default='?') | list
messages | map('length') | list
ls | map('upper') | list ~ ls | map('replace', 'a', 'z') | list
l | map('string') | map('default', 'x') | join
l | select('odd') | list ~ l | reject('odd') | list ~ mixed | select | list ~ mixed | select('string') | list
l | select('gt', 1) | list ~ l | select('in', [1, 2]) | list
messages | selectattr('role', 'equalto', 'user') | list | length
messages | selectattr('content') | map(attribute='role') | list
messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | list
messages | selectattr('role', 'eq', 'user') | first
messages | groupby('role') | map('first') | list
messages | groupby('role') | map(attribute='list') | map('length') | list
messages | groupby('zz', default='none') | length
messages | groupby('role')
d | items | list | length
none_ | items | list
l | items | list
n | default('x') ~ none_ | default('x') ~ none_ | default('x', true) ~ empty | d('x', boolean=true) ~ undefined_one | d
'42' | int ~ ' 42 ' | int ~ '4.7' | int ~ 'x' | int ~ 'x' | int(7) ~ '1f' | int(0, 16) ~ '0x1F' | int(0, 16) ~ 4.9 | int ~ -4.9 | int ~ true | int ~ none_ | int
'4.5' | float ~ 'x' | float ~ 3 | float ~ 'x' | float(1.5) ~ '1e3' | float ~ 'inf' | float
2.5 | round ~ 3.5 | round ~ 2.675 | round(2) ~ 1234 | round(-2) ~ 1250 | round(-2) ~ 5 | round ~ 2.1 | round(0, 'ceil') ~ 2.19 | round(1, 'floor') ~ 1e20 | round
neg | abs ~ -2.5 | abs ~ true | abs
's' | abs
html | e ~ html | escape | escape ~ html | forceescape
html | safe ~ '<' ~ (html | e) + '<'
('<a>' | e) ~ '<b>'
'<a>' | safe + '<b>'
['<a>' | safe, '<b>' | e]
lines | indent ~ '|' ~ lines | indent(2) ~ '|' ~ lines | indent(2, true) ~ '|' ~ lines | indent('> ', first=true, blank=true)
'' | indent(2, true)
s | truncate(9) ~ s | truncate(9, true) ~ s | truncate(9, false, '') ~ s | truncate(18) ~ s | truncate(14, leeway=0)
s | center(25) ~ '|'
u | wordcount ~ s | wordcount ~ '' | wordcount
'%s-%s' | format('a', 1) ~ '%(x)s' | format(x=2)
'a b/ü&?' | urlencode ~ {'a b': 'c/d', 'e': 1} | urlencode ~ [('a', 1)] | urlencode
tools | tojson
tools | tojson(indent=2)
tools | tojson(ensure_ascii=true)
tools | tojson(separators=(',', ':'), sort_keys=true)
d | tojson(indent=4, sort_keys=true)
[] | tojson(indent=2) ~ {} | tojson(indent=2) ~ [[], [1]] | tojson(indent=1) ~ [1] | tojson(indent='--')
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
[1.0, 1e20, 0.1, none, true, 'x'] | tojson
'<>&\'"' | tojson
undefined_one | tojson
range(3) | tojson
(1, 2) | tojson
s | attr('upper') is defined
messages[0] | attr('role') is defined
s | upper | lower | title | length
s | upper()
'a' | replace('a', 'b') | upper == 'B'
1 + '2' | int
- '3' | int
'x' | upper ~ 'y' | upper
[3, 1] | sort | first + 1
l[0] | string + 'x'
n is odd and l | length == 3
'abc' is string and 'abc' | length is odd
(n | string).zfill(3)
(s.split(' ') | last).split('-')[0]
messages[0].content.strip().split(' ')[1] | upper
messages[0]['content'] | trim | length
s.split()[0][::-1]
[[1, 2], [3]][0][1]
{'a': {'b': 2}}.a.b
('a', 'b')[1]
"a" in ["a"] and "b"
'{{ x }}' ~ '{% y %}' ~ '#}'
{'}}': '%}'}['}}']
fn(1)
n(1)
s | nope
s is nope
1 +
1 2
(1
[1, 2
{'a' 1}
'open
a.
f(a=1, 2)
|upper
n is
'x' is string is string
n | int |
1 = 2
$
-0.0 ~ ' ' ~ -0.0 % 3 ~ ' ' ~ 3 % -4.5 ~ ' ' ~ 0.3 // 0.1 ~ ' ' ~ -1e300 // 1e-10 ~ ' ' ~ 5 // -1 ~ ' ' ~ 5 % -1
0 ** -1
1e300 ** 2
1 / 0
1 // 0.0
1 % 0
1 < 1.5 and 2.5 > 2 and 1e300 > 1 and -1e300 < 1 and 3 < 3.25 and not -3 < -3.5 and 2 >= 1.5
1.5 < 'a'
1.5 < 2.5 ~ (2.5 < 1) ~ (1e19 < 1) ~ (1 < -1e19)
1 in 5
l[::0]
l['a':]
s[:1.5]
undefined_one[1:]
1 + undefined_one
1 < undefined_one
d[1, 2] is defined
{(1, 2): 'both'}[1, 2]
{(1, 2, 3): 'three'}[1, 2, 3]
{[1]: 2}
{{}: 2}
d.get([1])
{range: 1}[range]
{1.5: 'a', 2.0: 'b'}[2] ~ {1.5: 'a'}[1.5] ~ {none: 1}[none] ~ {(1, 'x'): 2}[(1.0, 'x')]
range == range and range != dict and s.upper != s.lower
namespace(a=1) == namespace(a=1)
l.copy() ~ d.c.copy() ~ dict(a=1).copy()
namespace(a=1, b='x')
5 | int(base=0) ~ '0o17' | int(base=0) ~ '0b11' | int(base=2) ~ '0x1f' | int(base=16) ~ '017' | int(base=0) ~ '000' | int(base=0) ~ '-0x10' | int(base=0) ~ '+7' | int ~ '0x' | int(base=16)
'%o|%#o|%#x|%X|%i|%u' % (8, 8, 255, 255, 3, 4)
'%-5d|%*d|%-*d|%.*f|%+.3d|%05d|%.0f|%#.0f|%F' % (1, -4, 2, 4, 3, 1, 2.55, 7, -42, 2.5, 2.0, 1.5)
'%.3d|%8.3d|%-8.3d|%x|%e' % (7, 7, 7, -255, 0)
'%d' % none_
'%f' % 'x'
'%x' % 1.5
'%c%c' % ('a', 'b')
'%c' % 'ab'
'%(a)' % d
'%(zz)s' % d
'%(a)s' % 5
'%(a' % d
'%*d' % ('x', 1)
'%q' % 1
'%5' % 1
'%ld %hd' % (1, 2)
'%f %G %g %e' % (1e400, -2.5, 1e400 - 1e400, -1e400)
'{0} {}'.format(1, 2)
'{} {0}'.format(1, 2)
'{a}'.format(b=1)
'{0[}'.format(l)
'{0.}'.format(l)
'{0[0]x}'.format(l)
'{:#x} {:#b} {:#o} {:#X} {:b}'.format(255, 5, 8, 255, 6)
'{:.2}|{:5.1}|{:<4}|{:>4}'.format('abc', 'xyz', 1, 'é')
'{:d}'.format('x')
'{:x}'.format(1.5)
'{:.2d}'.format(5)
'{:5}'.format(none)
'{:5}'.format(l)
'{:.2f} {:.1f} {:e} {:g} {:%}'.format(3, true, 1, 2, 1)
'{!q}'.format(1)
'{!}'.format(1)
'{!r'.format(1)
'{:{:{}}}'.format(1, 2, 3)
'{:.3}|{:6.2}|{:g}'.format(3.14159, 2.5, 1e20)
'}'.format()
'{a[k][0]} {a[zz]}'.format(a=d.c)
'{k}'.format_map(5)
'%s' | format(1, a=2)
'%(a)s' | format(a=2)
('%s' | e) % '<' ~ ('{}' | e).format('<') ~ ('-' | e).join(['<', '>'])
[1, 2] | tojson(separators=(1, 2))
[1] | tojson(separators=[','])
{(1, 2): 3} | tojson
{none: 1, true: 2, 1.5: 3, 7: 4} | tojson
[1e400, -1e400, 1e400 - 1e400] | tojson
range | tojson
range(3) | tojson
empty | first ~ 'x'
[] | map | list
l | map | list
l | map('nope') | list
l | map(5) | list
l | select('nope') | list
messages | selectattr | list
messages | rejectattr() | list
l | batch(2) | last
l | slice(0) | list
undefined_one | items | list
undefined_one | dictsort
5 | dictsort
d.c | dictsort(by='x')
['a', 'b'] | sum(start='')
'' | truncate(0, true, '') ~ '|'
'abcdef' | truncate(2)
'abcdef' | truncate(4, true, '..', 0) ~ 'ab cd ef' | truncate(6, false, '', 0)
[('a', 1), ('b', 2)] | urlencode ~ {'a b': 'ü/', 'c': 1} | urlencode
[1] | urlencode
['abc'] | urlencode
undefined_one | abs
none | abs
undefined_one | round
'x' | round
1.5 | round(0, 'up')
1234.5 | round(-2) ~ 1250 | round(-2) ~ 1350 | round(-2) ~ -1250 | round(-2) ~ 2.5 | round(-400) ~ 5 | round(2)
'a' | center(none)
'a'.center(5, '')
'a'.ljust(5, 'ab')
''.partition('')
'a'.rsplit('')
'a'.split(',', 'x')
s.find('o', 'x')
range(0, 'x')
dict(1, 2)
dict([[1]])
dict([(1, 2)], a=3)
dict(5)
cycler()
joiner()() ~ 'x' ~ joiner()()
l | length(1)
l | join(nope=1)
l | join('-', d='+')
s.replace('a')
s.replace('a', old='b')
'\x4'
'\U00110000'
'\é\漢\😀'
strftime_now('%-^d %^-b %^c %^P %^p %_^d %-F %^F %^_e %-c %^r')
'{:n} {:n} {:5n} {:+.3n} {:n}'.format(-0.0, 12, 1.5, 1234567.0, 1e20)
'{:_} {:_x} {:_b} {:012_} {:0=12,} {:012,.1f} {:_.2f}'.format(1234567, 255000, 37, 99999999.5, 1234, 1234.56, 1e9)
'{:,x}'.format(5)
'{:,n}'.format(5)
'{:,_}'.format(5)
'{:_s}'.format('a')
'{:z.1f} {:z} {:z.0e} {:z%}'.format(-0.01, -0.0, -2.5, -0.00001)
'{:z}'.format(5)
'{:.}'.format(2.5)
'{:-}'.format('a')
'{:.3} {:.5} {:.1} {:.2} {:.10} {:.1} {:#.3} {:#} {:#}'.format(100.0, 100.0, 3.0, 0.0, -0.0, 1e100, 1.0, 1e20, 3.0)
'{:F} {:E} {:G} {:f} {:%} {:012} {:012,}|{:z<8}'.format((('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float), -(('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float), -(('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float))
'{:c}{:5c}|{:<5c}|{:^5c}|{:05c}'.format(65, 233, 8364, 128512, 66)
'{:c}'.format(-1)
'{:+c}'.format(65)
'{!a} {!a}'.format('aé€😀\n', [1, 'ü'])
'%5%' % ()
'%-%' % {'a': 1}
'%(a)%' % {'a': 1}
'%%|%c|%3c|%-3c|%.0c' % (65, 233, 'x', 'y')
'%a %8a' % ('aé€😀', 'ü')
'%#.12x %#X %#8.5o %08.3d %05.2x %+.3i' % (0, 0, 8, -5, 11, 7)
'%F %E %g %010F %-8G|' % ((('in' ~ s[99:] ~ 'f') | float), -(('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float), -(('in' ~ s[99:] ~ 'f') | float), (('in' ~ s[99:] ~ 'f') | float))
'%ld %hd %Ls' % (1, 2, 'x')
'%hld' % 1
strftime_now('%n%t%Z%z|%^a %^B|%-m %_m %0e|%p|%h|%C')
[range(3), l] | map('length') | list
(s | upper)(1)
(n is odd)()
dict(**5)
dict(**{5: 1})
dict(a=1, a=2)
dict(*5)
dict(*l)
[1, 2] == range(1, 3)
d.c is sameas d.c
l is sameas l and l is not sameas [3, 1, 2]
'''

TEMPLATES = [
    # whitespace
    'a\n',
    'a\n\n',
    '\na',
    'a\r\nb\rc\n',
    '{{ 1 }}\n',
    '{{ 1 }}\n\nx',
    '  {{ 1 }}  \n x',
    '{% if 1 %}\n x\n{% endif %}\ny',
    '  {% if 1 %}\n  x\n  {% endif %}\n  y',
    'a {% if 1 %} b {% endif %} c',
    'a\n  {%- if 1 -%}\n  b\n  {%- endif -%}\n  c',
    'a\n  {%+ if 1 +%}\n  b\n  {%+ endif +%}\n  c',
    'a \n {{- 1 -}} \n b',
    '{{+ 1 }}',
    '  {# c #}\n  x',
    'a {# c #} b',
    'a\n  {#- c -#}\n  b',
    'a\n {#+ c +#}\n b',
    '{# a {{ b }} {% c %} #}x',
    '{#- -#} x',
    '{# #}{# #}\n\nx',
    '{% raw %}{{ x }}{% if %}{% endraw %}',
    'a\n  {% raw %}\n  b\n  {% endraw %}\n  c',
    'a {%- raw -%} {{ b }} {%- endraw -%} c',
    '  {% raw %}  {% endraw %}\nx',
    '\t{% if 1 %}\t{% endif %}\t',
    '\n\n  {% set x = 1 %}\n\n  {{ x }}\n',
    '{% if 1 %}a{% endif %}\n\nb',
    '\xa0{% if 1 %}x{% endif %}',
    'x\n\xa0 {%- if 1 -%} \u3000y{% endif %}',
    '{%if 1%}x{%endif%}',
    '{%-if 1-%}x{%-endif-%}',
    '{{1}}{{-1}}{{- -1}}',
    '{{ 1 }}{% if 1 %}\n{% endif %}\n{{ 2 }}',
    '   {{ 1 }}{% if 1 %}\n   {% endif %}',
    '{% if 1 %}  {% endif %}',
    '{',
    '{ {',
    '{ {{ 1 }} }',
    '}} %} #}',
    '{{ "}}" }}',
    "{{ '{%' }}",
    '{{ {"a": 1}["a"] }}',
    '{{ {}}}',
    '',
    ' ',
    '\n',
    # if
    '{% if empty %}a{% elif n > 6 %}b{% else %}c{% endif %}',
    '{% if empty %}a{% elif none_ %}b{% else %}c{% endif %}',
    '{% if undefined_one %}a{% endif %}',
    '{% if yes and not empty: %}a{% endif %}',
    '{% if 1, %}x{% endif %}',
    '{% if yes %}{% set q = 1 %}{% endif %}{{ q }}',
    '{% if empty %}{% set q = 1 %}{% endif %}{{ q is defined }}',
    # for
    '{% for x in l %}{{ x }}{% endfor %}',
    '{% for x in empty %}{{ x }}{% else %}none{% endfor %}',
    '{% for x in l %}{% else %}none{% endfor %}',
    '{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}',
    '{% for k in d %}{{ k }}{% endfor %}',
    '{% for c in s %}{{ c }}.{% endfor %}',
    '{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}',
    '{% for a, b in l %}{% endfor %}',
    '{% for x in 5 %}{% endfor %}',
    '{% for x in none_ %}{% endfor %}',
    '{% for x in undefined_one %}{{ x }}{% else %}e{% endfor %}',
    '{% for x in 1, 2, 3 %}{{ x }}{% endfor %}',
    '{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}',
    '{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}',
    '{% for x in l %}{{ loop.previtem.y }}{% endfor %}',
    '{% for x in l %}{{ loop.cycle("a", "b") }}{% endfor %}',
    '{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}',
    '{% for x in l if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{{ loop.last }}{% endfor %}',
    '{% for x in l if x > 9 %}{% else %}none{% endfor %}',
    '{% for m in messages if m.role == "user" %}{{ loop.index }}{{ m.content }}{% endfor %}',
    '{% for m in messages | selectattr("role", "equalto", "user") %}{{ loop.last }}{{ loop.length }}{% endfor %}',
    '{% set ns = namespace(on=true) %}{% for x in range(6) if ns.on %}{{ x }}{% if x == 2 %}{% set ns.on = false %}{% endif %}{% endfor %}',
    '{% set ns = namespace(on=true) %}{% for x in range(6) if ns.on %}{{ x }}{{ loop.last }}{% if x == 2 %}{% set ns.on = false %}{% endif %}{% endfor %}',
    '{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}',
    '{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{{ loop.index }}{% endfor %}',
    '{% for x in l %}{% set outer = loop %}{% for y in "ab" %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}',
    '{% for n_ in tree recursive %}{{ n_.v }}{% if n_.c %}({{ loop(n_.c) }}){% endif %}{{ loop.depth }}{% endfor %}',
    '{% for x in l %}{{ loop([1]) }}{% endfor %}',
    '{% for x in l %}{% endfor %}{{ x is defined }}{{ loop is defined }}',
    '{% for loop_ in l %}{{ loop_ }}{% endfor %}',
    '{% for x in l recursive %}{{ x }}{% endfor %}',
    '{% for x in l[::-1] %}{{ x }}{% endfor %}',
    '{% for x in range(3) %}{% for x in "ab" %}{{ x }}{% endfor %}{{ x }}{% endfor %}',
    '{% break %}',
    '{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}',
    '{% for x in (l | reverse) %}{{ x }}{% endfor %}',
    '{% set it = l | map("string") %}{% for x in it %}{{ x }}{% endfor %}{% for x in it %}{{ x }}{% else %}gone{% endfor %}',
    '{% if l | select("gt", 9) %}true{% endif %}{% if l | select("gt", 9) | list %}never{% endif %}',
    '{{ (l | map("string")) | first }}',
    '{% set it = l | map("string") %}{{ it | first }}{{ it | list }}',
    '{{ l | map("string") | length }}',
    '{{ (l | map("string"))[0] is defined }}',
    # set and scopes
    '{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}',
    '{% set x, y = 1, 2 %}{{ x }}{{ y }}',
    '{% set x = 1, 2 %}{{ x }}',
    '{% set x = 5 if yes else 6 %}{{ x }}',
    '{% set x %}a{{ n }}{% endset %}{{ x }}{{ x is string }}',
    '{% set x | upper | trim %} a{{ n }} {% endset %}{{ x }}',
    '{% set ns = namespace(a=1) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns["a"] }}',
    '{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns.y is defined }}',
    '{% set d.x = 1 %}',
    '{% set ns.x = 1 %}',
    '{% set a.b.c = 1 %}',
    '{% set 1 = 2 %}',
    '{% set true = 2 %}',
    '{% set x %}',
    '{% set n = n + 1 %}{{ n }}',
    '{% set messages = messages[1:] %}{% for m in messages %}{{ m.role }}{% endfor %}',
    '{% set x = 1 %}{% set x = x ~ x %}{{ x }}',
    '{% with a = 1, b = n %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a is defined }}{{ c is defined }}',
    '{% with %}{% set c = 3 %}{{ c }}{% endwith %}',
    '{% with a = 1 %}{% with a = a + 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}{% endwith %}',
    '{% filter upper %}a{% set z = 1 %}{{ s }}{% endfilter %}{{ z is defined }}',
    '{% filter replace("a", "b") | upper %}banana{% endfilter %}',
    '{% filter length %}a{% endfilter %}',
    '{% generation %}a{{ n }}{% set g = 1 %}{% endgeneration %}{{ g is defined }}',
    '{%- generation -%}  a  {%- endgeneration -%}  b',
    '{% print n %}',
    '{% print n, s %}',
    '{% set x = [1] + [2] %}{{ x }}{{ x + x }}',
    '{% set c = cycler("a", "b") %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}',
    '{% set j = joiner(", ") %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}',
    # macros
    '{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(b=5, a=6) }}{{ m() }}',
    '{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(none) }}{{ m(undefined_one) }}',
    '{% macro m(a=undefined_one) %}{{ a is defined }}{% endmacro %}{{ m() }}',
    '{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}',
    '{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}',
    '{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, z=2) }}',
    '{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}',
    '{% macro m(a, a) %}{% endmacro %}',
    '{% macro m(a=1, b) %}{% endmacro %}',
    '{% macro m(x) %}{{ x }}{{ n }}{% endmacro %}{{ m(*[1]) }}{{ m(**{"x": 2}) }}',
    '{% macro m(k) %}{% if k %}{{ k }}{{ m(k - 1) }}{% endif %}{% endmacro %}{{ m(3) }}',
    '{{ m2() }}{% macro m2() %}x{% endmacro %}',
    '{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}',
    '{% set x = 1 %}{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}',
    '{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}',
    '{% macro m() %}  x  {% endmacro %}[{{ m() }}][{{ m() | trim }}]{{ m() is string }}',
    '{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{{ n }}{% endcall %}',
    '{% macro m(x) %}{{ caller(x, 2) }}{% endmacro %}{% call(a, b=3) m(1) %}{{ a }}{{ b }}{% endcall %}',
    '{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}',
    '{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}',
    '{% macro m() %}x{% endmacro %}{% call m() %}{% endcall %}',
    '{% call n %}{% endcall %}',
    '{% macro outer() %}{% macro inner(x) %}{{ x }}{% endmacro %}{{ inner(1) }}{{ inner(2) }}{% endmacro %}{{ outer() }}',
    '{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.caller }}',
    '{% macro m(k=5) %}{{ k * 2 }}{% endmacro %}{% set r = m() %}{{ r | int + 1 }}',
    '{% macro m(x) -%}\n  {{ x }}\n{%- endmacro %}\n{{ m("a") }}\n{{ m("b") }}\n',
    '{% macro show(v, depth=0) %}{% if v is mapping %}{% for k, w in v | dictsort %}{{ "  " * depth }}{{ k }}:\n{{ show(w, depth + 1) }}{% endfor %}{% else %}{{ "  " * depth }}{{ v }}\n{% endif %}{% endmacro %}{{ show(d) }}',
    # refused, broken
    '{% nope %}',
    '{% if 1 %}',
    '{% endif %}',
    '{% for x in l %}{% endif %}',
    '{% for x l %}{% endfor %}',
    '{% else %}',
    '{% if %}{% endif %}',
    '{{ }}',
    '{{',
    '{%',
    '{#',
    '{% raw %}',
    '{{ 1 }',
    '{% if 1 }',
    '{% set %}',
    '{% macro %}{% endmacro %}',
    '{% macro m %}{% endmacro %}',
    '{% for x in l %}{{ x }}',
    '{{ (1 }}',
    '{{ 1) }}',
    '{{ [1) }}',
    "{{ 'a }}",
    '{% if 1 %}{% else %}{% else %}{% endif %}',
    '{% call m() %}',
    '{% filter nope %}{% endfilter %}',
    '{% with a %}{% endwith %}',
    '{% 1 %}',
    '{{ a b }}',
    '{{ .a }}',
    '{{ a..b }}',
    '{{ a[] }}',
    '{{ f(,) }}',
    # like chat templates
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] | trim + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    "{%- if messages[0]['role'] == 'system' -%}\n    {%- set system = messages[0]['content'] | trim -%}\n    {%- set rest = messages[1:] -%}\n{%- else -%}\n    {%- set rest = messages -%}\n{%- endif -%}\n{%- for m in rest -%}\n    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}\n        {{ raise_exception('roles must take turns') }}\n    {%- endif -%}\n    {{ '[' ~ m.role ~ ']' ~ (system if loop.first and system is defined else '') ~ m.content.strip() }}\n{%- endfor -%}",
    "{%- if tools %}\n    {{- 'Tools:' }}\n    {%- for t in tools %}\n        {{- '\\n' ~ (t | tojson) }}\n    {%- endfor %}\n{%- endif %}\n{%- set ns = namespace(last=-1) %}\n{%- for m in messages[::-1] %}\n    {%- set i = (messages | length - 1) - loop.index0 %}\n    {%- if ns.last < 0 and m.role == 'user' and m.content is string %}\n        {%- set ns.last = i %}\n    {%- endif %}\n{%- endfor %}\n{{- ns.last }}",
    "{% set text = messages[2].content %}{% if 'then' in text %}{{ text.split('then')[-1].lstrip('\\r\\n') }}{{ text.split('then')[0].rstrip('\\n').split('o')[-1] }}{% endif %}",
]


def rendered(env, template):
    case = {'template': template}
    try:
        compiled = env.from_string(template)
    except (jinja2.TemplateError, SyntaxError):
        return {**case, 'fails': 'parse'}
    try:
        return {**case, 'text': compiled.render(**VARIABLES)}
    except Raised as raised:
        return {**case, 'fails': 'raised', 'words': str(raised)}
    except Exception:  # whatever Python says of it
        return {**case, 'fails': 'run'}


def main():
    env = environment()
    print(json.dumps({'variables': VARIABLES}, ensure_ascii=False))
    expressions = [line for line in EXPRESSIONS.replace('\\\n', '\\@').split('\n') if line]
    for template in ['{{ ' + line.replace('\\@', '\\\n') + ' }}' for line in expressions] + TEMPLATES:
        print(json.dumps(rendered(env, template), ensure_ascii=False))


if __name__ == '__main__':
    main()
