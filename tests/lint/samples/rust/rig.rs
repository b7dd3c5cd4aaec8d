use rig::providers::moonshot;
let client = moonshot::Client::from_env();
let agent = client.agent("kimi-k2-thinking").preamble("x").temperature(0.2).build();
