// Puts every tool call of OpenClaw under the router's policy and offers the tools that the router serves.
//
// Everything about tools is in tools.json; no tool is in this code, and no policy: the router decides. Whatever goes wrong here blocks the call.

import { mkdir, open } from "node:fs/promises";
import { constants, readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const EVALUATE_SECONDS = 10;
const LARGEST_ANSWER = 32 * 1024 * 1024;
let known;

function data() {
  known ??= JSON.parse(readFileSync(new URL("./tools.json", import.meta.url), "utf8"));
  return known;
}

export default {
  id: "kars",
  name: "kars",
  description: "Asks the router before every tool call and offers the tools that the router serves.",
  register(api) {
    api.on("before_tool_call", beforeTool, { priority: 1000 });
    for (const tool of data().tools) {
      api.registerTool(
        { name: tool.name, label: tool.name, description: tool.description, parameters: tool.parameters, execute: (_id, args) => handle(tool, args) },
        { name: tool.name },
      );
    }
  },
};

// --- the hook ---------------------------------------------------------------------------------------------------------------------------

/** OpenClaw runs the tool unless this says `block`; an exception must not let it run. */
async function beforeTool(event) {
  try {
    return await judge(event.toolName, event.params);
  } catch (problem) {
    return block(failure("policy.unreachable", `the policy could not be asked about \`${event?.toolName}\`: ${problem?.message ?? problem}`));
  }
}

async function judge(name, args) {
  if (servedByRouter().has(name)) return undefined; // Asking twice would count twice.
  const identifier = Object.hasOwn(data().builtin, name) ? data().builtin[name] : undefined;
  if (!identifier) return block(failure("policy.denied", `\`${name}\` is not granted to this agent`, { help: "add its id to `tools` of the agent in the scenario" }));
  const { status, body } = await send("POST", data().evaluate, { tool: identifier, args: args ?? {} }, EVALUATE_SECONDS);
  const verdict = JSON.parse(body);
  if (status === 200 && verdict.allowed === true) return undefined;
  if (verdict.error) return block(body);
  return block(failure("policy.denied", verdict.reason || `the policy does not allow \`${identifier}\``, { rule: verdict.rule, origin: verdict.origin }));
}

/** Names of the tools that the router judges by itself when their calls arrive there: its own and those of MCP servers. */
function servedByRouter() {
  const plain = (text) => text.replaceAll(/[^A-Za-z0-9_-]/g, "-");
  const mcp = data().mcp.flatMap((one) => one.tools.map((tool) => plain(one.server) + data().joint + plain(tool)));
  return new Set([...data().tools.map((tool) => tool.name), ...mcp]);
}

function block(blockReason) {
  return { block: true, blockReason };
}

function failure(code, message, more = {}) {
  return JSON.stringify({ error: { code, message, ...more } });
}

// --- the tools --------------------------------------------------------------------------------------------------------------------------

async function handle(tool, args) {
  let text;
  try {
    text = await call(tool.call, args ?? {});
  } catch (problem) {
    text = failure("router.unreachable", `\`${tool.id}\` could not be called: ${problem?.message ?? problem}`);
  }
  return { content: [{ type: "text", text }], details: {} };
}

/** Carries out one recipe; what the router answers is passed on as it is, errors too. */
async function call(recipe, args) {
  const asked = recipe.timeoutArgument && args[recipe.timeoutArgument];
  const seconds = (Number.isInteger(asked) ? asked : recipe.timeoutSeconds) + 30;
  const target = data().router + recipe.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(args[name])));
  if (recipe.rpc) return callRpc(recipe, target, args, seconds);
  const named = Object.entries(recipe.body ?? {}).filter(([, name]) => args[name] !== undefined && args[name] !== null);
  const body = Object.fromEntries(named.map(([key, name]) => [key, args[name]]));
  return (await send(recipe.method, target, recipe.method === "GET" ? undefined : body, seconds)).body;
}

async function callRpc(recipe, target, args, seconds) {
  const sent = Object.fromEntries(Object.entries(args).filter(([name, value]) => name !== recipe.saves && value !== undefined && value !== null));
  const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: recipe.rpc, arguments: sent } };
  let { status, body } = await send("POST", target, request, seconds);
  if (/^\s*(data|event|id):/.test(body)) body = body.split(/\r?\n/).find((line) => line.startsWith("data:")).slice(5);
  const answer = JSON.parse(body);
  if (status !== 200 || !answer.result) return body;
  const parts = answer.result.content ?? [];
  const text = parts.filter((part) => part.type === "text").map((part) => part.text).join("\n");
  if (answer.result.isError) return text.startsWith('{"error"') ? text : failure("upstream.failed", text);
  const binary = parts.map((part) => (part.type === "text" ? undefined : (part.data ?? part.resource?.blob))).find(Boolean);
  if (!binary) return text;
  return JSON.stringify({ text, saved: await save(binary, args[recipe.saves] || recipe.rpc) });
}

/** Writes a file that came with an answer under the folder for incoming files, whatever path the name claims. */
async function save(binary, name) {
  const target = path.join(data().incoming, path.basename(name) || "file");
  await mkdir(data().incoming, { recursive: true });
  const file = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o644);
  try {
    await file.writeFile(Buffer.from(binary, "base64"));
  } finally {
    await file.close();
  }
  return target;
}

/** One request to the router on loopback, past any proxy: status and text, also when the status is an error. */
function send(method, target, body, seconds) {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  return new Promise((resolve, reject) => {
    const request = http.request(target, { method, headers, agent: new http.Agent(), timeout: seconds * 1000 }, (answer) => {
      const chunks = [];
      let size = 0;
      answer.on("data", (chunk) => {
        size += chunk.length;
        if (size > LARGEST_ANSWER) request.destroy(new Error("the answer is too large"));
        chunks.push(chunk);
      });
      answer.on("end", () => resolve({ status: answer.statusCode, body: Buffer.concat(chunks).toString("utf8") }));
      answer.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${seconds} seconds`)));
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
