import litellm

response = litellm.completion(model="moonshot/kimi-k2.6", messages=[{"role": "user", "content": "hi"}])
routed = litellm.completion(model="openrouter/moonshotai/kimi-k2.6", messages=[{"role": "user", "content": "hi"}])
aiml = litellm.completion(model="aiml/moonshot/kimi-k2-6", messages=[{"role": "user", "content": "hi"}])
