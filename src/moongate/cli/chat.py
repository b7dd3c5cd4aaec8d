"""`moongate chat`: one answer, or a conversation on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from moongate.cli import inputs
from moongate.cli.options import Asked, connecting
from moongate.cli.show import on_terminal
from moongate.errors import UsageError

if TYPE_CHECKING:
    from moongate.client.sync import Client
    from moongate.facts.chat import Answer, Usage


@click.command("chat")
@click.argument("prompt", required=False)
@click.option("--system", metavar="TEXT", help="A system message before the prompt.")
@click.option("--image", "images", multiple=True, metavar="PATH|URL", help="An image to look at; may be repeated.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="A document whose text comes first.")
@click.option("--schema", metavar="FILE", help="A JSON schema that the answer must fit; it is checked.")
@click.option("--tools", metavar="FILE.py", help="Python functions that the model may call.")
@click.option("--thinking", type=click.Choice(["on", "off"]), help="Switch the model's reasoning on or off.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens of the answer, reasoning included.")
@click.option("--temperature", type=float, help="Sampling temperature; fixed by some models.")
@click.option("--rules", type=click.Choice(["raise", "fix", "pass"]), help="What happens to what the model refuses.")
@click.option("--stream/--no-stream", default=None, help="Show the answer as it comes; on by default on a terminal.")
@connecting
def command(asked: Asked, prompt: str | None, stream: bool | None, **given: Any) -> int:
    """Answer PROMPT. Piped input is added to it; without either, a conversation begins on a terminal.

    The id is checked against the endpoint's live list first: a wrong one is refused (exit code 1), unsent.
    """
    asked.flags["rules"] = given.pop("rules")
    prompt = inputs.with_stdin(prompt)
    images, files, schema, tools = (given.pop(name) for name in ("images", "files", "schema", "tools"))
    system = given.pop("system")
    if prompt is None and (images or schema or tools):
        raise UsageError("--image, --schema and --tools go with a prompt, not with a conversation.")
    if stream and (schema or tools):
        raise UsageError("--schema and --tools answer in one piece.", advice="Leave --stream out.")
    parameters = _parameters(**given)
    with asked.client(spends=True) as client:
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        messages += [dict(client.document(file)) for file in files]
        if prompt is None:
            return _converse(asked, client, messages, parameters)
        messages.append({"role": "user", "content": inputs.content(client, prompt, images)})
        if schema is not None or tools is not None:
            answer = _special(asked, client, messages, parameters, schema=schema, tools=tools)
        else:
            streamed = stream if stream is not None else on_terminal() and not asked.show.json
            answer = _ask(asked, client, messages, parameters, streamed=streamed)
    _afterwards(asked, answer)
    return 0


def _special(
    asked: Asked,
    client: Client,
    messages: list[dict[str, Any]],
    parameters: dict[str, Any],
    *,
    schema: str | None,
    tools: str | None,
) -> Answer:
    """Answer in the form of a schema, or with functions to call; both come in one piece."""
    if schema is not None and tools is not None:
        raise UsageError("--schema and --tools do not go together.", advice="Use one of them.")
    if schema is not None:
        answer = client.parse(inputs.schema(schema), messages=messages, **parameters).answer
    else:
        answer = client.run(messages=messages, tools=inputs.functions(tools or ""), **parameters).answer
    return _shown(asked, answer)


def _parameters(*, thinking: str | None, max_tokens: int | None, temperature: float | None) -> dict[str, Any]:
    switch = {"on": "enabled", "off": "disabled"}
    return {
        "thinking": {"type": switch[thinking]} if thinking else None,
        "max_tokens": max_tokens,
        "temperature": temperature,
    }


def _ask(
    asked: Asked, client: Client, messages: list[dict[str, Any]], parameters: dict[str, Any], *, streamed: bool
) -> Answer:
    """Send, show what comes, and return the whole answer."""
    if not streamed:
        return _shown(asked, client.chat(messages=messages, **parameters))
    with client.stream(messages=messages, **parameters) as stream:
        asked.show.notes(stream.notes)
        for chunk in stream:
            if asked.show.json and (chunk.content or chunk.reasoning or chunk.tool_calls):
                asked.show.line(
                    {"content": chunk.content, "reasoning": chunk.reasoning, "tool_calls": list(chunk.tool_calls)}
                )
            elif not asked.show.json:
                asked.show.data(chunk.content, end="")
        answer = stream.answer
    asked.show.line(document(answer)) if asked.show.json else asked.show.data()
    return answer


def _shown(asked: Asked, answer: Answer) -> Answer:
    asked.show.notes(answer.notes)
    asked.show.document(document(answer)) if asked.show.json else asked.show.data(answer.content)
    return answer


def _converse(asked: Asked, client: Client, messages: list[dict[str, Any]], parameters: dict[str, Any]) -> int:
    """Talk until the end of input. Ctrl-C stops an answer, not the conversation."""
    if asked.show.json:
        raise UsageError("A conversation has no JSON form.", advice="Give a prompt.")
    asked.show.talk(f"{client.model_name()} at {client.provider.title}; Ctrl-D ends")
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            asked.show.data()
            return 0
        if not line:
            continue
        messages.append({"role": "user", "content": line})
        try:
            answer = _ask(asked, client, messages, parameters, streamed=True)
        except KeyboardInterrupt:
            messages.pop()
            asked.show.talk("\n(stopped)")
            continue
        messages.append({"role": "assistant", "content": answer.content})


def _afterwards(asked: Asked, answer: Answer) -> None:
    if answer.finish_reason == "length":
        spent = " on reasoning" if not answer.content else ""
        asked.show.talk(f"note: the answer was cut off: max_tokens was used up{spent}; raise --max-tokens")
    if answer.finish_reason == "content_filter":
        asked.show.talk("note: the answer was cut off by the provider's content filter")


def document(answer: Answer) -> dict[str, Any]:
    """Return the JSON form of an answer."""
    return {
        "id": answer.id,
        "model": answer.model,
        "asked_model": answer.asked_model,
        "content": answer.content,
        "reasoning": answer.reasoning,
        "tool_calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "usage": _usage(answer.usage),
        "cost": None
        if answer.cost is None
        else {
            "amount": answer.cost.money.amount,
            "currency": answer.cost.money.currency,
            "basis": answer.cost.basis,
        },
    }


def _usage(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }
