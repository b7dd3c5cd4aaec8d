package kimi
const baseURL = "https://api.moonshot.ai/v1"
var defaultModel = "kimi-k2.6"
type Request struct {
	Model       string    `json:"model"`
	Temperature float64   `json:"temperature"`
}
func Ask(ctx context.Context, q string) error {
	body, _ := json.Marshal(Request{Model: defaultModel, Temperature: 0.2})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("kimi-k2: %w", err)
	}
	return nil
}
