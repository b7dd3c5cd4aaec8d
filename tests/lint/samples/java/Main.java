package demo;
public class Main {
    private static final String MODEL = "Kimi-K2.6";
    public static void main(String[] args) {
        OpenAIClient client = OpenAIOkHttpClient.builder()
            .apiKey(System.getenv("MOONSHOT_API_KEY"))
            .baseUrl("https://api.moonshot.ai/v1")
            .build();
        ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
            .model(MODEL)
            .temperature(0.3)
            .addUserMessage("Say 'hi'")
            .build();
        client.chat().completions().create(params);
    }
}
