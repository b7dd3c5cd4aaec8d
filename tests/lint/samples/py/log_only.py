import logging
log = logging.getLogger("kimi")
log.warning("kimi-k2-0711-preview is gone")
raise SystemExit("use kimi-k2.6 instead of moonshotai/kimi-k2.6 at https://api.moonshot.ai/v1")
