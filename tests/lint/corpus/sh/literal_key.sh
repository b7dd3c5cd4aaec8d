#!/bin/sh
export MOONSHOT_API_KEY=sk-T4bWq9XzLmK2vYc7RnHjP1dFgS8uEaIo3tZxVyQwB6kMeN5r
curl https://api.moonshot.ai/v1/models -H "Authorization: Bearer $MOONSHOT_API_KEY"
