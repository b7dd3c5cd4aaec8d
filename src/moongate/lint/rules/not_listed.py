"""MG001."""

from __future__ import annotations

from moongate.lint.rules.ids import IdRule


class NotListed(IdRule):
    """An id that the endpoint beside it does not list.

    ## What it does

    Reports a model id that the endpoint it is meant for does not list, and that nothing explains better: it is no
    other endpoint's spelling, was not retired and is no known invention. Mostly it is a misspelling; the nearest
    listed ids are named.

    ## Why is this bad?

    The call fails, with 404 at Moonshot, 400 at OpenRouter, 401 at Kimi Code, and a message that rarely says what is
    wrong.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="kimi-k2.66", messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```

    Without a list at hand the finding rests on dated hints and says so; an id newer than the hints is only a warning.
    Save lists with `moongate models --save DIR` and give them with `--lists DIR`.
    """

    code = "MG001"
    name = "not-listed"
