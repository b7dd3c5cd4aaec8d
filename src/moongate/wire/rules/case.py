"""One request under judgement: its body, its model, and the few facts that several rules ask for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moongate.facts.models import Model
from moongate.wire.rules.records import Step
from moongate.wire.rules.rows import Plan

_FLAGS = {"image": "supports_image_in", "video": "supports_video_in"}


class Case:
    """A body and what is known of its model; what the list says counts before what the rows say."""

    __slots__ = ("body", "model", "plan")

    def __init__(self, body: Mapping[str, Any], model: Model | None, plan: Plan) -> None:
        self.body = body
        self.model = model
        self.plan = plan

    @property
    def raw(self) -> Mapping[str, Any]:
        """The model's row of the list, empty where there is none."""
        return self.model.raw if self.model is not None else {}

    @property
    def thinking(self) -> bool:
        """Whether the model thinks about this request."""
        thinks = self.plan.family.thinks
        if thinks == "always":
            return True
        if thinks == "never" or (self.model is not None and self.model.reasoning is False):
            return False
        asked = self.body.get("thinking")
        return not (isinstance(asked, Mapping) and asked.get("type") == "disabled")

    @property
    def window(self) -> int | None:
        """The context window in tokens, None where nothing says it."""
        listed = self.model.context_length if self.model is not None else None
        return listed or self.plan.family.window

    def takes(self, medium: str) -> bool | None:
        """Say whether the model takes images or videos, None where nothing says it."""
        listed = self.raw.get(_FLAGS[medium])
        if isinstance(listed, bool):
            return listed
        known = self.plan.family.input
        return None if known is None else medium in known

    @property
    def only_thinks(self) -> bool | None:
        """Whether the list says that thinking cannot be turned off, None where it does not say."""
        listed = self.raw.get("supports_thinking_type")
        return None if listed is None else listed == "only"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A rule that a place in the body breaks; `said` fills the server's words."""

    rule: str
    path: tuple[Step, ...]
    value: Any
    said: Mapping[str, object] | None = None
    detail: str = ""  # for people, after what is allowed
    set_to: Any = None
    mend: bool = False


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def kind_of(value: object) -> str:
    """Name a JSON type as Moonshot's messages do: every number is a "number"."""
    names = {bool: "boolean", str: "string", list: "array", tuple: "array", type(None): "null"}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return names.get(type(value), "object")


def written(path: tuple[Step, ...]) -> str:
    """Write a place as people do: messages[2].role."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
