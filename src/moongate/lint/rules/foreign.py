"""MG002."""

from __future__ import annotations

from typing import ClassVar, Literal

from moongate.lint.rules.ids import IdRule


class Foreign(IdRule):
    """An id that belongs to another endpoint.

    ## What it does

    Reports a model id that the endpoint it is meant for does not list, and that is how another endpoint, or a client
    library's routing, spells it. Where the endpoint lists the same model under one id of its own, that is what
    `--fix` writes.

    ## Why is this bad?

    The same model is `kimi-k2.6` at Moonshot, `moonshotai/kimi-k2.6` at OpenRouter and `moonshot/kimi-k2-6` at
    AIMLAPI. None of them knows the others' names: the call fails in production, not in the editor.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```

    A foreign id is right at a gateway of your own: ids at a host that nobody knows are not judged.
    """

    code = "MG002"
    name = "foreign-id"
    fix: ClassVar[Literal["always", "sometimes", "never"]] = "sometimes"
    fixes = True
