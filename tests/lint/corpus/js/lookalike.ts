export const endpoints = {
  moonshot: "https://api.moonshot.com/v1",
  openrouter: "https://openrouter.ai/api/v1",
};
