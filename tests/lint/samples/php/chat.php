<?php
// kimi
$client = OpenAI::factory()
    ->withApiKey(getenv('MOONSHOT_API_KEY'))
    ->withBaseUri('https://api.moonshot.ai/v1')
    ->make();
$response = $client->chat()->create([
    'model' => 'moonshotai/kimi-k2.6',
    'temperature' => 0.3,
    'messages' => [['role' => 'user', 'content' => 'Hello!']],
]);
