import click
@click.command()
@click.option("--model", default="kimi-k2.5", show_default=True)
@click.option("--api-base", default="https://api.moonshot.ai/v1")
def main(model, api_base):
    run(model, api_base)
