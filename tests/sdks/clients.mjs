// The same questions as `run.py`, by the clients for Node. Prints what each answered, as JSON.

import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";

const base = process.argv[2];
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "router-managed-loopback-only" });
const anthropic = new Anthropic({ baseURL: `${base}/anthropic`, apiKey: "router-managed-loopback-only" });
const messages = [{ role: "user", content: "hello" }];
const answers = {};

async function ask(name, question) {
    try {
        answers[name] = await question();
    } catch (error) {
        answers[name] = { error: error.constructor.name, status: error.status, code: error.code ?? error.error?.error?.code };
    }
}

await ask("chat", async () => (await openai.chat.completions.create({ model: "main", messages })).choices[0].message.content);
await ask("chat stream", async () => {
    let text = "";
    for await (const chunk of await openai.chat.completions.create({ model: "main", messages, stream: true })) {
        text += chunk.choices[0]?.delta?.content ?? "";
    }
    return text;
});
await ask("responses", async () => (await openai.responses.create({ model: "main", input: "hello" })).output_text);
await ask("responses stream", async () => {
    let text = "";
    for await (const event of await openai.responses.create({ model: "main", input: "hello", stream: true })) {
        if (event.type === "response.output_text.delta") text += event.delta;
    }
    return text;
});
await ask("messages", async () => (await anthropic.messages.create({ model: "claude", max_tokens: 64, messages })).content[0].text);
await ask("messages stream", async () => {
    const stream = anthropic.messages.stream({ model: "claude", max_tokens: 64, messages });
    return (await stream.finalMessage()).content[0].text;
});
await ask("models", async () => (await openai.models.list()).data.map((model) => model.id).sort());
await ask("denied", () => openai.chat.completions.create({ model: "gpt-9", messages }));
await ask("denied messages", () => anthropic.messages.create({ model: "gpt-9", max_tokens: 64, messages }));
await ask("refused", () => openai.chat.completions.create({ model: "main", messages: [{ role: "user", content: "refuse" }] }));

console.log(JSON.stringify(answers));
