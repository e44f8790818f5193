"""The source of an answer: from the cells that were run, the statements that it needs and nothing else."""

from __future__ import annotations

import ast
import builtins
import inspect
import symtable
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .exercise import Exercise


def edited(ex: Exercise, source: str) -> bool:
    """Is this another answer than the code that was given out to be mended? Words of a docstring do not count."""

    def body(text: str) -> list[str]:
        tree = ast.parse(textwrap.dedent(text))
        function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        rows = function.body[ast.get_docstring(function) is not None :]
        return [ast.dump(row) for row in (*function.args.args, *rows)]

    try:
        return body(source) != body(inspect.getsource(ex.broken))
    except (SyntaxError, ValueError, StopIteration, OSError, TypeError):
        return False


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a cell: what it binds, what it uses, its text, and what it changes that was bound."""

    place: tuple[int, int]  # cell, line
    binds: frozenset[str]
    uses: frozenset[str]
    text: str
    changes: frozenset[str] = frozenset()


def answer_source(cells: Iterable[str], defines: Iterable[str], given: Iterable[str] = ()) -> str:
    """The statements that define these names, with the helpers and imports that they call, in the order of the cells.

    Where a name is bound more than once, the last one counts; `name = use(...)` binds nothing of the learner's. What is
    `given` is left out: it comes from elsewhere.
    """
    last: dict[str, list[Statement]] = {}
    for statement in statements(cells):
        last.update((name, [statement]) for name in statement.binds)
        for name in statement.changes:
            last.setdefault(name, []).append(statement)
    wanted, chosen, seen = list(defines), {}, set(given) | set(dir(builtins))
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        for statement in last.get(name, last.get("*", [])):  # what nothing binds may come from a star import
            chosen[statement.place] = statement
            wanted += statement.uses
    return "\n\n".join(chosen[place].text for place in sorted(chosen)) + "\n" * bool(chosen)


def statements(cells: Iterable[str]) -> list[Statement]:
    """The top-level statements of the cells that Python can read."""
    found = []
    for number, source in enumerate(cells):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        rows = source.splitlines()
        for node in tree.body:
            if _lends(node):
                continue
            found += _statement(node, rows, number)
    return found


def _statement(node: ast.stmt, rows: list[str], cell: int) -> list[Statement]:
    """An import of several names is one statement for each."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [_imported(node, alias, cell) for alias in node.names]
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    text = "\n".join(rows[first - 1 : node.end_lineno])
    binds = {n.id for n in _outside_functions(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        binds.add(node.name)
    changes = _changed(node)
    uses = frozenset(_globals(symtable.symtable(textwrap.dedent(text), "<cell>", "exec")))
    return [Statement((cell, first), frozenset(binds - changes), uses, text, frozenset(changes))]


def _changed(node: ast.stmt) -> set[str]:
    """The names that `n += 1`, `gates["AND"] = ...` and `Layer.forward = ...` change and do not bind."""
    if not isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        return set()
    targets, found = node.targets if isinstance(node, ast.Assign) else [node.target], set()
    for target in targets:
        part = isinstance(node, ast.AugAssign)
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            target, part = target.value, True
        found |= {target.id} if part and isinstance(target, ast.Name) else set()
    return found


def _lends(node: ast.stmt) -> bool:
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "use"


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that it takes from outside: no parameters, no names of its own functions."""
    outermost = table.get_type() == "module"
    yield from (s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global()))
    for inner in table.get_children():
        yield from _globals(inner)


def _imported(node: ast.Import | ast.ImportFrom, alias: ast.alias, cell: int) -> Statement:
    one = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)
    name = alias.asname or alias.name.partition(".")[0]
    place = (cell, node.lineno + alias.col_offset / 1000)
    return Statement(place, frozenset([name]), frozenset(), ast.unparse(ast.fix_missing_locations(one)))


def _outside_functions(node: ast.AST) -> Iterable[ast.AST]:
    """The nodes that run when the cell runs: not the bodies of functions and classes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)
