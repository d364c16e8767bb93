"""A hook of mkdocs (mkdocs.yml): pages of the checkout's root join those of docs/, links between the two are
turned, and headings have the addresses that the repository's pages give them.
"""
import glob
import os
import re

from mkdocs.structure.files import File

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def slug(heading, _separator):
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def on_config(config):
    config['mdx_configs'].setdefault('toc', {})['slugify'] = slug
    return config


def on_files(files, config):
    for name in glob.glob('*.md', root_dir=ROOT):
        if name != 'README.md':  # which index.md stands for
            files.append(File(name, ROOT, config['site_dir'], config['use_directory_urls']))
    return files


def on_page_markdown(markdown, page, **_):
    if page.file.src_uri in ('CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'):
        return re.sub(r'\]\(docs/', '](', markdown)
    return re.sub(r'\]\(\.\./((?:CONTRIBUTING|CHANGELOG|SECURITY)\.md)', r'](\1', markdown)
