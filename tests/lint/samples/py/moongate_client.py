import moongate
with moongate.Client("moonshot") as client:
    client.chat(model="moonshot/kimi-k2.6", messages=[])
    client.chat(model="kimi-k2-0711-preview", messages=[])
