object Config {
    const val BASE_URL = "https://api.moonshot.cn/v1"
    const val MODEL = "moonshot-v1-32k"
}
