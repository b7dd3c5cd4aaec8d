@Configuration
public class Config {
    @Value("${kimi.model:kimi-k2.6}")
    private String model;
    private final String baseUrl = "https://openrouter.ai/api/v1";
    public Map<String, Object> body() {
        Map<String, Object> body = new HashMap<>();
        body.put("model", "kimi-k2.6");
        body.put("temperature", 0.3);
        return body;
    }
}
