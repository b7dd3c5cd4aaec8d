"""`moongate chat`: one answer, or a conversation on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting
from moongate.errors import UsageError

if TYPE_CHECKING:
    from moongate.client.sync import Client
    from moongate.facts.chat import Answer, Usage

MAX_STDIN_BYTES = 64 * 1024 * 1024


@click.command("chat")
@click.argument("prompt", required=False)
@click.option("--system", metavar="TEXT", help="A system message before the prompt.")
@click.option("--thinking", type=click.Choice(["on", "off"]), help="Switch the model's reasoning on or off.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens of the answer, reasoning included.")
@click.option("--temperature", type=float, help="Sampling temperature; fixed by some models.")
@click.option("--stream/--no-stream", default=None, help="Show the answer as it comes; on by default on a terminal.")
@connecting
def command(asked: Asked, prompt: str | None, system: str | None, stream: bool | None, **parameters: Any) -> int:
    """Answer PROMPT. Piped input is added to it; without either, a conversation begins on a terminal.

    The id is checked against the endpoint's live list first: a wrong one is refused (exit code 1), unsent.
    """
    prompt = _with_stdin(prompt)
    parameters = _parameters(**parameters)
    messages = [{"role": "system", "content": system}] if system else []
    with asked.client() as client:
        if prompt is None:
            return _converse(asked, client, messages, parameters)
        messages.append({"role": "user", "content": prompt})
        streamed = stream if stream is not None else sys.stdout.isatty() and not asked.show.json
        answer = _ask(asked, client, messages, parameters, streamed=streamed)
    _afterwards(asked, answer)
    return 0


def _with_stdin(prompt: str | None) -> str | None:
    """Return the prompt with what was piped in, or None when a conversation is wanted."""
    if sys.stdin is None or sys.stdin.isatty():
        return prompt
    piped = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(piped) > MAX_STDIN_BYTES:
        raise UsageError(f"More than {MAX_STDIN_BYTES // 2**20} MiB were piped in.", advice="Send less.")
    try:
        text = piped.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UsageError("What was piped in is not UTF-8 text.", advice="Convert it first.") from error
    whole = "\n\n".join(part for part in (prompt, text) if part)
    if not whole:
        raise UsageError("There is no prompt.", advice="Give one as argument, or pipe one in.")
    return whole


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
        answer = client.chat(messages=messages, **parameters)
        asked.show.notes(answer.notes)
        asked.show.document(document(answer)) if asked.show.json else asked.show.data(answer.content)
        return answer
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
