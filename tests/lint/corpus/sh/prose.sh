#!/bin/sh
# The old script used kimi-k2-0711-preview at https://api.moonshot.ai/v1
echo "see the docs"
