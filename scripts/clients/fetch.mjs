// fetch, as browsers and Node have it: models, chat, stream, tools, a wrong id.
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
  }),
);
