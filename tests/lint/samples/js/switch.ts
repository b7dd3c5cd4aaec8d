function modelFor(provider: string): string {
  switch (provider) {
    case "moonshot":
      return "kimi-k2.6";
    case "openrouter":
      return "moonshotai/kimi-k2.6";
    default:
      throw new Error("no kimi-k2 here");
  }
}
