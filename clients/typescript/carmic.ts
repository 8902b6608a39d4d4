// A thin client: `call` runs any operation of the reference with its types, the rest is convenience.
import { open, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { ROUTES } from "./schema.ts";
import type { ClipBrief, ClipFull, Operations, ProjectRequest, ProjectStatus } from "./schema.ts";

type Id = keyof Operations;
type Data<Response> = Response extends { data: infer D } ? D : Response;
type Options<I extends Id> = { path?: Record<string, string>; query?: Record<string, string>; body?: Operations[I]["body"] };

const BLOCK_BYTES = 8 * 1024 * 1024;
const ATTEMPTS = 6;
const TEMPORARY = [429, 502, 503, 504];
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** An error response: its status, the server's sentence, and the field at fault. */
export class ApiError extends Error {
  readonly status: number;
  readonly param: string | null;
  constructor(status: number, body: { error?: string; param?: string | null }) {
    super(`${body.error ?? "The server failed."} (HTTP ${status})`);
    this.status = status;
    this.param = body.param ?? null;
  }
}

export class Carmic {
  private readonly base: string;
  private readonly headers: Record<string, string>;

  constructor(base: string, key?: string) {
    this.base = base.replace(/\/$/, "");
    this.headers = key ? { Authorization: `Bearer ${key}` } : {};
  }

  /** Run an operation, and return the `data` of its response. A temporary error is repeated without a second effect. */
  async call<I extends Id>(id: I, options: Options<I> = {}): Promise<Data<Operations[I]["response"]>> {
    const [method, template] = ROUTES[id];
    const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(options.path?.[name] ?? ""));
    const headers: Record<string, string> = { ...this.headers, "Content-Type": "application/json" };
    if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const response = await this.fetch(`${this.base}${path}?${new URLSearchParams(options.query)}`, { method, headers, body });
    const answer = await response.json();
    return answer && "data" in answer ? answer.data : answer;
  }

  async logIn(email: string, password: string): Promise<void> {
    const { access } = await this.call("auth.log_in", { body: { email, password } });
    this.headers.Authorization = `Bearer ${access}`;
    const profile = await this.call("workspaces.get_me");
    this.headers["X-Workspace-ID"] = profile.workspaces[0].id;
  }

  /** Create a project, upload its video by tus, start its analysis. */
  async upload(file: string, options: Partial<ProjectRequest> = {}): Promise<ProjectStatus> {
    const { size } = await stat(file);
    const created = await this.call("projects.create", { body: { filename: basename(file), filesize: size, ...options } });
    const source = await open(file);
    try {
      for (let offset = 0; offset < size; ) {
        const block = Buffer.alloc(Math.min(BLOCK_BYTES, size - offset));
        await source.read(block, 0, block.length, offset);
        const tus = { "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream" };
        const headers = { ...tus, "Upload-Offset": String(offset) };
        const sent = await fetch(created.resumable_url, { method: "PATCH", headers, body: block }).catch(() => null);
        // After an interruption the server says where to continue.
        const state = sent?.ok ? sent : await this.fetch(created.resumable_url, { method: "HEAD", headers: tus });
        offset = Number(state.headers.get("Upload-Offset"));
        if (!sent?.ok) await pause(1);
      }
    } finally {
      await source.close();
    }
    return this.call("projects.process", { path: { project_id: created.project_id } });
  }

  async waitForClips(projectId: string): Promise<ClipBrief[]> {
    for (;;) {
      const project = await this.call("projects.get_status", { path: { project_id: projectId } });
      if (/^(FAILED|CANCELLED)/.test(project.status)) throw new Error(project.error_message ?? project.status);
      if (/^(CLIPS_READY|COMPLETED)$/.test(project.status)) break;
      await pause(1);
    }
    return (await this.call("projects.get", { path: { project_id: projectId } })).clips ?? [];
  }

  async render(clipId: string): Promise<ClipFull> {
    const path = { clip_id: clipId };
    await this.call("clips.render", { path });
    for (;;) {
      const render = await this.call("clips.get_render_progress", { path });
      if (render.status === "FAILED_RENDER") throw new Error(render.error_message ?? "The render has failed.");
      if (render.status === "RENDERED") return this.call("clips.get", { path });
      await pause(1);
    }
  }

  async download(url: string, file: string): Promise<void> {
    const response = await this.fetch(url, {});
    await writeFile(file, response.body!);
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(url, init).catch((error: Error) => error);
      if (response instanceof Response && response.ok) return response;
      const isTemporary = response instanceof Error || TEMPORARY.includes(response.status);
      if (!isTemporary || attempt === ATTEMPTS) {
        if (response instanceof Error) throw response;
        throw new ApiError(response.status, await response.json().catch(() => ({})));
      }
      const wanted = response instanceof Response ? Number(response.headers.get("Retry-After")) : 0;
      await pause(wanted || 2 ** (attempt - 2));
    }
  }
}
