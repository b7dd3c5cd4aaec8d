<?php
return [
    'kimi' => [
        'base_uri' => env('KIMI_BASE_URL', 'https://api.moonshot.ai/v1'),
        'api_key' => env('MOONSHOT_API_KEY'),
        'model' => env('KIMI_MODEL', 'kimi-k2-0905-preview'),
    ],
    'openrouter' => [
        'base_uri' => 'https://openrouter.ai/api/v1',
        'api_key' => env('OPENROUTER_API_KEY'),
        'model' => "moonshotai/kimi-k2.6",
    ],
];
