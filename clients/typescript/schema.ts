// Generated from openapi.json by generate.ts. Do not edit.

/** One video operation: its name, its project and job, its duration in seconds, and its status. */
export interface AIEvent {
  /** Id of the operation. */
  id: string;
  /** When the operation began. */
  at: string;
  /** Name of the operation. */
  operation: string;
  /** What carried it out. */
  service: string;
  /** Id of the project. */
  project_id: string;
  /** Id of the job or run. */
  job_id: string;
  /** State of the operation. */
  status: "completed" | "failed" | "pending" | "running";
  /** How long it took, in seconds; null until it has ended. */
  duration_s: number | null;
  /** Why it failed; null if it did not. */
  error: string | null;
}

/** The state of the AI operations. `counters` counts the workspace's last 500 operations by status. */
export interface AIHealth {
  /** Always ok where the response arrives. */
  status: "ok";
  /** What runs on this machine. */
  local: LocalAI;
  /** The external services. */
  providers: Array<Provider>;
  /** How many of the workspace's last 500 operations are in each status. */
  counters: Record<string, number>;
}

/** The workspace's newest operations, newest first. */
export interface AITimeline {
  /** The operations, newest first. */
  events: Array<AIEvent>;
}

/** The token from the mail. */
export interface AcceptRequest {
  /** Token from the link in the mail. */
  token: string;
}

/** The segment that shows the variant, and the project's revision. */
export interface AcceptResponse {
  /** Id of the segment that shows the variant. */
  segment_id: string;
  /** The segment that shows the variant. */
  segment: SegmentResponse;
  /** Id of the variant. */
  variant_id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** Revision of the timeline after the change. */
  revision: number;
  /** Always null: the variant is ready to play. */
  entity_job_id: string | null;
}

/** A music track by URL. It takes precedence over `AudioConfig.music_track`. */
export interface ActiveTrack {
  /** The music: an http(s) URL, or the `object_key` or URL of the workspace's own media. */
  url: string;
  /** Id of the track at its provider, kept for the editor. */
  id?: string | null;
  /** Name of the track, kept for the editor. */
  name?: string | null;
}

/** A voice agent. */
export interface AgentOut {
  /** Id of the agent. */
  id: string;
  /** Name of the agent. */
  name: string;
}

/** A voice agent. */
export interface AgentRequest {
  /** Name of the agent, up to 100 characters. */
  name: string;
  /** Instructions for the language model, up to 10,000 characters. */
  systemPrompt: string;
  /** What the agent says first, up to 2,000 characters. */
  greeting: string;
  /** Model that speaks. */
  ttsModel: "elevenlabs-v3" | "fish-audio-s1" | "kokoro";
  /** Language model of the conversation. */
  llmModel: string;
}

/** An API key without its secret. `prefix` is its beginning in clear text. */
export interface ApiKey {
  /** Id of the key. */
  id: string;
  /** Name of the key. */
  name: string;
  /** Beginning of the key in clear text. */
  prefix: string;
  /** What the key may do. */
  scopes: Array<string>;
  /** Id of the user who created it; null if they were deleted. */
  created_by: string | null;
  /** When it was last used, to the minute; null if it never was. */
  last_used_at: string | null;
  /** When it stops working; null for never. */
  expires_at: string | null;
  /** When it was created. */
  created_at: string;
}

/** A file of footage. `duration` is in seconds, `width` and `height` are upright pixels; null until it is probed. `has_proxy` states whether the editing proxy exists; previews from it are faster. */
export interface AssetResponse {
  /** Id of the footage. */
  id: string;
  /** Name of the file. */
  file_name: string;
  /** Media type of the file. */
  content_type: string;
  /** State of the footage. */
  status: "awaiting_upload" | "downloading" | "failed" | "ready";
  /** Why the footage failed; null if it did not. */
  error: string | null;
  /** Length in seconds; null until it is probed. */
  duration: number | null;
  /** Frames per second; null until it is probed. */
  fps: number | null;
  /** Width of the upright video in pixels; null until it is probed. */
  width: number | null;
  /** Height of the upright video in pixels; null until it is probed. */
  height: number | null;
  /** Whether the footage has sound; null until it is probed. */
  has_audio: boolean | null;
  /** Whether previews read the fast editing proxy yet. */
  has_proxy: boolean;
  /** Signed URL of the footage; null until it is ready. */
  url: string | null;
  /** When the footage was added. */
  created_at: string;
}

/** Voice, music and sound effects; volumes in percent. */
export interface AudioConfig {
  /** Whether sound effects are added at cuts and highlights. */
  autoSfxEnabled?: boolean;
  /** `none`, or the id of an audio file of the workspace's media. */
  musicTrack?: string;
  /** Music by URL; takes precedence over `musicTrack`. Null for none. */
  activeTrack?: ActiveTrack | null;
  /** Volume of the music, in percent. */
  musicVolume?: number;
  /** Volume of the voices, in percent. */
  voiceVolume?: number;
  /** Whether long pauses are cut out. */
  removePauses?: boolean;
}

/** A talking head from a photo, and either `audio` or `text`. */
export interface AvatarRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** Photo of the presenter. */
  image: string;
  /** Number of lines of the video. */
  resolution: "1080p" | "480p" | "720p";
  /** Model to use. */
  model: "creatify-aurora" | "kling-avatar-v2" | "omnihuman-1.5" | "veed-fabric";
  /** Recording that the presenter speaks; send either this or `text`. */
  audio?: string | null;
  /** What the presenter says, up to 5,000 characters; no engine of this version can speak it. */
  text?: string | null;
  /** Voice that speaks `text`. */
  voiceId?: string | null;
}

/** A cutaway on the clip clock; the voice continues under it. `source_duration` limits how much of the cutaway's own video is used; 0 means as much as `duration` needs. */
export interface BRoll {
  /** Video or image: an http(s) URL, or the `object_key` or URL of the workspace's own media. */
  videoUrl: string;
  /** When the cutaway begins, in seconds from the clip's start. */
  startTime: number;
  /** How long the cutaway lasts, in seconds. */
  duration: number;
  /** Id of the cutaway, kept for the editor. */
  id?: string | null;
  /** Id of the item at its provider, kept for the editor. */
  sourceId?: string | null;
  /** URL of a thumbnail, kept for the editor. */
  thumbnailUrl?: string | null;
  /** Where the cutaway's own video starts, in seconds. */
  sourceStart?: number;
  /** How much of the cutaway's own video is used, in seconds; 0 for as much as is needed. */
  sourceDuration?: number;
}

/** Footage from a description. `duration` is in seconds. */
export interface BRollRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** What the footage shows, up to 2,000 characters. */
  prompt: string;
  /** Length in seconds, 3 to 6. */
  duration?: number;
  /** Number of lines of the video. */
  resolution?: "480p" | "720p";
  /** Model to use; the first available one of the catalogue without it. */
  model?: "kling-2.6-pro" | "wan-2.6" | null;
}

/** One action for several clips. Each clip succeeds or fails by itself. */
export interface BatchRequest {
  /** What to do with each clip. */
  action: "delete" | "export" | "render";
  /** Ids of clips of the workspace. */
  clip_ids: Array<string>;
  /** The editing program; needed for the action export. */
  target_format?: "after_effects" | "davinci" | "fcpx" | "premiere" | null;
  /** Whether packages hold the proxy in place of the source. */
  include_proxy?: boolean;
}

/** What came of the action for one clip. */
export interface BatchResult {
  /** Id of the clip. */
  clip_id: string;
  /** Whether the action was accepted for this clip. */
  ok: boolean;
  /** Id of the render or export; null for a deletion or a failure. */
  job_id: string | null;
  /** The HTTP status that the single request would have had. */
  code: number;
  /** Why it was not accepted; null if it was. */
  error: string | null;
}

/** A rectangle in fractions (0..1) of the upright frame; `x`, `y` is its top left corner. All zero is no box. */
export interface BoundingBox {
  /** Left edge, as a fraction of the frame's width. */
  x?: number;
  /** Top edge, as a fraction of the frame's height. */
  y?: number;
  /** Width, as a fraction of the frame's width. */
  width?: number;
  /** Height, as a fraction of the frame's height. */
  height?: number;
}

/** The span within which a segment can be trimmed, in seconds of its footage. */
export interface Bounds {
  /** Earliest start of the segment, in seconds of its footage. */
  start_ts: number;
  /** Latest end of the segment, in seconds of its footage. */
  end_ts: number;
}

/** A rectangle in fractions (0..1) of the upright source frame; `x`, `y` is its top left corner. */
export interface Box {
  /** Left edge, in fractions of the frame's width. */
  x: number;
  /** Top edge, in fractions of the frame's height. */
  y: number;
  /** Width, in fractions of the frame's width. */
  w: number;
  /** Height, in fractions of the frame's height. */
  h: number;
}

/** A telephone call. */
export interface CallOut {
  /** Id of the call. */
  callId: string;
  /** State of the call. */
  status: "active" | "ended" | "failed";
}

/** A call by an agent to a telephone number. */
export interface CallRequest {
  /** Id of the voice agent. */
  agentId: string;
  /** Telephone number to call, in E.164. */
  phoneNumber: string;
}

/** The query parameters with which the browser was redirected. */
export interface CallbackRequest {
  /** Code that the browser has returned with. */
  code: string;
  /** State that the browser has returned with. */
  state: string;
}

/** A range that the scorer considered. */
export interface Candidate {
  /** Where it starts, in seconds of the source. */
  start_time: number;
  /** Where it ends, in seconds of the source. */
  end_time: number;
  /** Proposed title. */
  title: string;
  /** Its score, 0 to 100. */
  score: number;
  /** The parts of the score, 0 to 100 each. */
  breakdown: Record<string, number>;
  /** What speaks for it. */
  reasoning: string;
  /** Why it did not become a clip; null if it did. */
  rejection_reason: string | null;
}

/** The size and frame rate of exports; an omitted field is unchanged. */
export interface CanvasRequest {
  /** Width of exports in pixels, an even number. */
  width?: number | null;
  /** Height of exports in pixels, an even number. */
  height?: number | null;
  /** Frames per second of exports. */
  fps?: number | null;
}

/** One caption as the API returns it. Times are on the output clock, lengths in canvas pixels. */
export interface CaptionEvent {
  /** When the caption appears, in seconds of the rendered clip. */
  start_s: number;
  /** When the caption disappears, in seconds of the rendered clip. */
  end_s: number;
  /** The text as it is shown, with its line breaks. */
  text: string;
  /** The words of the caption. */
  words: Array<SpokenWord>;
  /** Label of the speaker; null where nobody could be told apart. */
  speaker: string | null;
  /** Height of the font in pixels of the canvas. */
  size: number;
  /** Vertical middle of the caption in pixels from the top of the canvas. */
  middle: number;
  /** Left, top, right and bottom of the text in pixels of the canvas. */
  box: [number, number, number, number];
  /** What the text is: caption or hook (the title card). */
  kind?: string;
}

/** A value of `caption_style`. */
export interface CaptionTemplate {
  /** The value of `caption_style`. */
  id: string;
  /** Name of the style for people. */
  name: string;
  /** What the style looks like. */
  description: string;
  /** Whether the style is a built-in one. */
  is_system: boolean;
  /** The fields of `style` that it sets. */
  style: Record<string, unknown>;
}

/** An open checkout; send the browser to `url`. */
export interface Checkout {
  /** Stripe's payment page. Send the browser there. */
  url: string;
  /** Id of Stripe's checkout session. */
  session_id: string;
}

/** How many minutes to buy, and where Stripe sends the browser back. */
export interface CheckoutRequest {
  /** How many minutes to buy. */
  minutes: number;
  /** Where Stripe sends the browser after the payment. */
  success_url?: string | null;
  /** Where Stripe sends the browser when the payment is given up. */
  cancel_url?: string | null;
}

/** A clip in its project's list. Times are seconds of the source. */
export interface ClipBrief {
  /** Id of the clip. */
  id: string;
  /** Id of the project that the clip is cut from. */
  project_id: string;
  /** Title, proposed from what is said, or as it was set. */
  title: string;
  /** Where the clip starts, in seconds of the source. */
  start_time: number;
  /** Where the clip ends, in seconds of the source. */
  end_time: number;
  /** Length of the clip in seconds, before pauses are removed. */
  duration: number;
  /** How well the clip is expected to do, 0 to 100. */
  virality_score: number;
  /** The parts of the score by name, 0 to 100 each. */
  score_breakdown: Record<string, number>;
  /** Why the clip was chosen, in one or two sentences. */
  reasoning: string;
  /** Proposed hashtags, with the leading #. */
  hashtags: Array<string>;
  /** State of the newest render; DETECTED before the first one. */
  status: "DETECTED" | "FAILED_RENDER" | "QUEUED" | "RENDERED" | "RENDERING";
  /** Why the newest render failed; null if it did not. */
  error_message: string | null;
  /** Signed URL of a JPEG; null while there is none. */
  thumbnail_url: string | null;
  /** Signed URL of the newest finished MP4, valid for six hours; null before the first render. */
  video_url: string | null;
  /** URL of the video that the clip is cut from, with a token that expires. */
  source_video_url: string;
  /** Signed URL of the 720p proxy, or of the source until it exists. */
  proxy_url: string | null;
  /** Suggested cutaways within the clip; times count from the clip's start. */
  broll_suggestions: Array<Record<string, unknown>>;
}

/** How long clips are to be, in seconds. */
export interface ClipDurations {
  /** The shortest clip, in seconds. */
  min?: number;
  /** The longest clip, in seconds. */
  max?: number;
}

/** A `TemplateConfig`, and the clip's other editable fields. Bounds are seconds of the source. Times within the config are on the clip's clock as it was before a change of `start_time`. */
export interface ClipEdit {
  /** How the video fills the canvas. */
  layout?: LayoutConfig;
  /** Voice, music and sound effects. */
  audio?: AudioConfig;
  /** Graphics over the picture, other than captions. */
  elements?: ElementsConfig;
  /** The look of the captions. */
  style?: StyleConfig;
  /** Cutaways. */
  b_roll?: Array<BRoll>;
  /** Name of a built-in caption style, or of a template of the workspace. */
  caption_style?: string;
  /** Shots whose layout the client sets; null follows the director everywhere. */
  shots?: Array<ShotOverride> | null;
  /** Corrected words; null shows them as they were recognised. */
  transcript?: TranscriptEdit | null;
  /** The audio track to use: `auto`, `mix`, or a number from 0. */
  audio_track?: "auto" | "mix" | number;
  /** The clip's title. Omitted, it stays as it is. */
  title?: string | null;
  /** New start of the clip, in seconds of the source; moved to the nearest frame. */
  start_time?: number | null;
  /** New end of the clip, in seconds of the source; at most 30 minutes after the start. */
  end_time?: number | null;
}

/** A clip with all that the editor needs. Times in it are seconds from the clip's start. */
export interface ClipFull {
  /** Id of the clip. */
  id: string;
  /** Id of the project that the clip is cut from. */
  project_id: string;
  /** Title, proposed from what is said, or as it was set. */
  title: string;
  /** Where the clip starts, in seconds of the source. */
  start_time: number;
  /** Where the clip ends, in seconds of the source. */
  end_time: number;
  /** Length of the clip in seconds, before pauses are removed. */
  duration: number;
  /** How well the clip is expected to do, 0 to 100. */
  virality_score: number;
  /** The parts of the score by name, 0 to 100 each. */
  score_breakdown: Record<string, number>;
  /** Why the clip was chosen, in one or two sentences. */
  reasoning: string;
  /** Proposed hashtags, with the leading #. */
  hashtags: Array<string>;
  /** State of the newest render; DETECTED before the first one. */
  status: "DETECTED" | "FAILED_RENDER" | "QUEUED" | "RENDERED" | "RENDERING";
  /** Why the newest render failed; null if it did not. */
  error_message: string | null;
  /** Signed URL of a JPEG; null while there is none. */
  thumbnail_url: string | null;
  /** Signed URL of the newest finished MP4, valid for six hours; null before the first render. */
  video_url: string | null;
  /** URL of the video that the clip is cut from, with a token that expires. */
  source_video_url: string;
  /** Signed URL of the 720p proxy, or of the source until it exists. */
  proxy_url: string | null;
  /** Suggested cutaways within the clip; times count from the clip's start. */
  broll_suggestions: Array<Record<string, unknown>>;
  /** How often the clip was saved; also its `ETag`. */
  version: number;
  /** The whole config with its defaults, and with fields that this version does not know. */
  template_config: TemplateConfig;
  /** Messages about fields of the config that have no effect. */
  warnings: Array<string>;
  /** When the clip was found. */
  created_at: string;
  /** When the clip was last changed. */
  updated_at: string;
  /** The words of the clip. */
  transcript: TranscriptOut;
  /** The layouts and crop paths that renders and packages follow, contiguous over the clip. */
  ai_suggested_layout_timeline: Array<LayoutShot>;
  /** The people found in the clip; null before they are analysed. */
  advanced_spatial_matrix: SpatialMatrix | null;
  /** The shots between the cuts of the source, on the clip's clock. */
  shots: Array<SourceShot>;
  /** Quality measures of the crop path; null before it is computed. */
  crop_metrics: CropMetrics | null;
}

/** The best clips of a long video. Durations are in seconds; `viralScoreThreshold` ranges from 1 to 10. */
export interface ClipRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** The long video. */
  sourceVideoUrl: string;
  /** Maximum number of clips, 1 to 20. */
  maxClips?: number;
  /** Minimum length of a clip in seconds, 5 to 180; 15 without it. */
  minDuration?: number | null;
  /** Maximum length of a clip in seconds, 5 to 180; 60 without it. */
  maxDuration?: number | null;
  /** Whether captions are rendered into the clips. */
  addCaptions?: boolean;
  /** Aspect ratio of the clips. */
  aspectRatio?: "16:9" | "1:1" | "9:16";
  /** Minimum score of a clip, 1 to 10; no limit without it. */
  viralScoreThreshold?: number | null;
}

/** A clip in the message that its project's clips are ready. */
export interface ClipSummary {
  /** Id of the clip. */
  id: string;
  /** Title of the clip. */
  title: string;
  /** Where it starts, in seconds of the source. */
  start_time: number;
  /** Where it ends, in seconds of the source. */
  end_time: number;
  /** The score of the clip, 0 to 100. */
  virality_score: number;
}

/** PUT the bytes to `upload_url`, then confirm `object_key` with POST /v1/media/confirm. */
export interface ClipUpload {
  /** Signed URL that takes the bytes by PUT. */
  upload_url: string;
  /** Key of the file, to confirm once it is uploaded. */
  object_key: string;
}

/** A commercial with script, voice-over, pictures and composition. `duration` is in seconds. */
export interface CommercialRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** The product, up to 2,000 characters. */
  product: string;
  /** Where the commercial is shown. */
  platform: "instagram" | "tiktok" | "tv" | "youtube";
  /** Length in seconds. */
  duration: 15 | 30 | 60;
  /** Tone of the script and the voice-over. */
  tone: "casual" | "energetic" | "funny" | "luxury" | "professional";
  /** Who the commercial speaks to, up to 500 characters. */
  targetAudience?: string | null;
  /** Photo of the person who presents the product. */
  spokespersonImage?: string | null;
  /** Photos of the product, at most 10. */
  productImages?: Array<string>;
  /** Voice of the voice-over. */
  voiceId?: string | null;
  /** Model of the voice-over. */
  voiceModel?: "elevenlabs-v3" | "fish-audio-s1" | "kokoro" | null;
  /** Mood of the music, up to 100 characters. */
  musicMood?: string | null;
  /** Model of the footage. */
  videoModel?: "kling-2.6-pro" | "kling-3.0-pro" | "veo-3.1" | "wan-2.6" | null;
}

/** An uploaded object. `filename` replaces the name that was sent to `presign`. */
export interface ConfirmRequest {
  /** Key from the response to `presign`. */
  object_key: string;
  /** Name of the file; omitted, the one that was sent to `presign`. */
  filename?: string | null;
}

/** The URL to which the platform redirects the browser. It must be registered with the platform. */
export interface ConnectRequest {
  /** Where the platform sends the browser back. It must be registered with the platform. */
  redirect_uri?: string | null;
}

/** The consent page. Send the browser to `authorization_url`; the platform redirects it with `code` and `state`. */
export interface Consent {
  /** The platform's page of consent. Send the browser there. */
  authorization_url: string;
  /** Ties the answer to this request; send it to `callback`, within ten minutes. */
  state: string;
}

/** Quality measures of a crop path, sampled at every detection time. `direction.crop_metrics` computes them. */
export interface CropMetrics {
  /** Share of the sampled times at which the subject is in the crop, 0 to 1. */
  subject_in_frame: number;
  /** Share of the sampled times at which the person who speaks is in the crop, 0 to 1. */
  active_speaker_in_frame: number;
  /** How often the crop changes its direction, per second. */
  reversals_per_s: number;
  /** How far the crop moves, in pixels of the source per second. */
  travel_px_per_s: number;
  /** Sampled times at which somebody is on screen and nobody is in the crop. */
  wall_frames: number;
}

/** The envelope of one object. */
export interface AgentOutData {
  /** The object that the request asked for, created or changed. */
  data: AgentOut;
}

/** The envelope of one object. */
export interface CallOutData {
  /** The object that the request asked for, created or changed. */
  data: CallOut;
}

/** The envelope of one object. */
export interface CheckoutData {
  /** The object that the request asked for, created or changed. */
  data: Checkout;
}

/** The envelope of one object. */
export interface ClipBriefData {
  /** The object that the request asked for, created or changed. */
  data: ClipBrief;
}

/** The envelope of one object. */
export interface ClipFullData {
  /** The object that the request asked for, created or changed. */
  data: ClipFull;
}

/** The envelope of one object. */
export interface ClipUploadData {
  /** The object that the request asked for, created or changed. */
  data: ClipUpload;
}

/** The envelope of one object. */
export interface ConsentData {
  /** The object that the request asked for, created or changed. */
  data: Consent;
}

/** The envelope of one object. */
export interface DeliveryOutData {
  /** The object that the request asked for, created or changed. */
  data: DeliveryOut;
}

/** The envelope of one object. */
export interface DryRunData {
  /** The object that the request asked for, created or changed. */
  data: DryRun;
}

/** The envelope of one object. */
export interface ExportOutData {
  /** The object that the request asked for, created or changed. */
  data: ExportOut;
}

/** The envelope of one object. */
export interface ExportStartedData {
  /** The object that the request asked for, created or changed. */
  data: ExportStarted;
}

/** The envelope of one object. */
export interface FormOutData {
  /** The object that the request asked for, created or changed. */
  data: FormOut;
}

/** The envelope of one object. */
export interface GenerationDryRunData {
  /** The object that the request asked for, created or changed. */
  data: GenerationDryRun;
}

/** The envelope of one object. */
export interface GenerationJobOutData {
  /** The object that the request asked for, created or changed. */
  data: GenerationJobOut;
}

/** The envelope of one object. */
export interface GenerationStartedData {
  /** The object that the request asked for, created or changed. */
  data: GenerationStarted;
}

/** The envelope of one object. */
export interface HealthData {
  /** The object that the request asked for, created or changed. */
  data: Health;
}

/** The envelope of one object. */
export interface InvitationData {
  /** The object that the request asked for, created or changed. */
  data: Invitation;
}

/** The envelope of one object. */
export interface MeOutData {
  /** The object that the request asked for, created or changed. */
  data: MeOut;
}

/** The envelope of one object. */
export interface MediaOutData {
  /** The object that the request asked for, created or changed. */
  data: MediaOut;
}

/** The envelope of one object. */
export interface MemberData {
  /** The object that the request asked for, created or changed. */
  data: Member;
}

/** The envelope of one object. */
export interface MembershipData {
  /** The object that the request asked for, created or changed. */
  data: Membership;
}

/** The envelope of one object. */
export interface NewKeyData {
  /** The object that the request asked for, created or changed. */
  data: NewKey;
}

/** The envelope of one object. */
export interface OkData {
  /** The object that the request asked for, created or changed. */
  data: Ok;
}

/** The envelope of one object. */
export interface PlaybackData {
  /** The object that the request asked for, created or changed. */
  data: Playback;
}

/** The envelope of one object. */
export interface ProjectCreatedData {
  /** The object that the request asked for, created or changed. */
  data: ProjectCreated;
}

/** The envelope of one object. */
export interface ProjectOutData {
  /** The object that the request asked for, created or changed. */
  data: ProjectOut;
}

/** The envelope of one object. */
export interface ProjectStartedData {
  /** The object that the request asked for, created or changed. */
  data: ProjectStarted;
}

/** The envelope of one object. */
export interface ProjectStatusData {
  /** The object that the request asked for, created or changed. */
  data: ProjectStatus;
}

/** The envelope of one object. */
export interface ProjectWithClipsData {
  /** The object that the request asked for, created or changed. */
  data: ProjectWithClips;
}

/** The envelope of one object. */
export interface ReactionsData {
  /** The object that the request asked for, created or changed. */
  data: Reactions;
}

/** The envelope of one object. */
export interface RebuiltData {
  /** The object that the request asked for, created or changed. */
  data: Rebuilt;
}

/** The envelope of one object. */
export interface RenderOutData {
  /** The object that the request asked for, created or changed. */
  data: RenderOut;
}

/** The envelope of one object. */
export interface RenderProgressData {
  /** The object that the request asked for, created or changed. */
  data: RenderProgress;
}

/** The envelope of one object. */
export interface RenderQueuedData {
  /** The object that the request asked for, created or changed. */
  data: RenderQueued;
}

/** The envelope of one object. */
export interface ScoreCurveData {
  /** The object that the request asked for, created or changed. */
  data: ScoreCurve;
}

/** The envelope of one object. */
export interface SessionOutData {
  /** The object that the request asked for, created or changed. */
  data: SessionOut;
}

/** The envelope of one object. */
export interface SettingsOutData {
  /** The object that the request asked for, created or changed. */
  data: SettingsOut;
}

/** The envelope of one object. */
export interface SocialAccountData {
  /** The object that the request asked for, created or changed. */
  data: SocialAccount;
}

/** The envelope of one object. */
export interface StatsData {
  /** The object that the request asked for, created or changed. */
  data: Stats;
}

/** The envelope of one object. */
export interface StorageUploadData {
  /** The object that the request asked for, created or changed. */
  data: StorageUpload;
}

/** The envelope of one object. */
export interface StoredData {
  /** The object that the request asked for, created or changed. */
  data: Stored;
}

/** The envelope of one object. */
export interface TeamData {
  /** The object that the request asked for, created or changed. */
  data: Team;
}

/** The envelope of one object. */
export interface TemplateOutData {
  /** The object that the request asked for, created or changed. */
  data: TemplateOut;
}

/** The envelope of one object. */
export interface TokensData {
  /** The object that the request asked for, created or changed. */
  data: Tokens;
}

/** The envelope of one object. */
export interface TranscriptOutData {
  /** The object that the request asked for, created or changed. */
  data: TranscriptOut;
}

/** The envelope of one object. */
export interface UsageOutData {
  /** The object that the request asked for, created or changed. */
  data: UsageOut;
}

/** The envelope of one object. */
export interface UsageData {
  /** The object that the request asked for, created or changed. */
  data: Usage;
}

/** The envelope of one object. */
export interface UserData {
  /** The object that the request asked for, created or changed. */
  data: User;
}

/** The envelope of one object. */
export interface WaveformOutData {
  /** The object that the request asked for, created or changed. */
  data: WaveformOut;
}

/** The envelope of one object. */
export interface WebhookOutData {
  /** The object that the request asked for, created or changed. */
  data: WebhookOut;
}

/** The envelope of one object. */
export interface WebhookSecretData {
  /** The object that the request asked for, created or changed. */
  data: WebhookSecret;
}

/** The envelope of one object. */
export interface TemplateOutMapData {
  /** The object that the request asked for, created or changed. */
  data: Record<string, TemplateOut | null>;
}

/** The envelope of one object. */
export interface BatchResultListData {
  /** The object that the request asked for, created or changed. */
  data: Array<BatchResult>;
}

/** The envelope of one object. */
export interface ModelOutListData {
  /** The object that the request asked for, created or changed. */
  data: Array<ModelOut>;
}

/** The envelope of one object. */
export interface VoiceOutListData {
  /** The object that the request asked for, created or changed. */
  data: Array<VoiceOut>;
}

/** The envelope of one object. */
export interface CallOutListData {
  /** The object that the request asked for, created or changed. */
  data: Array<CallOut>;
}

/** The envelope of one object. */
export interface ApiKeyListData {
  /** The object that the request asked for, created or changed. */
  data: Array<ApiKey>;
}

/** The envelope of one object. */
export interface ObjectMapData {
  /** The object that the request asked for, created or changed. */
  data: Record<string, unknown>;
}

/** The template that becomes the default. */
export interface DefaultRequest {
  /** Id of a template of the workspace, or of a built-in one. */
  template_id: string;
}

/** The response to a deletion. */
export interface Deleted {
  /** Always true: what failed is an error response. */
  deleted?: boolean;
}

/** A delivery. `id` is sent as the header `webhook-id`; `log` has one entry for each attempt. */
export interface DeliveryOut {
  /** Id of the delivery, the same for every attempt; sent as the header `webhook-id`. */
  id: string;
  /** Name of the event. */
  event: string;
  /** DUE, DELIVERED or FAILED. */
  state: string;
  /** How many attempts were made. */
  attempts: number;
  /** When the next attempt is due; null if there is none. */
  next_attempt_at: string | null;
  /** When the receiver accepted it; null if it has not. */
  delivered_at: string | null;
  /** One entry for each attempt: when, with what status, and how long it took. */
  log: Array<Record<string, unknown>>;
  /** When the event happened. */
  created_at: string;
}

/** Captions in pixels of a `width` x `height` frame, at seconds of the rendered clip. `still_url` is a JPEG of the frame at `still_time` (clip clock), rendered by the render's filter graph from the proxy if it exists, without b-roll and watermark. It is null if the frame cannot be rendered, or if the video is in a bucket and has no proxy yet. */
export interface DryRun {
  /** Id of the clip. */
  clip_id: string;
  /** Width of the canvas in pixels. */
  width: number;
  /** Height of the canvas in pixels. */
  height: number;
  /** The captions in the order of their times. */
  captions: Array<CaptionEvent>;
  /** The captions as SubRip. */
  srt: string;
  /** The captions as WebVTT. */
  vtt: string;
  /** Signed URL of a JPEG of one frame; null if the video cannot be drawn. */
  still_url: string | null;
  /** Time of that frame, in seconds from the clip's start. */
  still_time: number;
}

/** The config to preview, as in `PUT`. Without a body, the saved config is previewed. */
export interface DryRunRequest {
  /** How the video fills the canvas. */
  layout?: LayoutConfig;
  /** Voice, music and sound effects. */
  audio?: AudioConfig;
  /** Graphics over the picture, other than captions. */
  elements?: ElementsConfig;
  /** The look of the captions. */
  style?: StyleConfig;
  /** Cutaways. */
  b_roll?: Array<BRoll>;
  /** Name of a built-in caption style, or of a template of the workspace. */
  caption_style?: string;
  /** Shots whose layout the client sets; null follows the director everywhere. */
  shots?: Array<ShotOverride> | null;
  /** Corrected words; null shows them as they were recognised. */
  transcript?: TranscriptEdit | null;
  /** The audio track to use: `auto`, `mix`, or a number from 0. */
  audio_track?: "auto" | "mix" | number;
}

/** A word that the user corrected, on the clip clock. */
export interface EditedWord {
  /** The word as it is to be shown. */
  word: string;
  /** When the word begins, in seconds from the clip's start. */
  start: number;
  /** When the word ends, in seconds from the clip's start. */
  end: number;
  /** Kept as it was sent, 0 to 1. */
  confidence?: number;
  /** Label of the speaker. */
  speaker?: string | null;
}

/** The effects on the frames of a segment. */
export interface EffectsResponse {
  /** The colour grade; all zero if there is none. */
  grade: GradeNumbers;
}

/** Graphics over the video, other than captions. */
export interface ElementsConfig {
  /** A bar that grows with the playing time. */
  progressBar?: ProgressBar;
  /** An image in the upper right corner. */
  watermark?: Watermark;
  /** A title card at the start. */
  hookTitle?: HookTitle;
  /** Emoji reactions. */
  emojis?: Array<Emoji>;
}

/** The new email address, and the current password. */
export interface EmailChange {
  /** The new email address. It replaces the old one once it is verified. */
  email: string;
  /** The current password. */
  password: string;
}

/** An emoji reaction on the clip clock, from `emoji-fill` or from the client. Without `x` and `y` it is placed near the speaker's face when the clip is rendered. */
export interface Emoji {
  /** The emoji. */
  emoji: string;
  /** When it appears, in seconds from the clip's start. */
  startTime: number;
  /** How long it is shown, in seconds. */
  duration?: number;
  /** Label of the speaker beside whom it appears. */
  speaker?: string | null;
  /** Horizontal middle, in fractions of the canvas's width; beside the speaker if omitted. */
  x?: number | null;
  /** Vertical middle, in fractions of the canvas's height; beside the speaker if omitted. */
  y?: number | null;
}

/** The error envelope of `/api/v1`. */
export interface ErrorEnvelope {
  /** What is wrong, with the field's name and limit, and what to do. */
  error: string;
  /** The HTTP status. */
  code: number;
  /** The kind of error, for programs. */
  type?: string;
  /** The field, parameter or header at fault; null if none is. */
  param?: string | null;
  /** Id of the request, which the log has too. */
  request_id?: string;
  /** The operation in the reference. */
  doc_url?: string;
}

/** An event, with the data of its webhooks but no signed URLs: read the clip or export for these. */
export interface EventOut {
  /** Id of the event. Ids grow. */
  id: number;
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** The payload, as docs/events.md describes it. */
  data: Record<string, unknown>;
}

/** Events, oldest first. */
export interface EventPage {
  /** The events after `after`. */
  data: Array<EventOut>;
  /** Whether more events follow: ask again with the last id. */
  has_more: boolean;
}

/** An export of a clip. */
export interface ExportEvent {
  /** Id of the export. */
  id: string;
  /** Id of the export. */
  export_id: string;
  /** Id of the clip. */
  clip_id: string;
  /** Id of the clip's project. */
  project_id: string;
  /** The editing program. */
  target_format: string;
  /** State of the export. */
  status: "COMPLETED" | "FAILED" | "PENDING" | "PROCESSING";
  /** How much of the package is done, in percent. */
  progress: number;
  /** Size of the package in bytes. */
  file_size: number | null;
  /** Why the export failed; null if it did not. */
  error_message: string | null;
  /** Signed URL of the package; absent until it is completed. */
  download_url?: string;
}

/** An export; `progress` is a percentage, `file_size` is in bytes. */
export interface ExportOut {
  /** Id of the export. */
  id: string;
  /** Id of the clip. */
  clip_id: string;
  /** The editing program that the package is for. */
  target_format: "after_effects" | "davinci" | "fcpx" | "premiere";
  /** Whether the package holds the 720p proxy in place of the source. */
  include_proxy: boolean;
  /** State of the export. */
  status: "COMPLETED" | "FAILED" | "PENDING" | "PROCESSING";
  /** How much of the package is done, in percent. */
  progress: number;
  /** Signed URL of the package, valid for six hours; null until it is completed. */
  download_url: string | null;
  /** Size of the package in bytes; null until it is completed. */
  file_size: number | null;
  /** Why the export failed; null if it did not. */
  error_message: string | null;
  /** When the export was requested. */
  created_at: string;
  /** When the export ended; null until then. */
  finished_at: string | null;
}

/** The editing program that a package is for; `include_proxy` adds the 720p proxy instead of the source. */
export interface ExportRequest {
  /** The editing program to package for. */
  target_format: "after_effects" | "davinci" | "fcpx" | "premiere";
  /** Whether the package holds the 720p proxy in place of the source. */
  include_proxy?: boolean;
}

/** A queued export. */
export interface ExportStarted {
  /** Id of the export. The same content gives the same id. */
  export_id: string;
  /** State of the export. */
  status: "COMPLETED" | "FAILED" | "PENDING" | "PROCESSING";
}

/** The user, and the workspace of requests without `X-Workspace-ID`. */
export interface FlatProfile {
  /** Id of the user. */
  id: string;
  /** Email address of the user. */
  email: string;
  /** First name; may be empty. */
  first_name: string;
  /** Last name; may be empty. */
  last_name: string;
  /** URL of the user's avatar; null if there is none. */
  avatar_url: string | null;
  /** Workspace of requests without `X-Workspace-ID`; null if the user owns none. */
  workspace_id: string | null;
  /** The workspaces that the caller may act in. */
  workspaces: Array<Membership>;
  /** Always true: without a login the response is 401. */
  signed_in?: boolean;
}

/** An upload form. POST the fields to `url` as multipart/form-data, the file last as `file`; then confirm `object_key`. */
export interface FormOut {
  /** URL that accepts the form by POST. */
  url: string;
  /** Fields of the form, to be sent before the file. */
  fields: Record<string, string>;
  /** Key of the file, to confirm once it is uploaded. */
  object_key: string;
}

/** The frame at `ts` of the timeline. `quality: source` reads the source file; as PNG the frame is lossless. */
export interface FrameRequest {
  /** Time on the timeline, in seconds. */
  ts: number;
  /** `source` reads the source file in place of the editing proxy. */
  quality?: "preview" | "source";
  /** Format of the image; a PNG of the source is lossless. */
  format?: "jpeg" | "png";
  /** Width of the image in pixels, an even number; that of the canvas if omitted. */
  width?: number | null;
}

/** A frame as an image; `timestamp` is the start of the frame on the timeline. */
export interface FrameResponse {
  /** Signed URL of the image. */
  frame_url: string;
  /** Start of the frame on the timeline, in seconds. */
  timestamp: number;
}

/** A prompt for the range from `start_ts` to `end_ts`, in seconds of the timeline. The box is in the range's first frame. Without one, the edit applies to the whole picture. `service` selects a hosted model: `fal` edits what is in the box, `runway` the whole picture. */
export interface GenerateRequest {
  /** Id of the timeline project. */
  project_id: string;
  /** What to change, up to 2,000 characters. */
  prompt: string;
  /** Start of the range, in seconds of the timeline. */
  start_ts: number;
  /** End of the range, in seconds of the timeline; at most 60 s after its start. */
  end_ts: number;
  /** Region in the first frame of the range; the whole picture without it. */
  bounding_box?: BoundingBox | null;
  /** What carries the edit out: this server, or a hosted model. */
  service?: "fal" | "local" | "runway";
}

/** A queued edit. `GET /job/{job_id}` has its variants once it is completed. */
export interface GenerateResponse {
  /** Id of the job, for `GET /job/{job_id}`. */
  job_id: string;
  /** State of the job. */
  status: "completed" | "failed" | "pending" | "running";
  /** Id of the timeline project. */
  project_id: string;
  /** What the prompt became. */
  plan: PlanResponse;
  /** Limits of the edit, as sentences. */
  notes: Array<string>;
}

/** What a request would cost, and what would run it. Nothing was started or charged. */
export interface GenerationDryRun {
  /** What the job would make. */
  type: "avatar" | "b-roll" | "clip" | "commercial" | "image" | "instant-ad" | "photoshoot" | "text2video" | "translate" | "video" | "voice" | "voice-clone";
  /** What the job would cost, in credits. */
  credits: number;
  /** Credits that are left. */
  balance: number;
  /** What would run it: `pipeline` or `kokoro` on this server, or a provider. */
  engine: string;
  /** Model that would run; null for a type without models. */
  model: string | null;
  /** Always true: nothing was started or charged. */
  dryRun?: boolean;
}

/** A job. `progress` is a percentage; the first of `outputs` is `outputUrl`. `expired`: the files are deleted. */
export interface GenerationJobOut {
  /** Id of the job. */
  jobId: string;
  /** Id of the job, the same as `jobId`. */
  id: string;
  /** What the job makes. */
  type: "avatar" | "b-roll" | "clip" | "commercial" | "image" | "instant-ad" | "photoshoot" | "text2video" | "translate" | "video" | "voice" | "voice-clone";
  /** State of the job. */
  status: "completed" | "failed" | "processing" | "queued";
  /** How much of the job is done, in percent. */
  progress: number;
  /** Signed URL of the first file, valid for 24 hours; null without one, and once it has expired. */
  outputUrl: string | null;
  /** Media type of the first file; null until the job is completed. */
  outputType: string | null;
  /** The files of the job; empty until it is completed. */
  outputs: Array<JobOutput>;
  /** Facts about the result, such as the model and the length. */
  metadata: Record<string, unknown>;
  /** Why the job failed; null if it did not. */
  error: string | null;
  /** The kind of failure, for programs; null if the job did not fail. */
  errorCode: "CANCELLED" | "CONTENT_REJECTED" | "INPUT_UNREADABLE" | "INTERNAL" | "LOST" | "NO_SPEECH" | "PROVIDER_ACCOUNT" | "PROVIDER_UNAVAILABLE" | "TIMEOUT" | "TOO_LONG" | null;
  /** Credits that the job was charged when it was queued. */
  creditsCharged: number;
  /** Credits that were given back. */
  creditsRefunded: number;
  /** When the job was requested. */
  createdAt: string;
  /** When the job began; null until then. */
  startedAt: string | null;
  /** When the job was completed; null if it is not. */
  completedAt: string | null;
  /** When the job failed; null if it did not. */
  failedAt: string | null;
  /** Whether the files were deleted, `CARMIC_KEEP_OUTPUTS_DAYS` after the job. */
  expired: boolean;
}

/** Without `scopes`, the key has all scopes, so that it can set the webhook of the generation API. */
export interface GenerationKeyRequest {
  /** A name by which to recognise the key. */
  name: string;
  /** What the key may do. All three scopes if omitted. */
  scopes?: Array<"admin" | "read" | "write">;
  /** When the key stops working; never if omitted. */
  expires_at?: string | null;
}

/** A queued job. Poll `GET /api/jobs?id=<jobId>` until its status is completed or failed. */
export interface GenerationStarted {
  /** Id of the job. */
  jobId: string;
  /** State of the job. */
  status: "queued";
  /** What happens next, for display. */
  message: string;
  /** Estimated length of the job in minutes; absent where it is not known. */
  estimatedMinutes?: number;
}

/** A colour grade: five numbers in -1..1 and a hue shift in degrees. With all zeros the frames are unchanged. */
export interface GradeNumbers {
  /** Brightness, -1 to 1; 0 leaves it as it is. */
  brightness?: number;
  /** Contrast, -1 to 1; 0 leaves it as it is. */
  contrast?: number;
  /** Saturation, -1 (grey) to 1; 0 leaves it as it is. */
  saturation?: number;
  /** Colour temperature, -1 (cold) to 1 (warm); 0 leaves it as it is. */
  temperature?: number;
  /** Brightness of the middle tones, -1 to 1; 0 leaves it as it is. */
  gamma?: number;
  /** Turn of all hues in degrees, -180 to 180; 0 leaves them as they are. */
  hue_shift?: number;
}

/** The grade to preview. `ts` is a time of the timeline inside the segment; by default that of its middle frame. */
export interface GradePreviewRequest {
  /** Brightness, -1 to 1; 0 leaves it as it is. */
  brightness?: number;
  /** Contrast, -1 to 1; 0 leaves it as it is. */
  contrast?: number;
  /** Saturation, -1 (grey) to 1; 0 leaves it as it is. */
  saturation?: number;
  /** Colour temperature, -1 (cold) to 1 (warm); 0 leaves it as it is. */
  temperature?: number;
  /** Brightness of the middle tones, -1 to 1; 0 leaves it as it is. */
  gamma?: number;
  /** Turn of all hues in degrees, -180 to 180; 0 leaves them as they are. */
  hue_shift?: number;
  /** Time on the timeline, in seconds; the segment's middle frame if omitted. */
  ts?: number | null;
  /** `source` reads the source file in place of the editing proxy. */
  quality?: "preview" | "source";
  /** Format of the image; a PNG of the source is lossless. */
  format?: "jpeg" | "png";
  /** Width of the image in pixels, an even number; that of the canvas if omitted. */
  width?: number | null;
}

/** The graded frame as an image; `timestamp` is the start of the frame on the timeline. */
export interface GradePreviewResponse {
  /** Signed URL of the graded image. */
  preview_frame_url: string;
  /** Start of the frame on the timeline, in seconds. */
  timestamp: number;
}

/** The graded segment. A GET of `graded_url` waits until the rendition is ready. */
export interface Graded {
  /** Id of the segment. */
  segment_id: string;
  /** URL of the graded segment. A GET waits until the rendition is ready. */
  graded_url: string;
  /** Id of the job that renders it; null if nothing must be rendered. */
  job_id: string | null;
  /** State of the rendition. */
  status: "completed" | "failed" | "pending" | "running";
}

/** `degraded`: the API responds, but a part that it depends on does not, or work waits that should run. `daemon` is `silent` if Dagster's daemon, which starts queued runs, sent no heartbeat for `DAEMON_TIMEOUT_S`. `queue` counts runs by state. `oldest_waiting_s` is the age of the oldest run that Dagster has not accepted yet. `daemon_silence_s` is null if the daemon never sent a heartbeat. */
export interface Health {
  /** `degraded` if the API responds, but a part does not, or work waits that should run. */
  status: "degraded" | "ok";
  /** State of the database: ok or unreachable. */
  database: string;
  /** State of the object store: ok or unreachable. */
  store: string;
  /** State of the pipeline's code server: ok or unreachable. */
  dagster: string;
  /** State of Dagster's daemon, which starts queued runs: ok, or silent without a heartbeat. */
  daemon: string;
  /** How many unfinished runs there are in each state. */
  queue: Record<string, number>;
  /** Age in seconds of the oldest run that Dagster has not accepted; 0 if none. */
  oldest_waiting_s: number;
  /** Seconds since the daemon's last heartbeat; null if it never sent one. */
  daemon_silence_s: number | null;
}

/** A title card at the top of the safe zone, shown from the start of the clip. */
export interface HookTitle {
  /** Whether the title card is shown. */
  enabled?: boolean;
  /** Text of the title card. */
  text?: string;
  /** How long it is shown, in seconds from the clip's start. */
  durationSec?: number;
}

/** An image from a prompt. Sizes are in pixels. */
export interface ImageRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** What the image shows, up to 2,000 characters. */
  prompt: string;
  /** Width of the image in pixels, 256 to 2048. */
  width?: number;
  /** Height of the image in pixels, 256 to 2048. */
  height?: number;
  /** Number of sampling steps, 1 to 50; more steps cost more time. */
  steps?: number;
  /** Seed of the random numbers, 0 to 2147483647; a random one without it. */
  seed?: number | null;
  /** Style that is added to the prompt; none without it. */
  style?: "3d" | "flat" | "illustration" | "photorealistic" | null;
  /** Model to use; the first available one of the catalogue without it. */
  model?: "flux-2-dev" | "flux-2-pro" | "flux-kontext-max" | "grok-imagine" | "ideogram-v3" | null;
  /** What the image must not show, up to 2,000 characters. */
  negativePrompt?: string | null;
}

/** The project with the imported segments. `notes` are sentences on what was not taken over. */
export interface ImportedResponse {
  /** The project with the imported segments. */
  project: TimelineResponse;
  /** What was not taken over, as sentences. */
  notes: Array<string>;
}

/** Ads from a web page; `count` variations. */
export interface InstantAdRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** The web page of the product. */
  websiteUrl: string;
  /** Where the ads are shown. */
  platform: "facebook" | "instagram" | "linkedin" | "tiktok" | "youtube";
  /** Number of ads, 1 to 4. */
  count: number;
  /** Style of the ads. */
  style: "bold" | "luxury" | "minimal" | "modern" | "playful";
  /** Whether the ads are images, videos or both. */
  outputFormat?: "both" | "image" | "video";
  /** Id of a brand profile, up to 100 characters. */
  brandProfileId?: string | null;
}

/** An invitation. After `expires_at` its link no longer works; it can be resent. */
export interface Invitation {
  /** Id of the invitation. */
  id: string;
  /** Email address of the invited person. */
  email: string;
  /** The role that the person gets: OWNER or EDITOR. */
  role: string;
  /** When its link stops working; null once it is accepted. */
  expires_at: string | null;
  /** When it was accepted; null until then. */
  accepted_at: string | null;
  /** When it was sent first. */
  created_at: string;
}

/** The email address to invite, the role, and the page that the link in the mail opens. */
export interface InviteRequest {
  /** Email address of the person to invite. */
  email: string;
  /** The role that the person gets. */
  role?: "EDITOR" | "OWNER";
  /** Page that the link in the mail opens, on this server or an allowed origin. */
  redirect_base?: string | null;
}

/** A job of the generation API, or a render in its shape. */
export interface JobEvent {
  /** Id of the job or render. */
  jobId: string;
  /** Kind of the job; a render is `clip`. */
  type: string;
  /** How the job ended. */
  status: "completed" | "failed";
  /** When the job was requested. */
  createdAt: string;
  /** Signed URL of the result, valid for a day. */
  outputUrl?: string;
  /** Media type. */
  outputType?: string;
  /** All files of a job of the generation API. */
  outputs?: Array<JobFile>;
  /** Facts about the result. */
  metadata?: Record<string, unknown>;
  /** When the job was completed. */
  completedAt?: string;
  /** Why the job failed. */
  error?: string | null;
  /** Kind of the failure of a job of the generation API, for programs. */
  errorCode?: "CANCELLED" | "CONTENT_REJECTED" | "INPUT_UNREADABLE" | "INTERNAL" | "LOST" | "NO_SPEECH" | "PROVIDER_ACCOUNT" | "PROVIDER_UNAVAILABLE" | "TIMEOUT" | "TOO_LONG";
  /** What was given back; minutes for a render. */
  creditsRefunded?: number;
  /** When the job failed. */
  failedAt?: string;
}

/** A file of a job. */
export interface JobFile {
  /** Signed URL of the file, valid for a day. */
  url: string;
  /** Media type of the file. */
  type: string;
}

/** A file of a job; `type` is its content type. `url` is null once the file has expired. */
export interface JobOutput {
  /** Signed URL of the file, valid for 24 hours; null once the file has expired. */
  url: string | null;
  /** Media type of the file. */
  type: string;
}

/** A job of the generation API that has not ended. */
export interface JobProgressEvent {
  /** Id of the job. */
  jobId: string;
  /** What the job makes. */
  type: string;
  /** State of the job. */
  status: "processing" | "queued";
  /** How much of the job is done, in percent. */
  progress: number;
  /** When the job was requested. */
  createdAt: string;
}

/** A job other than an export. `progress` is a percentage. An AI edit has its `prompt`, the `operations` that it became, `notes`, and `variants`, best first, once it is completed. `prompt` is null for other jobs. */
export interface JobResponse {
  /** Id of the job. */
  id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** State of the job. */
  status: "completed" | "failed" | "pending" | "running";
  /** Why the job failed; null if it did not. */
  error: string | null;
  /** The results to choose from. */
  variants: Array<VariantResponse>;
  /** What the job does. */
  kind: "export" | "generate" | "grade" | "ingest";
  /** How much of the job is done, in percent. */
  progress: number;
  /** Signed URL of the result; null until there is one. */
  url: string | null;
  /** The prompt of an AI edit; null for other jobs. */
  prompt: string | null;
  /** The operations of an AI edit, in their order. */
  operations: Array<string>;
  /** What the job could not do as requested. */
  notes: Array<string>;
  /** When the job was requested. */
  created_at: string;
  /** When the job ended; null until then. */
  finished_at: string | null;
}

/** The words of a language model about a variant. It changes no number; `failure` says why there is no verdict. */
export interface Judge {
  /** Name of the language model. */
  model: string;
  /** What the model says about the variant; null if it did not answer. */
  verdict: string | null;
  /** Why there is no verdict; null if there is one. */
  failure: string | null;
}

/** `read` allows reading, `write` also changing data and starting runs, `admin` everything that an OWNER may do. The key's permissions never exceed those of the member who created it. It stops working when their membership ends. */
export interface KeyRequest {
  /** A name by which to recognise the key. */
  name: string;
  /** What the key may do. `read` and `write` if omitted. */
  scopes?: Array<"admin" | "read" | "write">;
  /** When the key stops working; never if omitted. */
  expires_at?: string | null;
}

/** The crop box at time `t`. Interpolation is linear; the first and the last keyframe hold beyond their times. */
export interface Keyframe {
  /** Time in seconds from the clip's start. */
  t: number;
  /** Left edge of the crop, in fractions of the frame's width. */
  x: number;
  /** Top edge of the crop, in fractions of the frame's height. */
  y: number;
  /** Width of the crop, in fractions of the frame's width. */
  w: number;
  /** Height of the crop, in fractions of the frame's height. */
  h: number;
}

/** How the video fills the canvas. */
export interface LayoutConfig {
  /** How the video fills the canvas; `auto` picks a layout for each shot. */
  layoutType?: "auto" | "face-track" | "fit" | "four" | "screen" | "split" | "three";
  /** Shape of the canvas. */
  aspectRatio?: "16:9" | "1:1" | "4:5" | "9:16";
  /** Margin around the video, in pixels of a 1080 pixels wide frame. */
  padding?: number;
  /** Blur of the background around a fitted video, in percent. */
  backgroundBlur?: number;
  /** Label of the speaker in the upper panel of a split. */
  splitTopSpeaker?: string;
  /** Whether the edge of the safe zone is drawn into the video, for editing only. */
  safeZoneOverlay?: boolean;
  /** Whether the crop changes to whoever speaks. */
  aiSpeakerSwitch?: boolean;
}

/** A time range with one layout. The field names are those of the API (`ai_suggested_layout_timeline`). */
export interface LayoutShot {
  /** Where the shot starts, in seconds from the clip's start. */
  start_time: number;
  /** Where the shot ends, in seconds from the clip's start. */
  end_time: number;
  /** How the video fills the canvas in this shot. */
  layout: "face-track" | "fit" | "four" | "screen" | "split" | "three";
  /** Label of the person who speaks; null if nobody does. */
  speaker: string | null;
  /** Why the director chose this layout. */
  reason: string;
  /** The panels of the canvas, top first. */
  regions: Array<Region>;
}

/** One ledger entry. Negative minutes are a charge. */
export interface LedgerLine {
  /** Number of the entry. */
  id: number;
  /** What it is for: grant, topup, chargeback, reserve, settle, render or refund. */
  kind: string;
  /** Minutes that were added; negative for a charge. */
  minutes: number;
  /** Id of the project that it belongs to; null if none. */
  project_id: string | null;
  /** Id of the clip that it belongs to; null if none. */
  clip_id: string | null;
  /** A remark for a person. */
  note: string;
  /** When the entry was posted. */
  created_at: string;
}

/** The operations that run on this machine, and the weights of each model. */
export interface LocalAI {
  /** The operations that run on this machine. */
  operations: Array<string>;
  /** For each operation, the weights that it runs with. */
  weights: Record<string, string>;
}

/** The credentials of a user. */
export interface Login {
  /** Email address of the user. */
  email: string;
  /** Password of the user. */
  password: string;
}

/** The error envelope of every other path. */
export interface MachineErrorEnvelope {
  /** What is wrong, with the field's name and limit, and what to do. */
  error: string;
  /** The kind of error, for programs. */
  code: string;
}

/** One detection of a track at time `t` of the clip clock. */
export interface MatrixBox {
  /** Time in seconds from the clip's start. */
  t: number;
  /** Left edge, in fractions of the frame's width. */
  x: number;
  /** Top edge, in fractions of the frame's height. */
  y: number;
  /** Width, in fractions of the frame's width. */
  w: number;
  /** Height, in fractions of the frame's height. */
  h: number;
  /** How certain the detector is, 0 to 1. */
  score: number;
  /** How likely the person speaks at this time, 0 to 1. */
  speaking: number;
}

/** A `SceneTrack` as the API returns it: one object per detection. */
export interface MatrixTrack {
  /** Number of the track within the clip. */
  id: number;
  /** What is tracked. */
  kind: "face" | "head" | "person";
  /** Label of the speaker that the track belongs to; null if none. */
  speaker: string | null;
  /** The detections in the order of their times. */
  boxes: Array<MatrixBox>;
}

/** A user, and the workspaces that the caller may act in. */
export interface MeOut {
  /** Id of the user. */
  id: string;
  /** Email address of the user. */
  email: string;
  /** When the email address was first verified; null before that. */
  email_verified_at: string | null;
  /** First name; may be empty. */
  first_name: string;
  /** Last name; may be empty. */
  last_name: string;
  /** URL of the user's avatar; null if there is none. */
  avatar_url: string | null;
  /** The workspaces that the caller may act in, oldest first. */
  workspaces: Array<Membership>;
}

/** An omitted field is unchanged; `avatar_url: null` removes the image. */
export interface MeRequest {
  /** New first name. */
  first_name?: string;
  /** New last name. */
  last_name?: string;
  /** New URL of the user's avatar; null removes it. */
  avatar_url?: string | null;
}

/** A video or image of the workspace's library that matches a suggestion. */
export interface MediaMatch {
  /** Id of the file. */
  id: string;
  /** Signed URL of the file. */
  url: string;
  /** Kind of the file: video or image. */
  media_type: string;
  /** Name of the file. */
  filename: string;
  /** Length in seconds; null for an image. */
  duration: number | null;
}

/** A file of the library. `duration` is in seconds, `width` and `height` in pixels, `file_size` in bytes. */
export interface MediaOut {
  /** Id of the file. */
  id: string;
  /** Key of the file in the object store; also accepted wherever a config names media. */
  object_key: string;
  /** Signed URL of the file, valid for six hours; null if the file is missing. */
  url: string | null;
  /** Name of the file as it was uploaded. */
  filename: string;
  /** Kind of the file. */
  media_type: "audio" | "font" | "image" | "video";
  /** Media type of the file. */
  content_type: string;
  /** Size of the file in bytes. */
  file_size: number;
  /** Length in seconds; null for what has none. */
  duration: number | null;
  /** Width in pixels; null for what has none. */
  width: number | null;
  /** Height in pixels; null for what has none. */
  height: number | null;
  /** Id of the clip that the file belongs to; null for a file of the workspace. */
  clip_id: string | null;
  /** When the upload was confirmed. */
  created_at: string;
}

/** A user of a workspace, with the user's role. */
export interface Member {
  /** Id of the user. */
  user_id: string;
  /** Email address of the user. */
  email: string;
  /** First name; may be empty. */
  first_name: string;
  /** Last name; may be empty. */
  last_name: string;
  /** Role of the user: OWNER or EDITOR. */
  role: string;
  /** When the user joined. */
  joined_at: string;
}

/** A workspace of a user, with the user's role. */
export interface Membership {
  /** Id of the workspace. */
  id: string;
  /** Name of the workspace. */
  name: string;
  /** Role of the user in it: OWNER or EDITOR. */
  role: string;
  /** Tier of the workspace. */
  tier: string;
}

/** The position of a page in its list. `total` counts all rows of the list. */
export interface Meta {
  /** How many rows the whole list has, on all pages. */
  total: number;
  /** The largest number of rows of a page, as requested. */
  limit: number;
  /** How many rows were skipped, as requested. */
  offset: number;
  /** Whether rows follow after this page. */
  has_more: boolean;
  /** Cursor of the next page; null on the last one, absent in lists without cursors. */
  next_cursor?: string | null;
}

/** A model. `setting` and `missing` say what it still needs; `credits` and `sizes` are by job type. */
export interface ModelOut {
  /** Name of the model, for `model` and `fallbackModels`. */
  name: string;
  /** Types of the jobs that it can run. */
  types: Array<string>;
  /** Whether it can run on this server. */
  available: boolean;
  /** Setting that the operator must set for it; null if none is missing. */
  setting: string | null;
  /** What the operator must do before it can run; null if nothing. */
  missing: string | null;
  /** What runs it: `kokoro` on this server, `fal` at the provider; null if nothing does. */
  engine: string | null;
  /** Price of a job in credits, by type. */
  credits: Record<string, number>;
  /** Schemas of size, length and pace by type of job; `seconds` lists the possible lengths. */
  sizes: Record<string, Record<string, unknown>>;
}

/** A new key. `key` is its secret, which is not shown again. */
export interface NewKey {
  /** Id of the key. */
  id: string;
  /** Name of the key. */
  name: string;
  /** Beginning of the key in clear text. */
  prefix: string;
  /** What the key may do. */
  scopes: Array<string>;
  /** Id of the user who created it; null if they were deleted. */
  created_by: string | null;
  /** When it was last used, to the minute; null if it never was. */
  last_used_at: string | null;
  /** When it stops working; null for never. */
  expires_at: string | null;
  /** When it was created. */
  created_at: string;
  /** The secret of the key. It is not shown again. */
  key: string;
}

/** A new project. `video_url` is downloaded as its first footage. `clip_ids`, or all clips of the Carmic project `carmic_project_id`, become its first segments. */
export interface NewProjectRequest {
  /** Name of the project. */
  name: string;
  /** A note for people. */
  description?: string;
  /** Public URL of a video, downloaded as the first footage; empty for none. */
  video_url?: string | null;
  /** Ids of clips that become the first segments, in this order. */
  clip_ids?: Array<string>;
  /** Id of a Carmic project whose clips become the first segments. */
  carmic_project_id?: string | null;
}

/** The body of an action that returns nothing else. */
export interface Ok {
  /** Always true: what failed is an error response. */
  ok?: boolean;
}

/** `otio` is the document of an `.otio` file, a JSON object. */
export interface OtioRequest {
  /** The document of an `.otio` file, as a JSON object. */
  otio: Record<string, unknown>;
}

/** The envelope of a list. */
export interface ApiKeyPage {
  /** The rows of the page. */
  data: Array<ApiKey>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface CaptionTemplatePage {
  /** The rows of the page. */
  data: Array<CaptionTemplate>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface ClipBriefPage {
  /** The rows of the page. */
  data: Array<ClipBrief>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface DeliveryOutPage {
  /** The rows of the page. */
  data: Array<DeliveryOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface ExportOutPage {
  /** The rows of the page. */
  data: Array<ExportOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface GenerationJobOutPage {
  /** The rows of the page. */
  data: Array<GenerationJobOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface InvitationPage {
  /** The rows of the page. */
  data: Array<Invitation>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface MediaOutPage {
  /** The rows of the page. */
  data: Array<MediaOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface PendingOutPage {
  /** The rows of the page. */
  data: Array<PendingOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface ProjectOutPage {
  /** The rows of the page. */
  data: Array<ProjectOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface RenderOutPage {
  /** The rows of the page. */
  data: Array<RenderOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface SessionItemPage {
  /** The rows of the page. */
  data: Array<SessionItem>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface SocialAccountPage {
  /** The rows of the page. */
  data: Array<SocialAccount>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface StockItemPage {
  /** The rows of the page. */
  data: Array<StockItem>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface SuggestionPage {
  /** The rows of the page. */
  data: Array<Suggestion>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface TemplateOutPage {
  /** The rows of the page. */
  data: Array<TemplateOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The envelope of a list. */
export interface WebhookOutPage {
  /** The rows of the page. */
  data: Array<WebhookOut>;
  /** Where the page stands in its list. */
  meta: Meta;
}

/** The current password, and the new one. */
export interface PasswordChange {
  /** The password until now. */
  current_password: string;
  /** The password from now on: at least 8 characters, upper and lower case and a digit. */
  new_password: string;
}

/** The current password. */
export interface PasswordConfirmation {
  /** The current password. */
  password: string;
}

/** An upload that is not confirmed yet. It is deleted at `expires_at`. `file_size` is the declared size in bytes. */
export interface PendingOut {
  /** Id of the upload. */
  id: string;
  /** Key that the file will have. */
  object_key: string;
  /** Name of the file. */
  filename: string;
  /** Declared size in bytes. */
  file_size: number;
  /** Id of the clip that the file is for; null for a file of the workspace. */
  clip_id: string | null;
  /** When the upload is deleted unless it is confirmed before. */
  expires_at: string;
  /** When the upload was begun. */
  created_at: string;
}

/** Product photos. `customBackground` describes the background `custom`. */
export interface PhotoshootRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** Photo of the product. */
  productImage: string;
  /** Background of the photos. */
  background: "custom" | "flat-lay" | "lifestyle" | "outdoor" | "studio-white";
  /** Angle of the camera. */
  angle: "45-degree" | "front" | "hero" | "lifestyle" | "top-down";
  /** Light of the scene. */
  lighting: "dramatic" | "golden-hour" | "natural" | "soft" | "studio";
  /** Number of photos, 1 to 4. */
  count: number;
  /** Description of the background `custom`, up to 500 characters; required with it. */
  customBackground?: string | null;
  /** Model to use, up to 100 characters. */
  model?: string | null;
}

/** What the prompt became: operations in order, the box, and whether a step follows what is in it. */
export interface PlanResponse {
  /** The operations, in their order. */
  operations: Array<string>;
  /** The region, as it was sent; null for the whole picture. */
  box: BoundingBox | null;
  /** Whether an operation follows what is in the region. */
  track: boolean;
}

/** A signed URL that is valid for at least `expires_in` seconds. */
export interface Playback {
  /** Signed URL of the object, which serves ranges. */
  url: string;
  /** For at least how many seconds the URL is valid. */
  expires_in: number;
}

/** The object to play. */
export interface PlaybackRequest {
  /** Key of an object of the workspace. */
  object_key: string;
}

/** The file to upload; `file_size` is in bytes. */
export interface PresignRequest {
  /** Name of the file, with its extension. */
  filename: string;
  /** Media type of the file; its content must match. */
  content_type: string;
  /** Size of the file in bytes. */
  file_size: number;
}

/** A bar along an edge of the canvas that grows with the playing time. */
export interface ProgressBar {
  /** Whether the bar is shown. */
  enabled?: boolean;
  /** Colour of the bar, as in CSS. */
  color?: string;
  /** The edge that the bar runs along. */
  position?: "bottom" | "top";
}

/** A change of a project; an omitted field is unchanged. */
export interface ProjectChanges {
  /** New name of the project. */
  name?: string;
  /** New note for people. */
  description?: string;
  /** New size and rate of exports. */
  canvas?: CanvasRequest;
}

/** PUT the video to `upload_url` in one request, or upload it to `resumable_url` by tus. It has `filesize` bytes. */
export interface ProjectCreated {
  /** Id of the new project. */
  project_id: string;
  /** Signed URL that takes the video by PUT within six hours. */
  upload_url: string;
  /** Key that the video will have in the object store. */
  object_key: string;
  /** URL that takes the same bytes by tus 1.0.0 for one day, and survives interruptions. */
  resumable_url: string;
  /** Signs the deliveries to `webhook_url`; shown only here. Null without `webhook_url`. */
  webhook_secret?: string | null;
}

/** The state of a project, as `/status` returns it. */
export interface ProjectEvent {
  /** Id of the project. */
  id: string;
  /** Id of the project. */
  project_id: string;
  /** Where the project stands. */
  status: "CANCELLED" | "CLIPS_READY" | "COMPLETED" | "DOWNLOADING" | "FACE_TRACKING" | "FAILED" | "FAILED_BILLING" | "FAILED_CORRUPT_VIDEO" | "FAILED_DOWNLOAD" | "FAILED_NO_SPEECH" | "PENDING_UPLOAD" | "PROCESSING" | "TRANSCRIBING" | "UPLOADING";
  /** Title of the project. */
  title: string;
  /** How much of the analysis is done, in percent. */
  progress: number;
  /** What happens at the moment. */
  current_step: string;
  /** How many clips were found so far. */
  clip_count: number;
  /** Why the project failed; null if it did not. */
  error_message: string | null;
  /** Whether clips are listed. */
  visual_pipeline_ready: boolean;
  /** Estimated seconds until the clips are ready; null while unknown. */
  eta_s?: number | null;
  /** The clips, best first; sent when they become ready. */
  clips?: Array<ClipSummary>;
}

/** A project. `filesize` is in bytes; `duration` and trims are in seconds of the source. */
export interface ProjectOut {
  /** Id of the project. */
  id: string;
  /** Title of the project. */
  title: string;
  /** Where the project stands. It only moves forward. */
  status: "CANCELLED" | "CLIPS_READY" | "COMPLETED" | "DOWNLOADING" | "FACE_TRACKING" | "FAILED" | "FAILED_BILLING" | "FAILED_CORRUPT_VIDEO" | "FAILED_DOWNLOAD" | "FAILED_NO_SPEECH" | "PENDING_UPLOAD" | "PROCESSING" | "TRANSCRIBING" | "UPLOADING";
  /** How much of the analysis is done, in percent. */
  progress: number;
  /** What happens at the moment, for display. */
  current_step: string;
  /** Why the project failed; null if it did not. */
  error_message: string | null;
  /** Name of the video file. */
  filename: string;
  /** Size of the video in bytes; 0 until a download has ended. */
  filesize: number;
  /** Media type of the video. */
  content_type: string;
  /** URL that the video was downloaded from; null for an upload. */
  source_url: string | null;
  /** Length in seconds, as probed, or as declared before that; null if neither is known. */
  duration: number | null;
  /** Language of the speech (ISO 639-1); null before it is recognised. */
  language: string | null;
  /** `multi` if speakers change the language within the video, else `single`. */
  language_mode: string;
  /** Kind of the video, as it was sent at create. */
  video_type: string;
  /** What to look for, as it was sent at create; null if nothing was. */
  custom_instructions: string | null;
  /** Where the analysis starts, in seconds of the source; null for the beginning. */
  trim_start: number | null;
  /** Where the analysis ends, in seconds of the source; null for the end. */
  trim_end: number | null;
  /** Signed URL of a JPEG; null until it is drawn. */
  thumbnail_url: string | null;
  /** Whether the layout timeline is ready and clips are listed. */
  visual_pipeline_ready: boolean;
  /** When CLIPS_READY was reached; null before that. */
  clips_ready_at: string | null;
  /** How many clips were found so far. */
  clip_count: number;
  /** When the project was created. */
  created_at: string;
  /** When the project was last changed. */
  updated_at: string;
}

/** The fields of a project that can be changed. */
export interface ProjectRename {
  /** New title of the project. */
  title: string;
}

/** A video that the client will upload. */
export interface ProjectRequest {
  /** Title of the project; the file's name if omitted. */
  title?: string | null;
  /** Kind of the video, which weighs what makes a good clip. */
  video_type?: "auto" | "gaming" | "interview" | "lecture" | "news" | "other" | "podcast" | "sports" | "tutorial" | "vlog" | "webinar";
  /** Language of the speech: an ISO 639-1 code, or `auto` to recognise it. */
  language?: string | null;
  /** `multi` if speakers change the language within the video. */
  language_mode?: "multi" | "single";
  /** Whether Gemini, where it is configured, refines the choice by the frames too. */
  enable_multimodal?: boolean;
  /** What to look for, in plain words. */
  custom_instructions?: string | null;
  /** Where the analysis starts, in seconds of the source. */
  trim_start?: number | null;
  /** Where the analysis ends, in seconds of the source. */
  trim_end?: number | null;
  /** `auto` takes the track with most speech, `mix` all of them, a number that track, from 0. */
  audio_track?: "auto" | "mix" | number;
  /** How long clips are to be; the scorer's own bounds if omitted. */
  clip_durations?: ClipDurations | null;
  /** Template of the clips, until they are edited; the workspace's default if omitted. */
  template_id?: string | null;
  /** Public https:// URL that receives the events of this project, as a webhook does. */
  webhook_url?: string | null;
  /** Name of the video file, with its extension. */
  filename: string;
  /** Size of the video in bytes. The upload must have exactly this size. */
  filesize: number;
  /** Media type or a short name such as mp4; derived from the file's name if omitted. */
  content_type?: string | null;
  /** Length of the video in seconds, if known: its minutes are reserved at once. */
  duration?: number | null;
}

/** A project whose run is queued. */
export interface ProjectStarted {
  /** Id of the new project. */
  project_id: string;
  /** Status of the project. */
  status: string;
  /** What happens at the moment, for display. */
  current_step: string;
  /** Signs the deliveries to `webhook_url`; shown only here. Null without `webhook_url`. */
  webhook_secret?: string | null;
}

/** The progress of a project, as a percentage. */
export interface ProjectStatus {
  /** Id of the project. */
  id: string;
  /** Where the project stands. It only moves forward. */
  status: "CANCELLED" | "CLIPS_READY" | "COMPLETED" | "DOWNLOADING" | "FACE_TRACKING" | "FAILED" | "FAILED_BILLING" | "FAILED_CORRUPT_VIDEO" | "FAILED_DOWNLOAD" | "FAILED_NO_SPEECH" | "PENDING_UPLOAD" | "PROCESSING" | "TRANSCRIBING" | "UPLOADING";
  /** Title of the project. */
  title: string;
  /** How much of the analysis is done, in percent. */
  progress: number;
  /** What happens at the moment, for display. */
  current_step: string;
  /** How many clips were found so far. */
  clip_count: number;
  /** Why the project failed; null if it did not. */
  error_message: string | null;
  /** Whether the layout timeline is ready and clips are listed. */
  visual_pipeline_ready: boolean;
}

/** A project and its clips. */
export interface ProjectWithClips {
  /** Id of the project. */
  id: string;
  /** Title of the project. */
  title: string;
  /** Where the project stands. It only moves forward. */
  status: "CANCELLED" | "CLIPS_READY" | "COMPLETED" | "DOWNLOADING" | "FACE_TRACKING" | "FAILED" | "FAILED_BILLING" | "FAILED_CORRUPT_VIDEO" | "FAILED_DOWNLOAD" | "FAILED_NO_SPEECH" | "PENDING_UPLOAD" | "PROCESSING" | "TRANSCRIBING" | "UPLOADING";
  /** How much of the analysis is done, in percent. */
  progress: number;
  /** What happens at the moment, for display. */
  current_step: string;
  /** Why the project failed; null if it did not. */
  error_message: string | null;
  /** Name of the video file. */
  filename: string;
  /** Size of the video in bytes; 0 until a download has ended. */
  filesize: number;
  /** Media type of the video. */
  content_type: string;
  /** URL that the video was downloaded from; null for an upload. */
  source_url: string | null;
  /** Length in seconds, as probed, or as declared before that; null if neither is known. */
  duration: number | null;
  /** Language of the speech (ISO 639-1); null before it is recognised. */
  language: string | null;
  /** `multi` if speakers change the language within the video, else `single`. */
  language_mode: string;
  /** Kind of the video, as it was sent at create. */
  video_type: string;
  /** What to look for, as it was sent at create; null if nothing was. */
  custom_instructions: string | null;
  /** Where the analysis starts, in seconds of the source; null for the beginning. */
  trim_start: number | null;
  /** Where the analysis ends, in seconds of the source; null for the end. */
  trim_end: number | null;
  /** Signed URL of a JPEG; null until it is drawn. */
  thumbnail_url: string | null;
  /** Whether the layout timeline is ready and clips are listed. */
  visual_pipeline_ready: boolean;
  /** When CLIPS_READY was reached; null before that. */
  clips_ready_at: string | null;
  /** How many clips were found so far. */
  clip_count: number;
  /** When the project was created. */
  created_at: string;
  /** When the project was last changed. */
  updated_at: string;
  /** The clips of the project, best first; empty until `visual_pipeline_ready`. */
  clips?: Array<ClipBrief>;
}

/** The error envelope of a refused prompt: what is possible, and the nearest three of it. */
export interface PromptRefusal {
  /** What is wrong, with the field's name and limit, and what to do. */
  error: string;
  /** The kind of error, for programs. */
  code: string;
  /** The operations that are possible. */
  operations: Array<string>;
  /** The three operations that are most similar to the prompt, best first. */
  nearest: Array<string>;
}

/** An external service. `setting` is the setting that configures it. */
export interface Provider {
  /** Name of the external service. */
  name: string;
  /** Whether its setting is set. */
  configured: boolean;
  /** Name of the setting that configures it. */
  setting: string;
  /** When it last answered as expected; null if it never has. */
  last_ok: string | null;
}

/** A clip from any range of the video, such as a runner-up of the score curve. */
export interface RangeRequest {
  /** Where the clip starts, in seconds of the source. */
  start_time: number;
  /** Where it ends, in seconds of the source; 0.5 s to 30 min after the start. */
  end_time: number;
  /** Title of the clip. */
  title?: string | null;
}

/** The emoji reactions of a clip. */
export interface Reactions {
  /** Id of the clip. */
  clip_id: string;
  /** The version that the reactions were saved in. */
  version: number;
  /** The emoji reactions, in the order of their times. */
  emojis: Array<Emoji>;
}

/** A clip's new layout timeline, with its crop metrics. */
export interface Rebuilt {
  /** Id of the clip. */
  clip_id: string;
  /** The version that the rebuild has saved. */
  version: number;
  /** The new layouts and crop paths. */
  ai_suggested_layout_timeline: Array<LayoutShot>;
  /** Quality measures of the new crop path. */
  crop_metrics: CropMetrics;
}

/** The refresh token of a session. It is omitted in cookie sessions. */
export interface RefreshRequest {
  /** The refresh token. Omitted where a cookie holds it. */
  refresh?: string;
}

/** One panel of the canvas and the crop path that fills it. Regions are ordered from top to bottom, then from left to right. A face-track shot has one region, a split or a screen shot two, three and four as many as they are called; a fit shot has none. */
export interface Region {
  /** Label of the person that the panel follows; null if it follows nobody. */
  subject: string | null;
  /** The crop path, linear between its keyframes. */
  keyframes: Array<Keyframe>;
}

/** A new user. `invitation_token` is from the mail of an invitation; required if registration is by invitation only. */
export interface Registration {
  /** Email address of the new user. */
  email: string;
  /** At least 8 characters, with upper case, lower case and a digit. */
  password: string;
  /** First name. */
  first_name?: string;
  /** Last name. */
  last_name?: string;
  /** Token from the mail of an invitation; needed where registration is by invitation only. */
  invitation_token?: string | null;
}

/** A render that has ended. */
export interface RenderEvent {
  /** Id of the clip. */
  clip_id: string;
  /** Id of the clip's project. */
  project_id: string;
  /** Id of the render. */
  render_job_id: string;
  /** How the render ended. */
  status: "FAILED_RENDER" | "RENDERED";
  /** How much of the render is done, in percent. */
  progress: number;
  /** Why the render failed; null if it did not. */
  error_message: string | null;
  /** Signed URL of the MP4, valid for a day; absent after a failure. */
  video_url?: string;
}

/** A render of a clip. */
export interface RenderOut {
  /** Id of the render, which other paths call `render_job_id`. */
  id: string;
  /** Id of the clip. */
  clip_id: string;
  /** Id of the clip's project. */
  project_id: string;
  /** Title of the clip when it was queued. */
  title: string;
  /** State of the render. */
  status: "DETECTED" | "FAILED_RENDER" | "QUEUED" | "RENDERED" | "RENDERING";
  /** How much of the render is done, in percent. */
  progress: number;
  /** Where it starts, in seconds of the source. */
  start_time: number;
  /** Where it ends, in seconds of the source. */
  end_time: number;
  /** Signed URL of the MP4; null until it is rendered. */
  video_url: string | null;
  /** Messages about what the MP4 does not show as the config says. */
  notes: Array<string>;
  /** Why the render failed; null if it did not. */
  error_message: string | null;
  /** When it was queued. */
  created_at: string;
  /** When it ended; null until then. */
  finished_at: string | null;
}

/** The progress of a render. `notes` state where the MP4 differs from the config; the MP4 is complete nevertheless. */
export interface RenderProgress {
  /** Id of the clip. */
  clip_id: string;
  /** State of the newest render; DETECTED before the first one. */
  status: "DETECTED" | "FAILED_RENDER" | "QUEUED" | "RENDERED" | "RENDERING";
  /** How much of the render is done, in percent. */
  progress: number;
  /** Id of the newest render; null before the first one. */
  render_job_id: string | null;
  /** Why the render failed; null if it did not. */
  error_message: string | null;
  /** Messages about what the MP4 does not show as the config says. */
  notes: Array<string>;
}

/** A queued render. */
export interface RenderQueued {
  /** Id of the render. */
  render_job_id: string;
  /** QUEUED: the render waits for its run. */
  status: string;
  /** Id of the clip. */
  clip_id: string;
}

/** The new position of the segment in the sequence, from 0. */
export interface ReorderRequest {
  /** New place in the sequence, from 0. */
  order_index: number;
}

/** A clip whose score a re-scoring has changed. */
export interface RescoreEvent {
  /** Id of the clip. */
  clip_id: string;
  /** Id of the clip's project. */
  project_id: string;
  /** Title of the clip. */
  title: string;
  /** The score before, 0 to 100. */
  old_score: number;
  /** The score now, 0 to 100. */
  virality_score: number;
  /** Version of the scorer. */
  scorer_version: string;
}

/** The page that the link in the mail opens. */
export interface ResendRequest {
  /** Page that the link in the mail opens, on this server or an allowed origin. */
  redirect_base?: string | null;
}

/** The token from the mail, and the new password. */
export interface ResetConfirmation {
  /** Token from the link in the mail. */
  token: string;
  /** At least 8 characters, with upper case, lower case and a digit. */
  new_password: string;
}

/** The account whose password is reset, and the page that the link in the mail opens. */
export interface ResetRequest {
  /** Email address of the account. */
  email: string;
  /** Page that the link in the mail opens, on this server or an allowed origin. */
  redirect_base?: string | null;
}

/** The revision whose content is restored. */
export interface RevertRequest {
  /** Number of the revision whose content to bring back. */
  revision: number;
}

/** A revision: the operation, its user (`who`, null for the pipeline), and the segments after it. */
export interface RevisionResponse {
  /** Number of the revision, from 0. */
  revision: number;
  /** The operation that made the revision. */
  op: string;
  /** Id of the user who did it; null for the pipeline. */
  who: string | null;
  /** When the revision was made. */
  created_at: string;
  /** The active segments after the operation, in order. */
  segments: Array<RevisionSegment>;
}

/** A segment as it was in a revision; seconds of its own footage. */
export interface RevisionSegment {
  /** Id of the segment. */
  id: string;
  /** Where the segment starts, in seconds of its footage. */
  start_ts: number;
  /** Where the segment ends, in seconds of its footage. */
  end_ts: number;
}

/** The new role of a member. */
export interface RoleRequest {
  /** The new role: an OWNER also manages members, keys, webhooks and billing. */
  role: "EDITOR" | "OWNER";
}

/** How promising each moment of the video is, and the ranges that were considered. */
export interface ScoreCurve {
  /** Version of the scorer. */
  scorer_version: string;
  /** The score over time. */
  curve: Array<ScorePoint>;
  /** The ranges that became clips, best first. */
  selected: Array<Candidate>;
  /** The best ranges that did not become clips, best first. */
  runners_up: Array<Candidate>;
}

/** One point of the score curve. */
export interface ScorePoint {
  /** Time in seconds of the source. */
  t: number;
  /** How well a clip around this time would do, 0 to 100. */
  score: number;
}

/** A segment. `start_ts` and `end_ts` are seconds of its own footage, half-open, on its frame grid. `timeline_start` and `timeline_end` are its times on the timeline, null while it is inactive. `url` plays the segment: a part of its footage, or a rendition with its effects; null for a gap. `replaced_by` names the segments that replaced an inactive segment. */
export interface SegmentResponse {
  /** Id of the segment. */
  id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** Where the segment starts, in seconds of its footage. */
  start_ts: number;
  /** Where the segment ends, in seconds of its footage; this frame is not part of it. */
  end_ts: number;
  /** Where the frames come from. */
  source: "gap" | "generated" | "original";
  /** Signed URL that plays the segment; null for a gap. */
  url: string | null;
  /** Id of the chosen result of an AI edit; null if there is none. */
  variant_id: string | null;
  /** Place in the sequence, from 0. */
  order_index: number;
  /** Whether the segment is part of the timeline. */
  active: boolean;
  /** Where the segment starts on the timeline, in seconds; null while it is inactive. */
  timeline_start: number | null;
  /** Where the segment ends on the timeline, in seconds; null while it is inactive. */
  timeline_end: number | null;
  /** The span within which the ends can be trimmed. */
  bounds: Bounds;
  /** The effects on the frames. */
  effects: EffectsResponse;
  /** Whether the segment has sound. */
  has_audio: boolean;
  /** Id of the footage; null for a gap. */
  asset_id: string | null;
  /** Ids of the segments that replaced an inactive segment. */
  replaced_by: Array<string>;
}

/** A session. `is_current` marks the session of this request. */
export interface SessionItem {
  /** Id of the session. */
  id: string;
  /** Browser or program of the login. */
  user_agent: string;
  /** IP address of the login. */
  ip_address: string;
  /** When the session was last refreshed. */
  last_used_at: string;
  /** When the session ends unless it is refreshed. */
  expires_at: string;
  /** When the user logged in. */
  created_at: string;
  /** Whether this is the session of the request itself. */
  is_current: boolean;
}

/** A new session. */
export interface SessionOut {
  /** Access token, valid for 30 minutes. */
  access: string;
  /** Refresh token, valid once within 30 days. Omitted where a cookie holds it. */
  refresh?: string;
  /** The user who has logged in. */
  user: User;
}

/** The webhook URL, and the secret that signs its deliveries. The secret is shown only when a URL is first set. */
export interface SettingsOut {
  /** URL that receives the notifications; null if there is none. */
  webhookUrl: string | null;
  /** Secret that signs the notifications. Shown only when the URL is first set. */
  webhookSecret?: string | null;
}

/** The webhook URL; `webhookUrl: null` ends the notifications. */
export interface SettingsRequest {
  /** URL that receives `job.completed` and `job.failed`; null ends the notifications. */
  webhookUrl: string | null;
}

/** A shot that the client sets, on the clip clock. Without `layout`, `crop` and `regions` it follows the director. */
export interface ShotOverride {
  /** Where the shot starts, in seconds from the clip's start. */
  start_time: number;
  /** Where the shot ends, in seconds from the clip's start. */
  end_time: number;
  /** Layout of the shot; the director's if omitted. */
  layout?: "face-track" | "fit" | "four" | "screen" | "split" | "three" | null;
  /** A crop that stands still for the whole shot. */
  crop?: Box | null;
  /** The panels of the canvas and their crop paths, top first. */
  regions?: Array<ShotRegion> | null;
}

/** A panel of a `ShotOverride` and its crop path; the client's counterpart of `direction.Region`. */
export interface ShotRegion {
  /** Label of the person that the panel follows. */
  subject?: string | null;
  /** The crop path of the panel, linear between its keyframes. */
  keyframes?: Array<Keyframe>;
}

/** A row of `social_accounts` without its tokens. */
export interface SocialAccount {
  /** Id of the account. */
  id: string;
  /** Name of the platform. */
  platform: string;
  /** Id of the account at the platform. */
  external_id: string;
  /** Name of the account at the platform. */
  name: string;
  /** Whether the account is to be used. */
  enabled: boolean;
  /** When the platform's access ends; null if it does not. */
  expires_at: string | null;
  /** When the account was connected. */
  created_at: string;
}

/** An element of the API's `shots`: the range between two cuts of the source, on the clip clock. */
export interface SourceShot {
  /** Where the shot starts, in seconds from the clip's start. */
  start_time: number;
  /** Where the shot ends, in seconds from the clip's start. */
  end_time: number;
  /** What the shot begins with. */
  kind?: string;
}

/** The API's `advanced_spatial_matrix`: the tracks of a clip on the clip clock. */
export interface SpatialMatrix {
  /** How many times per second the frames were searched. */
  fps: number;
  /** The detector that ran. */
  detector: string;
  /** The people that were found. */
  tracks: Array<MatrixTrack>;
}

/** The time of the split, in seconds of the segment's footage; rounded to the nearest frame. */
export interface SplitRequest {
  /** Where to cut, in seconds of the segment's footage; rounded to the nearest frame. */
  split_ts: number;
}

/** The two segments that replaced the original. */
export interface SplitResponse {
  /** The segment before the cut. */
  left: SegmentResponse;
  /** The segment after the cut. */
  right: SegmentResponse;
}

/** A word of a caption as it is shown, with start and end of its highlight (output clock). */
export interface SpokenWord {
  /** The word as it is shown. */
  text: string;
  /** When its highlight begins, in seconds of the rendered clip. */
  start_s: number;
  /** When its highlight ends, in seconds of the rendered clip. */
  end_s: number;
}

/** The size of the library, the declared size of pending uploads, and the tier's limit for their sum. */
export interface Stats {
  /** Bytes of the files in the library. */
  storage_used_bytes: number;
  /** The tier's limit of files and pending uploads together, in bytes. */
  storage_cap_bytes: number;
  /** Tier of the workspace. */
  tier: string;
  /** How many files the library holds. */
  count: number;
  /** Bytes that pending uploads have declared. */
  pending_bytes: number;
  /** How many uploads are pending. */
  pending_count: number;
}

/** A search result. Use `id` as `b_roll[].sourceId` and `url` as `b_roll[].videoUrl`. Show `attribution` beside it. */
export interface StockItem {
  /** Id of the item at the provider. */
  id: string;
  /** Kind of the item: video or image. */
  type: string;
  /** URL of the file. */
  url: string;
  /** URL of a thumbnail. */
  thumbnail_url: string;
  /** Width in pixels. */
  width: number;
  /** Height in pixels. */
  height: number;
  /** Length in seconds; null for an image. */
  duration: number | null;
  /** Page of the item at the provider. */
  page_url: string;
  /** Text to show beside the item. */
  attribution: string;
  /** URL that the text links to. */
  attribution_url: string;
}

/** The file to upload; `file_size` is in bytes. Without it, the file may have up to 100 MiB. `bucket` is accepted and ignored: an installation has one store. */
export interface StorageRequest {
  /** Name of the file, with its extension. */
  filename: string;
  /** Media type of the file. */
  content_type: string;
  /** Accepted and ignored: an installation has one store. */
  bucket?: string | null;
  /** Size of the file in bytes. Without it, the file may have up to 100 MiB. */
  file_size?: number | null;
}

/** An upload URL. PUT the bytes to `upload_url` within `expires_in` seconds. */
export interface StorageUpload {
  /** Signed URL that takes the bytes by PUT. */
  upload_url: string;
  /** Key that the file will have. */
  object_key: string;
  /** For how many seconds the URL is valid. */
  expires_in: number;
}

/** An uploaded object; `size` is in bytes. */
export interface Stored {
  /** Key of the stored object. */
  object_key: string;
  /** Size of the stored object in bytes. */
  size: number;
}

/** The frames of a strip: from `start` to before `end` (times of the timeline), `fps` frames per second. */
export interface StripRequest {
  /** Time of the first frame on the timeline, in seconds. */
  start: number;
  /** Time before which the last frame lies, in seconds. */
  end: number;
  /** How many frames to draw for each second. */
  fps?: number;
  /** Width of each image in pixels, an even number. */
  width?: number;
}

/** The frames, in order. */
export interface StripResponse {
  /** The frames in the order of their times. */
  frames: Array<FrameResponse>;
}

/** The caption style fields that a client can set. `captions.caption_styles` replaces those that have their default. With `exact` it replaces none: every field is used as written, also one that equals its default. */
export interface StyleConfig {
  /** Whether every field counts as it is written, also one that equals its default. */
  exact?: boolean;
  /** Font family: a built-in one, or a font of the workspace's media. */
  captionFont?: string;
  /** Size of the text, in pixels of a 1080 pixels wide frame. */
  fontSize?: number;
  /** Distance of lines, in multiples of the font's size. */
  lineHeight?: number;
  /** Thickness of the outline, in pixels of a 1080 pixels wide frame. */
  strokeThickness?: number;
  /** Colour of the text, as in CSS. */
  captionColor?: string;
  /** Colour of the word that is spoken, as in CSS. */
  highlightColor?: string;
  /** Whether the text has a shadow. */
  dropShadow?: boolean;
  /** Strength of the shadow, in percent. */
  shadowIntensity?: number;
  /** Whether the text is in capitals. */
  uppercase?: boolean;
  /** Where captions stand. */
  captionPosition?: "bottom" | "custom" | "middle" | "top";
  /** The caption's middle from the top of the frame in percent, for the position `custom`. */
  yAxisCustomPct?: number;
  /** How many lines a caption has at most, 1 to 6, or `auto`. */
  linesPerScreen?: number | "auto";
  /** How words appear. */
  animationStyle?: "bounce" | "fade" | "karaoke" | "none" | "pop" | "slide" | "typewriter";
  /** Strength of the animation, in percent. */
  animationIntensity?: number;
  /** Colour behind the text, as in CSS; transparent for none. */
  captionBg?: string;
}

/** A suggested cutaway: a keyword, its time on the clip clock, and matching files of the library. */
export interface Suggestion {
  /** What to show, as a search term. */
  keyword: string;
  /** When the cutaway begins, in seconds from the clip's start. */
  start_time: number;
  /** How long the cutaway lasts, in seconds. */
  duration: number;
  /** Files of the workspace's library that fit, best first. */
  matches: Array<MediaMatch>;
}

/** The members of a workspace, and its pending `invitations`. */
export interface Team {
  /** The members of the workspace, oldest first. */
  members: Array<Member>;
  /** The invitations that have not been accepted yet. */
  invitations: Array<Invitation>;
}

/** The complete document: every setting of a clip that a client can change. */
export interface TemplateConfig {
  /** How the video fills the canvas. */
  layout?: LayoutConfig;
  /** Voice, music and sound effects. */
  audio?: AudioConfig;
  /** Graphics over the picture, other than captions. */
  elements?: ElementsConfig;
  /** The look of the captions. */
  style?: StyleConfig;
  /** Cutaways. */
  b_roll?: Array<BRoll>;
  /** Name of a built-in caption style, or of a template of the workspace. */
  caption_style?: string;
  /** Shots whose layout the client sets; null follows the director everywhere. */
  shots?: Array<ShotOverride> | null;
  /** Corrected words; null shows them as they were recognised. */
  transcript?: TranscriptEdit | null;
  /** The audio track to use: `auto`, `mix`, or a number from 0. */
  audio_track?: "auto" | "mix" | number;
}

/** A template; `is_system` marks a built-in one. */
export interface TemplateOut {
  /** Id of the template: a UUID, or `system:<style>:<ratio>` of a built-in one. */
  id: string;
  /** Name of the template; also a value of `caption_style`. */
  name: string;
  /** The aspect ratio that it is for: 9_16, 1_1, 4_5 or 16_9. */
  ratio: string;
  /** The config of the template, with fields that this version does not know. */
  template_config: TemplateConfig;
  /** Whether the template is a built-in one. */
  is_system: boolean;
  /** Signed URLs of preview images of the template. */
  preview_urls: Array<string>;
}

/** A template. `ratio` is by default the config's `layout.aspectRatio`. */
export interface TemplateRequest {
  /** Name of the template; also a value of `caption_style`. */
  name: string;
  /** The config that the template holds. */
  template_config: TemplateConfig;
  /** The aspect ratio that it is for; that of the config's `layout.aspectRatio` if omitted. */
  ratio?: "16_9" | "1_1" | "4_5" | "9_16" | null;
}

/** A video from a text script. `duration` is in seconds. */
export interface Text2VideoRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** What the video shows, up to 5,000 characters. */
  script: string;
  /** Length in seconds, 3 to 60; the model's own length without it. */
  duration?: number | null;
  /** Number of lines of the video. */
  resolution?: "1080p" | "720p";
  /** Style that is added to the script; none without it. */
  style?: "aerial" | "animation" | "cinematic" | "documentary" | null;
  /** Model to use; the first available one of the catalogue without it. */
  model?: "kling-2.6-pro" | "kling-3.0-pro" | "veo-3.1" | "wan-2.6" | null;
}

/** A ticket that is valid for `expires_in` seconds. */
export interface TicketOut {
  /** The ticket, valid once. */
  ticket: string;
  /** For how many seconds the ticket is valid. */
  expires_in: number;
}

/** `ticket` is repeated beside `data`, because existing clients read it there. */
export interface TicketResponse {
  /** The ticket, valid once. */
  ticket: string;
  /** The ticket and how long it is valid. */
  data: TicketOut;
}

/** A new revision of a timeline. */
export interface TimelineEvent {
  /** Name of the event. */
  event: "timeline.changed";
  /** Id of the timeline project. */
  project_id: string;
  /** Number of the revision. */
  revision: number;
  /** The operation that made it. */
  op: string;
  /** How many segments are active. */
  segments: number;
}

/** The project to export, as it is now. `mode` is for MP4: `smart` copies the packets of H.264 footage between its keyframes and encodes the cuts only. Where that is impossible, everything is encoded, and the export's `facts.notes` say why. `bake` renders the grades into the media of a package; without it they are `.cube` files beside the clips. */
export interface TimelineExportRequest {
  /** Id of the timeline project, exported as it is now. */
  project_id: string;
  /** A video, a package for an editing program, or a document of the cut. */
  format?: "after_effects" | "davinci" | "edl" | "fcpx" | "mp4" | "otio" | "premiere" | "srt";
  /** Whether a package's media is rendered with the grades, instead of `.cube` files. */
  bake?: boolean;
  /** For MP4: encode everything, or copy H.264 packets between the cuts where possible. */
  mode?: "encode" | "smart";
}

/** An export. `export_url` plays the file, `download_url` downloads it; each GET signs both again. `progress` is a percentage, `size` is in bytes, `facts` holds properties of the file; null until it is completed. */
export interface TimelineExportResponse {
  /** Id of the export. */
  export_job_id: string;
  /** State of the export. */
  status: "completed" | "failed" | "pending" | "running";
  /** Signed URL that plays the file; null until it is completed. */
  export_url: string | null;
  /** Signed URL that saves the file; null until it is completed. */
  download_url: string | null;
  /** Why the export failed; null if it did not. */
  error: string | null;
  /** Id of the timeline project. */
  project_id: string;
  /** Format of the export. */
  format: "after_effects" | "davinci" | "edl" | "fcpx" | "mp4" | "otio" | "premiere" | "srt";
  /** Revision of the timeline that is exported. */
  revision: number;
  /** How much of the export is done, in percent. */
  progress: number;
  /** Size of the file in bytes; null until it is completed. */
  size: number | null;
  /** Properties of the file, such as its length and codec; null until it is completed. */
  facts: Record<string, unknown> | null;
  /** When the export was requested. */
  created_at: string;
  /** When the export ended; null until then. */
  finished_at: string | null;
}

/** A queued export. */
export interface TimelineExportStarted {
  /** Id of the export. */
  export_job_id: string;
  /** State of the export. */
  status: "completed" | "failed" | "pending" | "running";
  /** What happens next, for display. */
  message: string;
}

/** A job of a timeline: its end, or in a stream its progress. */
export interface TimelineJobEvent {
  /** Name of the event. */
  event: string;
  /** Id of the job. */
  id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** What the job does; `generate` is an AI edit. */
  kind: "export" | "generate" | "grade" | "ingest";
  /** State of the job. */
  status: "completed" | "failed" | "pending" | "running";
  /** How much of the job is done, in percent. */
  progress: number;
  /** Revision that it worked on; null if none. */
  revision: number | null;
  /** Why the job failed; null if it did not. */
  error: string | null;
  /** Signed URL that saves an export. */
  download_url?: string;
  /** Signed URL that plays a rendition. */
  video_url?: string;
}

/** A project of the editor. `segments` are the active ones in order; `revision` is also the `ETag`. */
export interface TimelineResponse {
  /** Id of the timeline project. */
  id: string;
  /** Name of the project. */
  name: string;
  /** A note for people; may be empty. */
  description: string;
  /** URL that the first footage was downloaded from; null if there is none. */
  video_url: string | null;
  /** State of the project. */
  status: "empty" | "failed" | "ingesting" | "ready";
  /** Why its footage failed; null if it did not. */
  error: string | null;
  /** Length of the timeline in seconds; null until footage is probed. */
  duration: number | null;
  /** Frames per second of exports; null until footage is probed. */
  fps: number | null;
  /** Width of exports in pixels; null until footage is probed. */
  width: number | null;
  /** Height of exports in pixels; null until footage is probed. */
  height: number | null;
  /** Number of the newest revision; also the `ETag`. */
  revision: number;
  /** The active segments, in order. */
  segments: Array<SegmentResponse>;
  /** The footage of the project, oldest first. */
  assets: Array<AssetResponse>;
  /** When the project was created. */
  created_at: string;
  /** When the project was last changed. */
  updated_at: string;
}

/** A variant of an AI edit that was made, or could not be made. */
export interface TimelineVariantEvent {
  /** Name of the event. */
  event: "timeline_variant.failed" | "timeline_variant.ready";
  /** Id of the variant; null if it could not be made. */
  id: string | null;
  /** Id of the AI edit. */
  job_id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** Method or strength of the variant. */
  label: string;
  /** Its overall score, 0 to 100; null if it could not be made. */
  overall_score: number | null;
  /** Why it could not be made; null if it was. */
  error: string | null;
  /** Signed URL that plays it, valid for a day; absent after a failure. */
  video_url?: string;
}

/** Whether the account is enabled. */
export interface ToggleRequest {
  /** Whether the account is to be used. */
  enabled: boolean;
}

/** An access token and a refresh token. The refresh token is omitted in cookie sessions. */
export interface Tokens {
  /** Access token, valid for 30 minutes. */
  access: string;
  /** Refresh token, valid once within 30 days. Omitted where a cookie holds it. */
  refresh?: string;
}

/** Words that replace the transcript's in the captions of a clip. */
export interface TranscriptEdit {
  /** All words of the clip, in order. */
  words: Array<EditedWord>;
}

/** The words of a clip. */
export interface TranscriptOut {
  /** Language of the speech (ISO 639-1), null before it is known. */
  language: string | null;
  /** The words in the order in which they are spoken. */
  words: Array<WordOut>;
}

/** A video in another language. */
export interface TranslateRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** The video. */
  videoUrl: string;
  /** Language of the translation, as an ISO language code. */
  outputLanguage: string;
  /** Whether the translation is spoken in the voice of the speaker. */
  preserveOriginalVoice?: boolean;
}

/** The new start and end, in seconds of the segment's footage, within its `bounds`. */
export interface TrimRequest {
  /** New start, in seconds of the segment's footage, within its bounds. */
  new_start_ts: number;
  /** New end, in seconds of the segment's footage, within its bounds. */
  new_end_ts: number;
}

/** A video to upload. With `file_size` in bytes, the URL takes no more, and the upload can be resumable. */
export interface UploadRequest {
  /** Name of the video file, with its extension. */
  file_name: string;
  /** Media type of the video; derived from the file's name if omitted. */
  content_type?: string | null;
  /** Size in bytes, needed for a resumable upload only. */
  file_size?: number | null;
}

/** An upload. PUT the video to `upload_url`; after the response 200, the segment is in the timeline. `resumable_url` accepts the same bytes by tus; it is null if `file_size` was not sent. */
export interface UploadResponse {
  /** Signed URL that takes the video by PUT. */
  upload_url: string;
  /** Id of the new footage. */
  asset_id: string;
  /** URL that takes the same bytes by tus; null where `file_size` was not sent. */
  resumable_url: string | null;
  /** When both URLs end. */
  expires_at: string;
}

/** A video that the server downloads. */
export interface UrlRequest {
  /** Title of the project; the file's name if omitted. */
  title?: string | null;
  /** Kind of the video, which weighs what makes a good clip. */
  video_type?: "auto" | "gaming" | "interview" | "lecture" | "news" | "other" | "podcast" | "sports" | "tutorial" | "vlog" | "webinar";
  /** Language of the speech: an ISO 639-1 code, or `auto` to recognise it. */
  language?: string | null;
  /** `multi` if speakers change the language within the video. */
  language_mode?: "multi" | "single";
  /** Whether Gemini, where it is configured, refines the choice by the frames too. */
  enable_multimodal?: boolean;
  /** What to look for, in plain words. */
  custom_instructions?: string | null;
  /** Where the analysis starts, in seconds of the source. */
  trim_start?: number | null;
  /** Where the analysis ends, in seconds of the source. */
  trim_end?: number | null;
  /** `auto` takes the track with most speech, `mix` all of them, a number that track, from 0. */
  audio_track?: "auto" | "mix" | number;
  /** How long clips are to be; the scorer's own bounds if omitted. */
  clip_durations?: ClipDurations | null;
  /** Template of the clips, until they are edited; the workspace's default if omitted. */
  template_id?: string | null;
  /** Public https:// URL that receives the events of this project, as a webhook does. */
  webhook_url?: string | null;
  /** Public URL of the video, or of a page with a video. */
  url: string;
}

/** Minutes and storage of a workspace. */
export interface Usage {
  /** Minutes that are left. */
  minutes_balance: number;
  /** Minutes that are held for videos being processed. */
  minutes_reserved: number;
  /** Tier of the workspace. */
  tier: string;
  /** Bytes of the media library. */
  storage_used_bytes: number;
  /** The tier's limit of the media library in bytes. */
  storage_cap_bytes: number;
  /** The entries of the ledger, newest first. */
  ledger: Array<LedgerLine>;
}

/** The balance in credits, the completed jobs of this cycle by type, and the plan. A cycle is a calendar month. */
export interface UsageOut {
  /** Credits that are left. */
  credits: number;
  /** Number of completed jobs of this cycle, by type. */
  used: Record<string, number>;
  /** Plan of the workspace in lower case: free, standard, professional, business or enterprise. */
  plan: string;
  /** Start of the calendar month, in UTC. */
  cycleStart: string;
  /** Start of the next calendar month, in UTC. */
  cycleEnd: string;
}

/** A row of `users` without the password hash. `email_verified_at` is when the user first opened a link that was mailed to the address. */
export interface User {
  /** Id of the user. */
  id: string;
  /** Email address of the user. */
  email: string;
  /** When the email address was first verified; null before that. */
  email_verified_at: string | null;
  /** First name; may be empty. */
  first_name: string;
  /** Last name; may be empty. */
  last_name: string;
  /** URL of the user's avatar; null if there is none. */
  avatar_url: string | null;
}

/** A variant of a completed job. `comparison_url` shows its frames below those of the original. `duration` is in seconds. `accepted_at` is when it was accepted last, null if it never was. */
export interface VariantDetails {
  /** Id of the variant. */
  id: string;
  /** Id of the AI edit that made it. */
  job_id: string;
  /** Id of the timeline project. */
  project_id: string;
  /** Signed URL that plays the edited range. */
  url: string;
  /** Signed URL of a strip of its frames, a JPEG. */
  preview_url: string;
  /** Signed URL of its frames below those of the original, a JPEG. */
  comparison_url: string;
  /** Method or strength of the variant. */
  label: string;
  /** The operations of the edit, in their order. */
  operations: Array<string>;
  /** Its overall score, 0 to 100, and a word: good from 70, fair from 40, else poor. */
  overall_rating: string;
  /** Number of its frames. */
  frames: number;
  /** Its length in seconds. */
  duration: number;
  /** Limits of the result, as sentences. */
  notes: Array<string>;
  /** When it was accepted last; null if it never was. */
  accepted_at: string | null;
  /** When it was made. */
  created_at: string;
}

/** A result to choose from: the playable range, and a strip of its frames. `label` is the method or the strength; `overall_rating` is that of the score; `notes` are its limits. */
export interface VariantResponse {
  /** Id of the variant. */
  id: string;
  /** Signed URL that plays the edited range. */
  url: string;
  /** Signed URL of a strip of its frames, a JPEG. */
  preview_url: string;
  /** Method or strength of the variant. */
  label: string;
  /** Its overall score, 0 to 100, and a word: good from 70, fair from 40, else poor. */
  overall_rating: string;
  /** Limits of the result, as sentences. */
  notes: Array<string>;
}

/** Scores from 0 to 100 with a word. `details` names the lowest measure. `measures` are the numbers behind them. */
export interface VariantScore {
  /** Geometric mean of fidelity and visual quality, 0 to 100, and a word. */
  overall_rating: string;
  /** A sentence that names the lowest measure. */
  details: string;
  /** How far the variant follows the prompt, 0 to 100. */
  fidelity_to_prompt: string;
  /** Quality of the picture from sharpness, flicker and seam, 0 to 100. */
  visual_quality: string;
  /** The numbers behind the scores, by name; null where one does not apply. */
  measures: Record<string, number | null>;
  /** The words of a language model; null if none is configured. */
  judge: Judge | null;
}

/** The score of a variant against its prompt, or against the original range. */
export interface VariantScoreResponse {
  /** Id of the variant. */
  variant_id: string;
  /** What the variant is compared with. */
  compare_to: "original" | "prompt";
  /** The score. */
  score: VariantScore;
}

/** The token from the mail. */
export interface VerificationRequest {
  /** Token from the link in the mail. */
  token: string;
}

/** A video from a script. `duration` is the maximum in seconds. */
export interface VideoRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** What the video shows, up to 5,000 characters. */
  script: string;
  /** Photo of the presenter; no engine of this version can use it. */
  avatarImage?: string | null;
  /** Voice of the presenter; no engine of this version can use it. */
  voiceId?: string | null;
  /** Maximum length in seconds, 3 to 60; the model's own length without it. */
  duration?: number | null;
  /** Number of lines of the video. */
  resolution?: "1080p" | "720p";
  /** Style that is added to the script; none without it. */
  style?: "casual" | "energetic" | "professional" | null;
  /** Model to use; the first available one of the catalogue without it. */
  model?: "kling-2.6-pro" | "kling-3.0-pro" | "veo-3.1" | "wan-2.6" | null;
}

/** A custom voice from a sample of 15 to 30 seconds. */
export interface VoiceCloneRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** Name of the new voice, up to 100 characters. */
  name: string;
  /** Recording of the voice, 15 to 30 seconds. */
  sampleAudioUrl: string;
}

/** A voice for `voiceId`. `language` is a language tag such as en-us. */
export interface VoiceOut {
  /** Id of the voice, for `voiceId`. */
  voiceId: string;
  /** Name of the voice, for display. */
  name: string;
  /** Language of the voice as a language tag in lower case. */
  language: string;
  /** Gender of the voice: female or male. */
  gender: string;
  /** Model that speaks with it. */
  model: string;
  /** Whether it can speak on this server. */
  available: boolean;
}

/** Speech from a text. `speed` 1.0 is the voice's own pace. */
export interface VoiceRequest {
  /** Whether to return only the price, the balance, the engine and the model, and start nothing. */
  dryRun?: boolean;
  /** Models to use, in this order, where the first choice is not available; at most 5. */
  fallbackModels?: Array<string>;
  /** What is spoken, up to 10,000 characters. */
  text: string;
  /** Voice from `GET /api/voices`; the default voice of the language without it. */
  voiceId?: string | null;
  /** Pace of the speech, 0.5 to 2; 1 is the voice's own pace. */
  speed?: number;
  /** Language of the text, as an ISO language code. */
  language?: string;
  /** Model to use; the first available one of the catalogue without it. */
  model?: "elevenlabs-v3" | "fish-audio-s1" | "kokoro" | null;
}

/** An image in the upper right corner of the safe zone, for the whole clip. */
export interface Watermark {
  /** Whether the image is shown. */
  enabled?: boolean;
  /** The image: an http(s) URL, or the `object_key` or URL of the workspace's own media. */
  imageUrl?: string;
  /** Opacity of the image, in percent. */
  opacity?: number;
}

/** The waveform of the audio that was analysed. */
export interface WaveformOut {
  /** How many peaks there are for each second. */
  peaks_per_s: number;
  /** The largest amplitude of each interval, 0 to 255 (full scale). */
  peaks: Array<number>;
}

/** A change of a subscription; an omitted field is unchanged. */
export interface WebhookChange {
  /** New URL of the receiver. */
  url?: string;
  /** New list of events. */
  events?: Array<"clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready">;
  /** New note for people. */
  description?: string;
  /** Whether events are sent from now on. `true` also ends `disabled_reason`. */
  enabled?: boolean;
}

/** The body of a webhook request. */
export interface ExportEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: ExportEvent;
}

/** The body of a webhook request. */
export interface JobEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: JobEvent;
}

/** The body of a webhook request. */
export interface ProjectEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: ProjectEvent;
}

/** The body of a webhook request. */
export interface RenderEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: RenderEvent;
}

/** The body of a webhook request. */
export interface RescoreEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: RescoreEvent;
}

/** The body of a webhook request. */
export interface TimelineEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: TimelineEvent;
}

/** The body of a webhook request. */
export interface TimelineJobEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: TimelineJobEvent;
}

/** The body of a webhook request. */
export interface TimelineVariantEventWebhookMessage {
  /** Name of the event. */
  event: "clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready";
  /** When the event happened. */
  timestamp: string;
  /** What has changed. */
  data: TimelineVariantEvent;
}

/** A subscription. Nothing is sent before `paused_until`, which is set after its receiver timed out repeatedly. */
export interface WebhookOut {
  /** Id of the webhook. */
  id: string;
  /** URL that receives the events. */
  url: string;
  /** The events that are sent. */
  events: Array<string>;
  /** A note for people. */
  description: string;
  /** Whether events are sent. */
  enabled: boolean;
  /** Why sending was stopped; null if it was not. */
  disabled_reason: string | null;
  /** No event is sent before this time, since the receiver has timed out repeatedly; else null. */
  paused_until: string | null;
  /** The only project whose events are sent; null for those of the workspace. */
  project_id: string | null;
  /** When the webhook was created. */
  created_at: string;
}

/** A subscription. Without `events` it covers all events. */
export interface WebhookRequest {
  /** URL that receives the events by POST. */
  url: string;
  /** The events to send; all of them if omitted. */
  events?: Array<"clip.render_failed" | "clip.rendered" | "clip.rescored" | "export.completed" | "export.failed" | "job.completed" | "job.failed" | "project.clips_ready" | "project.failed" | "project.status" | "timeline.changed" | "timeline_export.completed" | "timeline_export.failed" | "timeline_job.completed" | "timeline_job.failed" | "timeline_variant.failed" | "timeline_variant.ready"> | null;
  /** A note for people. */
  description?: string;
  /** Whether events are sent. */
  enabled?: boolean;
}

/** A subscription with its `secret`, which is shown only at creation and rotation. */
export interface WebhookSecret {
  /** Id of the webhook. */
  id: string;
  /** URL that receives the events. */
  url: string;
  /** The events that are sent. */
  events: Array<string>;
  /** A note for people. */
  description: string;
  /** Whether events are sent. */
  enabled: boolean;
  /** Why sending was stopped; null if it was not. */
  disabled_reason: string | null;
  /** No event is sent before this time, since the receiver has timed out repeatedly; else null. */
  paused_until: string | null;
  /** The only project whose events are sent; null for those of the workspace. */
  project_id: string | null;
  /** When the webhook was created. */
  created_at: string;
  /** Secret that signs the deliveries. Shown at creation and rotation only. */
  secret: string;
}

/** One word of the transcript; times are seconds from the clip's start. */
export interface WordOut {
  /** The word as it was spoken, with its punctuation. */
  word: string;
  /** When the word begins, in seconds from the clip's start. */
  start: number;
  /** When the word ends, in seconds from the clip's start. */
  end: number;
  /** How certain the recogniser is, 0 to 1. */
  confidence: number;
  /** Label of the speaker, null where nobody could be told apart. */
  speaker: string | null;
}

/** The name of a workspace. */
export interface WorkspaceRequest {
  /** Name of the workspace. */
  name: string;
}

/** Operations by their id. A type of `undefined` is a request or response without JSON. */
export interface Operations {
  /** Edit a range by a prompt: one to three variants, best first */
  "timeline_ai_edits.generate": {
    method: "POST";
    path: "/api/ai/generate";
    body: GenerateRequest;
    response: GenerateResponse;
  };
  /** Return the local operations and the configured providers */
  "timeline_status.get_ai_health": {
    method: "GET";
    path: "/api/ai/health";
    body: undefined;
    response: AIHealth;
  };
  /** List the workspace's newest video operations */
  "timeline_status.get_ai_timeline": {
    method: "GET";
    path: "/api/ai/timeline";
    body: undefined;
    response: AITimeline;
  };
  /** Export the current state of a project */
  "timeline_jobs.create_export": {
    method: "POST";
    path: "/api/export";
    body: TimelineExportRequest;
    response: TimelineExportStarted;
  };
  /** Return the progress of an export, and its URLs once it is completed */
  "timeline_jobs.get_export": {
    method: "GET";
    path: "/api/export/{export_job_id}";
    body: undefined;
    response: TimelineExportResponse;
  };
  /** Create a talking-head video from a photo, and a script or audio */
  "generation.avatar": {
    method: "POST";
    path: "/api/generate/avatar";
    body: AvatarRequest;
    response: GenerationDryRunData;
  };
  /** Generate B-roll footage from a description */
  "generation.b_roll": {
    method: "POST";
    path: "/api/generate/b-roll";
    body: BRollRequest;
    response: GenerationDryRunData;
  };
  /** Extract the best clips from a long video */
  "generation.clip": {
    method: "POST";
    path: "/api/generate/clip";
    body: ClipRequest;
    response: GenerationDryRunData;
  };
  /** Generate a commercial with script, voice-over and pictures */
  "generation.commercial": {
    method: "POST";
    path: "/api/generate/commercial";
    body: CommercialRequest;
    response: GenerationDryRunData;
  };
  /** Generate an image from a text prompt */
  "generation.image": {
    method: "POST";
    path: "/api/generate/image";
    body: ImageRequest;
    response: GenerationDryRunData;
  };
  /** Generate ads from a web page */
  "generation.instant_ad": {
    method: "POST";
    path: "/api/generate/instant-ad";
    body: InstantAdRequest;
    response: GenerationDryRunData;
  };
  /** Generate product photos */
  "generation.photoshoot": {
    method: "POST";
    path: "/api/generate/photoshoot";
    body: PhotoshootRequest;
    response: GenerationDryRunData;
  };
  /** Generate a video directly from a text script */
  "generation.text2video": {
    method: "POST";
    path: "/api/generate/text2video";
    body: Text2VideoRequest;
    response: GenerationDryRunData;
  };
  /** Translate a video to another language */
  "generation.translate": {
    method: "POST";
    path: "/api/generate/translate";
    body: TranslateRequest;
    response: GenerationDryRunData;
  };
  /** Generate a video from a script */
  "generation.video": {
    method: "POST";
    path: "/api/generate/video";
    body: VideoRequest;
    response: GenerationDryRunData;
  };
  /** Convert text to speech */
  "generation.voice": {
    method: "POST";
    path: "/api/generate/voice";
    body: VoiceRequest;
    response: GenerationDryRunData;
  };
  /** Create a custom voice from an audio sample */
  "generation.voice_clone": {
    method: "POST";
    path: "/api/generate/voice-clone";
    body: VoiceCloneRequest;
    response: GenerationDryRunData;
  };
  /** Return the state of database, store, Dagster and run queue */
  "timeline_status.get_liveness": {
    method: "GET";
    path: "/api/health";
    body: undefined;
    response: Health;
  };
  /** Return the status of a job other than an export, and its variants */
  "timeline_jobs.get": {
    method: "GET";
    path: "/api/job/{job_id}";
    body: undefined;
    response: JobResponse;
  };
  /** Cancel a job, or an export by its id */
  "timeline_jobs.cancel": {
    method: "DELETE";
    path: "/api/job/{job_id}";
    body: undefined;
    response: JobResponse;
  };
  /** List the workspace's jobs, newest first */
  "generation_jobs.list": {
    method: "GET";
    path: "/api/jobs";
    body: undefined;
    response: GenerationJobOutPage | GenerationJobOutData;
  };
  /** Return one job */
  "generation_jobs.get": {
    method: "GET";
    path: "/api/jobs/{job_id}";
    body: undefined;
    response: GenerationJobOutData;
  };
  /** Cancel a job */
  "generation_jobs.cancel": {
    method: "POST";
    path: "/api/jobs/{job_id}/cancel";
    body: undefined;
    response: GenerationJobOutData;
  };
  /** Stream the progress of a generation job (SSE) */
  "streams.generation_job": {
    method: "GET";
    path: "/api/jobs/{job_id}/stream";
    body: undefined;
    response: undefined;
  };
  /** List the workspace's keys that are not revoked, newest first */
  "api_keys.list_generation": {
    method: "GET";
    path: "/api/keys";
    body: undefined;
    response: ApiKeyListData;
  };
  /** Create a key with the scopes in `scopes`, by default all */
  "api_keys.create_generation": {
    method: "POST";
    path: "/api/keys";
    body: GenerationKeyRequest;
    response: NewKeyData;
  };
  /** Revoke a key, immediately and permanently */
  "api_keys.revoke_generation": {
    method: "DELETE";
    path: "/api/keys/{key_id}";
    body: undefined;
    response: OkData;
  };
  /** Return the profile of the caller; with an API key, of the key's creator */
  "timeline_status.get_profile": {
    method: "GET";
    path: "/api/me";
    body: undefined;
    response: FlatProfile;
  };
  /** List every model: whether it can run here, what is missing otherwise, its price and its sizes */
  "generation.list_models": {
    method: "GET";
    path: "/api/models";
    body: undefined;
    response: ModelOutListData;
  };
  /** List the workspace's projects, newest first */
  "timeline_projects.list": {
    method: "GET";
    path: "/api/project";
    body: undefined;
    response: Array<TimelineResponse>;
  };
  /** Create a project */
  "timeline_projects.create": {
    method: "POST";
    path: "/api/project";
    body: NewProjectRequest;
    response: TimelineResponse;
  };
  /** Return a project with its active segments and its assets */
  "timeline_projects.get": {
    method: "GET";
    path: "/api/project/{project_id}";
    body: undefined;
    response: TimelineResponse;
  };
  /** Change the name, the description or the canvas of exports */
  "timeline_projects.update": {
    method: "PATCH";
    path: "/api/project/{project_id}";
    body: ProjectChanges;
    response: TimelineResponse;
  };
  /** Delete a project */
  "timeline_projects.delete": {
    method: "DELETE";
    path: "/api/project/{project_id}";
    body: undefined;
    response: Deleted;
  };
  /** Delete an asset and its files */
  "timeline_projects.delete_asset": {
    method: "DELETE";
    path: "/api/project/{project_id}/asset/{asset_id}";
    body: undefined;
    response: Deleted;
  };
  /** List the revisions of a project, newest first */
  "timeline_projects.list_history": {
    method: "GET";
    path: "/api/project/{project_id}/history";
    body: undefined;
    response: Array<RevisionResponse>;
  };
  /** Replace the segments by the clips of an OpenTimelineIO timeline, as one revision that can be undone */
  "timeline_imports.otio": {
    method: "POST";
    path: "/api/project/{project_id}/otio";
    body: OtioRequest;
    response: ImportedResponse;
  };
  /** Render the frame at `ts` with the effects of its segment */
  "timeline_previews.frame": {
    method: "POST";
    path: "/api/project/{project_id}/preview/frame";
    body: FrameRequest;
    response: FrameResponse;
  };
  /** Render a strip of at most 120 frames: at `start`, then every 1/`fps` seconds, before `end` */
  "timeline_previews.strip": {
    method: "POST";
    path: "/api/project/{project_id}/preview/strip";
    body: StripRequest;
    response: StripResponse;
  };
  /** Redo the last undone change by a new revision */
  "timeline_projects.redo": {
    method: "POST";
    path: "/api/project/{project_id}/redo";
    body: undefined;
    response: TimelineResponse;
  };
  /** Restore the content of any revision by a new revision, which can be undone */
  "timeline_projects.revert": {
    method: "POST";
    path: "/api/project/{project_id}/revert";
    body: RevertRequest;
    response: TimelineResponse;
  };
  /** Stream the changes of a project (SSE) */
  "timeline_streams.timeline": {
    method: "GET";
    path: "/api/project/{project_id}/stream";
    body: undefined;
    response: undefined;
  };
  /** Undo the last change by a new revision */
  "timeline_projects.undo": {
    method: "POST";
    path: "/api/project/{project_id}/undo";
    body: undefined;
    response: TimelineResponse;
  };
  /** Create an asset for a video, and return the URL for its upload */
  "timeline_projects.create_upload": {
    method: "POST";
    path: "/api/project/{project_id}/upload";
    body: UploadRequest;
    response: UploadResponse;
  };
  /** List the variants of a project's completed AI edits, newest first */
  "timeline_ai_edits.list_variants": {
    method: "GET";
    path: "/api/project/{project_id}/variants";
    body: undefined;
    response: Array<VariantDetails>;
  };
  /** Return a segment, active or not */
  "timeline_segments.get": {
    method: "GET";
    path: "/api/segment/{segment_id}";
    body: undefined;
    response: SegmentResponse;
  };
  /** Make a segment inactive; later segments move up */
  "timeline_segments.delete": {
    method: "DELETE";
    path: "/api/segment/{segment_id}";
    body: undefined;
    response: Deleted;
  };
  /** Grade a segment: a new segment replaces it */
  "timeline_segments.grade": {
    method: "POST";
    path: "/api/segment/{segment_id}/color-grade";
    body: GradeNumbers;
    response: Graded;
  };
  /** Render a frame of a segment with the grade in the body instead of its own */
  "timeline_previews.grade": {
    method: "POST";
    path: "/api/segment/{segment_id}/grade-preview";
    body: GradePreviewRequest;
    response: GradePreviewResponse;
  };
  /** Return the grade of a segment as a 3D LUT for editing programs */
  "timeline_previews.get_grade_cube": {
    method: "GET";
    path: "/api/segment/{segment_id}/grade.cube";
    body: undefined;
    response: undefined;
  };
  /** Play a segment with its effects */
  "timeline_segments.get_rendition": {
    method: "GET";
    path: "/api/segment/{segment_id}/rendition";
    body: undefined;
    response: undefined;
  };
  /** Move a segment to another position in the sequence */
  "timeline_segments.reorder": {
    method: "POST";
    path: "/api/segment/{segment_id}/reorder";
    body: ReorderRequest;
    response: SegmentResponse;
  };
  /** Split a segment in two */
  "timeline_segments.split": {
    method: "POST";
    path: "/api/segment/{segment_id}/split";
    body: SplitRequest;
    response: SplitResponse;
  };
  /** Move the ends of a segment within its bounds */
  "timeline_segments.trim": {
    method: "POST";
    path: "/api/segment/{segment_id}/trim";
    body: TrimRequest;
    response: SegmentResponse;
  };
  /** Return the webhook URL that receives job events */
  "generation_settings.get": {
    method: "GET";
    path: "/api/settings";
    body: undefined;
    response: SettingsOutData;
  };
  /** Set the webhook URL that receives `job.completed` and `job.failed`: a public https:// URL */
  "generation_settings.update": {
    method: "PATCH";
    path: "/api/settings";
    body: SettingsRequest;
    response: SettingsOutData;
  };
  /** Download an object by its signed URL */
  "store.download_object": {
    method: "GET";
    path: "/api/store/{key}";
    body: undefined;
    response: undefined;
  };
  /** Upload an object to its signed URL */
  "store.upload_object": {
    method: "PUT";
    path: "/api/store/{key}";
    body: undefined;
    response: StoredData;
  };
  /** Upload an object by a form (`multipart/form-data`): first the presigned fields, then the file as `file` */
  "store.upload_object_form": {
    method: "POST";
    path: "/api/store/{key}";
    body: undefined;
    response: StoredData;
  };
  /** Upload a sound (`multipart/form-data`, field `file`) */
  "generation.upload_audio": {
    method: "POST";
    path: "/api/upload/audio";
    body: undefined;
    response: MediaOutData;
  };
  /** Upload an image (`multipart/form-data`, field `file`) */
  "generation.upload_image": {
    method: "POST";
    path: "/api/upload/image";
    body: undefined;
    response: MediaOutData;
  };
  /** Upload a video (`multipart/form-data`, field `file`) */
  "generation.upload_video": {
    method: "POST";
    path: "/api/upload/video";
    body: undefined;
    response: MediaOutData;
  };
  /** Return the balance, the plan, and what was made in this cycle */
  "generation.get_usage": {
    method: "GET";
    path: "/api/usage";
    body: undefined;
    response: UsageOutData;
  };
  /** Change your email address */
  "account.change_email": {
    method: "POST";
    path: "/api/v1/auth/email";
    body: EmailChange;
    response: OkData;
  };
  /** Log in */
  "auth.log_in": {
    method: "POST";
    path: "/api/v1/auth/login";
    body: Login;
    response: SessionOutData;
  };
  /** End the session of a refresh token, with its access tokens */
  "auth.log_out": {
    method: "POST";
    path: "/api/v1/auth/logout";
    body: RefreshRequest | null;
    response: OkData;
  };
  /** Change your password */
  "account.change_password": {
    method: "POST";
    path: "/api/v1/auth/password";
    body: PasswordChange;
    response: OkData;
  };
  /** Send a mail with a link (`...?token=...`) to set a new password */
  "auth.request_password_reset": {
    method: "POST";
    path: "/api/v1/auth/password-reset";
    body: ResetRequest;
    response: OkData;
  };
  /** Set the new password, and end every session of the user */
  "auth.confirm_password_reset": {
    method: "POST";
    path: "/api/v1/auth/password-reset/confirm";
    body: ResetConfirmation;
    response: OkData;
  };
  /** Exchange a refresh token for a new pair */
  "auth.refresh_session": {
    method: "POST";
    path: "/api/v1/auth/refresh";
    body: RefreshRequest | null;
    response: TokensData;
  };
  /** Register a user, and create a workspace that the user owns */
  "auth.register_user": {
    method: "POST";
    path: "/api/v1/auth/register";
    body: Registration;
    response: SessionOutData;
  };
  /** List your sessions, most recently used first */
  "account.list_sessions": {
    method: "GET";
    path: "/api/v1/auth/sessions";
    body: undefined;
    response: SessionItemPage;
  };
  /** End all of your sessions except the one of this request */
  "account.revoke_other_sessions": {
    method: "DELETE";
    path: "/api/v1/auth/sessions";
    body: undefined;
    response: OkData;
  };
  /** End one of your sessions, with its access tokens */
  "account.revoke_session": {
    method: "DELETE";
    path: "/api/v1/auth/sessions/{session_id}";
    body: undefined;
    response: OkData;
  };
  /** Verify an email address with the token that was mailed to it */
  "auth.verify_email": {
    method: "POST";
    path: "/api/v1/auth/verify-email";
    body: VerificationRequest;
    response: UserData;
  };
  /** Send the mail that verifies your address again */
  "account.resend_verification": {
    method: "POST";
    path: "/api/v1/auth/verify-email/resend";
    body: undefined;
    response: OkData;
  };
  /** Open a Stripe checkout for processing minutes */
  "billing.create_checkout": {
    method: "POST";
    path: "/api/v1/billing/checkout";
    body: CheckoutRequest;
    response: CheckoutData;
  };
  /** Receive Stripe's events */
  "billing.receive_stripe_event": {
    method: "POST";
    path: "/api/v1/billing/stripe-webhook";
    body: undefined;
    response: OkData;
  };
  /** List the clips of all projects of the workspace, newest first */
  "clips.list": {
    method: "GET";
    path: "/api/v1/clips";
    body: undefined;
    response: ClipBriefPage;
  };
  /** Render, export or delete up to 100 clips */
  "clips.apply": {
    method: "POST";
    path: "/api/v1/clips/batch";
    body: BatchRequest;
    response: BatchResultListData;
  };
  /** Return a clip with all data of the editor */
  "clips.get": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}";
    body: undefined;
    response: ClipFullData;
  };
  /** Save the config of a clip */
  "clips.update": {
    method: "PUT";
    path: "/api/v1/clips/{clip_id}";
    body: ClipEdit;
    response: ClipFullData;
  };
  /** Change only the fields of the body, by JSON merge patch (RFC 7396): null resets a field, an array is replaced */
  "clips.patch": {
    method: "PATCH";
    path: "/api/v1/clips/{clip_id}";
    body: ClipEdit;
    response: ClipFullData;
  };
  /** Delete a clip with its renders and packages */
  "clips.delete": {
    method: "DELETE";
    path: "/api/v1/clips/{clip_id}";
    body: undefined;
    response: OkData;
  };
  /** List the clip's suggested cutaways */
  "clips.list_broll_suggestions": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/broll";
    body: undefined;
    response: SuggestionPage;
  };
  /** List the confirmed files of one clip, newest first */
  "clip_media.list": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/custom-media";
    body: undefined;
    response: MediaOutPage;
  };
  /** Return a URL to PUT a file to that belongs to one clip */
  "clip_media.presign_upload": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/custom-media/presign";
    body: PresignRequest;
    response: ClipUploadData;
  };
  /** Create a copy of the clip with its bounds and config, not yet rendered */
  "clips.duplicate": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/duplicate";
    body: undefined;
    response: ClipBriefData;
  };
  /** Add emoji reactions at matching words, and save them as `elements.emojis` */
  "clips.fill_emojis": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/emoji-fill";
    body: undefined;
    response: ReactionsData;
  };
  /** List every export of a clip, newest first */
  "exports.list": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/exports";
    body: undefined;
    response: ExportOutPage;
  };
  /** Package the clip in its current state */
  "exports.create": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/exports";
    body: ExportRequest;
    response: ExportStartedData;
  };
  /** Suggest cutaways: keywords and times from the transcript, with matching files of the workspace's library */
  "clips.generate_broll_suggestions": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/generate-broll";
    body: undefined;
    response: SuggestionPage;
  };
  /** Delete the saved `shots`, and return the layout timeline of the auto-director that replaces them */
  "clips.rebuild_layout": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/rebuild-layout";
    body: undefined;
    response: RebuiltData;
  };
  /** Queue a render of the clip in its current state */
  "clips.render": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/render";
    body: undefined;
    response: RenderQueuedData;
  };
  /** Return the progress of the newest render */
  "clips.get_render_progress": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/render-progress";
    body: undefined;
    response: RenderProgressData;
  };
  /** Queue a new render after a failed one */
  "clips.retry_render": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/retry-render";
    body: undefined;
    response: RenderQueuedData;
  };
  /** Redirect to the signed URL of the clip's source video */
  "clips.get_source_video": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/source-video";
    body: undefined;
    response: undefined;
  };
  /** Return the captions with the words and line breaks of the render */
  "clips.preview_subtitles": {
    method: "POST";
    path: "/api/v1/clips/{clip_id}/subtitle-dry-run";
    body: DryRunRequest | null;
    response: DryRunData;
  };
  /** Redirect to the signed URL of the newest MP4, which supports range requests */
  "clips.get_video": {
    method: "GET";
    path: "/api/v1/clips/{clip_id}/video";
    body: undefined;
    response: undefined;
  };
  /** List the events after an id, oldest first */
  "events.list": {
    method: "GET";
    path: "/api/v1/events";
    body: undefined;
    response: EventPage;
  };
  /** List the exports of all clips of the workspace, newest first */
  "exports.list_all": {
    method: "GET";
    path: "/api/v1/exports";
    body: undefined;
    response: ExportOutPage;
  };
  /** Return the progress of an export, and its `download_url` once it is COMPLETED */
  "exports.get": {
    method: "GET";
    path: "/api/v1/exports/{export_id}";
    body: undefined;
    response: ExportOutData;
  };
  /** Cancel an export: it ends in FAILED */
  "exports.cancel": {
    method: "POST";
    path: "/api/v1/exports/{export_id}/cancel";
    body: undefined;
    response: ExportOutData;
  };
  /** Stream the progress of an export (SSE) */
  "streams.export": {
    method: "GET";
    path: "/api/v1/exports/{export_id}/stream";
    body: undefined;
    response: undefined;
  };
  /** Return the state of database, store, Dagster, its daemon and the run queue */
  "system.get_health": {
    method: "GET";
    path: "/api/v1/health";
    body: undefined;
    response: HealthData;
  };
  /** Become a member of the workspace that invited your address */
  "invitations.accept": {
    method: "POST";
    path: "/api/v1/invitations/accept";
    body: AcceptRequest;
    response: MembershipData;
  };
  /** List the workspace's keys that are not revoked, newest first */
  "api_keys.list": {
    method: "GET";
    path: "/api/v1/keys";
    body: undefined;
    response: ApiKeyPage;
  };
  /** Create a key */
  "api_keys.create": {
    method: "POST";
    path: "/api/v1/keys";
    body: KeyRequest;
    response: NewKeyData;
  };
  /** Revoke a key, immediately and permanently */
  "api_keys.revoke": {
    method: "DELETE";
    path: "/api/v1/keys/{key_id}";
    body: undefined;
    response: OkData;
  };
  /** Replace the secret of a key */
  "api_keys.rotate": {
    method: "POST";
    path: "/api/v1/keys/{key_id}/rotate";
    body: undefined;
    response: NewKeyData;
  };
  /** Return your profile and your workspaces */
  "workspaces.get_me": {
    method: "GET";
    path: "/api/v1/me";
    body: undefined;
    response: MeOutData;
  };
  /** Change your names or image */
  "workspaces.update_me": {
    method: "PATCH";
    path: "/api/v1/me";
    body: MeRequest;
    response: MeOutData;
  };
  /** Delete your account, and the workspaces that have no other member, with all their data */
  "account.delete": {
    method: "DELETE";
    path: "/api/v1/me";
    body: PasswordConfirmation;
    response: OkData;
  };
  /** List the workspace's library, newest first */
  "media.list": {
    method: "GET";
    path: "/api/v1/media";
    body: undefined;
    response: MediaOutPage;
  };
  /** Add an uploaded file to the library */
  "media.confirm_upload": {
    method: "POST";
    path: "/api/v1/media/confirm";
    body: ConfirmRequest;
    response: MediaOutData;
  };
  /** Return the URL and the form fields for an upload */
  "media.presign_upload": {
    method: "POST";
    path: "/api/v1/media/presign";
    body: PresignRequest;
    response: FormOutData;
  };
  /** Return the size of the library, and the tier's limit */
  "media.get_stats": {
    method: "GET";
    path: "/api/v1/media/stats";
    body: undefined;
    response: StatsData;
  };
  /** List the uploads that are not confirmed yet, newest first */
  "media.list_pending_uploads": {
    method: "GET";
    path: "/api/v1/media/uploads";
    body: undefined;
    response: PendingOutPage;
  };
  /** Cancel an upload that is not confirmed yet, and delete the bytes that have arrived */
  "media.cancel_pending_upload": {
    method: "DELETE";
    path: "/api/v1/media/uploads/{upload_id}";
    body: undefined;
    response: OkData;
  };
  /** Delete a file */
  "media.delete": {
    method: "DELETE";
    path: "/api/v1/media/{media_id}";
    body: undefined;
    response: OkData;
  };
  /** Return the JPEG of a materialization that `token` names */
  "pictures.get": {
    method: "GET";
    path: "/api/v1/pictures";
    body: undefined;
    response: undefined;
  };
  /** List the workspace's projects, newest first */
  "projects.list": {
    method: "GET";
    path: "/api/v1/projects";
    body: undefined;
    response: ProjectOutPage;
  };
  /** List the values of `caption_style`: the built-in styles, then the workspace's own templates */
  "templates.list_caption": {
    method: "GET";
    path: "/api/v1/projects/caption-templates";
    body: undefined;
    response: CaptionTemplatePage;
  };
  /** Create a project, and return a URL for the upload of the video */
  "projects.create": {
    method: "POST";
    path: "/api/v1/projects/create";
    body: ProjectRequest;
    response: ProjectCreatedData;
  };
  /** Create a project whose video the server downloads from a public http(s) URL, and start processing it */
  "projects.create_from_url": {
    method: "POST";
    path: "/api/v1/projects/create-from-url";
    body: UrlRequest;
    response: ProjectStartedData;
  };
  /** Return a project with its clips, best first */
  "projects.get": {
    method: "GET";
    path: "/api/v1/projects/{project_id}";
    body: undefined;
    response: ProjectWithClipsData;
  };
  /** Rename a project */
  "projects.rename": {
    method: "PATCH";
    path: "/api/v1/projects/{project_id}";
    body: ProjectRename;
    response: ProjectOutData;
  };
  /** Delete a project */
  "projects.delete": {
    method: "DELETE";
    path: "/api/v1/projects/{project_id}";
    body: undefined;
    response: OkData;
  };
  /** Cancel the processing and refund its minutes */
  "projects.cancel": {
    method: "POST";
    path: "/api/v1/projects/{project_id}/cancel";
    body: undefined;
    response: ProjectStatusData;
  };
  /** Cancel the processing and refund its minutes */
  "projects.cancel_by_delete": {
    method: "DELETE";
    path: "/api/v1/projects/{project_id}/cancel";
    body: undefined;
    response: ProjectStatusData;
  };
  /** Create a clip from a range of the video */
  "clips.create": {
    method: "POST";
    path: "/api/v1/projects/{project_id}/clips";
    body: RangeRequest;
    response: ClipBriefData;
  };
  /** Start processing the uploaded video */
  "projects.process": {
    method: "POST";
    path: "/api/v1/projects/{project_id}/process";
    body: undefined;
    response: ProjectStatusData;
  };
  /** Return the score over time, the selected ranges, and the runners-up with the reason */
  "projects.get_score_curve": {
    method: "GET";
    path: "/api/v1/projects/{project_id}/score-curve";
    body: undefined;
    response: ScoreCurveData;
  };
  /** Return the progress of a project */
  "projects.get_status": {
    method: "GET";
    path: "/api/v1/projects/{project_id}/status";
    body: undefined;
    response: ProjectStatusData;
  };
  /** Stream the progress of a project (SSE) */
  "streams.project": {
    method: "GET";
    path: "/api/v1/projects/{project_id}/stream";
    body: undefined;
    response: undefined;
  };
  /** Return the transcript of the whole video */
  "projects.get_transcript": {
    method: "GET";
    path: "/api/v1/projects/{project_id}/transcript";
    body: undefined;
    response: TranscriptOutData;
  };
  /** Return the peaks of the audio, to draw its waveform */
  "projects.get_waveform": {
    method: "GET";
    path: "/api/v1/projects/{project_id}/waveform";
    body: undefined;
    response: WaveformOutData;
  };
  /** List the renders of all clips of the workspace, newest first */
  "renders.list": {
    method: "GET";
    path: "/api/v1/renders";
    body: undefined;
    response: RenderOutPage;
  };
  /** Return one render */
  "renders.get": {
    method: "GET";
    path: "/api/v1/renders/{render_id}";
    body: undefined;
    response: RenderOutData;
  };
  /** Cancel a render and refund its minutes: it ends in FAILED_RENDER */
  "renders.cancel": {
    method: "POST";
    path: "/api/v1/renders/{render_id}/cancel";
    body: undefined;
    response: RenderOutData;
  };
  /** List the workspace's connected accounts */
  "social.list_accounts": {
    method: "GET";
    path: "/api/v1/social/accounts";
    body: undefined;
    response: SocialAccountPage;
  };
  /** Connect the account: exchange the `code` for tokens */
  "social.complete_connection": {
    method: "POST";
    path: "/api/v1/social/callback/{name}";
    body: CallbackRequest;
    response: SocialAccountData;
  };
  /** Begin to connect an account */
  "social.connect_account": {
    method: "POST";
    path: "/api/v1/social/connect/{name}";
    body: ConnectRequest | null;
    response: ConsentData;
  };
  /** Delete an account and its tokens */
  "social.disconnect_account": {
    method: "DELETE";
    path: "/api/v1/social/disconnect/{account_id}";
    body: undefined;
    response: OkData;
  };
  /** Renew an account's access token now */
  "social.refresh_account": {
    method: "POST";
    path: "/api/v1/social/refresh/{platform_id}";
    body: undefined;
    response: SocialAccountData;
  };
  /** Enable or disable an account without disconnecting it */
  "social.toggle_account": {
    method: "PATCH";
    path: "/api/v1/social/toggle/{account_id}";
    body: ToggleRequest | null;
    response: SocialAccountData;
  };
  /** Exchange the login for a ticket that opens one stream within 30 s */
  "streams.create_ticket": {
    method: "POST";
    path: "/api/v1/sse-ticket";
    body: undefined;
    response: TicketResponse;
  };
  /** Search stock videos and images */
  "stock.search_media": {
    method: "GET";
    path: "/api/v1/stock-search";
    body: undefined;
    response: StockItemPage;
  };
  /** Search stock videos */
  "stock.search_videos": {
    method: "GET";
    path: "/api/v1/stock-videos";
    body: undefined;
    response: StockItemPage;
  };
  /** Search stock videos, and return the response of Pexels unchanged */
  "stock.search_pexels_videos": {
    method: "GET";
    path: "/api/v1/stock-videos-pexels";
    body: undefined;
    response: ObjectMapData;
  };
  /** Return a signed URL of one of the workspace's objects */
  "storage.create_playback_url": {
    method: "POST";
    path: "/api/v1/storage/playback-url";
    body: PlaybackRequest;
    response: PlaybackData;
  };
  /** Return a URL for the upload of a file, valid for one hour */
  "storage.create_upload_url": {
    method: "POST";
    path: "/api/v1/storage/upload-url";
    body: StorageRequest;
    response: StorageUploadData;
  };
  /** List the built-in templates, then the workspace's own */
  "templates.list": {
    method: "GET";
    path: "/api/v1/templates";
    body: undefined;
    response: TemplateOutPage;
  };
  /** Save a template */
  "templates.create": {
    method: "POST";
    path: "/api/v1/templates";
    body: TemplateRequest;
    response: TemplateOutData;
  };
  /** Return the default template of new clips for each ratio, or null */
  "templates.get_default": {
    method: "GET";
    path: "/api/v1/templates/defaults";
    body: undefined;
    response: TemplateOutMapData;
  };
  /** Set the default template of new clips for a ratio */
  "templates.set_default": {
    method: "PUT";
    path: "/api/v1/templates/defaults/{ratio}";
    body: DefaultRequest;
    response: TemplateOutData;
  };
  /** Remove the default template of a ratio */
  "templates.clear_default": {
    method: "DELETE";
    path: "/api/v1/templates/defaults/{ratio}";
    body: undefined;
    response: OkData;
  };
  /** Delete one of the workspace's own templates */
  "templates.delete": {
    method: "DELETE";
    path: "/api/v1/templates/{template_id}";
    body: undefined;
    response: OkData;
  };
  /** Render the template's preview image: its captions over a plain background, in its aspect ratio */
  "templates.regenerate_previews": {
    method: "POST";
    path: "/api/v1/templates/{template_id}/regenerate-previews";
    body: undefined;
    response: TemplateOutData;
  };
  /** Create a resumable upload of a project's video: `Upload-Length`, and `Upload-Metadata` with `project_id` */
  "uploads.create": {
    method: "POST";
    path: "/api/v1/uploads";
    body: undefined;
    response: undefined;
  };
  /** Append bytes at `Upload-Offset` */
  "uploads.append": {
    method: "PATCH";
    path: "/api/v1/uploads/{token}";
    body: undefined;
    response: undefined;
  };
  /** Return the number of bytes that have arrived as `Upload-Offset` */
  "uploads.get_offset": {
    method: "HEAD";
    path: "/api/v1/uploads/{token}";
    body: undefined;
    response: undefined;
  };
  /** Return minutes, storage and the ledger, newest entry first */
  "system.get_usage": {
    method: "GET";
    path: "/api/v1/usage";
    body: undefined;
    response: UsageData;
  };
  /** List the workspace's subscriptions */
  "webhooks.list": {
    method: "GET";
    path: "/api/v1/webhooks";
    body: undefined;
    response: WebhookOutPage;
  };
  /** Subscribe a public https:// URL */
  "webhooks.create": {
    method: "POST";
    path: "/api/v1/webhooks";
    body: WebhookRequest;
    response: WebhookSecretData;
  };
  /** Return one subscription */
  "webhooks.get": {
    method: "GET";
    path: "/api/v1/webhooks/{webhook_id}";
    body: undefined;
    response: WebhookOutData;
  };
  /** Change a subscription */
  "webhooks.update": {
    method: "PATCH";
    path: "/api/v1/webhooks/{webhook_id}";
    body: WebhookChange;
    response: WebhookOutData;
  };
  /** Delete a subscription, with its pending deliveries */
  "webhooks.delete": {
    method: "DELETE";
    path: "/api/v1/webhooks/{webhook_id}";
    body: undefined;
    response: OkData;
  };
  /** List the deliveries with the receiver's responses, newest first */
  "webhooks.list_deliveries": {
    method: "GET";
    path: "/api/v1/webhooks/{webhook_id}/deliveries";
    body: undefined;
    response: DeliveryOutPage;
  };
  /** Send a delivery again, with the same id and body */
  "webhooks.redeliver": {
    method: "POST";
    path: "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver";
    body: undefined;
    response: DeliveryOutData;
  };
  /** Replace the signing secret */
  "webhooks.rotate_secret": {
    method: "POST";
    path: "/api/v1/webhooks/{webhook_id}/rotate-secret";
    body: undefined;
    response: WebhookSecretData;
  };
  /** Queue a test delivery */
  "webhooks.send_test_delivery": {
    method: "POST";
    path: "/api/v1/webhooks/{webhook_id}/test";
    body: undefined;
    response: DeliveryOutData;
  };
  /** Create a workspace that you own */
  "workspaces.create": {
    method: "POST";
    path: "/api/v1/workspaces";
    body: WorkspaceRequest;
    response: MembershipData;
  };
  /** Upload a file into the library in one request (`multipart/form-data`, field `file`) */
  "media.upload": {
    method: "POST";
    path: "/api/v1/workspaces/media";
    body: undefined;
    response: MediaOutData;
  };
  /** Rename the workspace */
  "workspaces.rename": {
    method: "PATCH";
    path: "/api/v1/{workspace_id}";
    body: WorkspaceRequest;
    response: MembershipData;
  };
  /** Delete the workspace with all its data */
  "account.delete_workspace": {
    method: "DELETE";
    path: "/api/v1/{workspace_id}";
    body: PasswordConfirmation;
    response: OkData;
  };
  /** List the pending invitations, oldest first */
  "invitations.list": {
    method: "GET";
    path: "/api/v1/{workspace_id}/invitations";
    body: undefined;
    response: InvitationPage;
  };
  /** Withdraw a pending invitation */
  "invitations.withdraw": {
    method: "DELETE";
    path: "/api/v1/{workspace_id}/invitations/{invitation_id}";
    body: undefined;
    response: OkData;
  };
  /** Send the mail of a pending invitation again, with a new link that is valid for seven days */
  "invitations.resend": {
    method: "POST";
    path: "/api/v1/{workspace_id}/invitations/{invitation_id}/resend";
    body: ResendRequest | null;
    response: InvitationData;
  };
  /** Invite a person by email */
  "invitations.invite_member": {
    method: "POST";
    path: "/api/v1/{workspace_id}/invite";
    body: InviteRequest;
    response: InvitationData;
  };
  /** Leave the workspace */
  "workspaces.leave": {
    method: "POST";
    path: "/api/v1/{workspace_id}/leave";
    body: undefined;
    response: OkData;
  };
  /** List the workspace's members and pending invitations */
  "workspaces.list_members": {
    method: "GET";
    path: "/api/v1/{workspace_id}/members";
    body: undefined;
    response: TeamData;
  };
  /** Make a member OWNER or EDITOR */
  "workspaces.update_member_role": {
    method: "PATCH";
    path: "/api/v1/{workspace_id}/members/{user_id}";
    body: RoleRequest;
    response: MemberData;
  };
  /** Remove a member, with their API keys and pending invitations */
  "workspaces.remove_member": {
    method: "DELETE";
    path: "/api/v1/{workspace_id}/members/{user_id}";
    body: undefined;
    response: OkData;
  };
  /** Return a variant, with its files signed anew */
  "timeline_ai_edits.get_variant": {
    method: "GET";
    path: "/api/variant/{variant_id}";
    body: undefined;
    response: VariantDetails;
  };
  /** Replace the range that a variant was made of by the variant, in one revision that undo takes back */
  "timeline_ai_edits.accept_variant": {
    method: "POST";
    path: "/api/variant/{variant_id}/accept";
    body: undefined;
    response: AcceptResponse;
  };
  /** Return the measured score of a variant: how far it follows the prompt, and the quality of its picture */
  "timeline_ai_edits.get_score": {
    method: "GET";
    path: "/api/variant/{variant_id}/score";
    body: undefined;
    response: VariantScoreResponse;
  };
  /** Create a voice agent */
  "voice_agents.create": {
    method: "POST";
    path: "/api/voice-agent/agents";
    body: AgentRequest;
    response: AgentOutData;
  };
  /** List the workspace's calls, newest first */
  "voice_agents.list_calls": {
    method: "GET";
    path: "/api/voice-agent/calls";
    body: undefined;
    response: CallOutListData;
  };
  /** Call a telephone number */
  "voice_agents.start_outbound_call": {
    method: "POST";
    path: "/api/voice-agent/calls/outbound";
    body: CallRequest;
    response: CallOutData;
  };
  /** List the voices that `voiceId` may name */
  "generation.list_voices": {
    method: "GET";
    path: "/api/voices";
    body: undefined;
    response: VoiceOutListData;
  };
}

export const ROUTES: { [Id in keyof Operations]: [method: string, path: string] } = {
  "timeline_ai_edits.generate": ["POST", "/api/ai/generate"],
  "timeline_status.get_ai_health": ["GET", "/api/ai/health"],
  "timeline_status.get_ai_timeline": ["GET", "/api/ai/timeline"],
  "timeline_jobs.create_export": ["POST", "/api/export"],
  "timeline_jobs.get_export": ["GET", "/api/export/{export_job_id}"],
  "generation.avatar": ["POST", "/api/generate/avatar"],
  "generation.b_roll": ["POST", "/api/generate/b-roll"],
  "generation.clip": ["POST", "/api/generate/clip"],
  "generation.commercial": ["POST", "/api/generate/commercial"],
  "generation.image": ["POST", "/api/generate/image"],
  "generation.instant_ad": ["POST", "/api/generate/instant-ad"],
  "generation.photoshoot": ["POST", "/api/generate/photoshoot"],
  "generation.text2video": ["POST", "/api/generate/text2video"],
  "generation.translate": ["POST", "/api/generate/translate"],
  "generation.video": ["POST", "/api/generate/video"],
  "generation.voice": ["POST", "/api/generate/voice"],
  "generation.voice_clone": ["POST", "/api/generate/voice-clone"],
  "timeline_status.get_liveness": ["GET", "/api/health"],
  "timeline_jobs.get": ["GET", "/api/job/{job_id}"],
  "timeline_jobs.cancel": ["DELETE", "/api/job/{job_id}"],
  "generation_jobs.list": ["GET", "/api/jobs"],
  "generation_jobs.get": ["GET", "/api/jobs/{job_id}"],
  "generation_jobs.cancel": ["POST", "/api/jobs/{job_id}/cancel"],
  "streams.generation_job": ["GET", "/api/jobs/{job_id}/stream"],
  "api_keys.list_generation": ["GET", "/api/keys"],
  "api_keys.create_generation": ["POST", "/api/keys"],
  "api_keys.revoke_generation": ["DELETE", "/api/keys/{key_id}"],
  "timeline_status.get_profile": ["GET", "/api/me"],
  "generation.list_models": ["GET", "/api/models"],
  "timeline_projects.list": ["GET", "/api/project"],
  "timeline_projects.create": ["POST", "/api/project"],
  "timeline_projects.get": ["GET", "/api/project/{project_id}"],
  "timeline_projects.update": ["PATCH", "/api/project/{project_id}"],
  "timeline_projects.delete": ["DELETE", "/api/project/{project_id}"],
  "timeline_projects.delete_asset": ["DELETE", "/api/project/{project_id}/asset/{asset_id}"],
  "timeline_projects.list_history": ["GET", "/api/project/{project_id}/history"],
  "timeline_imports.otio": ["POST", "/api/project/{project_id}/otio"],
  "timeline_previews.frame": ["POST", "/api/project/{project_id}/preview/frame"],
  "timeline_previews.strip": ["POST", "/api/project/{project_id}/preview/strip"],
  "timeline_projects.redo": ["POST", "/api/project/{project_id}/redo"],
  "timeline_projects.revert": ["POST", "/api/project/{project_id}/revert"],
  "timeline_streams.timeline": ["GET", "/api/project/{project_id}/stream"],
  "timeline_projects.undo": ["POST", "/api/project/{project_id}/undo"],
  "timeline_projects.create_upload": ["POST", "/api/project/{project_id}/upload"],
  "timeline_ai_edits.list_variants": ["GET", "/api/project/{project_id}/variants"],
  "timeline_segments.get": ["GET", "/api/segment/{segment_id}"],
  "timeline_segments.delete": ["DELETE", "/api/segment/{segment_id}"],
  "timeline_segments.grade": ["POST", "/api/segment/{segment_id}/color-grade"],
  "timeline_previews.grade": ["POST", "/api/segment/{segment_id}/grade-preview"],
  "timeline_previews.get_grade_cube": ["GET", "/api/segment/{segment_id}/grade.cube"],
  "timeline_segments.get_rendition": ["GET", "/api/segment/{segment_id}/rendition"],
  "timeline_segments.reorder": ["POST", "/api/segment/{segment_id}/reorder"],
  "timeline_segments.split": ["POST", "/api/segment/{segment_id}/split"],
  "timeline_segments.trim": ["POST", "/api/segment/{segment_id}/trim"],
  "generation_settings.get": ["GET", "/api/settings"],
  "generation_settings.update": ["PATCH", "/api/settings"],
  "store.download_object": ["GET", "/api/store/{key}"],
  "store.upload_object": ["PUT", "/api/store/{key}"],
  "store.upload_object_form": ["POST", "/api/store/{key}"],
  "generation.upload_audio": ["POST", "/api/upload/audio"],
  "generation.upload_image": ["POST", "/api/upload/image"],
  "generation.upload_video": ["POST", "/api/upload/video"],
  "generation.get_usage": ["GET", "/api/usage"],
  "account.change_email": ["POST", "/api/v1/auth/email"],
  "auth.log_in": ["POST", "/api/v1/auth/login"],
  "auth.log_out": ["POST", "/api/v1/auth/logout"],
  "account.change_password": ["POST", "/api/v1/auth/password"],
  "auth.request_password_reset": ["POST", "/api/v1/auth/password-reset"],
  "auth.confirm_password_reset": ["POST", "/api/v1/auth/password-reset/confirm"],
  "auth.refresh_session": ["POST", "/api/v1/auth/refresh"],
  "auth.register_user": ["POST", "/api/v1/auth/register"],
  "account.list_sessions": ["GET", "/api/v1/auth/sessions"],
  "account.revoke_other_sessions": ["DELETE", "/api/v1/auth/sessions"],
  "account.revoke_session": ["DELETE", "/api/v1/auth/sessions/{session_id}"],
  "auth.verify_email": ["POST", "/api/v1/auth/verify-email"],
  "account.resend_verification": ["POST", "/api/v1/auth/verify-email/resend"],
  "billing.create_checkout": ["POST", "/api/v1/billing/checkout"],
  "billing.receive_stripe_event": ["POST", "/api/v1/billing/stripe-webhook"],
  "clips.list": ["GET", "/api/v1/clips"],
  "clips.apply": ["POST", "/api/v1/clips/batch"],
  "clips.get": ["GET", "/api/v1/clips/{clip_id}"],
  "clips.update": ["PUT", "/api/v1/clips/{clip_id}"],
  "clips.patch": ["PATCH", "/api/v1/clips/{clip_id}"],
  "clips.delete": ["DELETE", "/api/v1/clips/{clip_id}"],
  "clips.list_broll_suggestions": ["GET", "/api/v1/clips/{clip_id}/broll"],
  "clip_media.list": ["GET", "/api/v1/clips/{clip_id}/custom-media"],
  "clip_media.presign_upload": ["POST", "/api/v1/clips/{clip_id}/custom-media/presign"],
  "clips.duplicate": ["POST", "/api/v1/clips/{clip_id}/duplicate"],
  "clips.fill_emojis": ["POST", "/api/v1/clips/{clip_id}/emoji-fill"],
  "exports.list": ["GET", "/api/v1/clips/{clip_id}/exports"],
  "exports.create": ["POST", "/api/v1/clips/{clip_id}/exports"],
  "clips.generate_broll_suggestions": ["POST", "/api/v1/clips/{clip_id}/generate-broll"],
  "clips.rebuild_layout": ["POST", "/api/v1/clips/{clip_id}/rebuild-layout"],
  "clips.render": ["POST", "/api/v1/clips/{clip_id}/render"],
  "clips.get_render_progress": ["GET", "/api/v1/clips/{clip_id}/render-progress"],
  "clips.retry_render": ["POST", "/api/v1/clips/{clip_id}/retry-render"],
  "clips.get_source_video": ["GET", "/api/v1/clips/{clip_id}/source-video"],
  "clips.preview_subtitles": ["POST", "/api/v1/clips/{clip_id}/subtitle-dry-run"],
  "clips.get_video": ["GET", "/api/v1/clips/{clip_id}/video"],
  "events.list": ["GET", "/api/v1/events"],
  "exports.list_all": ["GET", "/api/v1/exports"],
  "exports.get": ["GET", "/api/v1/exports/{export_id}"],
  "exports.cancel": ["POST", "/api/v1/exports/{export_id}/cancel"],
  "streams.export": ["GET", "/api/v1/exports/{export_id}/stream"],
  "system.get_health": ["GET", "/api/v1/health"],
  "invitations.accept": ["POST", "/api/v1/invitations/accept"],
  "api_keys.list": ["GET", "/api/v1/keys"],
  "api_keys.create": ["POST", "/api/v1/keys"],
  "api_keys.revoke": ["DELETE", "/api/v1/keys/{key_id}"],
  "api_keys.rotate": ["POST", "/api/v1/keys/{key_id}/rotate"],
  "workspaces.get_me": ["GET", "/api/v1/me"],
  "workspaces.update_me": ["PATCH", "/api/v1/me"],
  "account.delete": ["DELETE", "/api/v1/me"],
  "media.list": ["GET", "/api/v1/media"],
  "media.confirm_upload": ["POST", "/api/v1/media/confirm"],
  "media.presign_upload": ["POST", "/api/v1/media/presign"],
  "media.get_stats": ["GET", "/api/v1/media/stats"],
  "media.list_pending_uploads": ["GET", "/api/v1/media/uploads"],
  "media.cancel_pending_upload": ["DELETE", "/api/v1/media/uploads/{upload_id}"],
  "media.delete": ["DELETE", "/api/v1/media/{media_id}"],
  "pictures.get": ["GET", "/api/v1/pictures"],
  "projects.list": ["GET", "/api/v1/projects"],
  "templates.list_caption": ["GET", "/api/v1/projects/caption-templates"],
  "projects.create": ["POST", "/api/v1/projects/create"],
  "projects.create_from_url": ["POST", "/api/v1/projects/create-from-url"],
  "projects.get": ["GET", "/api/v1/projects/{project_id}"],
  "projects.rename": ["PATCH", "/api/v1/projects/{project_id}"],
  "projects.delete": ["DELETE", "/api/v1/projects/{project_id}"],
  "projects.cancel": ["POST", "/api/v1/projects/{project_id}/cancel"],
  "projects.cancel_by_delete": ["DELETE", "/api/v1/projects/{project_id}/cancel"],
  "clips.create": ["POST", "/api/v1/projects/{project_id}/clips"],
  "projects.process": ["POST", "/api/v1/projects/{project_id}/process"],
  "projects.get_score_curve": ["GET", "/api/v1/projects/{project_id}/score-curve"],
  "projects.get_status": ["GET", "/api/v1/projects/{project_id}/status"],
  "streams.project": ["GET", "/api/v1/projects/{project_id}/stream"],
  "projects.get_transcript": ["GET", "/api/v1/projects/{project_id}/transcript"],
  "projects.get_waveform": ["GET", "/api/v1/projects/{project_id}/waveform"],
  "renders.list": ["GET", "/api/v1/renders"],
  "renders.get": ["GET", "/api/v1/renders/{render_id}"],
  "renders.cancel": ["POST", "/api/v1/renders/{render_id}/cancel"],
  "social.list_accounts": ["GET", "/api/v1/social/accounts"],
  "social.complete_connection": ["POST", "/api/v1/social/callback/{name}"],
  "social.connect_account": ["POST", "/api/v1/social/connect/{name}"],
  "social.disconnect_account": ["DELETE", "/api/v1/social/disconnect/{account_id}"],
  "social.refresh_account": ["POST", "/api/v1/social/refresh/{platform_id}"],
  "social.toggle_account": ["PATCH", "/api/v1/social/toggle/{account_id}"],
  "streams.create_ticket": ["POST", "/api/v1/sse-ticket"],
  "stock.search_media": ["GET", "/api/v1/stock-search"],
  "stock.search_videos": ["GET", "/api/v1/stock-videos"],
  "stock.search_pexels_videos": ["GET", "/api/v1/stock-videos-pexels"],
  "storage.create_playback_url": ["POST", "/api/v1/storage/playback-url"],
  "storage.create_upload_url": ["POST", "/api/v1/storage/upload-url"],
  "templates.list": ["GET", "/api/v1/templates"],
  "templates.create": ["POST", "/api/v1/templates"],
  "templates.get_default": ["GET", "/api/v1/templates/defaults"],
  "templates.set_default": ["PUT", "/api/v1/templates/defaults/{ratio}"],
  "templates.clear_default": ["DELETE", "/api/v1/templates/defaults/{ratio}"],
  "templates.delete": ["DELETE", "/api/v1/templates/{template_id}"],
  "templates.regenerate_previews": ["POST", "/api/v1/templates/{template_id}/regenerate-previews"],
  "uploads.create": ["POST", "/api/v1/uploads"],
  "uploads.append": ["PATCH", "/api/v1/uploads/{token}"],
  "uploads.get_offset": ["HEAD", "/api/v1/uploads/{token}"],
  "system.get_usage": ["GET", "/api/v1/usage"],
  "webhooks.list": ["GET", "/api/v1/webhooks"],
  "webhooks.create": ["POST", "/api/v1/webhooks"],
  "webhooks.get": ["GET", "/api/v1/webhooks/{webhook_id}"],
  "webhooks.update": ["PATCH", "/api/v1/webhooks/{webhook_id}"],
  "webhooks.delete": ["DELETE", "/api/v1/webhooks/{webhook_id}"],
  "webhooks.list_deliveries": ["GET", "/api/v1/webhooks/{webhook_id}/deliveries"],
  "webhooks.redeliver": ["POST", "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"],
  "webhooks.rotate_secret": ["POST", "/api/v1/webhooks/{webhook_id}/rotate-secret"],
  "webhooks.send_test_delivery": ["POST", "/api/v1/webhooks/{webhook_id}/test"],
  "workspaces.create": ["POST", "/api/v1/workspaces"],
  "media.upload": ["POST", "/api/v1/workspaces/media"],
  "workspaces.rename": ["PATCH", "/api/v1/{workspace_id}"],
  "account.delete_workspace": ["DELETE", "/api/v1/{workspace_id}"],
  "invitations.list": ["GET", "/api/v1/{workspace_id}/invitations"],
  "invitations.withdraw": ["DELETE", "/api/v1/{workspace_id}/invitations/{invitation_id}"],
  "invitations.resend": ["POST", "/api/v1/{workspace_id}/invitations/{invitation_id}/resend"],
  "invitations.invite_member": ["POST", "/api/v1/{workspace_id}/invite"],
  "workspaces.leave": ["POST", "/api/v1/{workspace_id}/leave"],
  "workspaces.list_members": ["GET", "/api/v1/{workspace_id}/members"],
  "workspaces.update_member_role": ["PATCH", "/api/v1/{workspace_id}/members/{user_id}"],
  "workspaces.remove_member": ["DELETE", "/api/v1/{workspace_id}/members/{user_id}"],
  "timeline_ai_edits.get_variant": ["GET", "/api/variant/{variant_id}"],
  "timeline_ai_edits.accept_variant": ["POST", "/api/variant/{variant_id}/accept"],
  "timeline_ai_edits.get_score": ["GET", "/api/variant/{variant_id}/score"],
  "voice_agents.create": ["POST", "/api/voice-agent/agents"],
  "voice_agents.list_calls": ["GET", "/api/voice-agent/calls"],
  "voice_agents.start_outbound_call": ["POST", "/api/voice-agent/calls/outbound"],
  "generation.list_voices": ["GET", "/api/voices"],
};
