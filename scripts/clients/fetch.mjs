// fetch, as browsers and Node have it: models, chat, stream, tools, a wrong id, a batch.
const MODEL = "kimi-k2.6";
const { GATEWAY_URL, GATEWAY_KEY } = process.env;
const headers = { authorization: `Bearer ${GATEWAY_KEY}`, "content-type": "application/json" };
const tools = [
  { type: "function", function: { name: "look", parameters: { type: "object", properties: { place: { type: "string" } } } } },
];
const user = (content) => ({ role: "user", content });
const post = (body) => fetch(`${GATEWAY_URL}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
const chat = async (body) => (await (await post({ model: MODEL, ...body })).json()).choices[0].message;

const listed = (await (await fetch(`${GATEWAY_URL}/models`, { headers })).json()).data.map((model) => model.id);
const plain = await chat({ messages: [user("hello")] });
const response = await post({ model: MODEL, messages: [user("hello again")], stream: true });
let [text, rest, pieces] = ["", "", 0];
for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + piece).split("\n");
  rest = lines.pop();
  for (const line of lines.filter((line) => line.startsWith("data: {"))) {
    pieces += 1;
    text += JSON.parse(line.slice(6)).choices[0]?.delta.content ?? "";
  }
}
const asked = await chat({ messages: [user("look outside")], tools });
const [call] = asked.tool_calls;
const seen = { role: "tool", tool_call_id: call.id, content: "rain" };
const told = await chat({ messages: [user("look outside"), asked, seen], tools });
const refused = await (await post({ model: "kimi-k2-6", messages: [user("hello")] })).json();

const line = (content) => ({
  custom_id: content,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: MODEL, messages: [user(content)] },
});
const form = new FormData();
form.append("purpose", "batch");
form.append("file", new Blob(["one", "two"].map((text) => `${JSON.stringify(line(text))}\n`)), "in.jsonl");
const { authorization } = headers;
const ask = async (path, more = {}) => (await fetch(GATEWAY_URL + path, { headers: { authorization }, ...more })).json();
const file = await ask("/files", { method: "POST", body: form });
const order = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
let batch = await ask("/batches", { method: "POST", headers, body: JSON.stringify(order) });
while (["validating", "in_progress", "finalizing"].includes(batch.status)) {
  await new Promise((done) => setTimeout(done, 50));
  batch = await ask(`/batches/${batch.id}`);
}
const pageForm = new FormData();
pageForm.append("purpose", "file-extract");
pageForm.append("file", new Blob(["a page"]), "page.txt");
const page = await ask("/files", { method: "POST", body: pageForm });
const extracted = await (await fetch(`${GATEWAY_URL}/files/${page.id}/content`, { headers })).text();
const kept = (await ask("/files?purpose=file-extract")).data.map((each) => each.id);
const gone = (await ask(`/files/${page.id}`, { method: "DELETE" })).deleted;
const output = await (await fetch(`${GATEWAY_URL}/files/${batch.output_file_id}/content`, { headers })).text();
const results = output.trim().split("\n").map((text) => JSON.parse(text).response.body.choices[0].message.content);
console.log(
  JSON.stringify({
    client: `fetch, Node ${process.version}`,
    models: listed,
    chat: plain.content,
    stream: text,
    pieces,
    call: [call.function.name, JSON.parse(call.function.arguments)],
    tool: told.content,
    refused: refused.error.suggestions[0],
    batch: results,
    file: [extracted, kept.length === 1 && kept[0] === page.id, gone],
  }),
);
