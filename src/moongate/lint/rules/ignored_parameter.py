"""MG031."""

from __future__ import annotations

from typing import ClassVar

from moongate.lint.finding import Severity
from moongate.lint.rules.parameters import ParameterRule


class IgnoredParameter(ParameterRule):
    """A parameter that the endpoint ignores.

    ## What it does

    Reports parameters that an endpoint accepts with status 200 and does nothing with: `thinking` and the sampling
    parameters at AIMLAPI, `reasoning_effort` on Kimi K2.x, `seed` and others of OpenAI's at Moonshot.

    ## Why is this bad?

    The code says that thinking is off, or that answers repeat; they do not, and thinking is billed.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.aimlapi.com/v1", api_key=os.environ["AIMLAPI_API_KEY"])
    client.chat.completions.create(
        model="moonshot/kimi-k2-6", messages=messages, extra_body={"thinking": {"type": "disabled"}}
    )
    ```

    ## Use instead

    Leave the parameter out, or ask an endpoint that obeys it.

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    off = {"thinking": {"type": "disabled"}}
    client.chat.completions.create(model="kimi-k2.6", messages=messages, extra_body=off)
    ```
    """

    code = "MG031"
    name = "ignored-parameter"
    severity: ClassVar[Severity] = "warning"
    rows = frozenset({"aimlapi-dropped", "effort-ignored", "undocumented"})
