"""The source of an answer: from the cells that were run, the statements that it needs and nothing else."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
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
    defines: frozenset[str] = frozenset()  # of what it binds, functions and classes
    imports: bool = False
    reads: frozenset[str] = frozenset()  # of what it uses, what it reads when it runs; the rest, when it is called
    takes: frozenset[str] = frozenset()  # of what it binds, what gets the value of another name


def answer_source(cells: Iterable[str], defines: Iterable[str], given: Iterable[str] = (), below: int = 0) -> str:
    """The statements that define these names, with the helpers and imports that they call, in the order of the cells.

    Where a name is bound more than once, the last one counts; `name = use(...)` binds nothing of the learner's. What is
    `given` comes from elsewhere, unless a cell of the answer itself defines it; so does what Python has, unless the
    learner has given its name to something else. below: so many of the first cells stand below the answer; they help
    out with what is defined nowhere else.
    """
    defines = list(defines)
    found = [s for s in statements(cells) if s.text or not s.binds & set(defines)]
    modules = {name for s in found if s.imports for name in s.binds}
    history: dict[str, list[tuple[int, bool]]] = {}  # name -> the statements that bind it (True) or change it
    for n, statement in enumerate(found):
        for name in statement.binds:
            history.setdefault(name, []).append((n, True))
        for name in statement.changes - modules:
            history.setdefault(name, []).append((n, False))

    def chain(name: str, before: int) -> list[int]:
        """What made the value that this name has before a statement: its last binding, and the changes since."""
        made: list[int] = []
        for n, binds in history.get(name, history.get("*", [])):  # what nothing binds may come from a star import
            if n < before:
                made = [n] if binds else [*made, n]
        return made

    end = len(found)
    last = {name: found[made[0]] for name in history if (made := chain(name, end))}
    home = {last[name].place[0] for name in defines if name in last}
    own = {name for name, s in last.items() if name in s.defines and s.place[0] in home}
    hers = {n for n, s in last.items() if s.place[0] >= below and (n in s.defines or s.imports or n in s.takes)}
    wanted, chosen = [(name, end) for name in defines], {}
    elsewhere, seen = (set(given) - own) | (set(dir(builtins)) - hers), set()
    while wanted:
        name, before = wanted.pop()
        if name in elsewhere or (name, before) in seen:
            continue
        seen.add((name, before))
        for n in chain(name, before) or chain(name, end):
            statement = found[n]
            if statement.text:
                chosen[statement.place] = statement
            wanted += [(name, n) for name in statement.reads] + [(name, end) for name in statement.uses]
    return "\n\n".join(chosen[place].text for place in sorted(chosen)) + "\n" * bool(chosen)


def statements(cells: Iterable[str]) -> list[Statement]:
    """The top-level statements of the cells that Python can read."""
    found = []
    for number, source in enumerate(cells):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        rows = re.split(r"\r\n|\r|\n", source)  # as Python counts them; a form feed ends no line
        for node in tree.body:
            found += [_lent(node, number)] if _lends(node) else _statement(node, rows, number)
    return found


def _statement(node: ast.stmt, rows: list[str], cell: int) -> list[Statement]:
    """An import of several names is one statement for each."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [_imported(node, alias, cell) for alias in node.names]
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    text = "\n".join(rows[first - 1 : node.end_lineno])
    binds, defines, changes, reads = set(), set(), set(), set()
    for part in at_run_time(node):
        if isinstance(part, DEFINITIONS):
            defines.add(part.name)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            binds |= {alias.asname or alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, ast.Name):
            (binds if isinstance(part.ctx, ast.Store) else reads).add(part.id)
        changes |= _changed(part)
    binds |= defines
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        defines |= binds
    if not isinstance(node, (ast.Assign, ast.AnnAssign, *DEFINITIONS)):
        changes |= binds  # a loop or a branch may leave what was there before
    takes = binds if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Constant) else set()
    uses = frozenset(_globals(symtable.symtable(textwrap.dedent(text), "<cell>", "exec")))
    sets = map(frozenset, (defines, reads, takes))
    made = dict(zip(("defines", "reads", "takes"), sets))
    later = uses - reads if isinstance(node, (ast.Assign, ast.AnnAssign)) else uses
    return [Statement((cell, first), frozenset(binds - changes), later, text, frozenset(changes), **made)]


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _changed(node: ast.AST) -> set[str]:
    """The names that `n += 1`, `gates["AND"] = ...`, `Layer.forward = ...`, `table.update(...)` and
    `setattr(Layer, ...)` change and do not bind."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr"):
            return {n.id for n in call.args[:1] if isinstance(n, ast.Name)}
        return {_base(call.func)} - {""} if isinstance(call.func, ast.Attribute) else set()
    if isinstance(node, ast.AugAssign):
        return {_base(node.target)} - {""}
    stored = isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del))
    return {_base(node)} - {""} if stored else set()


def _base(target: ast.AST) -> str:
    """The name before all dots and brackets."""
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _lends(node: ast.stmt) -> bool:
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "use"


def _lent(node: ast.stmt, cell: int) -> Statement:
    """It binds names, and nothing of it is the learner's."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return Statement((cell, node.lineno), frozenset(names), frozenset(), "")


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that it takes from outside: no parameters, no names of its own functions."""
    outermost = table.get_type() == "module"
    for s in table.get_symbols():
        if outermost and s.is_referenced() or not outermost and s.is_global():
            yield s.get_name()
    for inner in table.get_children():
        yield from _globals(inner)


def _imported(node: ast.Import | ast.ImportFrom, alias: ast.alias, cell: int) -> Statement:
    one = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)
    name = alias.asname or alias.name.partition(".")[0]
    place = (cell, node.lineno + alias.col_offset / 1000)
    text = ast.unparse(ast.fix_missing_locations(one))
    return Statement(place, frozenset([name]), frozenset(), text, imports=True)


def at_run_time(node: ast.AST) -> Iterable[ast.AST]:
    """The nodes that run when the cell runs: of functions and classes the name and what stands in their heads."""
    yield node
    inner = ast.iter_child_nodes(node)
    if isinstance(node, ast.Lambda):
        inner = iter(node.args.defaults)
    elif isinstance(node, ast.ClassDef):
        inner = iter([*node.decorator_list, *node.bases])
    elif isinstance(node, DEFINITIONS):
        inner = iter([*node.decorator_list, *node.args.defaults])
    for child in inner:
        yield from at_run_time(child)
