"""A real MCP server with two tools; the agent has `ask` alone. Prints its port once it listens. Not here: any check."""

import socket
import sys

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("wiki")


@server.tool()
def ask(question: str) -> str:
    """Answers a question about a page."""
    return f"about {question}: 42"


@server.tool()
def delete(page: str) -> str:
    """Deletes a page."""
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(f"{page}\n")
    return "deleted"


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning")).run(sockets=[listener])
