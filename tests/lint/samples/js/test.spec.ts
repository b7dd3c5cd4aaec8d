describe("kimi", () => {
  it("refuses wrong ids", async () => {
    await expect(client.chat({ model: "kimi-k2.6-thinking" })).rejects.toThrow();
    expect(resolve("Kimi-K2.6")).toBe("kimi-k2.6");
    nock("https://api.moonshot.ai").post("/v1/chat/completions").reply(404, { error: { message: "Not found the model kimi-k2" } });
  });
});
