// A whole session with npm's `@modelcontextprotocol/sdk`, which checks every result against its tool's output schema.
//
// usage: node session.mjs MODULES ANSWER COMMAND ARG…
//
// MODULES is where the package is installed. ANSWER is what a person says to each question. `token` and `asked` are usable, `asked` after a
// question, `private` is not.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

const [modules, answer, command, ...args] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${modules}/@modelcontextprotocol/sdk/dist/esm/${file}`));
const { Client } = await load('client/index.js');
const { StdioClientTransport } = await load('client/stdio.js');
const { ElicitRequestSchema } = await load('types.js');

const client = new Client({ name: 'session', version: '1' }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    assert.match(params.message, /^member 'dev' wants to use 'asked' to run this command:/);
    return answer === 'accept' ? { action: 'accept', content: { agree: true } } : { action: answer };
});
await client.connect(new StdioClientTransport({ command, args, env: process.env }));

const { tools } = await client.listTools();
assert.deepEqual(tools.map((tool) => tool.name), ['list_credentials', 'check_template', 'run_command']);

async function call(name, args) {
    const result = await client.callTool({ name, arguments: args });
    return { failed: result.isError, text: result.content[0].text, structured: result.structuredContent };
}

const listed = await call('list_credentials', {});
assert.deepEqual(listed.structured.credentials.map((one) => one.name), ['asked', 'other', 'token']);
const checked = await call('check_template', { template: '<<secure.token>>' });
assert.deepEqual(checked.structured, { credentials: ['token'] });
const ran = await call('run_command', { argv: ['echo', '<<secure.token>>'] });
assert.equal(ran.failed, false);
assert.equal(ran.text, 'exit code 0\n--- stdout\n[REDACTED:token]\n');
const refused = await call('run_command', { argv: ['echo', '<<secure.private>>'] });
assert.equal(refused.failed, true);
assert.equal(refused.text.split('\n')[0], "Credential 'private' is not accessible to member 'dev'. Allowed: alice");
const asked = await call('run_command', { argv: ['echo', '<<secure.asked>>'] });
assert.equal(asked.failed, answer !== 'accept');
assert.match(asked.text, answer === 'accept' ? /\[REDACTED:asked\]/ : /did not agree/);

// A call that is given up ends its command.
const giveUp = new AbortController();
const slow = { name: 'run_command', arguments: { argv: ['sh', '-c', 'echo $$ > slow; sleep 60', 'sh', '<<secure.token>>'] } };
const given = client.callTool(slow, undefined, { signal: giveUp.signal });
setTimeout(() => giveUp.abort('enough'), 500);
await assert.rejects(given);
await client.close();
console.log('ok');
