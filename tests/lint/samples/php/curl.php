<?php
$data = ['model' => 'kimi-k2.6', 'top_p' => 0.5, 'messages' => []];
$ch = curl_init('https://api.moonshot.ai/v1/chat/completions');
curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($data));
