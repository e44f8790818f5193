"""Small mistakes on purpose: every variant of an answer with one thing in it done otherwise.

A check that is worth anything tells each of them from the answer, unless the variant computes the same.
"""

from __future__ import annotations

import ast
import functools
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from .mutations import changed, like, mark

Setter = Callable[[Any], None]


def mutants(source: str) -> list[tuple[str, str]]:
    """(what was done, the whole mutated source), each source once, in the order of the text."""
    tree = ast.parse(source)
    mark(tree)
    before = ast.unparse(tree)
    found, names = {before: ""}, Counter()
    for said, text in _texts(tree, before):
        if text in found or not _compiles(text):
            continue
        names[said] += 1
        found[text] = said if names[said] == 1 else f"{said} ({names[said]})"
    del found[before]
    return [(said, text) for text, said in found.items()]


def _texts(tree: ast.Module, before: str) -> Iterator[tuple[str, str]]:
    """(what was done, the source) with one thing changed, for each thing and each change."""
    for node, put, around in list(_places(tree)):
        for new in changed(node, around):
            put(new)
            text = ast.unparse(ast.fix_missing_locations(tree))
            put(node)
            yield _difference(before, text), text
    for block in list(_blocks(tree)):
        kept = list(block)
        for said, new in _rearranged(kept):
            block[:] = new or [ast.Pass()]
            text = ast.unparse(ast.fix_missing_locations(tree))
            block[:] = kept
            yield said, text


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<mutant>", "exec")
    except SyntaxError:
        return False
    return True


def _difference(before: str, after: str) -> str:
    """The line that is no longer the same: before -> after. Of a long one only the place."""
    pairs = ((a.strip(), b.strip()) for a, b in zip(before.splitlines(), after.splitlines()) if a != b)
    old, new = next(pairs, ("", ""))
    if not old or (new == "break" != old):  # one line more
        return f"one turn only, before: {old or 'the end'}"
    start = len(os.path.commonprefix([old, new])) if len(old) > 90 else 0
    end = len(os.path.commonprefix([old[:start:-1], new[:start:-1]])) if start else 0
    start, end = max(0, start - 12), max(0, end - 12)
    return " -> ".join(f"{'…' * (start > 0)}{line[start : len(line) - end]}{'…' * (end > 0)}" for line in (old, new))


# ---------------------------------------------------------------- where
def _places(node: ast.AST, around: ast.AST | None = None) -> Iterator[tuple[ast.AST, Setter, ast.AST | None]]:
    """Every node below this one, what puts another in its place, and the function around it; no annotations."""
    around = node if isinstance(node, ast.FunctionDef) else around
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        if isinstance(value, ast.AST):
            yield value, functools.partial(setattr, node, name), around
            yield from _places(value, around)
        elif isinstance(value, list):
            for i, child in enumerate(value):
                if isinstance(child, ast.AST) and not _docstring(child):
                    yield child, functools.partial(value.__setitem__, i), around
                    yield from _places(child, around)


def _docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements."""
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            if isinstance(block := getattr(node, name, None), list) and block:
                yield block


# ---------------------------------------------------------------- the order of the statements
def _rearranged(block: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
    """A statement left out, two neighbours that need each other swapped, what follows a loop moved into it."""
    lines = [ast.unparse(statement).splitlines()[0] for statement in block]
    for i, statement in enumerate(block):
        if not _docstring(statement) and not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield f"left out: {lines[i]}", block[:i] + block[i + 1 :]
    for i, (one, two) in enumerate(zip(block, block[1:])):
        if not _docstring(one) and _related(one, two):
            yield f"turned round: {lines[i + 1]}; {lines[i]}", [*block[:i], two, one, *block[i + 2 :]]
        if isinstance(one, (ast.For, ast.While)):
            yield f"inside the loop: {lines[i + 1]}", [*block[:i], like(one, body=[*one.body, two]), *block[i + 2 :]]


def _related(one: ast.stmt, two: ast.stmt) -> bool:
    """Does one of them bind what the other binds or uses, or leave the block?"""
    if any(isinstance(s, (ast.FunctionDef, ast.ClassDef)) for s in (one, two)):
        return False
    (made, used), (made2, used2) = _names(one), _names(two)
    leaves = any(isinstance(n, (ast.Return, ast.Break, ast.Continue)) for s in (one, two) for n in ast.walk(s))
    return leaves or bool(made & (made2 | used2) or made2 & used)


def _names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement binds (or writes into), and those that it uses."""
    names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
    into = [n for n in ast.walk(statement) if isinstance(n, (ast.Subscript, ast.Attribute))]
    made = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    made |= {ast.unparse(n if isinstance(n, ast.Attribute) else n.value) for n in into if isinstance(n.ctx, ast.Store)}
    return made, {n.id for n in names if isinstance(n.ctx, ast.Load)} | {ast.unparse(n) for n in into}
