def test_stream(server):
    chunk = {"id": "chatcmpl-1", "model": "kimi-k2-0711-preview", "choices": [{"delta": {"content": "hi"}}]}
    server.reply(chunk)
    assert client.last_model == "kimi-k2-0711-preview"
