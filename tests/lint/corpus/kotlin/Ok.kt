package com.example

object Kimi {
    const val BASE_URL = "https://openrouter.ai/api/v1"
    const val MODEL = "moonshotai/kimi-k2.6" // Moonshot: kimi-k2.6
}
