import typer
from openai import OpenAI
app = typer.Typer()
@app.command()
def main(prompt: str, model: str = typer.Option("kimi-k2-thinking", "--model", "-m"), base_url: str = typer.Option("https://api.moonshot.ai/v1")):
    client = OpenAI(base_url=base_url)
    print(client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}]))
