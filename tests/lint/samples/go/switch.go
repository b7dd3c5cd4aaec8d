package x
func check(model string) error {
	switch model {
	case "kimi-k2-0711-preview", "kimi-latest":
		return errors.New("retired")
	}
	if strings.HasPrefix(model, "moonshot-v1-8k") { return nil }
	return nil
}
