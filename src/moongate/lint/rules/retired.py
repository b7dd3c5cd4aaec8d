"""MG003."""

from __future__ import annotations

from moongate.lint.rules.ids import IdRule


class Retired(IdRule):
    """An id that the endpoint has ended.

    ## What it does

    Reports an id that its endpoint does not list and that is known to have been retired there, with the day.

    ## Why is this bad?

    The code worked once. It now answers 404, and a key check that uses such an id calls good keys bad.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="kimi-k2-0711-preview", messages=messages)
    ```

    ## Use instead

    An id that is listed today. Which one fits is not for a linter to decide: price, context and behaviour differ, so
    there is no fix.

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```
    """

    code = "MG003"
    name = "retired-id"
