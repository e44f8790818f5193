"""What may stand in the place of one part of an answer: another operation, number, order, name; or less of it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
NAMES = {
    **{"sum": "mean", "mean": "sum", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"},
    **{"argmax": "argmin", "argmin": "argmax", "exp": "expm1", "log": "log1p", "sqrt": "abs", "square": "abs"},
    **{"tanh": "arctan", "sin": "cos", "cos": "sin", "zeros": "ones", "ones": "zeros", "dot": "multiply"},
    **{"matmul": "multiply", "size": "ndim", "var": "std", "std": "var", "floor": "ceil", "ceil": "floor"},
}
BUILT_IN = {"max": "min", "min": "max", "any": "all", "all": "any", "sum": "max", "zip": "list"}
ALIKE = ("max", "min", "maximum", "minimum", "add", "multiply", "hypot")  # the same in any order
EVEN = ("abs", "square", "cos", "cosh", "len", "range", "zip", "enumerate")  # the same for -x, or nothing for it
SIGNED = {ast.Add: "left", ast.Sub: "left", ast.MatMult: "left", ast.Pow: "right"}  # where a minus is no other mutant
IN_ORDER = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr)  # operations where the order of the operands is the same


def changed(node: ast.AST, around: ast.AST | None) -> Iterator[ast.AST]:
    """What may stand in the place of this node, in this function."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and around:
        yield from _other_names(node, around)
    kind = next((k for k in type(node).__mro__ if k in CHANGES), None)
    yield from CHANGES[kind](node) if kind else ()


def mark(tree: ast.AST) -> None:
    """Tell the differences whose sign does not matter, because they are squared or made positive."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
            node.left.even = True
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("abs", "np.abs", "np.square") and node.args:
            node.args[0].even = True


def like(node: ast.AST, **changes: Any) -> ast.AST:
    """The node with some of its fields replaced."""
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _other_names(node: ast.Name, around: ast.AST) -> Iterator[ast.AST]:
    """Another argument for an argument, the next local name for a local one."""
    arguments = [a.arg for a in around.args.args if a.arg != "self"]
    stored = [n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    local = [name for name in dict.fromkeys(stored) if name not in arguments and name != "_"]
    if node.id in arguments:
        yield from (like(node, id=name) for name in arguments if name != node.id)
    elif node.id in local and len(local) > 1:
        yield like(node, id=local[(local.index(node.id) + 1) % len(local)])


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    for op in OPERATORS.get(type(node.op), ()):
        yield like(node, op=op())
    yield node.left
    yield node.right
    for side in ("left", "right"):
        yield from (like(node, **{side: new}) for new in _operand(node.op, side, getattr(node, side)))
    if not isinstance(node.op, IN_ORDER) and not getattr(node, "even", False):
        yield like(node, left=node.right, right=node.left)


def _operand(op: ast.operator, side: str, node: ast.AST) -> Iterator[ast.AST]:
    """W.T for the matrix W in a product; -x where no other mutant does the same; x + 1 for the name x."""
    if isinstance(op, ast.MatMult) and isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node)[-1].isupper():
        yield ast.Attribute(node, "T", ast.Load())
    if SIGNED.get(type(op)) == side:
        yield from _negative(node)
    if isinstance(node, ast.Name) and not isinstance(op, ast.MatMult):
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))


def _negative(node: ast.AST) -> Iterator[ast.AST]:
    """-x for x, where x is no number that stands there, and has no sign."""
    if not isinstance(node, (ast.Constant, ast.UnaryOp, ast.Tuple, ast.List, ast.Lambda, ast.Starred)):
        yield ast.UnaryOp(ast.USub(), node)


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _logical(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield like(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    yield from node.values


def _comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for i, op in enumerate(node.ops):
        for other in COMPARISONS.get(type(op), ()):
            yield like(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
    yield from (like(node, left=new) for new in _negative(node.left))
    if isinstance(node.comparators[0], ast.Name):
        for op in (ast.Add(), ast.Sub()):
            yield like(node, comparators=[ast.BinOp(node.comparators[0], op, ast.Constant(1)), *node.comparators[1:]])


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, (int, float)):
        for value in dict.fromkeys((node.value + 1, node.value - 1, 0, -node.value)):
            if value == node.value:
                continue
            yield ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    if node.attr == "T":
        yield node.value
    if node.attr in NAMES:
        yield like(node, attr=NAMES[node.attr])
    if node.attr == "inf":
        yield ast.UnaryOp(ast.USub(), node)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in BUILT_IN:
        yield like(node, func=ast.Name(BUILT_IN[node.func.id], ast.Load()))
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        yield from _bounds(node)
    if isinstance(node.func, ast.Attribute) and not node.args:
        yield node.func.value  # x.copy() -> x
    yield from node.args  # f(z) -> z
    for i in range(len(node.args)):
        yield like(node, args=node.args[:i] + node.args[i + 1 :])
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name not in ALIKE:
        yield from (like(node, args=order) for order in _swapped(node.args))
    if name not in EVEN:
        for i, arg in enumerate(node.args):
            yield from (like(node, args=[*node.args[:i], new, *node.args[i + 1 :]]) for new in _negative(arg))
    for i in range(len(node.keywords)):
        yield like(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def _bounds(node: ast.Call) -> Iterator[ast.AST]:
    *first, last = node.args[:2]
    step = node.args[2:]
    start = first[0] if first else ast.Constant(0)
    for op in (ast.Add(), ast.Sub()):
        yield like(node, args=[*first, ast.BinOp(last, op, ast.Constant(1)), *step])
    yield like(node, args=[ast.BinOp(start, ast.Add(), ast.Constant(1)) if first else ast.Constant(1), last, *step])


def _swapped(items: list) -> Iterator[list]:
    """Each pair of neighbours the other way round, but not two equal numbers."""
    for i in range(len(items) - 1):
        if all(isinstance(e, ast.Constant) for e in items[i : i + 2]) and items[i].value == items[i + 1].value:
            continue
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def _assigned(node: ast.Assign) -> Iterator[ast.AST]:
    """What is unpacked, the other way round; where values stand there one by one, these are."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and not isinstance(node.value, ast.Tuple):
            yield from (like(node, targets=[like(target, elts=order)]) for order in _swapped(target.elts))


def _looped(node: ast.For | ast.comprehension) -> Iterator[ast.AST]:
    if isinstance(node.target, ast.Tuple):
        yield from (like(node, target=like(node.target, elts=order)) for order in _swapped(node.target.elts))
    if isinstance(node, ast.For) and not isinstance(node.body[-1], (ast.Break, ast.Return)):
        yield like(node, body=[*node.body, ast.Break()])  # once instead of again and again
    for i in range(len(getattr(node, "ifs", ()))):
        yield like(node, ifs=node.ifs[:i] + node.ifs[i + 1 :])


def _row(node: ast.Tuple | ast.List) -> Iterator[ast.AST]:
    if not isinstance(node.ctx, ast.Load):
        return
    for order in _swapped(node.elts):
        yield like(node, elts=order)
    for i in range(len(node.elts)):
        if len(node.elts) > 1:
            yield like(node, elts=node.elts[:i] + node.elts[i + 1 :])
    yield from (e for e in node.elts if not isinstance(e, ast.Slice))


def _dictionary(node: ast.Dict) -> Iterator[ast.AST]:
    for i in range(len(node.keys)):
        yield like(node, keys=node.keys[:i] + node.keys[i + 1 :], values=node.values[:i] + node.values[i + 1 :])
    for order in _swapped(node.values):
        yield like(node, values=order)


def _subscript(node: ast.Subscript) -> Iterator[ast.AST]:
    yield node.value
    places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for i, place in enumerate(places):
        for new in _beside(place):
            row = [*places[:i], new, *places[i + 1 :]]
            yield like(node, slice=ast.Tuple(row, ast.Load()) if len(row) > 1 else new)


def _beside(place: ast.AST) -> Iterator[ast.AST]:
    """i - 1, i + 1 and 0 for i."""
    if isinstance(place, ast.Name):
        yield from (ast.BinOp(place, op(), ast.Constant(1)) for op in (ast.Sub, ast.Add))
        yield ast.Constant(0)


def _slice(node: ast.Slice) -> Iterator[ast.AST]:
    for name in ("lower", "upper", "step"):
        if getattr(node, name) is not None:
            yield like(node, **{name: None})


def _choice(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse
    yield like(node, body=node.orelse, orelse=node.body)


def _updated(node: ast.AugAssign) -> Iterator[ast.AST]:
    for op in OPERATORS.get(type(node.op), ()):
        yield like(node, op=op())
    yield ast.Assign([node.target], node.value)


def _branch(node: ast.If | ast.While) -> Iterator[ast.AST]:
    yield like(node, test=ast.UnaryOp(ast.Not(), node.test))
    yield like(node, test=ast.Constant(True))
    if isinstance(node, ast.While):
        yield ast.If(node.test, node.body, [])  # once instead of again and again
    elif node.orelse:
        yield like(node, body=node.orelse, orelse=node.body)


def _ended(node: ast.Break | ast.Continue) -> Iterator[ast.AST]:
    yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _returned(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is None:
        return
    yield ast.Return(None)
    yield ast.Expr(ast.Call(ast.Name("print", ast.Load()), [node.value], []))
    yield from (ast.Return(new) for new in _negative(node.value))
    if not isinstance(node.value, ast.Tuple):
        yield ast.Return(ast.parse(f"np.asarray({ast.unparse(node.value)})[..., None]", mode="eval").body)  # a column


CHANGES: dict[type, Callable[[Any], Iterator[ast.AST]]] = {
    **{ast.BinOp: _binary, ast.UnaryOp: _unary, ast.BoolOp: _logical, ast.Compare: _comparison},
    **{ast.Constant: _constant, ast.Attribute: _attribute, ast.Call: _call, ast.Tuple: _row, ast.List: _row},
    **{ast.Dict: _dictionary, ast.Subscript: _subscript, ast.Slice: _slice, ast.IfExp: _choice},
    **{
        ast.comprehension: _looped,
        ast.For: _looped,
        ast.Assign: _assigned,
        ast.AugAssign: _updated,
        ast.If: _branch,
        ast.While: _branch,
    },
    **{ast.Break: _ended, ast.Continue: _ended, ast.Return: _returned},
}
