export class KimiClient {
  private readonly baseUrl = "https://api.moonshot.ai/v1";
  private model: string = "kimi-k2-thinking";
  constructor(private apiKey: string) {}
  async chat(messages: Message[]): Promise<string> {
    const res = await fetch(`${this.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.apiKey}` },
      body: JSON.stringify({ model: this.model, messages, temperature: 0.3 }),
    });
    return (await res.json()).choices[0].message.content;
  }
}
