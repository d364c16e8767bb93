"""What a notebook and a prompt of Python show of a run, for tests/content: run by an interpreter that has the package.

  notebook.py FOLDER OUT PARQUET      writes OUT/notebook.json, and OUT/parquet.json: what stands in the prompts' table of PARQUET
"""
import json
import os
import sys
import tempfile

import pyarrow.parquet
import safeconf


def shown(run, folder):
    """Objects with a face of their own."""
    yield run
    yield run.summary()
    yield run.verify()
    yield run.verify().summary()
    yield safeconf.compare(run, run)
    yield safeconf.compare(run, run).summary()
    try:
        made = safeconf.replay(run)
        yield made
        yield made.summary()
    except safeconf.SafeconfError as error:
        yield error
    yield from safeconf.detect([row['prompt'] for row in run.predictions], [row['traces'][0] or '' for row in run.predictions])
    with tempfile.TemporaryDirectory() as empty:
        named = os.path.join(empty, 'a\u115f\u3164\ufe00\u202e\x1b[2J<b onclick=x>')
        os.symlink(os.path.abspath(folder), named)
        yield safeconf.open_run(named)
        yield safeconf.compare(named, folder)
        for name in {row['category'] or '' for row in run.predictions}:
            try:
                safeconf.open_run(os.path.join(empty, name[:80].replace('/', '_').replace('\0', '') + 'x'))
            except safeconf.SafeconfError as error:
                yield error


def main(folder, out, parquet):
    run = safeconf.open_run(folder)
    texts, pages = [], []
    for thing in shown(run, folder):
        texts.append(str(thing) if isinstance(thing, (safeconf.SafeconfError, str)) else repr(thing))
        for method in ('_repr_html_', '_repr_markdown_', '_repr_svg_', '_repr_latex_', '_repr_javascript_'):
            if hasattr(thing, method):
                pages.append(getattr(thing, method)())
    with open(os.path.join(out, 'notebook.json'), 'w', encoding='utf-8') as file:
        json.dump({'texts': texts, 'pages': pages}, file)
    table = pyarrow.parquet.read_table(os.path.join(parquet, 'instances.parquet'))
    with open(os.path.join(out, 'parquet.json'), 'w', encoding='utf-8') as file:
        json.dump({name: table.column(name).to_pylist() for name in table.column_names}, file, default=str)


if __name__ == '__main__':
    main(*sys.argv[1:])
