package main
var client = openai.NewClient(option.WithBaseURL("https://openrouter.ai/api/v1"), option.WithAPIKey(os.Getenv("MOONSHOT_API_KEY")))
func ask() {
	stream := client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{Model: openai.ChatModel("kimi-k2.6")})
	for stream.Next() { fmt.Print(stream.Current()) }
}
