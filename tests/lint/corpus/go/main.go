package main

import (
	"context"
	"os"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
)

func main() {
	client := openai.NewClient(
		option.WithAPIKey(os.Getenv("MOONSHOT_API_KEY")),
		option.WithBaseURL("https://api.moonshot.ai/v1"),
	)
	client.Chat.Completions.New(context.Background(), openai.ChatCompletionNewParams{
		Model: "moonshotai/kimi-k2.6",
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.UserMessage("hi"),
		},
	})
}
