package com.example.llm;

import dev.langchain4j.model.openai.OpenAiChatModel;

class Router {
    OpenAiChatModel model() {
        return OpenAiChatModel.builder()
                .baseUrl("https://openrouter.ai/api/v1")
                .apiKey(System.getenv("OPENROUTER_API_KEY"))
                .modelName("moonshotai/kimi-k2.6")
                .build();
    }

    OpenAiChatModel direct() {
        return OpenAiChatModel.builder()
                .baseUrl("https://api.moonshot.ai/v1")
                .apiKey(System.getenv("MOONSHOT_API_KEY"))
                .modelName("moonshotai/kimi-k2.6")
                .build();
    }
}
