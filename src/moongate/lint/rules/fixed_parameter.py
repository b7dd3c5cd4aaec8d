"""MG030."""

from __future__ import annotations

from moongate.lint.rules.parameters import ParameterRule


class FixedParameter(ParameterRule):
    """A parameter that the model takes with one value only.

    ## What it does

    Reports sampling parameters beside a Kimi model at Moonshot whose value it refuses. Values that are not constants
    are not judged.

    ## Why is this bad?

    `kimi-k2.6` samples at temperature 1 while it thinks and at 0.6 with thinking disabled; everything else is
    answered with 400 `invalid temperature: only 1 is allowed for this model`. Older models took any value, so old
    code fails on the day that its id is updated.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="kimi-k2.6", temperature=0.3, messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="kimi-k2.6", messages=messages)
    ```
    """

    code = "MG030"
    name = "fixed-parameter"
    rows = frozenset(
        "temperature-thinking temperature-not-thinking temperature-fixed temperature-range top-p-fixed top-p-range"
        " n-fixed n-range presence-penalty-fixed presence-penalty-range frequency-penalty-fixed"
        " frequency-penalty-range thinking-always".split()
    )
