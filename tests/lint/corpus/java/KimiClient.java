package com.example.llm;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.models.chat.completions.ChatCompletionCreateParams;

public final class KimiClient {
    private static final String BASE_URL = "https://api.moonshot.ai/v1";
    private static final String MODEL = "kimi-k2.5";

    private final OpenAIClient client = OpenAIOkHttpClient.builder()
            .apiKey(System.getenv("MOONSHOT_API_KEY"))
            .baseUrl(BASE_URL)
            .build();

    public String ask(String text) {
        var params = ChatCompletionCreateParams.builder().model(MODEL).addUserMessage(text).build();
        return client.chat().completions().create(params).choices().get(0).message().content().orElse("");
    }
}
