val openAI = OpenAI(
    token = System.getenv("MOONSHOT_API_KEY"),
    host = OpenAIHost(baseUrl = "https://api.moonshot.ai/v1/"),
)
suspend fun ask() {
    val request = ChatCompletionRequest(
        model = ModelId("kimi-k2-thinking"),
        temperature = 0.3,
        messages = listOf(ChatMessage(role = ChatRole.User, content = "hi ${name}")),
    )
    openAI.chatCompletion(request)
}
