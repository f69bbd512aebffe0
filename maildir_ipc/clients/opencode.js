// maildir-ipc: made by `mipc setup opencode`, which writes it anew; `mipc setup opencode --remove` takes it away
//
// opencode has no hooks that run a command, so this does: it asks ipc-hook, and hands on the text that it answers.
// It decides nothing itself. Whatever goes wrong, the session goes on as if there were no mail.

import { spawn } from "node:child_process"

const COMMAND = ["ipc-hook", "opencode"]
const MILLISECONDS = 10000

// Returns what the hook has to say; the words of the command are given one by one, so no shell reads them.
const ask = (event, facts) =>
  new Promise((resolve) => {
    const [program, ...words] = COMMAND
    const child = spawn(program, [...words, event], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: MILLISECONDS,
      killSignal: "SIGKILL",
    })
    let said = ""
    child.on("error", () => resolve(""))
    child.stdin.on("error", () => {})
    child.stdout.setEncoding("utf8")
    child.stdout.on("data", (piece) => (said += piece))
    child.on("close", () => {
      try {
        const text = JSON.parse(said).text
        resolve(typeof text === "string" ? text : "")
      } catch {
        resolve("")
      }
    })
    child.stdin.end(JSON.stringify(facts))
  })

export const MaildirIpc = async ({ client }) => {
  const parents = new Map() // of a session: its parent's id, or null
  const prompted = new Set() // sessions whose latest prompt was given here

  // Returns the id of a session's parent, null for none, undefined where that is not told.
  const parentOf = async (id) => {
    if (!parents.has(id)) {
      const found = await client.session.get({ path: { id } }).catch(() => undefined)
      if (!found?.data) return undefined
      parents.set(id, found.data.parentID ?? null)
    }
    return parents.get(id)
  }

  const facts = async (id) => {
    const parent = await parentOf(id)
    // Where it is not told, perhaps a subagent: nothing for it.
    return parent === null ? { session_id: id } : { session_id: id, agent_id: parent ?? "unknown" }
  }

  const events = {
    "session.created": async (properties) => {
      parents.set(properties.info.id, properties.info.parentID ?? null)
      await ask("session.created", await facts(properties.info.id))
    },
    "session.deleted": async (properties) => {
      const id = properties.info.id
      await ask("session.deleted", await facts(id))
      parents.delete(id)
      prompted.delete(id)
    },
    "session.idle": async (properties) => {
      const id = properties.sessionID
      // A turn that began with a prompt of ours does not lead to another one: two agents could go on for ever.
      const active = prompted.delete(id)
      const text = await ask("session.idle", { ...(await facts(id)), stop_hook_active: active })
      if (!text || active) return
      prompted.add(id)
      // Not awaited: it ends only when the agent has answered.
      client.session
        .prompt({ path: { id }, body: { parts: [{ type: "text", text }] } })
        .catch(() => prompted.delete(id))
    },
  }

  return {
    event: async ({ event }) => {
      await events[event.type]?.(event.properties)
    },
    "chat.message": async (input, output) => {
      const text = await ask("chat.message", await facts(input.sessionID))
      if (!text) return
      const last = output.parts.findLast((part) => part.type === "text")
      if (last) last.text += "\n\n" + text
    },
    // One process runs many sessions: a command has to be told whose it is. A subagent's are its principal's.
    "shell.env": async (input, output) => {
      let id = input.sessionID
      if (!id) return
      for (let parent; (parent = await parentOf(id)); ) id = parent
      output.env.OPENCODE_SESSION_ID = id
    },
    "tool.execute.after": async (input, output) => {
      const call = { tool_name: input.tool, tool_input: input.args?.command ?? input.args?.name }
      const text = await ask("tool.execute.after", { ...(await facts(input.sessionID)), ...call })
      if (text && typeof output.output === "string") output.output += "\n\n" + text
    },
  }
}
