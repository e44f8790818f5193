"""The laws of the house as functions from source text to complaints, so that each can be shown a bad example.

A law for one file takes (source, path inside the repository) and returns a list of sentences, empty where all is well.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

ROOMS = "backends nn data training hardware plots exercises lesson grading authoring demos lab cli __main__".split()
MAY_IMPORT = {  # by room: what else than the standard library and dlcourse; `lazily` inside a function only
    "nn": {"numpy", "safetensors"},
    "training": {"numpy", "safetensors", "threadpoolctl"},
}
LAZILY = {"dlcourse/training/comm.py": {"mpi4py"}, "dlcourse/training/hooks.py": {"tqdm"}}
ONLY_IN = dict.fromkeys(("cupy", "cupyx", "numba"), "dlcourse/backends/") | {"mpi4py": "dlcourse/training/comm.py"}
BLIND = {  # who never sees whom
    "dlcourse.nn.functional": ("dlcourse.nn",),  # but for functional itself
    "dlcourse.training.optimizers": ("dlcourse.nn.layers", "dlcourse.nn.network", "dlcourse.nn.losses"),
    "dlcourse.backends": tuple(f"dlcourse.{room}" for room in ROOMS[1:]),
}
ARRAY_METHODS = set("all any clip cumsum dot fill max mean min prod std sum trace var".split())
LINES, BODY, PARAMETERS, MANY_PARAMETERS = 300, 25, 7, 9
MORE_PARAMETERS = {"batchnorm_backward": 8}  # x, γ and dy, the three statistics that forward saved, and two options
EQUATION = re.compile(r"[=←≈~]|->|⟨")
SENTENCE = re.compile(r"\w+\W+\w+\W+\w+")  # three words or more
HOME = re.compile(
    r"(?<![\w.}-])/(?:home(?!/zo)|Users|root|tmp|var/folders|work|opt)/[\w.~-]+"
)  # but Zoë, an invented learner in the tests


# ---- imports


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(source: str, path: str) -> Iterator[tuple[str, int, bool]]:
    """(absolute module name, line, True inside a function) of every import outside `if TYPE_CHECKING`."""
    package = path.split("/")[:-1]
    todo: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while todo:
        node, inside = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, inside) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from ((f"{name}.{alias.name}", node.lineno, inside) for alias in node.names)
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        todo += [(child, deeper) for child in ast.iter_child_nodes(node)]


def star_imports(source: str, path: str) -> list[str]:
    return [
        f"{path}:{line}: import * hides where names come from"
        for name, line, _ in imports(source, path)
        if name.endswith("*")
    ]


def upward_imports(source: str, path: str) -> list[str]:
    """Rooms only import rooms below them; the package's own front door is for notebooks."""
    here, found = module_of(path).split("."), []
    for name, line, _ in imports(source, path):
        there = name.split(".")
        if there[0] == "dlcourse" and here != ["dlcourse"]:
            if there[1:2] == ["__version__"]:
                continue
            if there[1] not in ROOMS or ROOMS.index(there[1]) > ROOMS.index(here[1]):
                found.append(f"{path}:{line}: {here[1]} must not import {name}")
    return found


def blind_imports(source: str, path: str) -> list[str]:
    """functional sees no layer, optimizers no network, backends nothing above them."""
    here, found = module_of(path), []
    for watcher, hidden in BLIND.items():
        if f"{here}.".startswith(f"{watcher}."):
            for name, line, _ in imports(source, path):
                own = f"{name}.".startswith(f"{watcher}.")
                if not own and any(f"{name}.".startswith(f"{h}.") for h in hidden):
                    found.append(f"{path}:{line}: {watcher} must not see {name}")
    return found


def foreign_imports(source: str, path: str) -> list[str]:
    """CuPy in backends/ only, mpi4py in comm.py only; nn/ and training/ need little else than NumPy."""
    room, found = path.split("/")[1], []
    for name, line, inside in imports(source, path):
        top, lazily = name.split(".")[0], LAZILY.get(path, set())
        if top in ONLY_IN and not path.startswith(ONLY_IN[top]):
            found.append(f"{path}:{line}: only {ONLY_IN[top]} imports {top}")
        elif top in lazily and not inside:
            found.append(f"{path}:{line}: {top} is imported inside the function that needs it")
        elif room in MAY_IMPORT and top not in {"dlcourse", *MAY_IMPORT[room], *lazily, *sys.stdlib_module_names}:
            found.append(f"{path}:{line}: {room}/ must not import {top}")
    return found


# ---- what layers may not do


def arithmetic(source: str, path: str) -> list[str]:
    """forward and backward of a layer call operations; they compute nothing themselves."""
    found = []
    for f in ast.walk(ast.parse(source)):
        if isinstance(f, ast.FunctionDef) and f.name in ("forward", "backward"):
            nodes = [node for statement in f.body for node in ast.walk(statement)]
            found += [f"{path}:{n.lineno}: {f.name} computes: {ast.unparse(n)}" for n in nodes if computes(n)]
    return found


def computes(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return not any(
            isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
        )
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ARRAY_METHODS and not ast.unparse(node.func.value).endswith("ops")
    return isinstance(node, ast.AugAssign) or isinstance(node, ast.Name) and node.id in ("np", "numpy", "xp", "cupy")


# ---- sizes


def too_long(source: str, path: str) -> list[str]:
    n = len(source.splitlines())
    return [f"{path}: {n} lines, more than {LINES}"] if n > LINES else []


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blank line, no comment, no docstring."""
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            text = node.body[0]
            lines -= set(range(text.lineno, text.end_lineno + 1))
    return lines


def functions(source: str) -> Iterator[ast.FunctionDef]:
    yield from (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lengths(source: str) -> dict[str, int]:
    """{"name:line": lines of code in the body} of every function and method; a docstring is no code."""
    code = code_lines(source)
    return {
        f"{f.name}:{f.lineno}": len(code & set(range(f.body[0].lineno, f.end_lineno + 1))) for f in functions(source)
    }


def long_bodies(source: str, path: str) -> list[str]:
    return [
        f"{path}: the body of {name} has {n} lines, more than {BODY}"
        for name, n in body_lengths(source).items()
        if n > BODY
    ]


def distribution(lengths: list[int]) -> list[str]:
    """Half of all bodies are short, nine of ten fit into a glance."""
    lengths, found = sorted(lengths), []
    median, nine_tenths = lengths[len(lengths) // 2], lengths[min(len(lengths) - 1, int(0.9 * len(lengths)))]
    if median > 5:
        found.append(f"the median body has {median} lines, more than 5")
    if nine_tenths > 15:
        found.append(f"a tenth of the bodies has {nine_tenths} lines or more; 90 % must have at most 15")
    return found


def many_parameters(source: str, path: str) -> list[str]:
    """Outputs and scratch (keyword-only, None by default) do not count; update rules and constructors may take nine.

    Outside nn/ and training/ a helper with an underscore is its own file's affair.
    """
    found, tree, engine = [], ast.parse(source), path.startswith(("dlcourse/nn/", "dlcourse/training/"))
    constructors = {
        (f.name, f.lineno) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for f in c.body
        if isinstance(f, ast.FunctionDef) and f.name == "__init__"
    }  # fmt: skip
    for f in functions(source):
        n = parameters(f)
        roomy = (f.name, f.lineno) in constructors or path.endswith("functional/updates.py") or "_update" in path
        limit = MORE_PARAMETERS.get(f.name, MANY_PARAMETERS if roomy else PARAMETERS)
        if n > limit and (engine or not f.name.startswith("_") or f.name == "__init__"):
            found.append(f"{path}:{f.lineno}: {f.name} takes {n} parameters, more than {limit}")
    return found


def parameters(f: ast.FunctionDef) -> int:
    a = f.args
    plain = [p.arg for p in [*a.posonlyargs, *a.args] if p.arg not in ("self", "cls")]
    options = [p for p, d in zip(a.kwonlyargs, a.kw_defaults) if not (isinstance(d, ast.Constant) and d.value is None)]
    return len(plain) + len(options) + bool(a.vararg) + bool(a.kwarg)


# ---- words


def docstrings(source: str, path: str) -> list[str]:
    """Every public module, class and function says what it is: an equation or a sentence, in the first line.

    In the bank of exercises only what a learner sees does: the references. A wrong answer is named by its key.
    """
    tree, found = ast.parse(source), []
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]
    if re.search(r"exercises/nb\d\d/e\d", path):
        shown = re.search(r"reference=\{(.*?)\}", source, re.S)
        public = [n for n in public if shown and re.search(rf"\b{n.name}\b", shown[1])]
    for node in [tree, *public] if source.strip() else []:
        name = f"{path}:{node.lineno}: {node.name}" if node is not tree else path
        first = (ast.get_docstring(node) or "").split("\n")[0]
        if not first:
            found.append(f"{name} has no docstring")
        elif not EQUATION.search(first) and not SENTENCE.search(first):
            found.append(f"{name}: {first!r} is neither an equation nor a sentence")
    return found


def equations(source: str, path: str) -> list[str]:
    """In nn/functional the first lines of a public operation are its equation and its shapes."""
    found = []
    for f in ast.parse(source).body:
        if isinstance(f, ast.FunctionDef) and any(d and ast.unparse(d) == "None" for d in f.args.kw_defaults):
            text = (ast.get_docstring(f) or "").split("\n\n")[0]
            if not re.search(r"[=←]", text) or "->" not in text:
                found.append(f"{path}:{f.lineno}: {f.name} must state its equation and its shapes: {text!r}")
    return found


def homes(text: str, path: str) -> list[str]:
    """No file of ours knows where somebody keeps their files."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{path}:{i}: an absolute path, {m.group()}" for i, line in lines for m in HOME.finditer(line)]
