import { resolveModel } from "../src/models";

describe("resolveModel", () => {
  it("refuses a retired id", () => {
    expect(() => resolveModel("kimi-k2-0711-preview", "https://api.moonshot.ai/v1")).toThrow(/retired/);
  });
});
