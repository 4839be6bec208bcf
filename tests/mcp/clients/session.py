"""A whole session with PyPI's `mcp`, which checks every result against its tool's output schema.

usage: python session.py MODE ANSWER COMMAND ARG…

MODE is `legacy` (initialize), `auto` (as the client likes it) or a revision without a greeting. ANSWER is what a person says to each question.
`token` and `asked` are usable, `asked` after a question, `private` is not.
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult

MODE, ANSWER, COMMAND, *ARGS = sys.argv[1:]
REFUSAL = "Credential 'private' is not accessible to member 'dev'. Allowed: alice"


async def answer(context, params):
    assert params.message.startswith("member 'dev' wants to use 'asked' to run this command:"), params.message
    if ANSWER == "accept":
        return ElicitResult(action="accept", content={"agree": True})
    return ElicitResult(action=ANSWER)


async def main():
    server = StdioServerParameters(command=COMMAND, args=ARGS, env=dict(os.environ))
    async with Client(server, mode=MODE, elicitation_callback=answer) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["list_credentials", "check_template", "run_command"], tools
        assert all(tool.title and tool.annotations and tool.output_schema for tool in tools), tools

        async def call(tool, **arguments):
            result = await client.call_tool(tool, arguments)
            return result.is_error, result.content[0].text, result.structured_content

        failed, text, listed = await call("list_credentials")
        names = [one["name"] for one in listed["credentials"]]
        assert not failed and names == ["asked", "other", "token"], listed
        failed, text, checked = await call("check_template", template="<<secure.token>>")
        assert (failed, checked) == (False, {"credentials": ["token"]}), text
        failed, text, ran = await call("run_command", argv=["echo", "<<secure.token>>"])
        assert not failed and ran["stdout"] == "[REDACTED:token]\n", text
        assert text == "exit code 0\n--- stdout\n[REDACTED:token]\n", text
        failed, text, _ = await call("run_command", argv=["echo", "<<secure.private>>"])
        assert failed and text.splitlines()[0] == REFUSAL, text
        failed, text, _ = await call("run_command", argv=["echo", "<<secure.token>>"], member="alice")
        assert failed and "unknown field `member`" in text, text
        # Several at once.
        many = await asyncio.gather(*(call("run_command", argv=["echo", str(n), "<<secure.token>>"]) for n in range(20)))
        assert [ran["stdout"] for _, _, ran in many] == [f"{n} [REDACTED:token]\n" for n in range(20)], many
        failed, text, _ = await call("run_command", argv=["echo", "<<secure.asked>>"])
        if ANSWER == "accept":
            assert (failed, text) == (False, "exit code 0\n--- stdout\n[REDACTED:asked]\n"), text
        else:
            assert failed and "did not agree" in text, text
    print("ok")


asyncio.run(main())
