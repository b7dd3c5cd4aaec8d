var kernel = Kernel.CreateBuilder()
    .AddOpenAIChatCompletion(modelId: "kimi-k2-0905-preview", endpoint: new Uri("https://api.moonshot.ai/v1"), apiKey: key)
    .Build();
var settings = new OpenAIPromptExecutionSettings { Temperature = 0.2 };
