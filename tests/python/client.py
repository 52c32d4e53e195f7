"""Drives a server with the reference Python client.

Reads one JSON object on stdin:
    stdio    {"command", "args", "env"}: the server to spawn, or
    url      the endpoint to talk to;
    modes    connection modes, each a connection of its own;
    calls    {tool: [{"arguments", "contains", "isError"?}, ...]}: what to call, and what each text must contain.

Prints one JSON object: {mode: {"protocol", "server", "tools", "results": [...]}}. Every tool that says it only reads must have a call.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters


def text_of(result):
    assert len(result.content) == 1, f"one content item, got {result.content!r}"
    assert result.content[0].type == "text", result.content[0].type
    return result.content[0].text


async def call(client, name, spec):
    result = await client.call_tool(name, spec["arguments"])
    text = text_of(result)
    assert result.is_error == spec.get("isError", False), f"{name}: {text}"
    assert result.structured_content is None, f"{name}: RESULTS=text carries no structured content"
    for words in spec["contains"]:
        assert words in text, f"{name}: {words!r} is not in {text!r}"
    return {"tool": name, "text": text, "isError": result.is_error}


async def run(mode, request):
    if "stdio" in request:
        server = StdioServerParameters(**request["stdio"])
    else:
        server = request["url"]
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        listed = (await client.list_tools()).tools
        results = []
        called = 0
        for tool in listed:
            assert tool.output_schema is None, f"{tool.name}: RESULTS=text lists no output schema"
            hints = tool.annotations
            for hint in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint):
                assert hint is not None, f"{tool.name} leaves a hint unsaid"
            if not hints.read_only_hint:
                continue
            assert request["calls"].get(tool.name), f"{tool.name} only reads and nobody calls it"
            for spec in request["calls"][tool.name]:
                results.append(await call(client, tool.name, spec))
                called += 1
        assert called > 0, "no tool was called"

        try:
            await client.call_tool("no_such_tool", {})
            raise AssertionError("an unknown tool was called")
        except MCPError as error:
            assert error.error.code == -32602, error.error

        # Ten calls at once on one connection, each with its own answer.
        name, spec = next((name, specs[0]) for name, specs in request["calls"].items() if name in {t.name for t in listed})
        texts = await asyncio.gather(*(call(client, name, spec) for _ in range(10)))
        assert len(texts) == 10

        info = client.server_info
        return {
            "protocol": client.protocol_version,
            "server": info.name if info else None,
            "instructions": client.instructions,
            "tools": [tool.name for tool in listed],
            "results": results,
        }


async def main():
    request = json.load(sys.stdin)
    report = {}
    for mode in request["modes"]:
        report[mode] = await asyncio.wait_for(run(mode, request), timeout=120)
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
