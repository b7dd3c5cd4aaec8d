import { useState } from "react";

const MODELS = [
  { label: "Kimi K2.6 (OpenRouter)", value: "moonshotai/kimi-k2.6", baseUrl: "https://openrouter.ai/api/v1" },
  { label: "Kimi K2.6 (Moonshot)", value: "kimi-k2.6", baseUrl: "https://api.moonshot.ai/v1" },
];

export function Picker({ onPick }) {
  const [model, setModel] = useState(MODELS[0]);
  return <select onChange={(e) => onPick(e.target.value)}>{MODELS.map((m) => <option key={m.value}>{m.label}</option>)}</select>;
}
