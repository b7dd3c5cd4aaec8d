"""The embedded model: its weights on this disk, and a llama.cpp server in a child process on a loopback port.

For first steps, demonstrations and tests without a key. It is not Kimi and never calls itself so. Once started it
is an ordinary OpenAI-style upstream; this room knows nothing about chat, lists or prices.
"""
