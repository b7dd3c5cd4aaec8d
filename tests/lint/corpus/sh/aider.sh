#!/bin/sh
aider --model openrouter/moonshotai/kimi-k2.6
aider --model moonshot/kimi-k2-0711-preview
