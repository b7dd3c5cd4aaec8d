"""Python, by its own syntax tree."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator

from moongate.lint.tree import Kind, Node

_LITERAL = re.compile(rb"(?:[uU]|[bB]|[rR]|[bB][rR]|[rR][bB])?('''|\"\"\"|'|\")")
_LINE = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


def read(data: bytes) -> Node | None:
    """Return the tree of a module, or None for source that Python does not parse."""
    skipped = len(_BOM) if data.startswith(_BOM) else 0
    source = data[skipped:]
    try:
        source.decode("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are their author's business
            module = ast.parse(source)
        return _Reader(source, skipped).module(module)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Reader:
    """Turns nodes of `ast` into ours; places are bytes, which is what `ast` counts within a line."""

    def __init__(self, source: bytes, skipped: int) -> None:
        self._source = source
        self._skipped = skipped
        self._starts = [0, *(found.end() for found in _LINE.finditer(source))]

    def module(self, module: ast.Module) -> Node:
        items = self._body(module.body)
        return Node(Kind.SCOPE, 0, len(self._source) + self._skipped, "module", items)

    def _node(self, at: ast.AST, kind: Kind, name: str = "", items: list[Node] | None = None, **more: object) -> Node:
        start, end = self._span(at)
        return Node(kind, start + self._skipped, end + self._skipped, name, items, **more)  # type: ignore[arg-type]

    def _span(self, at: ast.AST) -> tuple[int, int]:
        line, column = getattr(at, "lineno", 1), getattr(at, "col_offset", 0)
        end_line = getattr(at, "end_lineno", line) or line
        end_column = getattr(at, "end_col_offset", column) or 0
        return self._starts[line - 1] + column, self._starts[end_line - 1] + end_column

    def _body(self, statements: Iterable[ast.AST]) -> list[Node]:
        return [node for statement in statements for node in self._statement(statement)]

    def _statement(self, at: ast.AST) -> Iterator[Node]:
        match at:
            case ast.Expr(value=ast.Constant()):
                return  # a docstring, or a remark
            case ast.Expr():
                yield self._value(at.value)
            case ast.Assign():
                for target in at.targets:
                    yield from self._assigned(at, target, at.value)
            case ast.AnnAssign():
                if at.value is not None:
                    yield from self._assigned(at, at.target, at.value)
            case ast.AugAssign():
                yield self._node(at, Kind.PAIR, self._dotted(at.target), [self._value(at.value)], label="+=")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield self._function(at, at.name, at.args, at.body, at.decorator_list)
            case ast.ClassDef():
                items = [self._value(inner) for inner in (*at.decorator_list, *at.bases)]
                items += [self._keyword(inner) for inner in at.keywords]
                yield self._node(at, Kind.SCOPE, "class", items + self._body(at.body), label=at.name)
            case ast.Import() | ast.ImportFrom():
                yield from self._imported(at)
            case _:
                yield from self._block(at)

    def _block(self, at: ast.AST) -> Iterator[Node]:
        match at:
            case ast.For() | ast.AsyncFor():
                loop = [*self._assigned(at, at.target, at.iter), *self._body(at.body)]
                yield self._node(at, Kind.SCOPE, "for", loop, label=self._dotted(at.target))
                yield from self._body(at.orelse)
            case ast.While():
                yield self._node(at, Kind.SCOPE, "while", [self._tested(at.test), *self._body(at.body)])
                yield from self._body(at.orelse)
            case ast.If():
                yield self._node(at, Kind.SCOPE, "if", [self._tested(at.test), *self._body(at.body)])
                if at.orelse:
                    start, end = at.orelse[0], at.orelse[-1]
                    node = self._node(start, Kind.SCOPE, "else", self._body(at.orelse))
                    node.end = self._span(end)[1] + self._skipped
                    yield node
            case ast.Try() | ast.TryStar():
                yield self._node(at, Kind.SCOPE, "try", [*self._body(at.body), *self._handlers(at.handlers)])
                yield from self._body([*at.orelse, *at.finalbody])
            case ast.With() | ast.AsyncWith():
                entered = [node for item in at.items for node in self._entered(item)]
                label = next(
                    (self._dotted(i.context_expr.func) for i in at.items if isinstance(i.context_expr, ast.Call)), ""
                )
                yield self._node(at, Kind.SCOPE, "with", entered + self._body(at.body), label=label)
            case ast.Return() | ast.Raise() | ast.Assert() | ast.Delete() | ast.Continue() | ast.Break():
                items = [self._value(inner) for inner in ast.iter_child_nodes(at)]
                yield self._node(at, Kind.SCOPE, type(at).__name__.lower(), items)
            case ast.Match():
                yield self._tested(at.subject)
                for case in at.cases:
                    yield Node(Kind.SCOPE, 0, 0, "if", self._body(case.body))
            case ast.expr():
                yield self._value(at)
            case _:
                yield from self._body(ast.iter_child_nodes(at))

    def _handlers(self, handlers: list[ast.ExceptHandler]) -> Iterator[Node]:
        for handler in handlers:
            caught = self._tested(handler.type) if handler.type is not None else None
            items = [*([caught] if caught else []), *self._body(handler.body)]
            yield self._node(handler, Kind.SCOPE, "catch", items, label=handler.name or "")

    def _entered(self, item: ast.withitem) -> Iterator[Node]:
        if item.optional_vars is not None:
            yield from self._assigned(item.context_expr, item.optional_vars, item.context_expr)
        else:
            yield self._value(item.context_expr)

    def _tested(self, at: ast.AST) -> Node:
        value = self._value(at)
        return value if value.kind is Kind.TEST else self._node(at, Kind.TEST, "", [value])

    def _imported(self, at: ast.Import | ast.ImportFrom) -> Iterator[Node]:
        module = f"{at.module or ''}." if isinstance(at, ast.ImportFrom) else ""
        for name in at.names:
            known = name.asname or (name.name if module else name.name.partition(".")[0])
            source = module + name.name if name.asname or module else known
            yield self._node(name, Kind.PAIR, known, [self._node(name, Kind.WORD, source)], label="import")

    def _assigned(self, at: ast.AST, target: ast.AST, value: ast.AST) -> Iterator[Node]:
        several = (ast.Tuple, ast.List)
        if isinstance(target, several) and isinstance(value, several) and len(target.elts) == len(value.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                yield from self._assigned(at, one, its)
        else:
            yield self._node(at, Kind.PAIR, self._dotted(target), [self._value(value)], label="=")

    def _function(
        self, at: ast.AST, name: str, args: ast.arguments, body: list[ast.stmt], decorators: list[ast.expr]
    ) -> Node:
        items = [self._value(decorator) for decorator in decorators]
        positional = [*args.posonlyargs, *args.args]
        defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
        both = [*zip(positional, defaults, strict=True), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        for arg, default in both:
            value = [] if default is None else [self._value(default)]
            items.append(self._node(arg, Kind.PAIR, arg.arg, value, label="parameter"))
        for decorator in items[: len(decorators)]:
            decorator.label = decorator.label or "decorator"
        return self._node(at, Kind.SCOPE, "function", items + self._body(body), label=name)

    def _value(self, at: ast.AST) -> Node:
        match at:
            case ast.Constant():
                return self._constant(at)
            case ast.Name() | ast.Attribute():
                return self._word(at)
            case ast.Call():
                return self._call(at)
            case ast.Dict():
                pairs = zip(at.keys, at.values, strict=True)
                return self._node(at, Kind.MAP, "", [self._entry(key, value) for key, value in pairs])
            case ast.List() | ast.Tuple() | ast.Set():
                return self._node(at, Kind.LIST, "", [self._value(inner) for inner in at.elts])
            case ast.Compare():
                return self._node(at, Kind.TEST, "", [self._value(inner) for inner in (at.left, *at.comparators)])
            case ast.Subscript():
                return self._subscript(at)
            case ast.NamedExpr():
                return self._node(at, Kind.PAIR, self._dotted(at.target), [self._value(at.value)], label="=")
            case ast.Await() | ast.Starred() | ast.FormattedValue():
                return self._value(at.value)
            case ast.Lambda():
                return self._function(at, "", at.args, [ast.Expr(at.body)], [])
            case _:
                return self._composed(at)

    def _composed(self, at: ast.AST) -> Node:
        match at:
            case ast.JoinedStr():
                return self._node(at, Kind.JOIN, "+", [self._value(inner) for inner in at.values])
            case ast.BinOp(op=ast.Add() | ast.Mod()):
                return self._node(at, Kind.JOIN, "+", [self._value(at.left), self._value(at.right)])
            case ast.BoolOp(op=ast.Or()):
                return self._node(at, Kind.JOIN, "or", [self._value(inner) for inner in at.values])
            case ast.IfExp():
                chosen = [self._value(at.body), self._value(at.orelse), self._tested(at.test)]
                return self._node(at, Kind.JOIN, "or", chosen)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return self._node(at, Kind.NUMBER, f"-{value}")
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._node(at, Kind.SCOPE, "for", list(self._comprehension(at)))
            case _:
                return self._node(at, Kind.LIST, "", self._body(ast.iter_child_nodes(at)))

    def _comprehension(self, at: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Iterator[Node]:
        for made in at.generators:
            yield from self._assigned(made.iter, made.target, made.iter)
            yield from (self._tested(test) for test in made.ifs)
        for inner in (at.key, at.value) if isinstance(at, ast.DictComp) else (at.elt,):
            yield self._value(inner)

    def _constant(self, at: ast.Constant) -> Node:
        value = at.value
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            return self._node(at, Kind.WORD if value is None or isinstance(value, bool) else Kind.NUMBER, str(value))
        node = self._node(at, Kind.TEXT, value)
        raw = self._source[node.start - self._skipped : node.end - self._skipped]
        opened = _LITERAL.match(raw)
        if opened is not None and raw.endswith(opened[1]):
            inner = raw[opened.end() : len(raw) - len(opened[1])]
            node.start, node.end = node.start + opened.end(), node.end - len(opened[1])
            node.plain = inner == value.encode("utf-8", "replace")
        return node

    def _entry(self, key: ast.expr | None, value: ast.expr) -> Node:
        if key is None:
            return self._node(value, Kind.PAIR, "**", [self._value(value)])
        name = str(key.value) if isinstance(key, ast.Constant) else self._dotted(key)
        node = self._node(key, Kind.PAIR, name, [self._value(value)], label=":")
        node.end = self._span(value)[1] + self._skipped
        return node

    def _keyword(self, at: ast.keyword) -> Node:
        return self._node(at, Kind.PAIR, at.arg or "**", [self._value(at.value)])

    def _call(self, at: ast.Call) -> Node:
        items = [self._value(inner) for inner in at.args] + [self._keyword(inner) for inner in at.keywords]
        called = self._word(at.func)
        return self._node(at, Kind.CALL, called.name, items, head=called.head)

    def _subscript(self, at: ast.Subscript) -> Node:
        inner = self._value(at.slice)
        if inner.kind is Kind.TEXT:
            if self._dotted(at.value).endswith("environ"):
                return self._node(at, Kind.CALL, "os.environ.get", [inner])
            word = self._word(at.value)
            return self._node(at, Kind.WORD, f"{word.name}.{inner.name}", head=word.head)
        word = self._word(at.value)
        if inner.kind is not Kind.NUMBER:
            word.items.append(inner)
        return word

    def _word(self, at: ast.AST) -> Node:
        """Return a name; one that begins with a call has it as its head, and begins with a dot."""
        names: list[str] = []
        inner: ast.AST = at
        while isinstance(inner, (ast.Attribute, ast.Subscript, ast.Await)):
            if isinstance(inner, ast.Attribute):
                names.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            return self._node(at, Kind.WORD, ".".join([inner.id, *reversed(names)]))
        return self._node(at, Kind.WORD, "".join(f".{n}" for n in reversed(names)), head=self._value(inner))

    def _dotted(self, at: ast.AST) -> str:
        if isinstance(at, ast.Subscript) and isinstance(at.slice, ast.Constant) and isinstance(at.slice.value, str):
            return f"{self._dotted(at.value)}.{at.slice.value}"
        if isinstance(at, (ast.Tuple, ast.List)):
            return ",".join(self._dotted(inner) for inner in at.elts)
        return self._word(at).name if isinstance(at, (ast.Name, ast.Attribute, ast.Subscript)) else ""
