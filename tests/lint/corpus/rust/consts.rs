pub const MOONSHOT_API_BASE_URL: &str = "https://api.moonshot.ai/v1";

/// `kimi-k2` model
pub const KIMI_K2_5: &str = "kimi-k2.5";
pub const KIMI_K2_6: &str = "kimi-k2.6";
