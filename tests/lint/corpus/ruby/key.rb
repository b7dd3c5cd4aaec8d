client = OpenAI::Client.new(access_token: "sk-Zk8Lm3Qw7Er1Ty5Ui9Op2As6Df4Gh0JxCvBnM8qWzXtRyUpL", uri_base: "https://api.moonshot.ai/v1")
