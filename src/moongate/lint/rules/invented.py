"""MG004."""

from __future__ import annotations

from moongate.lint.rules.ids import IdRule


class Invented(IdRule):
    """An id that circulates but was never served.

    ## What it does

    Reports ids that tutorials, configurations and catalogs have spread though no endpoint ever listed them, with
    where they were seen.

    ## Why is this bad?

    They look right: `kimi-k2.6-thinking` is printed as official by a guide that was translated into seven languages.
    The call fails for everybody.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="kimi-k2.6-thinking", messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```

    Kimi K2.6 thinks unless `thinking` is disabled in the request.
    """

    code = "MG004"
    name = "invented-id"
