from litellm import acompletion, completion

response = completion(model="moonshot/kimi-k2-6", messages=[{"role": "user", "content": "hi"}])
other = completion(model="openrouter/moonshotai/Kimi-K2.6", messages=[{"role": "user", "content": "hi"}])
old = completion(model="moonshot/kimi-k2-turbo-preview", messages=[{"role": "user", "content": "hi"}])
