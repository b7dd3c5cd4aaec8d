module.exports = { env: { NEXT_PUBLIC_MODEL: "kimi-k2.6" }, images: { domains: ["platform.moonshot.ai"] } };
