"""MG006."""

from __future__ import annotations

from typing import ClassVar

from moongate.lint.finding import Severity
from moongate.lint.rules.ids import IdRule


class Floating(IdRule):
    """An id that its provider re-points to newer models.

    ## What it does

    Reports ids such as OpenRouter's `~moonshotai/kimi-latest`: listed, but another model next month. Kimi Code is
    left alone: all its documented ids float.

    ## Why is this bad?

    Price, context window, accepted parameters and behaviour change on a day that somebody else chooses.

    ## Example

    ```python
    client = OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"])
    client.chat.completions.create(model="~moonshotai/kimi-latest", messages=messages)
    ```

    ## Use instead

    ```python
    client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=messages)
    ```
    """

    code = "MG006"
    name = "floating-id"
    severity: ClassVar[Severity] = "warning"
