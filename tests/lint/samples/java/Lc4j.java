public class Lc4j {
    ChatLanguageModel model = OpenAiChatModel.builder()
        .baseUrl("https://openrouter.ai/api/v1")
        .apiKey(System.getenv("OPENROUTER_API_KEY"))
        .modelName("kimi-k2.6")
        .build();
}
