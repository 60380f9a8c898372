"""How large a file and a function may be."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Function, Source, example, product, suite

FILE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 5
FREE_PARAMETERS = {"self", "cls", "now", "actor"}


def long_files(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield f"{source.path}: {lines} lines"


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"{source.at(function)} {function.name}: {lines} lines"


def wide_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        names = parameters(function)
        if len(names) > PARAMETERS:
            yield f"{source.at(function)} {function.name}: {len(names)} parameters"


def parameters(function: Function) -> list[str]:
    """The parameters that count: `self`, `now` and `actor` do not, nor do `*args` and `**kwargs`."""
    arguments = function.args
    everything: list[ast.arg] = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in everything if argument.arg not in FREE_PARAMETERS]


def test_no_file_is_longer_than_400_lines():
    assert not [found for source in (*product(), *suite()) for found in long_files(source)]


def test_no_function_is_longer_than_40_lines():
    assert not [found for source in product() for found in long_functions(source)]


def test_no_function_has_more_than_five_parameters_beside_now_and_actor():
    assert not [found for source in product() for found in wide_functions(source)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("def f(self, a, b, c, d, e, *, actor, now): ...", 0),
        ("def f(a, b, /, c, *, d, e, g, actor, now): ...", 1),
        ("async def f(a, b, c, d, e, g): ...", 1),
    ],
)
def test_the_count_of_parameters_is_exact(text: str, findings: int):
    assert len(list(wide_functions(example(text)))) == findings


def test_the_count_of_lines_is_exact():
    assert not list(long_functions(example("def f():\n" + "    pass\n" * 39)))
    assert list(long_functions(example("def f():\n" + "    pass\n" * 40)))
    assert not list(long_files(example("\n" * 400)))
    assert list(long_files(example("\n" * 401)))
