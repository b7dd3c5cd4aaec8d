class Http {
  static final String BODY = """
      {"model": "kimi-k2-thinking", "messages": [{"role": "user", "content": "hi"}]}
      """;
  HttpRequest request() {
    return HttpRequest.newBuilder(URI.create("https://api.moonshot.ai/v1/chat/completions"))
        .header("Authorization", "Bearer " + System.getenv("MOONSHOT_API_KEY"))
        .POST(HttpRequest.BodyPublishers.ofString(BODY)).build();
  }
}
