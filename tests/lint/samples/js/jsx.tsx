<ChatProvider model="moonshotai/kimi-k2.6" baseURL="https://api.moonshot.ai/v1" temperature={0.3} />;
