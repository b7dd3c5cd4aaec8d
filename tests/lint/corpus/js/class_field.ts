import OpenAI from "openai";

export class KimiService {
  private readonly model = "moonshot-v1-128k";
  private readonly client: OpenAI;

  constructor(apiKey: string) {
    this.client = new OpenAI({ apiKey, baseURL: "https://api.moonshot.cn/v1" });
  }

  async ask(question: string): Promise<string> {
    const r = await this.client.chat.completions.create({
      model: this.model,
      messages: [{ role: "user", content: question }],
    });
    return r.choices[0].message.content ?? "";
  }
}
