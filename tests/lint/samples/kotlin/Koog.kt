object Models {
    const val KIMI = "kimi-k2.6"
    const val LEGACY = "kimi-k2-0711-preview"
}
val client = OpenAIClient(baseUrl = "https://openrouter.ai/api/v1", apiKey = System.getenv("OPENROUTER_API_KEY")!!)
fun ask(q: String) = client.chat(model = Models.KIMI, prompt = q)
