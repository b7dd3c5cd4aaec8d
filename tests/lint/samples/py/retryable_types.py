import os
BASE_URL = "https://api.moonshot.ai/v1"
RETRYABLE = {"rate_limit_reached_error", "engine_overloaded_error", "exceeded_current_quota_error"}
FATAL = {"invalid_authentication_error", "exceeded_current_quota_error"}
