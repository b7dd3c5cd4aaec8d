class Host {
    static final String BASE = "https://api.moonshot.com/v1";
    static final String MODEL = "kimi-k2.6";
}
