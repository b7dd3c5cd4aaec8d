from vllm import LLM
from transformers import AutoTokenizer
tok = AutoTokenizer.from_pretrained("moonshotai/Kimi-K2-Instruct")
llm = LLM(model="moonshotai/Kimi-K2-Instruct", trust_remote_code=True)
