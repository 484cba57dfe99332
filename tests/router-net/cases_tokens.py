"""Tokens that the router gets for its credentials: at the issuers' own names over TLS, and at the node's one address."""

import os
import urllib.error
import urllib.request

import outside
import pod
from pod import of

GITHUB, ASSERTION = "canary-github", "canary-assertion"
ID = "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b11"
SECRET = {"secret": "github/TOKEN"}
WORKLOAD = {"workloadIdentity": {"clientId": ID, "tenantId": ID}}
NODE = {"managedIdentity": {}}


def run(world):
    folder = held(world)
    named = {"host": "api.github.com", "ports": [443]}
    copilot = asked(world, folder, "copilot", "github-copilot", SECRET, {"copilot-exchange": named})
    world.check("copilot: the secret goes to GitHub", shown(copilot["events"], "/copilot_internal/v2/token"), f"token {GITHUB}")
    entra = {"host": "login.microsoftonline.com", "ports": [443]}
    entra = asked(world, folder, "entra", "azure-openai", WORKLOAD, {"token-exchange": entra})
    bodies = [event["body"] for event in of(entra["events"], "request") if event["head"].startswith(f"POST /{ID}/oauth2/v2.0/token ")]
    world.check("entra: one assertion", [ASSERTION in body for body in bodies], [True])
    node = asked(world, folder, "node", "azure-openai", NODE, {"node-identity": {"cidr": "169.254.169.254/32", "ports": [80]}})
    nodes = [event for event in of(node["events"], "request") if event["to"] == "169.254.169.254"]
    world.check("node: one question", [event["head"].split(" ")[1].split("?")[0] for event in nodes], ["/metadata/identity/oauth2/token"])
    for name, found in (("copilot", copilot), ("entra", entra), ("node", node)):
        world.check(f"{name}: the model answers", found["status"], 200)
        world.check(f"{name}: the model is shown the token", shown(found["events"], "chat/completions"), f"Bearer {outside.TOKEN}")
        text = "".join(found["router"].lines) + found["router"].audit() + found["body"]
        world.check(f"{name}: nothing is told", [word for word in (GITHUB, ASSERTION, outside.TOKEN) if word in text], [])
    closed_to_the_agent(world, node["router"], copilot["router"])
    for name, host in (("no proof", "other.kars.example"), ("inside", "inside.kars.example"), ("mixed", "mixed-last.kars.example")):
        found = asked(world, folder, name, "github-copilot", SECRET, {"copilot-exchange": {"host": host, "ports": [443]}})
        world.check(f"{name}: refused", found["status"] in (403, 502, 503), True)
        world.check(f"{name}: nobody was shown anything", of(found["events"], "request"), [])
        world.check(f"{name}: nobody inside was reached", [e for e in of(found["events"], "connection") if e["to"] == outside.REBOUND], [])


def held(world):
    """What routers hold, as files."""
    folder = f"{world.folder}/held"
    os.makedirs(f"{folder}/credentials/github")
    for name, text in (("credentials/github/TOKEN", GITHUB), ("identity-token", ASSERTION)):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    return folder


def asked(world, folder, name, provider, credential, infra):
    """Starts a router whose model is shown a token from there, and asks it once."""
    floor = dict.fromkeys(("hate", "selfHarm", "sexual", "violence"), "medium") | {"promptShields": False}
    route = {"provider": provider, "deployment": "gpt-5", "dialect": "chat-completions", "endpoint": "https://good.kars.example"}
    route |= {"credential": credential, "contextLength": 1000, "safety": floor}
    allowed = [{"id": "agents.a.model[main]", "names": ["main"], "candidates": ["main"]}]
    inference = {"default": "main", "allowed": allowed, "routes": {"main": route}}
    settings = {"KARS_CREDENTIALS": f"{folder}/credentials", "KARS_IDENTITY_TOKEN": f"{folder}/identity-token"}
    document = world.document(inference=inference, infra=infra)
    # A router asks for its token as soon as it starts, before anybody asks it.
    log = pod.Log(world.folder)
    log.new()
    router = world.router(f"tokens-{name.replace(' ', '-')}", document, **settings)
    status, body = chat(router)
    return {"router": router, "status": status, "body": body, "events": log.new()}


def chat(router):
    url = f"http://127.0.0.1:{router.api[1]}/v1/chat/completions"
    request = urllib.request.Request(url, data=b'{"messages":[]}', headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def shown(events, path):
    """What the one request for a path carries as its authorization."""
    heads = [event["head"] for event in of(events, "request") if path in event["head"].split(" ")[1]]
    lines = [line for head in heads for line in head.split("\r\n") if line.lower().startswith("authorization: ")]
    return lines[0].split(": ", 1)[1] if len(heads) == 1 and len(lines) == 1 else lines


def closed_to_the_agent(world, node, copilot):
    """What the router may reach for itself, the agent may not."""
    world.log.new()
    world.check("an agent reaches no node identity by tunnel", pod.tunnel(node, "169.254.169.254:80")[0], 403)
    code, reply = pod.fetch(node, "http://169.254.169.254/metadata/identity/oauth2/token")
    world.check("nor by fetch", (code, reply["error"]["code"]), (403, "egress.special_use"))
    world.check("nor GitHub", pod.tunnel(copilot, "api.github.com:443")[0], 403)
    world.quiet("an agent at an issuer")
