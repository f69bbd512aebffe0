// An agent on the TypeScript SDK: each line of standard input is a tool call, each line of output what it answered.
// usage: CLIENT-MODULE STDIO-MODULE OPTIONS COMMAND [ARGUMENT...]; the modules are looked for from the working directory
import { createInterface } from "node:readline";

const [clientModule, stdioModule, options, command, ...args] = process.argv.slice(1);
const { Client } = await import(clientModule);
const { StdioClientTransport } = await import(stdioModule);

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const client = new Client({ name: "bridge", version: "1" }, JSON.parse(options));
await client.connect(new StdioClientTransport({ command, args }));
const listed = (await client.listTools()).tools.map((tool) => tool.name);
say({ server: client.getServerVersion(), tools: listed });
for await (const line of createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line);
  try {
    say(await client.callTool({ name, arguments: given }));
  } catch (error) {
    say({ thrown: String(error) });
  }
}
await client.close();
