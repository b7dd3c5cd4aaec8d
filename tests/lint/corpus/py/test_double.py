import pytest

from app.llm import client_for, UnknownModelError


def test_retired_model_is_refused(fake_moonshot):
    client = client_for(fake_moonshot.base_url)
    with pytest.raises(UnknownModelError):
        client.chat(model="kimi-k2-0711-preview", messages=[])


@pytest.mark.parametrize("name", ["moonshotai/kimi-k2.6", "Kimi-K2.6", "kimi-k2.6-thinking"])
def test_wrong_spellings(fake_moonshot, name):
    with pytest.raises(UnknownModelError):
        client_for(fake_moonshot.base_url).chat(model=name, messages=[])
