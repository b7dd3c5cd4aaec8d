"""Ways to tell findings: text for people, JSON, SARIF 2.1.0, GitHub annotations."""
