package main
func run() {
	client := openai.NewClient(
		option.WithAPIKey(os.Getenv("MOONSHOT_API_KEY")),
		option.WithBaseURL("https://api.moonshot.ai/v1"),
	)
	resp, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model: "kimi-k2.6",
		Temperature: openai.Float(0.3),
	})
}
