"""`moongate snippet`: a ready example whose id the endpoint lists."""

from __future__ import annotations

import json
from string import Template

import click

from moongate.cli.options import Asked, connecting
from moongate.errors import ProviderChoiceError

PYTHON = Template("""\
# $note
import os

from openai import OpenAI

client = OpenAI(base_url=$base_url, api_key=os.environ[$variable])
answer = client.chat.completions.create(
    model=$model,
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)
""")
CURL = Template("""\
# $note
curl -sS $url \\
  -H "Authorization: Bearer $$$name" \\
  -H "Content-Type: application/json" \\
  -d '{"model": $model, "messages": [{"role": "user", "content": "Say hello."}]}'
""")
JAVASCRIPT = Template("""\
// $note
const response = await fetch($url, {
  method: "POST",
  headers: {
    Authorization: `Bearer $${process.env.$name}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    model: $model,
    messages: [{ role: "user", content: "Say hello." }],
  }),
});
if (!response.ok) throw new Error(await response.text());
const answer = await response.json();
console.log(answer.choices[0].message.content);
""")
LANGUAGES = {"python": PYTHON, "curl": CURL, "javascript": JAVASCRIPT}


@click.command("snippet")
@click.option(
    "--lang",
    type=click.Choice(list(LANGUAGES)),
    default="python",
    show_default=True,
    help="The language of the example.",
)
@connecting
def command(asked: Asked, lang: str) -> int:
    """Print a program that sends one chat, with an id that this endpoint lists for this key.

    The key stays out of it: the program reads the key variable. JavaScript runs as a module (Node 18 or later).
    """
    if asked.settings.is_local:
        raise ProviderChoiceError(
            "The embedded model has no address that outlives this command.",
            advice="Run `moongate serve`, then set MOONSHOT_BASE_URL and MOONSHOT_API_KEY to what it says.",
        )
    with asked.client() as client:
        permit = client.guard.allow(client.model_name())
        row = client.provider
        fetched_at = client.models().fetched_at
    asked.show.notes(permit.notes)
    text = LANGUAGES[lang].substitute(_words(asked, lang, row.base_url, permit.id, fetched_at))
    asked.show.document({"lang": lang, "model": permit.id, "code": text}) if asked.show.json else asked.show.data(
        text, end=""
    )
    return 0


def _words(asked: Asked, lang: str, base_url: str, model: str, fetched_at: float) -> dict[str, str]:
    from time import gmtime, strftime

    settings = asked.settings
    environment = settings.key is not None and settings.key.source in settings.row.key_variables
    name = settings.key.source if environment and settings.key else (*settings.row.key_variables, "API_KEY")[0]
    when = strftime("%Y-%m-%d %H:%M UTC", gmtime(fetched_at))
    quoted_model = json.dumps(model)
    url = f"{base_url}/chat/completions"
    return {
        "note": f"{model} was in the live list of {base_url} on {when}.",
        "base_url": json.dumps(base_url),
        "url": url if lang == "curl" else json.dumps(url),
        "variable": json.dumps(name),
        "name": name,
        "model": quoted_model,
    }
