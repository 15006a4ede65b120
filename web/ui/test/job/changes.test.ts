import { describe, expect, it } from "vitest";
import { changesOf, wishesOf } from "../../src/job/changes";

const REQUEST = {
  language: "en",
  diarize: true,
  min_speakers: 2,
  max_speakers: 2,
  cleanup: true,
  summary: true,
  engines: { transcribe: "whisper", cleanup: "llm", diarize: "pyannote" },
  models: { cleanup: "gpt" },
  required: ["cleanup", "diarize"],
  model: "base",
};

describe("changes of a request", () => {
  it("are none when nothing was changed", () => {
    expect(changesOf(REQUEST, wishesOf(REQUEST))).toEqual({});
  });

  it("hold what was changed, and no more", () => {
    expect(changesOf(REQUEST, { ...wishesOf(REQUEST), language: "" })).toEqual({ language: null });
    expect(changesOf(REQUEST, { ...wishesOf(REQUEST), many: "" })).toEqual({
      diarize: true,
      min_speakers: null,
      max_speakers: null,
    });
    expect(changesOf(REQUEST, { ...wishesOf(REQUEST), model: "moonshine|tiny" })).toEqual({
      model: "tiny",
      engines: { transcribe: "moonshine", cleanup: "llm", diarize: "pyannote" },
    });
  });

  it("take who was to do a stage along when nobody wants it any more", () => {
    const wishes = { ...wishesOf(REQUEST), clean: false, summary: false, speakers: false };
    expect(changesOf(REQUEST, wishes)).toEqual({
      cleanup: false,
      summary: false,
      diarize: false,
      min_speakers: null,
      max_speakers: null,
      engines: { transcribe: "whisper" },
      models: {},
      required: [],
    });
  });

  it("leave a stage that something else still needs", () => {
    expect(changesOf(REQUEST, { ...wishesOf(REQUEST), clean: false })).toEqual({ cleanup: false });
  });

  it("do not mask the audio of what is not masked", () => {
    const masked = { ...REQUEST, redact: true, redact_audio: "beep" as const };
    expect(changesOf(masked, { ...wishesOf(masked), mask: false })).toEqual({
      redact: false,
      redact_audio: "keep",
    });
  });
});
