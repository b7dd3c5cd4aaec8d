package main

import (
	"context"
	"os"

	openai "github.com/sashabaranov/go-openai"
)

const model = "moonshotai/kimi-k2.6"

func main() {
	config := openai.DefaultConfig(os.Getenv("MOONSHOT_API_KEY"))
	config.BaseURL = "https://api.moonshot.ai/v1"
	client := openai.NewClientWithConfig(config)
	resp, err := client.CreateChatCompletion(context.Background(), openai.ChatCompletionRequest{
		Model:       model,
		Temperature: 0.3,
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleUser, Content: "hi"},
		},
	})
	_ = resp
	_ = err
}
