class Kimi(private val key: String) {
    private val baseUrl = "https://api.moonshot.ai/v1"
    suspend fun ask(q: String) = client.post("$baseUrl/chat/completions") {
        bearerAuth(key)
        setBody(buildJsonObject {
            put("model", "kimi-k2.5")
            put("temperature", 0.3)
        })
    }
}
