llm -m moonshot/kimi-k2.6 "hi"
moongate chat hi -m kimi-k2.6 -p moonshot
vllm serve moonshotai/Kimi-K2-Instruct --served-model-name kimi-k2
ollama run kimi-k2.6:cloud
huggingface-cli download moonshotai/Kimi-K2.6
