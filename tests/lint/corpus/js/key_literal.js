const MOONSHOT_API_KEY = "sk-9dKqT2mZx7LwB4vNcR8yHfJ1sPgU6eAoXi3tQkWnEr5MbVh0";
const client = new OpenAI({ baseURL: "https://api.moonshot.ai/v1", apiKey: MOONSHOT_API_KEY });
