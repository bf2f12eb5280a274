#!/usr/bin/env python3
"""Derives the tables of this folder that come from published sources.

    derive.py SHARED_DATA [OUTPUT_FOLDER]

SHARED_DATA holds wilayah/ (idn-area-data) and kbli/ (three editions). Writes
regions.tsv, sectors_2020.tsv, sectors_2015.tsv, sectors_2025.tsv and
sector_map.tsv. README.md says what they hold and under which terms. The same
input always gives the same bytes. The other tables are written by hand.
"""

import collections
import csv
import functools
import json
import math
import os
import re
import sys

SMALL_WORDS = {"DAN", "DI"}
ACRONYMS = {"DKI", "YTDL", "YBDI", "TV", "LPG", "BBM", "CNG", "LNG", "II", "III"}
# Words of KBLI titles that say nothing of which activity is meant.
EMPTY_WORDS = set(
    "dan atau di untuk yang dari ke dengan pada lainnya lain ytdl ybdi termasuk "
    "bukan selain tidak oleh serta sejenisnya aktivitas kegiatan usaha jasa".split())


def title_case(text):
    words = []
    for i, word in enumerate(text.split()):
        if word in ACRONYMS:
            words.append(word)
        elif word in SMALL_WORDS and i > 0:
            words.append(word.lower())
        else:
            words.append("-".join(p[:1] + p[1:].lower() for p in word.split("-")))
    return " ".join(words)


def sentence_case(text):
    text = " ".join(text.split())
    if text != text.upper():
        return text
    words = [w if w.strip("(),.;/") in ACRONYMS else w.lower() for w in text.split()]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]


def write(folder, name, header, rows):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as out:
        for line in header:
            out.write("# " + line + "\n")
        for row in rows:
            assert not any("\t" in c or "\n" in c for c in row), row
            out.write("\t".join(row) + "\n")


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def derive_regions(source, folder):
    regions = {}
    for name in ("provinces", "regencies"):
        for row in rows_of(os.path.join(source, name + ".csv"))[1:]:
            regions[row[0]] = title_case(row[-1])
    for row in rows_of(os.path.join(source, "districts.csv"))[1:]:
        regions[row[0]] = " ".join(row[-1].split())
    for code in regions:
        assert "." not in code or code.rsplit(".", 1)[0] in regions, code
    write(folder, "regions.tsv", [
        "kemendagri/idn-area-data-3.1.2",
        "Contains information from idn-area-data 3.1.2 "
        "(https://github.com/fityannugroho/idn-area-data), made available here",
        "under the Open Database License (ODbL) 1.0, "
        "https://opendatacommons.org/licenses/odbl/1-0/. This table is a derived",
        "database under the same licence. code, name; ordered by code.",
    ], sorted(regions.items()))


@functools.lru_cache(maxsize=None)
def words_of(title):
    text = re.sub(r"budi daya", "budidaya", title.lower())
    words = re.findall(r"[a-z]{2,}", text)
    return frozenset(w for w in words if w not in EMPTY_WORDS)


class Texts:
    """Similarity of texts: shared words over all words, rare words count more."""

    def __init__(self, titles):
        self.count = collections.Counter()
        self.weights = {}
        for title in titles:
            self.count.update(words_of(title))
        self.total = len(titles)

    def weight(self, words):
        for w in words:
            if w not in self.weights:
                self.weights[w] = math.log(1 + self.total / (1 + self.count[w]))
        return math.fsum(self.weights[w] for w in words)

    def similarity(self, a, b):
        a, b = words_of(a), words_of(b)
        both = self.weight(a | b)
        return self.weight(a & b) / both if both else 0.0


def map_edition(old, new, text_old, text_new, titles, texts):
    """5-digit codes of `old` to codes of `new`; see README.md."""
    by_words = collections.defaultdict(list)
    for code, title in sorted(new.items()):
        if len(code) == 5:
            by_words[words_of(title)].append(code)
    leaves = [c for c in sorted(new) if len(c) == 5]
    mapped, open_codes = {}, []
    for code in sorted(c for c in old if len(c) == 5):
        title = old[code]
        if code in text_new and (
                titles.similarity(title, new[code]) >= 0.34
                or texts.similarity(text_old[code], text_new[code]) >= 0.25):
            mapped[code] = code
            continue
        same = by_words.get(words_of(title), [])
        if len(same) == 1:
            mapped[code] = same[0]
            continue
        best = max(leaves, key=lambda c: (titles.similarity(title, new[c]), c[:2] == code[:2], c))
        near = max(leaves, key=lambda c: (texts.similarity(text_old[code], text_new[c]),
                                          c[:2] == code[:2], c))
        if titles.similarity(title, new[best]) >= 0.6:
            mapped[code] = best
        elif texts.similarity(text_old[code], text_new[near]) >= 0.35:
            mapped[code] = near
        else:
            open_codes.append((code, near))
    # What is left goes to the deepest prefix under which most neighbours stayed.
    exact = dict(mapped)
    for code, best in open_codes:
        for length in (4, 3, 2):
            near = [exact[c] for c in exact if c[:length] == code[:length]]
            stayed = sum(1 for c in near if c[:length] == code[:length])
            if code[:length] in new and near and 2 * stayed > len(near):
                mapped[code] = code[:length]
                break
        else:
            near = collections.Counter(exact[c][:2] for c in exact if c[:2] == code[:2])
            mapped[code] = (min(near, key=lambda d: (-near[d], d)) if near else best[:2])
    return mapped


def map_short(old_codes, old, new, mapped, titles):
    """Codes of 2 to 4 digits: the code itself if its title agrees; else it, or
    a shorter one, where most of its 5-digit codes still lie; else the division
    where most of them lie."""
    out = {}
    for code in sorted(old_codes):
        if code in old and code in new and titles.similarity(old[code], new[code]) >= 0.34:
            out[code] = code
            continue
        leaves = [mapped[c] for c in mapped if c.startswith(code)]
        for length in range(len(code), 1, -1):
            prefix = code[:length]
            stayed = sum(1 for c in leaves if c.startswith(prefix))
            if prefix in new and (not leaves or 2 * stayed > len(leaves)):
                out[code] = prefix
                break
        else:
            near = collections.Counter(c[:2] for c in leaves)
            if near:
                out[code] = min(near, key=lambda d: (-near[d], d))
    return out


def derive_sectors(source, folder):
    k15, k20, k25, sections = {}, {}, {}, {}
    t15, t20, t25 = {}, {}, {}  # title and description of the 5-digit codes
    division_section = {}
    for section, code, title, description in rows_of(os.path.join(source, "kbli-2015.csv")):
        if len(code) == 1:
            sections[code] = sentence_case(title)
        else:
            k15[code] = sentence_case(title)
            t15[code] = title + " " + description
            division_section[code[:2]] = section
    for name in ("golpok", "gol", "subgol", "kelompok"):
        with open(os.path.join(source, f"kbli_{name}.json"), encoding="utf-8") as f:
            for row in json.load(f):
                k20[row["code"]] = sentence_case(row["title"])
                if len(row["code"]) == 5:
                    t20[row["code"]] = row["title"] + " " + row["desc"]
    # Three classes of 2020 are missing in the dump though it has their kelompok.
    for code in sorted({c[:n] for c in k20 for n in (2, 3, 4)} - set(k20)):
        k20[code] = k15[code]
    for code, title, description in rows_of(os.path.join(source, "kbli-2025.csv"))[1:]:
        k25[code] = sentence_case(title)
        t25[code] = title + " " + description

    terms = ("Klasifikasi Baku Lapangan Usaha Indonesia, text of regulations of Badan "
             "Pusat Statistik; see README.md.")
    # Sections sort before their divisions: "A" stands as the parent of 01, 02, 03.
    rows, done = [], set()
    for code in sorted(k20):
        section = division_section[code[:2]]
        if section not in done:
            done.add(section)
            rows.append((section, sections[section]))
        rows.append((code, k20[code]))
    write(folder, "sectors_2020.tsv", [
        "kbli-2020", terms,
        "code, title; a section letter (title of 2015) before its divisions."], rows)
    for year, table in (("2015", k15), ("2025", k25)):
        write(folder, f"sectors_{year}.tsv", [
            f"kbli-{year}", terms,
            "code, title; = where the title is that of the same code of 2020."],
            [(c, "=" if table[c].lower() == k20.get(c, "").lower() else table[c])
             for c in sorted(table)])

    titles = Texts(list(k15.values()) + list(k20.values()) + list(k25.values()))
    rows = []
    for year, table, text in (("2015", k15, t15), ("2025", k25, t25)):
        texts = Texts(list(text.values()) + list(t20.values()))
        mapped = map_edition(table, k20, text, t20, titles, texts)
        short = {c[:n] for c in table for n in (2, 3, 4)}
        leaves = dict(mapped)
        mapped.update(map_short(short, table, k20, leaves, titles))
        for code in sorted(mapped):
            if mapped[code] != code:
                rows.append((year, code, mapped[code]))
        exact = sum(1 for c in leaves if len(leaves[c]) == 5)
        print(f"{year}: {len(leaves)} codes, {exact} to 5 digits, "
              f"{sum(1 for c in leaves if leaves[c] == c)} unchanged")
    write(folder, "sector_map.tsv", [
        "kbli-map-1",
        "Derived from the titles of the editions (README.md), not an official concordance.",
        "edition, code, code of KBLI 2020; codes that stand for themselves are left out.",
    ], rows)


def main():
    source = sys.argv[1]
    folder = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.abspath(__file__))
    derive_regions(os.path.join(source, "wilayah"), folder)
    derive_sectors(os.path.join(source, "kbli"), folder)


if __name__ == "__main__":
    main()
