"""Disks as they may be after a power loss, made from what recorder.c wrote down.

The rules are those that filesystems promise and no more.  A file's bytes are on the disk once it was
synced; of what was written or cut since, any part may be, sector by sector, and its length may have grown
without the bytes.  A name is on the disk once its folder was synced; of the names made, changed and removed
since either the first so many are ("in order", as journalling filesystems have it) or any ("any").
A rename is done or not, never half.
"""
import os
import posixpath
import struct

MODES = ('all', 'least', 'some', 'few', 'most', 'one late', 'one early', 'long')


class File:
    def __init__(self, content=b''):
        self.first = content  # what was there, on the disk, before the log began
        self.changes = []     # (entry, place, bytes), or (entry, size, None)
        self.syncs = []       # entries


class Link:
    def __init__(self, target):
        self.target = target


class Folder:
    pass


class Log:
    """What one command did, and the disks that a power loss may leave of it."""

    def __init__(self, root, log, before):
        """root: the folder; before: {path: (inode, content, target or None)} of what was there."""
        self.names = []  # (entry, [(path, thing or None)], the folder that is synced for it) in order
        self.said = []   # (entry, bytes said by then)
        self.folder_syncs = {}
        self.first, self.kept = {}, {}
        files, folders = {}, {os.stat(root).st_ino: ''}
        for path, (inode, content) in before.items():
            if content is None:
                folders[inode] = path
                self.first[path] = Folder()
            elif isinstance(content, str):
                self.first[path] = Link(content)
            else:
                files[inode] = self.first[path] = File(content)
        self.now = dict(self.first)
        at = self.n = 0
        self.interesting = []
        while at < len(log):
            kind, inode, place, n = struct.unpack_from('<cQQQ', log, at)
            body = log[at + 25:at + 25 + n]
            at += 25 + n
            self.take(kind.decode(), inode, place, body, files, folders)
            self.n += 1

    def take(self, kind, inode, place, body, files, folders):
        if kind != 'W':
            self.interesting.append(self.n)
        if kind == 'S':
            self.said.append((self.n, place))
        elif kind == 'W':
            files[inode].changes.append((self.n, place, body))
        elif kind == 'T':
            files[inode].changes.append((self.n, place, None))
        elif kind == 'F' and inode in folders:
            self.folder_syncs.setdefault(folders[inode], []).append(self.n)
        elif kind == 'F':
            files[inode].syncs.append(self.n)
        elif kind == 'R':
            a, b = body[:place].decode(), body[place + 1:].decode()
            thing = self.now[a]
            self.change([(a, None), (b, thing)], posixpath.dirname(b))  # a journal has both halves
            if isinstance(thing, File):
                self.kept.setdefault(b, []).append(thing)
        elif kind == 'L':
            self.change([(body[:place].decode(), Link(body[place + 1:].decode()))])
        else:
            path = body.decode()
            if kind == 'C':
                files[inode] = thing = File()
                folders.pop(inode, None)
            elif kind == 'D':
                folders[inode] = path
                files.pop(inode, None)
                thing = Folder()
            else:
                thing = None
            self.change([(path, thing)])

    def change(self, changes, folder=None):
        self.names.append((self.n, changes, posixpath.dirname(changes[0][0]) if folder is None else folder))
        for path, thing in changes:
            if thing is None:
                self.now.pop(path, None)
            else:
                self.now[path] = thing

    # ---- one disk -------------------------------------------------------------------------------

    def moment(self, random):
        """The number of entries that were made: near a barrier, or anywhere."""
        if self.interesting and random.random() < 0.7:
            return min(self.n, max(0, random.choice(self.interesting) + random.randint(-2, 2)))
        return random.randint(0, self.n)

    def is_synced(self, entry, folder, n):
        return any(entry < sync < n for sync in self.folder_syncs.get(folder, ()))

    def tree(self, n, mode, in_order, random):
        names = dict(self.first)
        entries = [entry for entry in self.names if entry[0] < n]
        open_ones = [i for i, (entry, _, folder) in enumerate(entries) if not self.is_synced(entry, folder, n)]
        if in_order:
            done = max([i for i in range(len(entries)) if i not in open_ones], default=-1) + 1
            end = {'all': len(entries), 'least': done}.get(mode, random.randint(done, len(entries)))
            keep = set(range(end))
        else:
            keep = set(range(len(entries))) - {i for i in open_ones if not choose(mode, random, len(open_ones))}
        for i, (_, changes, _) in enumerate(entries):
            if i in keep:
                for path, thing in changes:
                    if thing is None:
                        names.pop(path, None)
                    else:
                        names[path] = thing
        return names

    def content(self, file, n, mode, sector, random):
        synced = max([sync for sync in file.syncs if sync < n], default=-1)
        out = bytearray(file.first)
        changes = [change for change in file.changes if change[0] < n]
        n_open = sum(change[0] > synced for change in changes)
        for entry, place, body in changes:
            if entry < synced:
                apply(out, place, body)
            elif body is None:
                if choose(mode, random, n_open):
                    apply(out, place, None)
            else:
                tear(out, place, body, mode, sector, n_open, random)
        return bytes(out)

    def disk(self, n, mode, in_order, sector, random):
        """{path: bytes, link's target, or None for a folder}: after n entries."""
        things, out, contents = self.tree(n, mode, in_order, random), {}, {}
        for path, thing in things.items():
            parent = posixpath.dirname(path)
            if path.endswith('-shm') or parent and not isinstance(things.get(parent), Folder):
                continue
            if isinstance(thing, Folder):
                out[path] = None
            elif isinstance(thing, Link):
                out[path] = thing.target
            else:
                if id(thing) not in contents:
                    contents[id(thing)] = self.content(thing, n, mode, sector, random)
                out[path] = contents[id(thing)]
        return {path: what for path, what in out.items() if all_there(path, out)}

    def whole(self, file):
        """All that was ever written to a file."""
        out = bytearray(file.first)
        for _, place, body in file.changes:
            apply(out, place, body)
        return bytes(out)

    def said_by(self, n):
        return max([size for entry, size in self.said if entry < n], default=0)


def all_there(path, out):
    parent = posixpath.dirname(path)
    return not parent or (parent in out and out[parent] is None and all_there(parent, out))


def choose(mode, random, n):
    """Whether one of n changes that were not synced is on the disk."""
    share = {'all': 1, 'least': 0, 'some': 0.5, 'few': 0.1, 'most': 0.9, 'long': 0.5,
             'one late': 1 - 1 / max(n, 1), 'one early': 1 / max(n, 1)}[mode]
    return random.random() < share


def apply(out, place, body):
    if body is None:
        if len(out) > place:
            del out[place:]
        else:
            out.extend(bytes(place - len(out)))
        return
    if len(out) < place:
        out.extend(bytes(place - len(out)))
    out[place:place + len(body)] = body


def tear(out, place, body, mode, sector, n_open, random):
    if mode in ('one late', 'one early'):  # the whole write or nothing
        if choose(mode, random, n_open):
            apply(out, place, body)
        return
    end = place + len(body)
    for begin in range(place - place % sector, end, sector):
        a, b = max(begin, place), min(begin + sector, end)
        if choose(mode, random, n_open):
            apply(out, a, body[a - place:b - place])
    if mode == 'long' and len(out) < end:
        out.extend(bytes(end - len(out)))


def look(root):
    """{path: (inode, bytes, link's target, or None for a folder)} of all below a folder."""
    out = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            if name.endswith('-shm'):
                continue  # SQLite's; it does not outlive a machine
            path = os.path.join(folder, name)
            inode = os.lstat(path).st_ino
            if os.path.islink(path):
                what = os.readlink(path)
            elif os.path.isdir(path):
                what = None
            else:
                with open(path, 'rb') as file:
                    what = file.read()
            out[os.path.relpath(path, root)] = (inode, what)
    return out


def make(root, disk):
    os.makedirs(root)
    for path in sorted(disk):
        what, whole = disk[path], os.path.join(root, path)
        if what is None:
            os.mkdir(whole)
        elif isinstance(what, str):
            os.symlink(what, whole)
        else:
            with open(whole, 'wb') as file:
                file.write(what)
