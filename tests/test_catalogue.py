from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from tests.catalogue import catalogues, is_translated, marked, read

EVERY_CATALOGUE = pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parts[-3])


@EVERY_CATALOGUE
def test_a_catalogue_has_every_text_that_is_marked_and_no_other(path: Path):
    expected = keys(marked())
    assert len(expected) > 200
    assert keys(read(path)) == expected, "make words brings the catalogue up to date"


@EVERY_CATALOGUE
def test_nothing_is_without_a_translation_or_doubtful(path: Path):
    assert not [each.id for each in read(path) if each.id and (not is_translated(each) or each.fuzzy)]


@EVERY_CATALOGUE
def test_every_translation_has_the_placeholders_of_its_original(path: Path):
    assert not [(each.id, error) for each in read(path) for error in each.check()]
    for each in read(path):
        if each.id and each.python_format:
            originals = each.id if isinstance(each.id, tuple) else (each.id,)
            forms = each.string if isinstance(each.string, tuple | list) else (each.string,)
            assert {names(form) for form in forms} == {names(originals[-1])}, each.id


@EVERY_CATALOGUE
def test_what_is_used_at_run_time_is_what_was_translated(path: Path):
    compiled = BytesIO()
    write_mo(compiled, read(path))
    assert path.with_suffix(".mo").read_bytes() == compiled.getvalue()


def keys(catalogue: Catalog) -> set[tuple[str | None, str]]:
    return {(each.context, str(each.id)) for each in catalogue if each.id}


def names(text: str) -> frozenset[str]:
    return frozenset(part.partition(")")[0] for part in text.split("%(")[1:])


def test_the_chinese_catalogue_is_there():
    assert [path.parts[-3] for path in catalogues()] == ["zh_Hans"]
