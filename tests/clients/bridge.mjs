// An agent on the TypeScript SDK: each line of standard input is a tool call, each line of output what it answered.
// A call with `timeout` is given up after so many milliseconds.
// usage: CLIENT-MODULE STDIO-MODULE OPTIONS COMMAND [ARGUMENT...]; the modules are looked for from the working directory
import { createInterface } from "node:readline";

const [clientModule, stdioModule, options, command, ...args] = process.argv.slice(1);
const { Client } = await import(clientModule);
const { StdioClientTransport } = await import(stdioModule);

// The first generation takes a schema between the call and its options.
const before = clientModule.startsWith("@modelcontextprotocol/sdk/") ? [undefined] : [];
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const client = new Client({ name: "bridge", version: "1" }, JSON.parse(options));
await client.connect(new StdioClientTransport({ command, args }));
const listed = (await client.listTools()).tools.map((tool) => tool.name);
say({ server: client.getServerVersion(), tools: listed });
for await (const line of createInterface({ input: process.stdin })) {
  const { timeout = 60000, ...call } = JSON.parse(line);
  try {
    say(await client.callTool(call, ...before, { timeout }));
  } catch (error) {
    say({ thrown: String(error) });
  }
}
await client.close();
