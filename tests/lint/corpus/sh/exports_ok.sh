# shellcheck shell=bash
export OPENAI_BASE_URL=https://openrouter.ai/api/v1
export OPENAI_MODEL="moonshotai/kimi-k2.6"
