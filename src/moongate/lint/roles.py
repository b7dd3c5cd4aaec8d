"""What a text stands for where it stands: a model that is asked for, a value of some other name, or a mere mention.

Comparisons, prose, answers, prices, lists of retired ids and ids that a test expects to be refused are mentions.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from moongate.lint import conventions as known
from moongate.lint.follow import Names, is_getenv
from moongate.lint.tree import Kind, Node

_MODEL_CALLS = re.compile(
    r"(?:^|[._])(?:moonshot\w*|openrouter|create_moonshot\w*|chat|chat_?model|language_?model|completion_?model|model"
    r"|init_chat_model|get_model|agent|\w*chat_?model|\w*_?model_?id|\w*openai\w*_?model|generative_model|provider"
    r"|set_model|with_model|chat_moonshot|chat_open_?ai|chat_open_?router|llm|lm|lite_?llm_?model|use_?model)$"
)
_WEIGHTS = re.compile(
    r"from_pretrained|snapshot_download|hf_hub_download|hf_download|vllm|sglang|mlx|ollama|gguf|huggingface"
    r"|auto_tokenizer|auto_model|tokenizer|tiktoken|encoding_for"
)
_EXPECTS_FAILURE = re.compile(
    r"raises|raisesregex|assertraises|throws|rejects|should_panic|expect_err|assert_err|tothrow", re.IGNORECASE
)
_PASSES_ON = frozenset(
    "get getenv env str to_string string from into modelid some field option default getproperty unwrap_or orelse"
    " lookup_env unwrap_or_else fetch append push set list tuple of aslist listof arrayof selectbox radio select"
    " dropdown choice choices select_slider freeze getorelse getordefault literal new box ptr json stringify"
    " sorted reversed frozenset to_owned strip lower path config secret oneof enum fromentries add insert put".split()
)
_LOOKED_THROUGH = frozenset("default default_factory value fallback initial choices options enum items else".split())
_ANSWERS = frozenset({"choices", "finish_reason", "system_fingerprint", "created", "owned_by"})


@dataclass(frozen=True, kw_only=True)
class Role:
    """A text that is used. `pair`: what it is given to, where that has a name; `is_model`: that is a model's."""

    pair: Node | None
    is_model: bool


class Roles:
    """Tells what the texts of one file are used as. `weights`: the file loads models itself."""

    def __init__(self, names: Names, *, weights: bool = False) -> None:
        self._names = names
        self._weights = weights
        self._answers: dict[int, bool] = {}
        self._options: dict[int, dict[int, str]] = {}

    def of(self, node: Node) -> Role | None:
        """Return what a text is used as, None when it is only mentioned."""
        pair: Node | None = None
        is_model: bool | None = None
        child, called = node, False
        for group in node.above():
            match group.kind:
                case Kind.TEST:
                    return None
                case Kind.JOIN if group.name == "+" and len(group.items) > 1:
                    return None
                case Kind.JOIN if is_model is None and _reads_model(group):
                    is_model = True
                case Kind.PAIR:
                    if _is_mention(group, is_model=is_model, called=called):
                        return None
                    if not is_model and (pair is None or known.plain(pair.name) in _LOOKED_THROUGH):
                        pair, is_model = group, names_model(group)
                case Kind.CALL:
                    is_model = _argument(group, child, self._names) if is_model is None else is_model
                    if is_model is None and not _passes_on(group):
                        return None
                    called = called or not _passes_on(group)
                    if _is_refused(group, weights=self._weights):
                        return None
                case Kind.MAP if self._is_answer(group):
                    return None
                case Kind.SCOPE:
                    if _is_mentioned_in(group) or (is_model is None and not _gives(group)):
                        return None
                    is_model = bool(is_model)
                case Kind.LIST if is_model is None:
                    option = self._option_before(group, child)
                    if option is not None:
                        is_model = known.is_model_key(option)
                        if not is_model:
                            return None
            child = group
        return Role(pair=pair, is_model=bool(is_model))

    def _is_answer(self, group: Node) -> bool:
        """Say whether a table is what a provider answers, rather than what it is asked."""
        if id(group) not in self._answers:
            self._answers[id(group)] = any(
                pair.name in _ANSWERS
                or (pair.name == "object" and pair.value is not None and pair.value.kind is Kind.TEXT)
                for pair in group.pairs()
            )
        return self._answers[id(group)]

    def _option_before(self, group: Node, child: Node) -> str | None:
        """Return the option that a value in a list follows: `["--model", "kimi-k2.6"]`."""
        if id(group) not in self._options:
            self._options[id(group)] = {
                id(after): before.name
                for before, after in itertools.pairwise(group.items)
                if before.kind is Kind.TEXT and before.name.startswith("-")
            }
        return self._options[id(group)].get(id(child))


def names_model(pair: Node) -> bool:
    """Say whether what stands under a name is a model: by the name, or by that of the option it is the default of."""
    if known.is_model_key(pair.name) or pair.name in ("primary", "fallbacks", "fallback"):
        return True
    if known.plain(pair.name) not in ("id", *_LOOKED_THROUGH):
        return False
    above = [node for node in pair.above() if node.kind is Kind.PAIR][:2]
    options = [node for node in pair.above() if node.kind is Kind.CALL][:1]
    named_so = [item.name for call in options for item in call.items[:2] if item.kind is Kind.TEXT]
    return any(known.is_model_key(node.name) for node in above) or any(map(known.is_model_key, named_so))


def _reads_model(choice: Node) -> bool:
    """Say whether a choice begins with a variable that is named for a model: `${KIMI_MODEL:-kimi-k2.6}`."""
    first = choice.items[0] if choice.items else None
    return (
        first is not None and first.kind is Kind.CALL and is_getenv(first) and known.is_model_key(first.items[0].name)
    )


def _is_mention(pair: Node, *, is_model: bool | None, called: bool) -> bool:
    """Say whether what stands under a name is only spoken of; what a call is made with is used, whatever its name."""
    if (known.is_bad_list(pair.name) and not called) or _is_alias(pair):
        return True
    return not is_model and known.is_prose_key(pair.name) and not known.is_model_key(pair.name)


def _is_alias(pair: Node) -> bool:
    """Say whether a name for a model is the project's own: LiteLLM's `model_name` beside its `litellm_params`."""
    if known.plain(pair.name) != "model_name" or pair.up is None:
        return False
    return any(item.name == "litellm_params" for item in pair.up.items)


def _argument(call: Node, child: Node, names: Names) -> bool | None:
    """Say whether an argument of a call is a model: True, or None when the call does not tell."""
    if call.label == "command" or child is call.head:
        return None
    last = call.name.replace("::", ".").rpartition(".")[2]
    if len(call.items) == 1 and known.is_model_key(last):
        return True
    if _MODEL_CALLS.search(known.plain(last)) or (
        call.name and "." not in call.name and known.provider_named(call.name)
    ):
        return True
    root = call.name.partition(".")[0]
    made = [pair.value for pair in names.given(root, call) if pair.value is not None and pair.label != "import"]
    makes = any(value.kind is Kind.CALL and "create" in value.name.lower() for value in made)
    return True if makes and call.name == root else None


def _passes_on(call: Node) -> bool:
    """Say whether a call only wraps a value, so that what it is given to tells what the value is."""
    last = call.name.replace("::", ".").rpartition(".")[2].rstrip("!")
    return last.lower() in _PASSES_ON and call.label != "command"


def _is_refused(call: Node, *, weights: bool) -> bool:
    name = known.plain(call.name)
    return bool(_WEIGHTS.search(name) or (weights and name == "llm") or _EXPECTS_FAILURE.search(call.name))


def _is_mentioned_in(scope: Node) -> bool:
    if scope.name == "with" and _EXPECTS_FAILURE.search(scope.label):
        return True
    return scope.name in ("function", "class") and known.is_bad_list(scope.label)


def _gives(scope: Node) -> bool:
    """Say whether a block hands out what stands alone in it: a `return`, a function that is one expression."""
    return scope.name == "return" or (scope.name == "function" and not scope.label and len(scope.items) <= 1)
