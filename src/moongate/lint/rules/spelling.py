"""MG005."""

from __future__ import annotations

from typing import ClassVar, Literal

from moongate.lint.rules.ids import IdRule


class Spelling(IdRule):
    """A listed id with other letter case or punctuation.

    ## What it does

    Reports an id that differs from exactly one listed id by letter case, dots, dashes, underscores or blanks alone.

    ## Why is this bad?

    Endpoints compare ids letter by letter: `Kimi-K2.6` and `kimi-k2-6` are not `kimi-k2.6`.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="Kimi-K2.6", messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```
    """

    code = "MG005"
    name = "id-spelling"
    fix: ClassVar[Literal["always", "sometimes", "never"]] = "sometimes"
    fixes = True
