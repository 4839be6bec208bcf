// Hands each tool call of opencode to fleetvault-resolver before it runs. Whatever goes wrong here stops the call.
// 'fleetvault-resolver install opencode' writes this file, and 'uninstall' removes it.

import { spawn } from "node:child_process";

const COMMAND = ["/usr/local/bin/fleetvault-resolver", "hook", "opencode"];
const TIMEOUT_MS = 30000;

export const Fleetvault = async ({ directory, worktree }) => ({
  "tool.execute.before": async (input, output) => {
    const call = { tool: input.tool, args: output.args, directory, worktree, sessionID: input.sessionID };
    const text = await ask(JSON.stringify(call), directory);
    if (text.trim() === "") return;
    const answer = parse(text);
    if (typeof answer.deny === "string") throw new Error(`fleetvault: ${answer.deny}`);
    if (!isObject(answer.args)) throw new Error("fleetvault: the hook said neither 'args' nor 'deny'");
    // In place: opencode keeps its own reference to this object.
    Object.assign(output.args, answer.args);
  },
});

// What the hook prints. Rejects where it cannot start, is too slow, is killed, or ends with anything but 0.
function ask(call, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(COMMAND[0], COMMAND.slice(1), { cwd, stdio: ["pipe", "pipe", "pipe"] });
    const out = [];
    const err = [];
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error("fleetvault: the hook took too long"));
    }, TIMEOUT_MS);
    child.stdout.on("data", (chunk) => out.push(chunk));
    child.stderr.on("data", (chunk) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`fleetvault: the hook cannot be started: ${error.message}`));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(out).toString("utf8"));
      else reject(new Error(Buffer.concat(err).toString("utf8").trim() || `fleetvault: the hook ended with ${code}`));
    });
    child.stdin.end(call);
  });
}

function parse(text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error("fleetvault: the hook did not print JSON");
  }
  if (!isObject(answer)) throw new Error("fleetvault: the hook did not print an object");
  return answer;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
