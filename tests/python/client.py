"""Drives a server with the reference Python client.

Reads one JSON object on stdin:
    stdio    {"command", "args", "env"}: the server to spawn, or
    url      the endpoint to talk to;
    modes    {mode: [step, ...]}: connection modes, each a connection of its own, and what is done there, in order. A step is a call,
             {"tool", "arguments", "contains", "isError"?}, whose text must have the words of "contains", or {"write", "content"}: a file;
    results  "text" or "both": whether structured values are expected, and validated.

Prints one JSON object: {mode: {"protocol", "server", "tools", "results": [...]}}. Every tool that is listed must succeed in some step.
"""

import asyncio
import json
import pathlib
import sys

import jsonschema
from mcp import Client, MCPError, StdioServerParameters


def text_of(result):
    assert len(result.content) == 1, f"one content item, got {result.content!r}"
    assert result.content[0].type == "text", result.content[0].type
    return result.content[0].text


def check_structure(name, result, schema):
    value = result.structured_content
    if schema is None:
        assert value is None, f"{name}: RESULTS=text carries no structured content"
    elif result.is_error:
        assert value["code"] and value["message"], f"{name}: {value}"
    else:
        jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)


async def call(client, step, schemas):
    name = step["tool"]
    result = await client.call_tool(name, step["arguments"])
    text = text_of(result)
    assert result.is_error == step.get("isError", False), f"{name}: {text}"
    check_structure(name, result, schemas[name])
    for words in step["contains"]:
        assert words in text, f"{name}: {words!r} is not in {text!r}"
    return {"tool": name, "text": text, "isError": result.is_error}


async def run(mode, steps, request):
    if "stdio" in request:
        server = StdioServerParameters(**request["stdio"])
    else:
        server = request["url"]
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        listed = (await client.list_tools()).tools
        for tool in listed:
            expected = request["results"] == "both"
            assert (tool.output_schema is not None) == expected, f"{tool.name}: output schema {tool.output_schema!r}"
            hints = tool.annotations
            for hint in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint):
                assert hint is not None, f"{tool.name} leaves a hint unsaid"
        schemas = {tool.name: tool.output_schema for tool in listed}

        results = []
        for step in steps:
            if "write" in step:
                pathlib.Path(step["write"]).write_text(step["content"])
            else:
                results.append(await call(client, step, schemas))
        succeeded = {result["tool"] for result in results if not result["isError"]}
        assert succeeded == set(schemas), f"nobody calls {set(schemas) - succeeded}"

        try:
            await client.call_tool("no_such_tool", {})
            raise AssertionError("an unknown tool was called")
        except MCPError as error:
            assert error.error.code == -32602, error.error

        # Ten calls at once on one connection, each with its own answer.
        reads = {tool.name for tool in listed if tool.annotations.read_only_hint}
        step = next(step for step in steps if step.get("tool") in reads)
        texts = await asyncio.gather(*(call(client, step, schemas) for _ in range(10)))
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
    for mode, steps in request["modes"].items():
        report[mode] = await asyncio.wait_for(run(mode, steps, request), timeout=120)
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
