import litellm
r = litellm.completion(model="moonshot/kimi-k2-0905-preview", messages=[])
r = litellm.completion(model="moonshot/kimi-k2.6", messages=[], temperature=0.3)
r = litellm.completion(model="openrouter/moonshotai/kimi-k2.6", messages=[])
r = litellm.completion(model="openrouter/moonshotai/Kimi-K2.6", messages=[])
r = litellm.completion(model="gpt-4o", messages=[])
