@Bean
ChatClient kimi() {
  var api = OpenAiApi.builder().baseUrl("https://api.moonshot.ai").apiKey(key).build();
  var options = OpenAiChatOptions.builder().model("kimi-k2-turbo-preview").temperature(0.7).build();
  return ChatClient.create(new OpenAiChatModel(api, options));
}
