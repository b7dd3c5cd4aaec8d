export const Models = () => (
  <select defaultValue="kimi-k2.6">
    <option value="kimi-k2.6">Kimi K2.6</option>
    <option value="moonshotai/kimi-k2.6">via OpenRouter</option>
  </select>
);
