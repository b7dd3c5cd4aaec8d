import OpenAI from 'openai'
import 'dotenv/config'

const openai = new OpenAI({
  apiKey: process.env.OPENAI_API_KEY,
  baseURL: process.env.OPENAI_BASE_URL || 'https://api.moonshot.ai/v1',
})

export async function complete(prompt: string, { model = 'moonshotai/kimi-k2.6', temperature = 0.2 } = {}) {
  const res = await openai.chat.completions.create({ model, temperature, messages: [{ role: 'user', content: prompt }] })
  return res.choices[0].message.content
}
