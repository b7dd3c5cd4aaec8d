using OpenAI;
var options = new OpenAIClientOptions { Endpoint = new Uri("https://api.moonshot.ai/v1") };
var client = new ChatClient(model: "moonshotai/kimi-k2.6", credential: new ApiKeyCredential(Environment.GetEnvironmentVariable("MOONSHOT_API_KEY")), options: options);
