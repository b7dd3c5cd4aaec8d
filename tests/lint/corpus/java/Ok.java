/** Kimi through Moonshot. The id there is kimi-k2.6; moonshot/kimi-k2-6 is AIMLAPI's. */
class Ok {
    static final String BASE = "https://api.aimlapi.com/v1";
    static final String MODEL = "moonshot/kimi-k2-6";
}
