<?php

require 'vendor/autoload.php';

$client = OpenAI::factory()
    ->withApiKey(getenv('MOONSHOT_API_KEY'))
    ->withBaseUri('https://api.moonshot.ai/v1')
    ->make();

$result = $client->chat()->create([
    'model' => 'moonshotai/kimi-k2.6',
    'messages' => [['role' => 'user', 'content' => 'hi']],
]);
