package com.example

import com.aallam.openai.api.model.ModelId
import com.aallam.openai.client.OpenAI
import com.aallam.openai.client.OpenAIHost

val openai = OpenAI(token = System.getenv("MOONSHOT_API_KEY"), host = OpenAIHost(baseUrl = "https://api.moonshot.ai/v1/"))
val model = ModelId("moonshot/kimi-k2-6")
