<?php

return [
    'base_url' => env('LLM_BASE_URL', 'https://api.moonshot.ai/v1'),
    'model' => env('LLM_MODEL', 'kimi-k2-thinking'),
];
