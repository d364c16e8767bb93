"""Texts in TOML with what Python's tomllib makes of them, for test_toml.c: toml.json.

Needs Python 3.11 alone.  Dates, times, inf and nan are their text as written; what tomllib refuses has no "json".
"""
import datetime
import json
import math
import os
import tomllib

MOMENTS = ['1979-05-27', '1979-05-27T07:32:00Z', '1979-05-27t07:32:00z', '1979-05-27 07:32:00.999',
           '1979-05-27T00:32:00-07:00', '1979-05-27T00:32:00.5+14:59', '07:32:00', '00:32:00.999999', '2000-02-29',
           '1900-02-29', '2023-13-01', '2023-00-10', '2023-04-31', '2023-4-3', '25:00:00', '12:60:00', '12:00:60',
           '12:00', '12:00:00.', '1979-05-27T', '1979-05-27 ', '1979-05-27T07:32', '1979-05-27T07:32:00+25:00',
           '1979-05-27T07:32:00+0700', '1979-05-27x', '12:00:00Z', '2024-02-30', '1979-05-27  07:32:00']
BEYOND = ['inf', '+inf', '-inf', 'nan', '+nan', '-nan', 'Inf', 'NaN', 'infinity', '--inf']
NUMBERS = ['0', '+0', '-0', '42', '-17', '+99', '1_000', '5_349_221', '1__0', '_1', '1_', '01', '-01', '+01', '0xDEADBEEF',
           '0xdead_beef', '0x_1', '0x', '0X1', '+0x1', '0o755', '0o8', '0b1101', '0b2', '9223372036854775807',
           '-9223372036854775808', '1.0', '+1.5', '-0.01', '1.', '.5', '1.e5', '5e+22', '1e06', '-2E-2', '6.626e-34',
           '1e', '1e+', '1_0.2_5', '1._5', '1_.5', '1e1_0', '1e_1', '1_e1', '0e5', '00.5', '0.0', '1.2.3', '1 2', '0x1.8',
           '3.14e2_', '1e5.5', '+-1', '1f', 'true', 'false', 'True', 'truefalse', 'nil', '']
TEXTS = [r'"a"', r'""', r'"\b\t\n\f\r\"\\"', r'"\u00e9\U0001F600"', r'"\x41"', r'"\ud800"', r'"\U00110000"', r'"\u12"',
         '"a\nb"', "'C:\\dir'", "'it''s'", '"""a"""', '"""\na\nb"""', '"""a\\\n   b"""', '"""a\\\n\n  \t b\\\n"""', '"""a\\ x"""',
         '"""two "" quotes"""', '"""""two""""', '""""""', '"""four""""', '"""five"""""', '"""six""""""', "'''a'''",
         "'''\nit's\n''two'''", "'''x''''", "'''x''''''", '"open', "'open", '"""open', '"tab\there"', '"\x01"', "'\x01'", '"\x7f"',
         '"é 日本 \U0001F600"', "'''a\\\nb'''", '"a" "b"', '"\\']
ARRAYS = ['[]', '[1,2]', '[1, 2, ]', '[\n 1, # one\n 2\n]', '[1 2]', '[,]', '[1,,2]', '[[1],["a",true]]', '[1', '[{a=1},{b=2}]',
          '{}', '{a=1}', '{ a = 1, b.c = 2 }', '{a=1,}', '{a=1\n}', '{a=1 b=2}', '{a=1,a=2}', '{a.b=1,a.c=2}', '{a={b=1},a.c=2}',
          '{a.b=1,a=2}', '{a=[\n1]}', '{a', '{=1}', '{a.b={}, a.b.c=1}', '{"x y"=1}']
WHOLE = ['', '# comment only', '\n\n', 'a=1\r\nb=2\r\n', 'a=1\rb=2', 'a = 1 # c\n', 'a=1 b=2', 'a', 'a=', '=1', 'a==1', 'a.b.c=1',
         'a . b = 1', '"a.b"=1', "'q' = 1", '"" = 1', '"a\\nb"=1', '3.14=1', 'a-b_c=1', 'ä=1', '"""a"""=1', 'a..b=1', '.a=1',
         'a.=1', 'a=1\na=2', 'a.b=1\na.c=2', 'a=1\na.b=2', 'a.b=1\na=2', '[a]', '[a.b]\nc=1', '[ a . "b c" ]\nd=1', '[]',
         '[a', '[a]x', '[a] # c\nb=1', '[a]\n[a]', '[a.b]\n[a]\nc=1', '[a]\nb=1\n[a.b]', '[a]\nb.c=1\n[a.b]', '[a]\nb.c=1\n[a.b.d]\ne=1',
         '[a.b.c]\nz=9\n[a]\nb.c.t=1', '[a.b.c]\nz=9\n[a]\nb.x=1', '[a.b.c]\nz=9\n[a]\nb.x=1\n[a.b]', 'a={}\n[a]', 'a={}\n[a.b]', 'a={b={}}\n[a.b.c]',
         'a={x=1}\na.y=2', '[[a]]', '[[a]]\nx=1\n[[a]]\nx=2', '[[a]]\n[a.b]\nc=1\n[[a]]\n[a.b]\nc=2', '[[a]]\n[[a.b]]\nc=1\n[[a.b]]\nc=2',
         'a=[]\n[[a]]', 'a=[{}]\n[a.b]', '[a]\n[[a]]', '[[a]]\n[a]', '[a.b]\n[[a]]', '[[a.b]]\n[a]\nx=1', '[[a.b]]\n[[a]]', '[[a]',
         '[[a] ]', '[ [a]]', '[[ a ]]', '[[a.b]]\n[a.b.c]\nd=1\n[a.b.c]', '[a]\nb=[1]\n[[a.b]]', '[[a]]\na.b=1\n[a.a]', 'a.b=1\n[a]', 'a.b.c=1\n[a.b]',
         'a.b.c=1\n[a.d]\ne=1', '[fruit]\napple.color=1\napple.taste.sweet=true\n[fruit.apple.texture]\nsmooth=true', '\ufeffa=1x',
         'a=1 # \x01', 'a=1 # \x7f', '# \t tab', 'a="x"#c', '\ta\t=\t1\t', 'a=[1,\n\n#c\n 2]\nb=3', '[a]\n[a.b]\n[a.b.c]\n[a.d]', '[a.b]\n[b.a]\n[a]\n[b]',
         'a=1\n[a.b]', '[x]\ny=1\n[x.y.z]', '[t]\nt=1\n[[t.t]]', 'a = [ { x = 1, y = [ 2, 3 ] }, "m" ]', 'no newline = 1', 'a=true\nb=false',
         '[[p]]\nname="n"\n[p.m]\nk=[1,2]\n[[p.r]]\nx=1\n[[p.r]]\nx=2\n[[p]]\nname="o"', 'key = """\\\n  one\\\n  line\\\n """\nlast=1']


def value_of(toml, moment=None):
    """What tomllib makes of a text, JSON's values alone; None when it refuses."""
    def convert(value):
        if isinstance(value, (datetime.date, datetime.time)):
            return moment
        if isinstance(value, float) and not math.isfinite(value):
            return moment
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        return [convert(item) for item in value] if isinstance(value, list) else value
    try:
        return convert(tomllib.loads(toml))
    except (tomllib.TOMLDecodeError, ValueError):
        return None


def cases():
    for word in MOMENTS + BEYOND:
        yield f'v = {word}', value_of(f'v = {word}', word.strip())
    for word in NUMBERS + TEXTS + ARRAYS:
        yield f'v = {word}', value_of(f'v = {word}')
        yield f'v = [{word}]\nw = 1\n', value_of(f'v = [{word}]\nw = 1\n')
    for text in WHOLE:
        yield text, value_of(text)


def main():
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'toml.json')
    with open(out, 'w', encoding='utf-8') as file:
        file.write('{"cases": [\n')
        file.write(',\n'.join(json.dumps({'toml': toml, 'json': value}) for toml, value in cases()))
        file.write('\n]}\n')


main()
