"""What a table for papers may be in LaTeX: a grammar of exactly what the program writes, so that a command, a comment,
an open group, a cell too many, a sign that TeX joins to another and a line longer than TeX reads are all refused.

That tables of this grammar compile was tried with pdfLaTeX (docs/RELIABILITY.md).  Python's standard library only.
"""
import re

LONGEST_LINE = 200000  # buf_size of texmf.cnf
HEAD = '% \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\small\n'
AFTER_ROWS = '\\bottomrule\n\\end{tabular}\n\n\\smallskip\n\\begin{minipage}{\\linewidth}\\footnotesize\n'
END = '\n\\end{minipage}\n\\end{table}\n'

# The pieces of a text, longest first: escapes, signs of ours, then letters that command nothing.
WORDS = ('textbackslash', 'textasciitilde', 'textasciicircum', 'textless', 'textgreater', 'textbar', 'char34', 'char96')
PIECE = re.compile(r'\\(?:' + '|'.join(WORDS) + r')\{\}|\\[{}$&#_%]|\$-\$|--(?!-)|-\{\}|,\{\}|\'\{\}|\{[\[*]?\}|[^\\{}$&#^_~%<>|"`\x00-\x1f\x7f]')


class Bad(ValueError):
    pass


class Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def fail(self, what):
        raise Bad(f'{what}: {self.text[max(0, self.at - 60):self.at + 60]!a}')

    def take(self, literal):
        if not self.text.startswith(literal, self.at):
            self.fail(f'expected {literal!a}')
        self.at += len(literal)

    def words(self, *ends):
        """A text up to one of the ends, which is not taken."""
        begin, last = self.at, ''
        while not self.text.startswith(ends, self.at):
            piece = PIECE.match(self.text, self.at)
            if piece is None:
                self.fail('neither a letter nor an escape of ours')
            if piece[0][0] in "',-" and last[-1:] == piece[0][0]:
                self.fail('signs that become one')
            if piece[0] in '[*' and not self.text[begin:self.at].strip(' '):
                self.fail('an option of the row end before')
            self.at, last = piece.end(), piece[0]
        return self.text[begin:self.at]

    def row(self, n_cells):
        for i in range(n_cells):
            self.words(' & ' if i + 1 < n_cells else ' \\\\\n')
            self.take(' & ' if i + 1 < n_cells else ' \\\\\n')

    def table(self):
        self.take(HEAD)
        self.take('\\caption{')
        self.words('}\n')
        found = re.compile(r'\}\n\\label\{tab:safeconf-[a-z]+\}\n\\begin\{tabular\}\{(lr*)\}\n\\toprule\n').match(self.text, self.at)
        if found is None:
            self.fail('expected a label and the columns')
        self.at = found.end()
        self.row(len(found[1]))
        self.take('\\midrule\n')
        while not self.text.startswith('\\bottomrule', self.at):
            self.row(len(found[1]))
        self.take(AFTER_ROWS)
        self.words(END)
        self.take(END)


def check(text):
    """Raises Bad with the place where it is no table of ours."""
    for line in text.split('\n'):
        if len(line.encode()) >= LONGEST_LINE:
            raise Bad(f'a line of {len(line.encode())} bytes')
    reader = Reader(text)
    reader.table()
    while reader.at < len(text):
        reader.take('\n')
        reader.table()


GOOD = HEAD + ('\\caption{By category, 50 \\% of \\{all\\}}\n\\label{tab:safeconf-categories}\n\\begin{tabular}{lrr}\n\\toprule\n'
               'category & refusal (\\%) & n \\\\\n\\midrule\n\\textbackslash{}input\\{/etc/passwd\\} & $-$1.0 [0.1, 2.0] & -- \\\\\n'
               '{[}1pt] it\'{}\'s & 2 & 3 \\\\\n') + AFTER_ROWS + 'n = 3 prompts, x-{}-y, \\char34{}q\\char34{}' + END
# What a table that is not safe would have: (what stands there, what instead).
BROKEN = (('\\textbackslash{}input', '\\input'), ('\\textbackslash{}', '\\textbackslash'), ('\\{/etc', '{/etc'), ('passwd\\}', 'passwd}'), ('50 \\%', '50 %'),
          ('refusal (\\%)', 'refusal (%)'), ('\\{all\\}', '^^5cinput'), ('n \\\\', 'n & m \\\\'), (' & -- ', ' '), ('-- \\\\', '--- \\\\'), ('{[}1pt', '[1pt'), ("'{}'", "''"),
          ('$-$1', '$x$1'), ('$-$', '$-'), ('0.1, 2', '0.1,, 2'), ('\\char34{}q', '"q'), ('\\char34{}q', '\\char92{}q'), ('x-{}-y', 'x~y'), ('x-{}-y', 'x#y'), ('x-{}-y', 'x_y'),
          ('x-{}-y', 'x<<y'), ('x-{}-y', 'x\n\ny'), ('x-{}-y', 'x\ty'), ('x-{}-y', 'x`y'), ('x-{}-y', 'x\\\\y'), ('x-{}-y', 'x\\%%y'), ('\\bottomrule', '\\hline'), ('{lrr}', '{lr}'),
          ('{lrr}', '{l@{\\input{x}}r}'), ('\\end{table}\n', ''), ('\\end{table}\n', '\\end{table}\n\\input{x}\n'), ('categories}', 'a}\\input{x}'), ('usepackage', 'input'),
          ('2 & 3 \\\\\n', '2 & 3 \\\\\n\n'), ('2 & 3', '2 & ' + '\\{' * 100000))
