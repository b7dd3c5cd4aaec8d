"""MG032."""

from __future__ import annotations

from moongate.lint.rules.parameters import ParameterRule


class ForcedTool(ParameterRule):
    """A tool call that is forced while the model thinks.

    ## What it does

    Reports `tool_choice` with `required` or a named function beside a Kimi K2.x model whose thinking is not disabled.

    ## Why is this bad?

    Moonshot answers 400: `tool_choice 'required' is incompatible with thinking enabled`. Thinking is on by default.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    client.chat.completions.create(model="kimi-k2.6", messages=messages, tools=tools, tool_choice="required")
    ```

    ## Use instead

    ```python
    client.chat.completions.create(
        model="kimi-k2.6",
        messages=messages,
        tools=tools,
        tool_choice="required",
        extra_body={"thinking": {"type": "disabled"}},
    )
    ```
    """

    code = "MG032"
    name = "forced-tool"
    rows = frozenset({"tool-choice-thinking"})
