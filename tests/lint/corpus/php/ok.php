<?php
// moonshotai/kimi-k2.6 is OpenRouter's
$base = "https://api.moonshot.ai/v1";
$payload = ["model" => "kimi-k2.6", "messages" => $messages];
