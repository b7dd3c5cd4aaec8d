package llm

import "testing"

func TestRefusesRetired(t *testing.T) {
	if _, err := Resolve("kimi-k2-0711-preview"); err == nil {
		t.Fatal("expected an error")
	}
}
