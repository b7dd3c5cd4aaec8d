export class KimiClient {
  private readonly baseUrl = "https://api.moonshot.ai/v1";
  private model: string = "kimi-k2.6";
  constructor(private apiKey: string) {}
  async chat(messages: Message[]): Promise<string> {
    const res = await fetch(`${this.baseUrl}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: this.model, messages, temperature: 0.3 }),
    });
    return (await res.json()).choices[0].message.content;
  }
}
