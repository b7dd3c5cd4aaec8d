<?php
class Kimi {
    private string $base = 'https://api.moonshot.ai/v1';
    private string $model = 'kimi-k2-turbo-preview';
    public function ask(string $q): array {
        return $this->http->post($this->base . '/chat/completions', ['json' => ['model' => $this->model, 'messages' => [['role' => 'user', 'content' => $q]]]]);
    }
}
